/** How much to buy: the entry's notional by the bot's columns, put on the instrument's grid, or the reason why not. */
import { Decimal } from 'decimal.js';
import type { TradingConfig } from './events.ts';
import { exact } from './exact.ts';
import type { Instrument } from './instrument.ts';
import { flooredToLot, marketLotOf } from './lots.ts';
import { equityAt, uncommitted } from './pnl.ts';
import type { TradingState } from './state.ts';

export type Sizing =
  | { readonly ok: true; readonly quantity: Decimal }
  | { readonly ok: false; readonly rule: 'size-below-minimum' | 'capital-exhausted'; readonly reason: string };

/**
 * A market order sized at one price may fill at a higher one, and the bot never commits more than its budget: this share
 * of what is uncommitted stays out of an entry. 0.5 % is several times the usual step from a close to the next open.
 */
export const marketReserveShare = 0.005;

/**
 * Entry quantity in base at `price`: the fixed notional if set, else the percentage of current equity, at most what is
 * uncommitted, floored to the step size and within the filters (Binance LOT_SIZE, MARKET_LOT_SIZE, NOTIONAL, MAX_POSITION).
 */
export function entrySize(state: TradingState, config: TradingConfig, instrument: Instrument, price: number): Sizing {
  const free = uncommitted(state, config).times(1 - marketReserveShare);
  const wanted =
    config.positionSizeFixed ??
    equityAt(state, config, price)
      .times(config.positionSizePercent ?? 0)
      .div(100);
  const { notional } = instrument;
  if (free.lte(0))
    return {
      ok: false,
      rule: 'capital-exhausted',
      reason: `no entry: nothing of the budget is left (${uncommitted(state, config).toFixed(2)} ${instrument.quoteAsset})`,
    };
  const budget = Decimal.min(wanted, free, notional !== null && notional.max !== null && notional.applyMaxToMarket ? notional.max : wanted);
  const room = instrument.maxPosition === null ? null : exact(instrument.maxPosition).minus(state.position.quantity);
  const bought = exact(budget).div(price);
  const quantity = flooredToLot(room !== null && room.lt(bought) ? room : bought, instrument);
  const least = marketLotOf(instrument).min;
  if (quantity.lte(0) || quantity.lt(least)) {
    if (room !== null && room.lt(bought))
      return {
        ok: false,
        rule: 'size-below-minimum',
        reason: `no entry: the exchange lets an account hold only ${instrument.maxPosition?.toFixed() ?? ''} ${instrument.baseAsset}, which leaves less than the smallest lot of ${least.toFixed()}`,
      };
    return {
      ok: false,
      rule: 'size-below-minimum',
      reason: `no entry: ${exact(budget).toFixed(2)} ${instrument.quoteAsset} buys less than the smallest lot of ${least.toFixed()} ${instrument.baseAsset}`,
    };
  }
  if (notional !== null && notional.applyMinToMarket && exact(quantity).times(price).lt(notional.min)) {
    return {
      ok: false,
      rule: 'size-below-minimum',
      reason: `no entry: ${exact(quantity).times(price).toFixed(2)} ${instrument.quoteAsset} is below the exchange's least order value of ${notional.min.toFixed()}`,
    };
  }
  return { ok: true, quantity };
}
