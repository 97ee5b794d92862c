/**
 * Whether the exchange's filters let a sell order rest (Binance PRICE_FILTER, PERCENT_PRICE_BY_SIDE, NOTIONAL): one that they refuse
 * would close a position that nothing threatens, so it stays in the engine. The average price that two of them judge by is the
 * exchange's own; `reference` stands for it.
 */
import type { Decimal } from 'decimal.js';
import { exact } from './exact.ts';
import type { Instrument, PriceFilter } from './instrument.ts';

/** `limitPrice` is null for an order that executes at the market's price once its trigger is reached. Prices in quote, quantity in base. */
export function mayRest(
  { price, percentPrice, notional }: Instrument,
  quantity: Decimal,
  triggerPrice: Decimal | null,
  limitPrice: Decimal | null,
  reference: Decimal,
): boolean {
  for (const named of [triggerPrice, limitPrice]) if (named !== null && !isWithin(price, named)) return false;
  if (percentPrice !== null && limitPrice !== null) {
    const { askDown, askUp } = percentPrice;
    if (limitPrice.lt(exact(reference).times(askDown)) || limitPrice.gt(exact(reference).times(askUp))) return false;
  }
  if (notional === null) return true;
  // The least value is asked of every order here: what rests is to be taken at its worst price too.
  const least = limitPrice ?? triggerPrice ?? reference;
  if (exact(quantity).times(least).lt(notional.min)) return false;
  if (notional.max === null || (limitPrice === null && !notional.applyMaxToMarket)) return true;
  return exact(quantity)
    .times(limitPrice ?? reference)
    .lte(notional.max);
}

/** A bound of 0 is none. */
function isWithin({ min, max }: PriceFilter, price: Decimal): boolean {
  return price.gt(0) && price.gte(min) && (max.isZero() || price.lte(max));
}
