/**
 * When contingent orders start to work, judged by the last price. A trailing stop follows the best price since it was
 * placed (since its stop price was touched, where it has one) and triggers on a retrace of its delta; a tick first
 * moves the extreme, then tests it, so the tick that sets a new best never triggers.
 */
import type { Decimal } from 'decimal.js';
import type { OrderSide, OrderType } from '../trading/instrument.ts';
import { exact, largest, smallest } from './exact.ts';
import type { Order } from './order.ts';

export const basisPoints = 10_000;

/** STOP_LOSS BUY and TAKE_PROFIT SELL wait above the market, the other two below. */
export function triggersWhenRising(order: { readonly side: OrderSide; readonly type: OrderType }): boolean {
  const isStop = order.type === 'STOP_LOSS' || order.type === 'STOP_LOSS_LIMIT';
  return isStop === (order.side === 'BUY');
}

export function reachesStop(order: { readonly side: OrderSide; readonly type: OrderType }, stopPrice: Decimal, price: Decimal): boolean {
  return triggersWhenRising(order) ? price.gte(stopPrice) : price.lte(stopPrice);
}

/** Moves a trailing order's extreme with the price and says whether the price has come back by the delta. */
export function followTrailing(order: Order, price: Decimal): boolean {
  if (order.trailingDelta === null) return false;
  if (order.extreme === null) {
    if (order.stopPrice !== null && !reachesStop(order, order.stopPrice, price)) return false;
    order.extreme = price;
    return false;
  }
  order.extreme = (order.side === 'SELL' ? largest : smallest)(order.extreme, price);
  const retrace = retraceOf(order.side, order.extreme, order.trailingDelta);
  return order.side === 'SELL' ? price.lte(retrace) : price.gte(retrace);
}

/** Where a trailing stop triggers that has seen `extreme`; not on the price's grid. */
export function retraceOf(side: OrderSide, extreme: Decimal, trailingDelta: number): Decimal {
  return exact(extreme)
    .times(side === 'SELL' ? basisPoints - trailingDelta : basisPoints + trailingDelta)
    .div(basisPoints);
}
