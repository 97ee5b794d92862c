/**
 * Where a price that moves from one point to the next first reaches a waiting order. The order executes there, at its own trigger; without
 * this it would execute at the next point, a price that the market reached only later.
 */
import type { Decimal } from 'decimal.js';
import { ceilToStep, floorToStep } from '../trading/exact.ts';
import type { Order } from './order.ts';
import type { SymbolMarket } from './symbol-market.ts';
import { retraceOf, triggersWhenRising } from './triggers.ts';

/** Strictly between the last price and `to`; null when nothing waits there. */
export function triggerOnTheWay(market: SymbolMarket, to: Decimal): Decimal | null {
  const from = market.last?.price;
  if (from === undefined) return null;
  const rises = to.gt(from);
  const liesBetween = (price: Decimal): boolean => (rises ? price.gt(from) && price.lt(to) : price.lt(from) && price.gt(to));
  let nearest: Decimal | null = null;
  const consider = (price: Decimal | null): void => {
    if (price !== null && liesBetween(price) && (nearest === null || (rises ? price.lt(nearest) : price.gt(nearest)))) nearest = price;
  };
  // In price order: the first that lies between is the nearest, and those before it wait for the next price.
  const { orders, priceOf } = rises ? market.risers : market.fallers;
  const waiting = orders.find((order) => liesBetween(priceOf(order)));
  if (waiting !== undefined) consider(priceOf(waiting));
  for (const order of market.trailing) consider(nextOfTrailing(order, rises, market.instrument.price.tick));
  return nearest;
}

/** Where a trailing stop begins to follow, or triggers, on the price's grid. */
function nextOfTrailing(order: Order, rises: boolean, tick: Decimal): Decimal | null {
  if (order.trailingDelta === null) return null;
  if (order.extreme === null) return triggersWhenRising(order) === rises ? order.stopPrice : null;
  const retrace = retraceOf(order.side, order.extreme, order.trailingDelta);
  return order.side === 'BUY' ? ceilToStep(retrace, tick) : floorToStep(retrace, tick);
}
