/**
 * What happens to an order in the book: it starts to work, executes, expires, is cancelled. A taker trades with the
 * orders in the books and with the market (at most the tick's liquidity at its bid or ask), the better price first; a resting
 * limit trades at its own price. Orders of one account that would trade with each other expire, as the taker's mode says.
 */
import type { Decimal } from 'decimal.js';
import { isMarketLike } from '../trading/instrument.ts';
import { type Account, addTrade, bookOf, moveToFinished } from './accounts.ts';
import { credit, freeOf, pay, shrink } from './balances.ts';
import { exact, floorToStep, largest, quoteOf, smallest, zero } from './exact.ts';
import { commissionOf } from './fees.ts';
import type { Journal } from './journal.ts';
import type { BookTrade, PriceTick } from './matching.ts';
import { type Order, type OrderList, isOpen, neededBy, remainingOf } from './order.ts';
import { type SymbolMarket, awaitTrigger, rest, takeOut } from './symbol-market.ts';

export interface Desk {
  readonly journal: Journal;
  /** Finished orders and trades that are remembered per account and symbol, lists per account. */
  readonly historyMax: number;
}

/** A new order that may work at once: announced, then matched as a taker, the rest as its time in force says. */
export function startWorking(desk: Desk, market: SymbolMarket, order: Order, tick: PriceTick, atMs: number): void {
  order.working = true;
  order.workingAtMs = atMs;
  order.updatedAtMs = atMs;
  desk.journal.order(order, 'NEW', null, atMs);
  matchAsTaker(desk, market, order, tick, atMs);
}

/** A new contingent order, announced and left to wait for its price. */
export function startWaiting(desk: Desk, market: SymbolMarket, order: Order, atMs: number): void {
  awaitTrigger(market, order);
  desk.journal.order(order, 'NEW', null, atMs);
}

/** The trigger was reached: the other leg of a list ends, and the order works from here on (announced as NEW again). */
export function trigger(desk: Desk, market: SymbolMarket, order: Order, tick: PriceTick): void {
  takeOut(market, order);
  expireOtherLegs(desk, market, order, tick.atMs);
  startWorking(desk, market, order, tick, tick.atMs);
  desk.journal.balances(order.account, tick.atMs);
}

/** The price reached a resting limit: it fills as maker at its own price. */
export function fillResting(desk: Desk, market: SymbolMarket, order: Order, tick: PriceTick): void {
  const quantity = smallest(remainingOf(order), liquidityOf(market, tick));
  if (quantity.isZero()) return;
  execute(desk, market, order, order.price, quantity, true, tick.atMs, nextTradeId(market));
  desk.journal.balances(order.account, tick.atMs);
}

/** Cancels an open order and, where it stands in a list, the list's other legs with it. */
export function cancelOpen(
  desk: Desk,
  market: SymbolMarket,
  order: Order,
  cancelClientOrderId: string | null,
  atMs: number,
): readonly Order[] {
  const others = order.list === null ? [] : order.list.legs.filter((leg) => leg !== order && isOpen(leg));
  const cancelled = [order, ...others];
  for (const each of cancelled) {
    each.cancelClientOrderId = each === order ? cancelClientOrderId : null;
    finish(desk, market, each, 'CANCELED', atMs);
    desk.journal.order(each, 'CANCELED', null, atMs);
  }
  closeListWhenDone(desk, order.list, atMs);
  return cancelled;
}

/**
 * In the order of their prices: the orders in the books that are as good as the market or better, the market itself, and orders beyond
 * it. What is left expires or rests.
 */
function matchAsTaker(desk: Desk, market: SymbolMarket, order: Order, tick: PriceTick, atMs: number): void {
  const atMarket = isMarketLike(order.type);
  const best = order.side === 'BUY' ? tick.ask : tick.bid;
  if (!atMarket && order.timeInForce === 'FOK' && offeredTo(market, order, best, tick).lt(remainingOf(order))) {
    expire(desk, market, order, 'UNFILLED_FOK_ORDER_EXPIRED', atMs);
    return;
  }
  let outOfFunds = matchWithOrders(desk, market, order, best, atMs);
  if (isOpen(order) && !outOfFunds && mayTrade(order, best)) {
    const offered = smallest(remainingOf(order), liquidityOf(market, tick));
    const quantity = payable(market, order, best, offered);
    outOfFunds = quantity.lt(offered);
    if (quantity.gt(0)) execute(desk, market, order, exact(best), quantity, false, atMs, nextTradeId(market));
  }
  if (isOpen(order) && !outOfFunds) outOfFunds = matchWithOrders(desk, market, order, null, atMs);
  if (!isOpen(order)) return;
  // REJECTED: a stop that bought above its own price and ran out of funds.
  if (atMarket) expire(desk, market, order, outOfFunds ? 'REJECTED' : 'INSUFFICIENT_LIQUIDITY', atMs);
  else if (order.timeInForce === 'IOC') expire(desk, market, order, 'UNFILLED_IOC_QUANTITY_EXPIRED', atMs);
  else rest(market, order);
}

/**
 * Trades with orders of the books as long as one is within reach, and not worse than `bound`, where there is one. True when the taker's
 * money ended it: what it then gets for an order of its own account buys nothing behind that one.
 */
function matchWithOrders(desk: Desk, market: SymbolMarket, taker: Order, bound: Decimal | null, atMs: number): boolean {
  for (const maker of [...oppositeOf(market, taker)]) {
    if (!isOpen(taker) || !mayTrade(taker, maker.price) || (bound !== null && isWorse(taker, maker.price, bound))) return false;
    if (!isOpen(maker)) continue;
    if (maker.account === taker.account && taker.selfTradePrevention !== 'NONE') {
      if (taker.selfTradePrevention !== 'EXPIRE_TAKER') expireInMatch(desk, market, maker, atMs);
      if (taker.selfTradePrevention !== 'EXPIRE_MAKER') expireInMatch(desk, market, taker, atMs);
      continue;
    }
    const offered = smallest(remainingOf(taker), remainingOf(maker));
    const quantity = payable(market, taker, maker.price, offered);
    if (quantity.isZero()) return true;
    const tradeId = nextTradeId(market);
    execute(desk, market, maker, maker.price, quantity, true, atMs, tradeId);
    execute(desk, market, taker, maker.price, quantity, false, atMs, tradeId);
    desk.journal.balances(maker.account, atMs);
    if (quantity.lt(offered)) return true;
  }
  return false;
}

/** Orders that it may trade with, the best first. */
function oppositeOf(market: SymbolMarket, { side }: Order): readonly Order[] {
  return side === 'BUY' ? market.asks.orders : market.bids.orders;
}

function mayTrade(taker: Order, price: Decimal): boolean {
  return isMarketLike(taker.type) || !isWorse(taker, price, taker.price);
}

function isWorse({ side }: Order, price: Decimal, bound: Decimal): boolean {
  return side === 'BUY' ? price.gt(bound) : price.lt(bound);
}

/** What an order could take at once; its own account's orders count for nothing unless it may trade with them. */
function offeredTo(market: SymbolMarket, order: Order, best: Decimal, tick: PriceTick): Decimal {
  let offered = mayTrade(order, best) ? liquidityOf(market, tick) : zero;
  for (const maker of oppositeOf(market, order)) {
    if (!mayTrade(order, maker.price)) break;
    if (maker.account !== order.account || order.selfTradePrevention === 'NONE') offered = offered.plus(remainingOf(maker));
  }
  return offered;
}

/** How much of it the account can pay: a market order has no money set aside for this price. */
function payable(market: SymbolMarket, order: Order, price: Decimal, quantity: Decimal): Decimal {
  return isMarketLike(order.type) && order.side === 'BUY' ? smallest(quantity, affordable(market, order, price)) : quantity;
}

/** Expires the rest of an order that must not trade with its own account; when it is in a list, the list ends. */
function expireInMatch(desk: Desk, market: SymbolMarket, order: Order, atMs: number): void {
  order.preventedQuantity = remainingOf(order);
  finish(desk, market, order, 'EXPIRED_IN_MATCH', atMs);
  desk.journal.order(order, 'TRADE_PREVENTION', null, atMs);
  expireOtherLegs(desk, market, order, atMs);
  closeListWhenDone(desk, order.list, atMs);
  desk.journal.balances(order.account, atMs);
}

function nextTradeId(market: SymbolMarket): bigint {
  const tradeId = market.nextTradeId;
  market.nextTradeId += 1n;
  return tradeId;
}

function execute(
  desk: Desk,
  market: SymbolMarket,
  order: Order,
  price: Decimal,
  quantity: Decimal,
  isMaker: boolean,
  atMs: number,
  tradeId: bigint,
): void {
  expireOtherLegs(desk, market, order, atMs);
  const quoteQuantity = quoteOf(price, quantity);
  const commission = settle(market, order, quantity, quoteQuantity, isMaker);
  order.executedQuantity = order.executedQuantity.plus(quantity);
  order.executedQuote = order.executedQuote.plus(quoteQuantity);
  if (order.executedQuantity.eq(order.quantity)) finish(desk, market, order, 'FILLED', atMs);
  else {
    order.status = 'PARTIALLY_FILLED';
    order.updatedAtMs = atMs;
    releaseExcess(order);
  }
  const trade: BookTrade = {
    account: order.account.name,
    symbol: order.symbol,
    tradeId,
    orderId: order.orderId,
    orderListId: order.list?.orderListId ?? -1n,
    side: order.side,
    price,
    quantity,
    quoteQuantity,
    commission: commission.amount,
    commissionAsset: commission.asset,
    isMaker,
    atMs,
  };
  addTrade(bookOf(order.account, order.symbol), trade, desk.historyMax);
  desk.journal.order(order, 'TRADE', trade, atMs);
  closeListWhenDone(desk, order.list, atMs);
}

/** Moves both assets and takes the commission. */
function settle(market: SymbolMarket, order: Order, quantity: Decimal, quoteQuantity: Decimal, isMaker: boolean) {
  const { baseAsset, quoteAsset } = market.instrument;
  const { wallet, fees } = order.account;
  const buys = order.side === 'BUY';
  const received = buys ? { amount: quantity, asset: baseAsset } : { amount: quoteQuantity, asset: quoteAsset };
  pay(wallet, order.reserve, buys ? quoteQuantity : quantity);
  credit(wallet, received.asset, received.amount);
  const commission = commissionOf(fees, isMaker, received, quoteQuantity, wallet);
  credit(wallet, commission.asset, commission.amount.neg());
  return commission;
}

function expire(desk: Desk, market: SymbolMarket, order: Order, reason: string, atMs: number): void {
  order.expiryReason = reason;
  finish(desk, market, order, 'EXPIRED', atMs);
  desk.journal.order(order, 'EXPIRED', null, atMs);
  closeListWhenDone(desk, order.list, atMs);
}

/** The first trigger or execution of one leg ends the other, so the legs can never execute beyond the list's quantity. */
function expireOtherLegs(desk: Desk, market: SymbolMarket, order: Order, atMs: number): void {
  if (order.list === null) return;
  for (const leg of order.list.legs) {
    if (leg !== order && isOpen(leg)) expire(desk, market, leg, 'OCO_TRIGGER', atMs);
  }
}

function finish(
  desk: Desk,
  market: SymbolMarket,
  order: Order,
  status: 'FILLED' | 'CANCELED' | 'EXPIRED' | 'EXPIRED_IN_MATCH',
  atMs: number,
): void {
  order.status = status;
  order.updatedAtMs = atMs;
  takeOut(market, order);
  moveToFinished(bookOf(order.account, order.symbol), order, desk.historyMax);
  releaseExcess(order);
}

function releaseExcess(order: Order): void {
  let needed = zero;
  for (const sharer of order.list?.legs ?? [order]) {
    if (isOpen(sharer)) needed = largest(needed, neededBy(sharer));
  }
  shrink(order.account.wallet, order.reserve, needed);
}

function closeListWhenDone(desk: Desk, list: OrderList | null, atMs: number): void {
  if (list === null || list.done || list.legs.some(isOpen)) return;
  list.done = true;
  list.account.openListIds.delete(list.listClientOrderId);
  forgetOldLists(list.account, desk.historyMax);
  desk.journal.list(list, atMs);
}

function forgetOldLists(account: Account, historyMax: number): void {
  if (account.lists.size <= historyMax) return;
  for (const [id, list] of account.lists) {
    if (list.done) {
      account.lists.delete(id);
      return;
    }
  }
}

/** What one order can take at the tick, on the lot's grid. */
function liquidityOf(market: SymbolMarket, tick: PriceTick): Decimal {
  return tick.liquidity === null ? unlimited : floorToStep(tick.liquidity, market.instrument.lot.step);
}

const unlimited = exact(zero).plus(Infinity);

function affordable(market: SymbolMarket, order: Order, price: Decimal): Decimal {
  const funds = order.reserve.amount.plus(freeOf(order.account.wallet, order.reserve.asset));
  return floorToStep(funds.div(price), market.instrument.lot.step);
}
