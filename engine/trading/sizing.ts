/** How much to buy: the entry's notional by the bot's columns, put on the instrument's grid, or the reason why not. */
import { Decimal } from 'decimal.js';
import type { TradingConfig } from './events.ts';
import { exact } from './exact.ts';
import type { Instrument } from './instrument.ts';
import { flooredToLot, marketLotOf, mostWorth } from './lots.ts';
import { equityAt, uncommitted } from './pnl.ts';
import type { TradingState } from './state.ts';
import { stopPrice } from './stops.ts';

export type Sizing =
  | { readonly ok: true; readonly quantity: Decimal }
  | { readonly ok: false; readonly rule: 'size-below-minimum' | 'capital-exhausted'; readonly reason: string };

/**
 * A market order sized at one price may fill at a higher one, and the bot never commits more than its budget: this share
 * of what is uncommitted stays out of an entry. 0.5 % is several times the usual step from a close to the next open.
 */
export const marketReserveShare = 0.005;

/** What a position must be worth to be sold: fees in base and what the step size leaves over take less than this. */
const exitReserveShare = 0.005;

/** What is left of an entry's worth where its stop sells it. */
function leastExitShare(config: TradingConfig, price: number): number {
  const stop = stopPrice(config, price, price);
  return (stop > 0 ? Math.min(1, stop / price) : 1) * (1 - exitReserveShare);
}

/**
 * Entry quantity in base at `price`: the fixed notional if set, else the percentage of current equity, at most what is
 * uncommitted, floored to the step size and within the lot and notional filters (Binance LOT_SIZE, MARKET_LOT_SIZE, NOTIONAL).
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
  const budget = Decimal.min(wanted, free, mostWorth(instrument) ?? wanted);
  const quantity = flooredToLot(exact(budget).div(price), instrument);
  const least = marketLotOf(instrument).min;
  if (quantity.lte(0) || quantity.lt(least)) {
    return {
      ok: false,
      rule: 'size-below-minimum',
      reason: `no entry: ${exact(budget).toFixed(2)} ${instrument.quoteAsset} buys less than the smallest lot of ${least.toFixed()} ${instrument.baseAsset}`,
    };
  }
  const worth = exact(quantity).times(price);
  if (notional !== null && notional.applyMinToMarket && worth.lt(notional.min))
    return {
      ok: false,
      rule: 'size-below-minimum',
      reason: `no entry: ${worth.toFixed(2)} ${instrument.quoteAsset} is below the exchange's least order value of ${notional.min.toFixed()}`,
    };
  const atExit = worth.times(leastExitShare(config, price));
  if (notional !== null && notional.applyMinToMarket && atExit.lt(notional.min))
    return {
      ok: false,
      rule: 'size-below-minimum',
      reason: `no entry: ${worth.toFixed(2)} ${instrument.quoteAsset} would be ${atExit.toFixed(2)} after fees and at its stop, which is below the exchange's least order value of ${notional.min.toFixed()}: it could not be sold`,
    };
  return { ok: true, quantity };
}
