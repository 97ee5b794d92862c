/**
 * The spot filters, each by the venue's rule and in the order in which the venue lists them; the first that fails names
 * the refusal. Averages are asked for lazily: most orders need none.
 */
import type { Decimal } from 'decimal.js';
import type {
  Instrument,
  LotFilter,
  NotionalFilter,
  OrderSide,
  OrderType,
  PercentPriceFilter,
  PriceFilter,
} from '../trading/instrument.ts';
import { exact, isOnStep } from './exact.ts';
import type { BookRefusal } from './matching.ts';
import { isContingent, isMarketLike } from './order.ts';
import { filterFailure } from './refusals.ts';
import { basisPoints } from './triggers.ts';

export interface FilterSubject {
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly quantity: Decimal;
  /** Null for orders that execute at the market's price. */
  readonly price: Decimal | null;
  readonly stopPrice: Decimal | null;
  readonly trailingDelta: number | null;
  /** MARKET by quote only: judged as the notional instead of price times quantity. */
  readonly quoteQuantity: Decimal | null;
}

/** What the filters look up in the market and in the account. */
export interface FilterContext {
  /** Average price over the minutes; the last price when 0. */
  readonly averagePrice: (minutes: number) => Decimal;
  readonly openOrders: number;
  readonly openAlgoOrders: number;
  /** How many orders this request adds (a list adds two), algo ones among them. */
  readonly addedOrders: number;
  readonly addedAlgoOrders: number;
  /** Free and locked base plus what open buys may still add. */
  readonly position: () => Decimal;
}

export function checkFilters(instrument: Instrument, order: FilterSubject, context: FilterContext): BookRefusal | null {
  const { lot, marketLot, notional, percentPrice } = instrument;
  for (const price of [order.price, order.stopPrice]) {
    if (price !== null && !passesPrice(instrument.price, price)) return filterFailure('PRICE_FILTER');
  }
  if (!passesLot(lot, order.quantity)) return filterFailure('LOT_SIZE');
  if (marketLot !== null && order.type === 'MARKET' && !passesLot(marketLot, order.quantity)) return filterFailure('MARKET_LOT_SIZE');
  if (order.trailingDelta !== null && !isTrailingDelta(order.trailingDelta)) return filterFailure('TRAILING_DELTA');
  if (percentPrice !== null && order.price !== null && !passesPercentPrice(percentPrice, order.side, order.price, context)) {
    return filterFailure('PERCENT_PRICE_BY_SIDE');
  }
  if (notional !== null && !passesNotional(notional, order, context)) return filterFailure('NOTIONAL');
  return checkCounts(instrument, order, context);
}

function checkCounts(instrument: Instrument, order: FilterSubject, context: FilterContext): BookRefusal | null {
  const { maxOrders, maxAlgoOrders, maxPosition } = instrument;
  // A market order never stays open, so it takes no place among the open ones.
  if (maxOrders !== null && order.type !== 'MARKET' && context.openOrders + context.addedOrders > maxOrders) {
    return filterFailure('MAX_NUM_ORDERS');
  }
  if (maxAlgoOrders !== null && isContingent(order.type) && context.openAlgoOrders + context.addedAlgoOrders > maxAlgoOrders) {
    return filterFailure('MAX_NUM_ALGO_ORDERS');
  }
  if (maxPosition !== null && order.side === 'BUY' && exact(context.position()).plus(order.quantity).gt(maxPosition)) {
    return filterFailure('MAX_POSITION');
  }
  return null;
}

function passesPrice(filter: PriceFilter, price: Decimal): boolean {
  if (!filter.min.isZero() && price.lt(filter.min)) return false;
  if (!filter.max.isZero() && price.gt(filter.max)) return false;
  return isOnStep(price, filter.tick);
}

function passesLot(filter: LotFilter, quantity: Decimal): boolean {
  return quantity.gt(0) && quantity.gte(filter.min) && quantity.lte(filter.max) && isOnStep(quantity, filter.step);
}

function isTrailingDelta(delta: number): boolean {
  return Number.isInteger(delta) && delta > 0 && delta < basisPoints;
}

function passesPercentPrice(filter: PercentPriceFilter, side: OrderSide, price: Decimal, context: FilterContext): boolean {
  const average = exact(context.averagePrice(filter.averagePriceMinutes));
  const [down, up] = side === 'BUY' ? [filter.bidDown, filter.bidUp] : [filter.askDown, filter.askUp];
  return price.gte(average.times(down)) && price.lte(average.times(up));
}

function passesNotional(filter: NotionalFilter, order: FilterSubject, context: FilterContext): boolean {
  const atMarket = isMarketLike(order.type);
  const checksMin = !atMarket || filter.applyMinToMarket;
  const checksMax = filter.max !== null && (!atMarket || filter.applyMaxToMarket);
  if (!checksMin && !checksMax) return true;
  const price = order.price ?? context.averagePrice(filter.averagePriceMinutes);
  const worth = order.quoteQuantity ?? exact(price).times(order.quantity);
  if (checksMin && worth.lt(filter.min)) return false;
  return !(checksMax && filter.max !== null && worth.gt(filter.max));
}
