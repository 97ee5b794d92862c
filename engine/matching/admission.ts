/**
 * From a request to an order that may enter the book, or to the venue's refusal. Split where the venue splits: what the
 * gateway judges (parameters, market status, filters) and what the matching engine judges (duplicates, triggers,
 * funds), because cancelReplace judges the first part before it cancels.
 */
import type { Decimal } from 'decimal.js';
import { brokenAccountFilter, brokenFilter } from '../trading/filters.ts';
import type { AccountContext, MarketContext } from '../trading/filters.ts';
import { isContingent } from '../trading/instrument.ts';
import type { OrderSide, OrderType, SelfTradePrevention, TimeInForce } from '../trading/instrument.ts';
import { type Account, type AccountBook, bookOf } from './accounts.ts';
import { freeOf, heldOf } from './balances.ts';
import { exact, floorToStep, quoteOf, zero } from './exact.ts';
import type { BookRefusal, MatchingRequest, PriceTick } from './matching.ts';
import { type OrderList, remainingOf } from './order.ts';
import { checkParameters } from './parameters.ts';
import * as refusals from './refusals.ts';
import { type SymbolMarket, averagePriceOf } from './symbol-market.ts';
import { basisPoints, reachesStop } from './triggers.ts';

/** A well-formed order with its defaults filled in. */
export interface Candidate {
  readonly clientOrderId: string;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly quantity: Decimal;
  readonly quoteQuantity: Decimal;
  readonly price: Decimal;
  readonly stopPrice: Decimal | null;
  readonly trailingDelta: number | null;
  readonly selfTradePrevention: SelfTradePrevention;
  readonly lockPrice: Decimal;
  /** In the asset that the order pays with. */
  readonly cost: Decimal;
}

export type Admission<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: BookRefusal };

/** How many orders a request adds to the open ones, those that wait for a trigger among them, and lists. */
interface Additions {
  readonly orders: number;
  readonly algoOrders: number;
  readonly lists: number;
}

/** Everything that is judged before the matching engine sees the order. */
export function judgeRequest(
  account: Account,
  market: SymbolMarket,
  request: MatchingRequest,
  adds: Additions,
  atMs: number,
): Admission<Candidate> {
  const { instrument, last } = market;
  const malformed = checkParameters(instrument, request);
  if (malformed !== null) return { ok: false, refusal: malformed };
  // Without a first price there is no market to trade in.
  if (instrument.status !== 'TRADING' || last === null) return { ok: false, refusal: refusals.marketClosed };
  const candidate = toCandidate(market, request, last);
  const subject = { ...candidate, price: request.price ?? null, quoteQuantity: request.quoteQuantity ?? null };
  const broken =
    brokenFilter(instrument, subject, marketContext(market, atMs)) ??
    brokenAccountFilter(instrument, subject, accountContext(account, market, adds));
  return broken === null ? { ok: true, value: candidate } : { ok: false, refusal: refusals.filterFailure(broken) };
}

/** What the matching engine itself refuses, funds left out: a list's legs are funded together. */
export function judgeEntry(book: AccountBook, market: SymbolMarket, candidate: Candidate, tick: PriceTick): BookRefusal | null {
  if (book.openByClientId.has(candidate.clientOrderId)) return refusals.duplicateOrder;
  if (candidate.stopPrice !== null && reachesStop(candidate, candidate.stopPrice, tick.price)) return refusals.wouldTrigger;
  if (candidate.type === 'LIMIT_MAKER') {
    const { price, side } = candidate;
    const [best] = side === 'BUY' ? market.asks.orders : market.bids.orders;
    const takes =
      side === 'BUY'
        ? price.gte(tick.ask) || (best !== undefined && price.gte(best.price))
        : price.lte(tick.bid) || (best !== undefined && price.lte(best.price));
    if (takes) return refusals.wouldMatch;
  }
  if (candidate.cost.isZero()) return refusals.worthNothing;
  return null;
}

export function canPay(account: Account, market: SymbolMarket, side: OrderSide, cost: Decimal): boolean {
  return freeOf(account.wallet, payingAsset(market, side)).gte(cost);
}

export function payingAsset(market: SymbolMarket, side: OrderSide): string {
  return side === 'BUY' ? market.instrument.quoteAsset : market.instrument.baseAsset;
}

function toCandidate(market: SymbolMarket, request: MatchingRequest, tick: PriceTick): Candidate {
  const takerPrice = request.side === 'BUY' ? tick.ask : tick.bid;
  const quoteQuantity = exact(request.quoteQuantity ?? zero);
  const quantity = exact(request.quantity ?? floorToStep(quoteQuantity.div(takerPrice), market.instrument.lot.step));
  const lockPrice = lockPriceOf(request, tick);
  return {
    clientOrderId: request.clientOrderId,
    side: request.side,
    type: request.type,
    timeInForce: request.timeInForce ?? 'GTC',
    quantity,
    quoteQuantity,
    price: exact(request.price ?? zero),
    stopPrice: request.stopPrice === undefined ? null : exact(request.stopPrice),
    trailingDelta: request.trailingDelta ?? null,
    selfTradePrevention: request.selfTradePrevention ?? 'EXPIRE_MAKER',
    lockPrice,
    cost: request.side === 'SELL' ? quantity : quoteQuantity.isZero() ? quoteOf(lockPrice, quantity) : quoteQuantity,
  };
}

/** A stop that becomes a market order keeps its trigger's worth locked; where it fills above, free pays the rest. */
function lockPriceOf(request: MatchingRequest, tick: PriceTick): Decimal {
  if (request.type === 'MARKET') return exact(tick.ask);
  if (request.price !== undefined) return exact(request.price);
  return exact(request.stopPrice ?? tick.price)
    .times(basisPoints + (request.trailingDelta ?? 0))
    .div(basisPoints);
}

function marketContext(market: SymbolMarket, atMs: number): MarketContext {
  return {
    averagePrice(minutes) {
      const average = averagePriceOf(market, minutes, atMs);
      return average === null ? null : { low: average, high: average };
    },
  };
}

function accountContext(account: Account, market: SymbolMarket, adds: Additions): AccountContext {
  const book = bookOf(account, market.instrument.symbol);
  return {
    openOrders: book.open.size,
    openAlgoOrders: market.instrument.maxAlgoOrders === null ? 0 : countAlgoOrders(book),
    openLists: market.instrument.maxOrderLists === null ? 0 : countLists(book),
    addedLists: adds.lists,
    addedOrders: adds.orders,
    addedAlgoOrders: adds.algoOrders,
    position: () => heldOf(account.wallet, market.instrument.baseAsset).plus(openBuys(book)),
  };
}

function countLists(book: AccountBook): number {
  const lists = new Set<OrderList>();
  for (const { list } of book.open.values()) if (list !== null) lists.add(list);
  return lists.size;
}

function countAlgoOrders(book: AccountBook): number {
  let count = 0;
  for (const order of book.open.values()) if (isContingent(order.type)) count += 1;
  return count;
}

/** Only one leg of a list can ever buy, so a list counts once. */
function openBuys(book: AccountBook): Decimal {
  let sum = zero;
  const counted = new Set<OrderList>();
  for (const order of book.open.values()) {
    if (order.side !== 'BUY') continue;
    if (order.list !== null) {
      if (counted.has(order.list)) continue;
      counted.add(order.list);
    }
    sum = sum.plus(remainingOf(order));
  }
  return sum;
}
