/**
 * The spot filters, each by the venue's rule and in the order in which the venue lists them: the first that an order breaks.
 * The simulated exchange (engine/matching) and the engine, before it sends, use the same code. A caller that does not know
 * the average price exactly gives bounds: the filter must then hold for every average between them.
 */
import type { Decimal } from 'decimal.js';
import { exact, isOnStep } from './exact.ts';
import { isContingent, isMarketLike } from './instrument.ts';
import type {
  FilterName,
  Instrument,
  LotFilter,
  NotionalFilter,
  OrderSide,
  OrderType,
  PercentPriceFilter,
  PriceFilter,
  TrailingDeltaFilter,
} from './instrument.ts';

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

/** Bounds between which a price lies, quote; equal when it is known exactly. */
export interface PriceBounds {
  readonly low: Decimal;
  readonly high: Decimal;
}

/** What the filters of a single order look up in the market. */
export interface MarketContext {
  /** Average price over the minutes, the last price when 0; null when nothing is known of it: what depends on it passes. */
  readonly averagePrice: (minutes: number) => PriceBounds | null;
}

/** What the filters look up in the account. */
export interface AccountContext {
  readonly openOrders: number;
  readonly openAlgoOrders: number;
  readonly openLists: number;
  /** How many orders this request adds (a list adds two), algo ones among them, and lists. */
  readonly addedOrders: number;
  readonly addedAlgoOrders: number;
  readonly addedLists: number;
  /** Free and locked base plus what open buys may still add. */
  readonly position: () => Decimal;
}

/** The first filter of the order's own figures that it breaks; null when it keeps them. */
export function brokenFilter(instrument: Instrument, order: FilterSubject, context: MarketContext): FilterName | null {
  const { lot, marketLot, notional, percentPrice, trailingDelta } = instrument;
  for (const price of [order.price, order.stopPrice]) if (price !== null && !keepsPrice(instrument.price, price)) return 'PRICE_FILTER';
  if (!keepsLot(lot, order.quantity)) return 'LOT_SIZE';
  if (marketLot !== null && order.type === 'MARKET' && !keepsLot(marketLot, order.quantity)) return 'MARKET_LOT_SIZE';
  if (order.trailingDelta !== null && !keepsTrailingDelta(trailingDelta, order, order.trailingDelta)) return 'TRAILING_DELTA';
  if (percentPrice !== null && order.price !== null && !keepsPercentPrice(percentPrice, order.side, order.price, context))
    return 'PERCENT_PRICE_BY_SIDE';
  if (notional !== null && !keepsNotional(notional, order, context)) return notional.max === null ? 'MIN_NOTIONAL' : 'NOTIONAL';
  return null;
}

/** The first filter of the account's figures that the order breaks; null when it keeps them. */
export function brokenAccountFilter(
  { maxOrders, maxAlgoOrders, maxOrderLists, maxPosition }: Instrument,
  { type, side, quantity }: Pick<FilterSubject, 'type' | 'side' | 'quantity'>,
  context: AccountContext,
): FilterName | null {
  // A market order never stays open, so it takes no place among the open ones.
  if (maxOrders !== null && type !== 'MARKET' && context.openOrders + context.addedOrders > maxOrders) return 'MAX_NUM_ORDERS';
  if (maxAlgoOrders !== null && isContingent(type) && context.openAlgoOrders + context.addedAlgoOrders > maxAlgoOrders)
    return 'MAX_NUM_ALGO_ORDERS';
  if (maxOrderLists !== null && context.addedLists > 0 && context.openLists + context.addedLists > maxOrderLists)
    return 'MAX_NUM_ORDER_LISTS';
  if (maxPosition !== null && side === 'BUY' && exact(context.position()).plus(quantity).gt(maxPosition)) return 'MAX_POSITION';
  return null;
}

export function keepsPrice(filter: PriceFilter, price: Decimal): boolean {
  if (!filter.min.isZero() && price.lt(filter.min)) return false;
  if (!filter.max.isZero() && price.gt(filter.max)) return false;
  return isOnStep(price, filter.tick);
}

function keepsLot(filter: LotFilter, quantity: Decimal): boolean {
  if (!filter.max.isZero() && quantity.gt(filter.max)) return false;
  return quantity.gt(0) && quantity.gte(filter.min) && isOnStep(quantity, filter.step);
}

/** Basis points beyond which a delta makes no sense, whatever the venue lists. */
const deltaMax = 10_000;

function keepsTrailingDelta(filter: TrailingDeltaFilter | null, { type, side }: FilterSubject, delta: number): boolean {
  if (!Number.isInteger(delta) || delta <= 0 || delta >= deltaMax) return false;
  if (filter === null) return true;
  const above = (type === 'STOP_LOSS' || type === 'STOP_LOSS_LIMIT') === (side === 'BUY');
  return above ? delta >= filter.minAbove && delta <= filter.maxAbove : delta >= filter.minBelow && delta <= filter.maxBelow;
}

/** For every average between the bounds. */
export function keepsPercentPrice(filter: PercentPriceFilter, side: OrderSide, price: Decimal, { averagePrice }: MarketContext): boolean {
  const average = averagePrice(filter.averagePriceMinutes);
  if (average === null) return true;
  const [down, up] = side === 'BUY' ? [filter.bidDown, filter.bidUp] : [filter.askDown, filter.askUp];
  return price.gte(exact(average.high).times(down)) && price.lte(exact(average.low).times(up));
}

function keepsNotional(filter: NotionalFilter, order: FilterSubject, context: MarketContext): boolean {
  const atMarket = isMarketLike(order.type);
  const checksMin = !atMarket || filter.applyMinToMarket;
  const checksMax = filter.max !== null && (!atMarket || filter.applyMaxToMarket);
  if (!checksMin && !checksMax) return true;
  const { price, quoteQuantity, quantity } = order;
  const prices = price === null ? context.averagePrice(filter.averagePriceMinutes) : { low: price, high: price };
  if (prices === null && quoteQuantity === null) return true;
  const worth = (at: 'low' | 'high'): Decimal => quoteQuantity ?? exact(prices?.[at] ?? 0).times(quantity);
  if (checksMin && worth('low').lt(filter.min)) return false;
  return !(checksMax && filter.max !== null && worth('high').gt(filter.max));
}
