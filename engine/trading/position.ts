/**
 * The position as the exact sum of fills. A spot purchase pays its fee in the coins received, so the position is what can really be sold.
 * Dust (what the exchange's filters do not let anybody sell) stays in it and does not count as holding. Whether something is dust is decided
 * at each execution: a position that was more is held until a sale ends it, however filters and price change, and what a sale leaves is dust
 * only by the filters of both that moment and the position's opening, because a filter that somebody raised meanwhile may fall again.
 */
import { Decimal } from 'decimal.js';
import type { Fill } from './events.ts';
import { exact, floorToStep, toRowScale, zero } from './exact.ts';
import type { FilterName, Instrument, NotionalFilter } from './instrument.ts';
import { flooredToLot, marketLotOf, smallestLot } from './lots.ts';
import { unseenShare } from './recent-prices.ts';
import type { Position, SaleBounds, TradingState } from './state.ts';

export const emptyPosition: Position = { quantity: zero, cost: zero, entryFees: zero, openedAtMs: null, openedUnder: null };

/** `pnl` is gross (proceeds minus cost share), `realisedPnl` is net of the shares of entry fees and the exit's fee. Both quote; 0 for a buy. */
export interface Booked {
  readonly position: Position;
  readonly pnl: Decimal;
  readonly realisedPnl: Decimal;
}

/**
 * Books one fill. A buy of q at p with a base fee f adds q - f coins at cost (q - f) p and fees f p; a sale of s takes its
 * share of cost and fees in proportion (rounded half-even to 18 decimals, all of it when everything is sold).
 * A commission in a third asset (BNB) changes no coins and counts with its worth in quote, or not at all when that is not known.
 */
export function applyFill(position: Position, fill: Fill, instrument: Instrument): Booked {
  const price = exact(fill.price);
  const commission = commissionOf(fill, instrument);
  const baseFee = commission.inBase;
  const quoteFee = commission.inQuote ?? zero;
  if (fill.side === 'BUY') {
    const received = exact(fill.quantity).minus(baseFee);
    const bought: Position = {
      quantity: exact(position.quantity).plus(received),
      cost: exact(position.cost).plus(received.times(price)),
      entryFees: exact(position.entryFees).plus(baseFee.times(price)).plus(quoteFee),
      openedAtMs: position.openedAtMs,
      openedUnder: position.openedUnder,
    };
    // The filters may have been raised since the order was decided, and may fall again.
    const bounds = fill.saleBounds ?? saleBoundsOf(instrument);
    const dust = isDust(bought, instrument, price.toNumber()) && isDustUnder(bounds, bought.quantity, price);
    const opened = position.openedAtMs === null && !dust;
    const opening = { openedAtMs: fill.atMs, openedUnder: bounds };
    return { position: opened ? { ...bought, ...opening } : bought, pnl: zero, realisedPnl: zero };
  }
  const sold = exact(fill.quantity);
  // Coins that pay a fee leave the position as the sold ones do, as far as there are any: the rest of the fee is paid with other coins of the account.
  const gone = exact(Decimal.min(sold.plus(baseFee), position.quantity));
  const elsewhere = exact(Decimal.min(sold.plus(baseFee).minus(gone), baseFee)).times(price);
  const left = exact(position.quantity).minus(gone);
  const costShare = share(position.cost, gone, position.quantity);
  const feeShare = share(position.entryFees, gone, position.quantity);
  const proceeds = sold.times(price);
  const rest: Position = {
    quantity: left,
    cost: exact(position.cost).minus(costShare),
    entryFees: exact(position.entryFees).minus(feeShare),
    openedAtMs: position.openedAtMs,
    openedUnder: position.openedUnder,
  };
  const ended = isDust(rest, instrument, price.toNumber()) && isDustUnder(position.openedUnder, left, price);
  return {
    position: ended ? { ...rest, openedAtMs: null, openedUnder: null } : rest,
    pnl: proceeds.minus(baseFee.isZero() ? costShare : share(position.cost, sold, position.quantity)),
    realisedPnl: proceeds.minus(costShare).minus(feeShare).minus(quoteFee).minus(elsewhere),
  };
}

/** What a commission takes from the coins, and what it costs in quote beside them; `inQuote` is null where its worth is not known. */
export interface CommissionParts {
  readonly inBase: Decimal;
  readonly inQuote: Decimal | null;
}

export function commissionOf(
  { commission, commissionAsset, commissionWorth }: Pick<Fill, 'commission' | 'commissionAsset' | 'commissionWorth'>,
  { baseAsset, quoteAsset }: Instrument,
): CommissionParts {
  if (commissionAsset === baseAsset) return { inBase: exact(commission), inQuote: zero };
  if (commissionAsset === quoteAsset || commission.isZero()) return { inBase: zero, inQuote: exact(commission) };
  return { inBase: zero, inQuote: commissionWorth === undefined || commissionWorth === null ? null : exact(commissionWorth) };
}

/** The share of its coins that the newest purchase paid as fee; a sale leaves it as it was, and a purchase that paid in another asset makes it null. */
export function baseFeeShareAfter(known: number | null, fill: Fill, instrument: Instrument): number | null {
  if (fill.side === 'SELL' || fill.quantity.isZero()) return known;
  const { inBase } = commissionOf(fill, instrument);
  return inBase.isZero() ? null : inBase.div(fill.quantity).toNumber();
}

function share(amount: Decimal, sold: Decimal, held: Decimal): Decimal {
  if (sold.gte(held)) return exact(amount);
  return toRowScale(exact(amount).times(sold).div(held));
}

/** What decisions at every price need of the position, in floats but for what an order takes. */
export interface PositionFigures {
  /** What the step size allows to sell, base. */
  readonly sellable: number;
  readonly sellableExact: Decimal;
  readonly quantity: number;
  /** Average entry price, quote; NaN when there is nothing. */
  readonly averagePrice: number;
  /** Cost and entry fees, quote. */
  readonly spent: number;
  readonly instrument: Instrument;
}

/** Positions are immutable: their figures are worked out once, at a fill, not at every price. */
const figuresByPosition = new WeakMap<Position, PositionFigures>();

export function figuresOf(position: Position, instrument: Instrument): PositionFigures {
  const known = figuresByPosition.get(position);
  if (known?.instrument === instrument) return known;
  const quantity = exact(position.quantity);
  const sellableExact = flooredPosition(quantity, instrument);
  const figures: PositionFigures = {
    sellable: sellableExact.toNumber(),
    sellableExact,
    quantity: quantity.toNumber(),
    averagePrice: quantity.gt(0) ? exact(position.cost).div(quantity).toNumber() : Number.NaN,
    spent: exact(position.cost).plus(position.entryFees).toNumber(),
    instrument,
  };
  figuresByPosition.set(position, figures);
  return figures;
}

/** What one market order may sell: the coins held, floored to the step, within the lot bounds; 0 when below the smallest lot. */
export function sellableQuantity(position: Position, instrument: Instrument): Decimal {
  return figuresOf(position, instrument).sellableExact;
}

function flooredPosition(quantity: Decimal, instrument: Instrument): Decimal {
  const floored = flooredToLot(quantity, instrument);
  return floored.lte(0) || floored.lt(marketLotOf(instrument).min) ? zero : floored;
}

/** Quote. The venue's average price may lie a little below the last price: an order of this worth passes all the same. */
function leastWorth({ min }: NotionalFilter): number {
  return min.toNumber() * (1 + 2 * unseenShare);
}

/**
 * Which filter keeps the exchange from selling the coins at `price`: they are below the smallest lot, or worth less than the least
 * notional. Null when they can be sold. While no price is known (NaN) the average entry price stands in.
 */
export function unsellableBy(position: Position, instrument: Instrument, price: number): UnsellableBy | null {
  if (!isDust(position, instrument, price)) return null;
  const { notional, lot, marketLot, baseAsset, quoteAsset } = instrument;
  if (notional !== null && figuresOf(position, instrument).sellable > 0) {
    const filter = notional.max === null ? 'MIN_NOTIONAL' : 'NOTIONAL';
    return { filter, least: `the least order value is ${notional.min.toFixed()} ${quoteAsset}` };
  }
  const ofLot = flooredToLot(position.quantity, { ...instrument, marketLot: null });
  return {
    filter: marketLot === null || ofLot.lte(0) || ofLot.lt(lot.min) ? 'LOT_SIZE' : 'MARKET_LOT_SIZE',
    least: `the smallest lot is ${smallestLot(instrument).toFixed()} ${baseAsset}`,
  };
}

export interface UnsellableBy {
  readonly filter: Extract<FilterName, 'LOT_SIZE' | 'MARKET_LOT_SIZE' | 'NOTIONAL' | 'MIN_NOTIONAL'>;
  /** Its bound, in words. */
  readonly least: string;
}

/** True when the coins are none, or fewer than the exchange would let us sell at `price`. */
export function isDust(position: Position, instrument: Instrument, price: number): boolean {
  const { sellable, averagePrice } = figuresOf(position, instrument);
  if (!(sellable > 0)) return true;
  const { notional } = instrument;
  if (notional === null || !notional.applyMinToMarket) return false;
  return sellable * (Number.isNaN(price) ? averagePrice : price) < leastWorth(notional);
}

/** What the filters of now ask of a sale at market. */
export function saleBoundsOf(instrument: Instrument): SaleBounds {
  const { min, step } = marketLotOf(instrument);
  const { notional } = instrument;
  return { leastQuantity: min, step, leastWorth: notional?.applyMinToMarket === true ? new Decimal(leastWorth(notional)) : null };
}

/** Whether these filters would not let the coins be sold at `price`; true when they are not known. */
function isDustUnder(bounds: SaleBounds | null, quantity: Decimal, price: Decimal): boolean {
  if (bounds === null) return true;
  const sellable = floorToStep(quantity, bounds.step);
  if (sellable.lte(0) || sellable.lt(bounds.leastQuantity)) return true;
  return bounds.leastWorth !== null && sellable.times(price).lt(bounds.leastWorth);
}

/**
 * True when nothing is held: the last position was sold, what is left of it is dust, and no stop rests for that. Dust that can be
 * sold by now, because filters or price have changed, is held again.
 */
export function isFlat(state: Pick<TradingState, 'position' | 'protection'>, instrument: Instrument, price: number): boolean {
  const { position } = state;
  return position.openedAtMs === null && !stopRestsFor(state) && isDust(position, instrument, price);
}

/** A stop rests for the rest. (One that sells more than is held belongs to an earlier position.) */
function stopRestsFor({ position, protection: { resting, overrun } }: Pick<TradingState, 'position' | 'protection'>): boolean {
  return resting !== null && resting.stopPrice !== null && !overrun && resting.quantity.gt(0) && resting.quantity.lte(position.quantity);
}
