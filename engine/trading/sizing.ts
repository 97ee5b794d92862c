/** How much to buy: the entry's notional by the bot's columns, put on the instrument's grid, or the reason why not. */
import { Decimal } from 'decimal.js';
import { quoteText } from './amounts.ts';
import type { TradingConfig } from './events.ts';
import type { BotColumns } from './bot-columns.ts';
import { exact } from './exact.ts';
import { tickOf } from './instrument.ts';
import type { Instrument } from './instrument.ts';
import { flooredToLot, marketLotOf, mostWorth } from './lots.ts';
import { equityAt, uncommitted } from './pnl.ts';
import { emptyPosition, sellableQuantity, unsellableBy } from './position.ts';
import type { Position, TradingState } from './state.ts';
import { exactPrice, stopPrice, stopWithinTick } from './stops.ts';

export type Sizing =
  | { readonly ok: true; readonly quantity: Decimal }
  | { readonly ok: false; readonly rule: 'size-below-minimum' | 'capital-exhausted' | 'PRICE_FILTER'; readonly reason: string };

/**
 * A market order sized at one price may fill at a higher one, and the bot never commits more than its budget: this share
 * of what is uncommitted stays out of an entry. 0.5 % is several times the usual step from a close to the next open.
 */
export const marketReserveShare = 0.005;

/** The fee that is assumed until the first purchase has shown it, as a share of the coins: several times the exchange's usual fee. */
const feeShareUnknown = 0.005;

/** Why the coins could not be sold again at the stop (at `price` without one), after the fee and rounded to the step; null when they could. */
function unsellableAtStop(
  quantity: Decimal,
  feeShare: number | null,
  config: TradingConfig,
  instrument: Instrument,
  price: number,
): string | null {
  const fee = exact(quantity).times(feeShare ?? feeShareUnknown);
  const held: Position = { ...emptyPosition, quantity: exact(quantity).minus(fee) };
  const stop = stopPrice(config, price, price, tickOf(instrument));
  const at = stop > 0 ? Math.min(stop, price) : price;
  const by = unsellableBy(held, instrument, at);
  if (by === null) return null;
  const { baseAsset } = instrument;
  const sellable = sellableQuantity(held, instrument);
  const where = stop > 0 ? `at its stop of ${exactPrice(at).toFixed()}` : 'now';
  return `no entry: of ${quantity.toFixed()} ${baseAsset} ${sellable.toFixed()} could be sold after the fee, worth ${quoteText(sellable.times(exactPrice(at)), instrument)} ${where}, but ${by.least}: it could not be sold`;
}

/**
 * Entry quantity in base at `price`: the fixed notional if set, else the percentage of current equity, at most what is
 * uncommitted, floored to the step size and within the lot and notional filters (Binance LOT_SIZE, MARKET_LOT_SIZE, NOTIONAL). Refused
 * when it could not be sold at its stop, or when the stop would lie within one tick of the price.
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
      reason: `no entry: nothing of the budget is left (${quoteText(uncommitted(state, config), instrument)})`,
    };
  const budget = Decimal.min(wanted, free, mostWorth(instrument) ?? wanted);
  const quantity = flooredToLot(exact(budget).div(price), instrument);
  const least = marketLotOf(instrument).min;
  if (quantity.lte(0) || quantity.lt(least)) {
    return {
      ok: false,
      rule: 'size-below-minimum',
      reason: `no entry: ${quoteText(budget, instrument)} buys less than the smallest lot of ${least.toFixed()} ${instrument.baseAsset}`,
    };
  }
  const worth = exact(quantity).times(price);
  if (notional !== null && notional.applyMinToMarket && worth.lt(notional.min))
    return {
      ok: false,
      rule: 'size-below-minimum',
      reason: `no entry: ${quoteText(worth, instrument)} is below the exchange's least order value of ${notional.min.toFixed()} ${instrument.quoteAsset}`,
    };
  const unsellable = unsellableAtStop(quantity, state.baseFeeShare, config, instrument, price);
  if (unsellable !== null) return { ok: false, rule: 'size-below-minimum', reason: unsellable };
  const within = stopWithinTick(config, price, instrument.price.tick);
  if (within !== null) return { ok: false, rule: 'PRICE_FILTER', reason: `no entry: ${within}` };
  return { ok: true, quantity };
}

/** The column that keeps the bot from ever entering, because its capital or its share is below the least order value, and why; null when none does. */
export function neverEnters(
  { initialCapital, positionSizeFixed, positionSizePerc }: Pick<BotColumns, 'initialCapital' | 'positionSizeFixed' | 'positionSizePerc'>,
  instrument: Instrument,
): { readonly column: 'initialCapital' | 'positionSizeFixed' | 'positionSizePerc'; readonly problem: string } | null {
  const { notional, quoteAsset } = instrument;
  if (notional === null || !notional.applyMinToMarket) return null;
  const most = exact(initialCapital).times(1 - marketReserveShare);
  const wanted =
    positionSizeFixed ??
    exact(initialCapital)
      .times(positionSizePerc ?? 0)
      .div(100);
  const least = `below the exchange's least order value of ${notional.min.toFixed()} ${quoteAsset}: the bot would never enter`;
  if (most.lt(notional.min)) return { column: 'initialCapital', problem: `${quoteText(most, instrument)} of it can be spent, ${least}` };
  if (exact(wanted).gte(notional.min)) return null;
  return {
    column: positionSizeFixed === null ? 'positionSizePerc' : 'positionSizeFixed',
    problem: `an entry of ${quoteText(exact(wanted), instrument)} is ${least}`,
  };
}
