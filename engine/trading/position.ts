/**
 * The position as a fold of fills, exact. What a spot buy costs in fees is taken from the coins received, so the position
 * is what can really be sold; what the exchange's step size leaves over (dust) stays in it and does not count as holding.
 */
import type { Decimal } from 'decimal.js';
import type { Fill } from './events.ts';
import { exact, toRowScale, zero } from './exact.ts';
import type { Instrument, NotionalFilter } from './instrument.ts';
import { flooredToLot, marketLotOf } from './lots.ts';
import { unseenShare } from './recent-prices.ts';
import type { Position } from './state.ts';

export const emptyPosition: Position = { quantity: zero, cost: zero, entryFees: zero, openedAtMs: null };

/** `pnl` is gross (proceeds minus cost share), `realisedPnl` is net of the shares of entry fees and the exit's fee. Both quote; 0 for a buy. */
export interface Booked {
  readonly position: Position;
  readonly pnl: Decimal;
  readonly realisedPnl: Decimal;
}

/**
 * Books one fill. A buy of q at p with a base fee f adds q - f coins at cost (q - f) p and fees f p; a sale of s takes its
 * share of cost and fees in proportion (rounded half-even to 18 decimals, all of it when everything is sold).
 * A commission in a third asset (BNB) changes no coins and counts as quote of its worth, or as nothing where that is not known.
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
      openedAtMs: isFlat(position, instrument, price.toNumber()) ? fill.atMs : (position.openedAtMs ?? fill.atMs),
    };
    return { position: bought, pnl: zero, realisedPnl: zero };
  }
  const sold = exact(fill.quantity);
  // Coins that pay a fee leave the position as the sold ones do.
  const gone = sold.plus(baseFee);
  const left = exact(position.quantity).minus(gone);
  const costShare = share(position.cost, gone, position.quantity);
  const feeShare = share(position.entryFees, gone, position.quantity);
  const proceeds = sold.times(price);
  const rest: Position = {
    quantity: left,
    cost: exact(position.cost).minus(costShare),
    entryFees: exact(position.entryFees).minus(feeShare),
    openedAtMs: position.openedAtMs,
  };
  return {
    position: isFlat(rest, instrument, price.toNumber()) ? { ...rest, openedAtMs: null } : rest,
    pnl: proceeds.minus(baseFee.isZero() ? costShare : share(position.cost, sold, position.quantity)),
    realisedPnl: proceeds.minus(costShare).minus(feeShare).minus(quoteFee),
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

/** Quote. The venue judges by an average that may lie a little below the price at hand: this much is enough all the same. */
function leastWorth({ min }: NotionalFilter): number {
  return min.toNumber() * (1 + 2 * unseenShare);
}

/**
 * True when what is held is nothing, or dust that the exchange would not let us sell at `price`: below the smallest lot
 * or the least notional. While no price is known (NaN) the average entry price stands in.
 */
export function isFlat(position: Position, instrument: Instrument, price: number): boolean {
  const { sellable, averagePrice } = figuresOf(position, instrument);
  if (!(sellable > 0)) return true;
  const { notional } = instrument;
  if (notional === null || !notional.applyMinToMarket) return false;
  const at = Number.isNaN(price) ? averagePrice : price;
  return sellable * at < leastWorth(notional);
}
