/**
 * The matching engine: the port over the books. Each action judges first and changes nothing when it refuses; what it
 * did goes out as events in order.
 */
import type { Decimal } from 'decimal.js';
import { isContingent } from '../trading/instrument.ts';
import type { InstrumentStatus } from '../trading/instrument.ts';
import { type Account, type AccountBook, addOpen, bookOf, createAccount, findList, findOpen, findOrder } from './accounts.ts';
import { type Candidate, canPay, judgeEntry, judgeRequest, payingAsset } from './admission.ts';
import { recordPrice, setAverageMinutes } from './average.ts';
import { credit, lock, snapshotBalance } from './balances.ts';
import { exact, zero } from './exact.ts';
import { type Desk, cancelOpen, fillResting, startWaiting, startWorking, trigger } from './execution.ts';
import { createJournal } from './journal.ts';
import { reachedAt } from './ladder.ts';
import type {
  BookEvent,
  BookOrder,
  BookRefusal,
  BookResult,
  BookTrade,
  CancelReplaceRequest,
  CancelReplaced,
  CancelTarget,
  FeeSchedule,
  MatchingEngine,
  MatchingRequest,
  OcoRequest,
  Placed,
  PlacedList,
  PriceTick,
} from './matching.ts';
import { judgeOco } from './oco.ts';
import { type Order, type OrderList, isOpen, snapshotOrder, snapshotPlacedList } from './order.ts';
import * as refusals from './refusals.ts';
import { type SymbolMarket, averageMinutes, averagePriceOf, createSymbolMarket, isQuiet } from './symbol-market.ts';
import { triggerOnTheWay } from './on-the-way.ts';
import { followTrailing } from './triggers.ts';

export interface MatchingOptions {
  /** Finished orders and trades remembered per account and symbol. */
  readonly historyMax?: number;
}

const defaultHistoryMax = 100_000;

/** Someone named an account or a symbol that was never opened or listed: a mistake of the caller, not of its client. */
export class UnknownToMatching extends Error {
  constructor(what: 'account' | 'symbol', name: string) {
    super(`the matching engine knows no ${what} "${name}"`);
    this.name = 'UnknownToMatching';
  }
}

export function createMatching(options: MatchingOptions = {}): MatchingEngine {
  const markets = new Map<string, SymbolMarket>();
  const accounts = new Map<string, Account>();
  const journal = createJournal();
  const desk: Desk = { journal, historyMax: options.historyMax ?? defaultHistoryMax };
  let nextListId = 1n;

  const accountOf = (name: string): Account => accounts.get(name) ?? raise(new UnknownToMatching('account', name));
  const refused = (refusal: BookRefusal): { readonly ok: false; readonly refusal: BookRefusal } => ({ ok: false, refusal });

  /** Judges without changing anything. */
  function judge(
    account: Account,
    request: MatchingRequest,
    atMs: number,
  ): { ok: true; market: SymbolMarket; candidate: Candidate; tick: PriceTick } | { ok: false; refusal: BookRefusal } {
    const market = markets.get(request.symbol);
    if (market === undefined) return refused(refusals.invalidSymbol);
    const judged = judgeRequest(account, market, request, { orders: 1, lists: 0, algoOrders: isContingent(request.type) ? 1 : 0 }, atMs);
    if (!judged.ok) return judged;
    const tick = market.last;
    if (tick === null) return refused(refusals.marketClosed);
    return { ok: true, market, candidate: judged.value, tick };
  }

  function judgeFunds(account: Account, market: SymbolMarket, candidate: Candidate, tick: PriceTick): BookRefusal | null {
    const refusal = judgeEntry(bookOf(account, market.instrument.symbol), market, candidate, tick);
    if (refusal !== null) return refusal;
    return canPay(account, market, candidate.side, candidate.cost) ? null : refusals.insufficientBalance;
  }

  function enter(account: Account, market: SymbolMarket, candidate: Candidate, tick: PriceTick, atMs: number): Placed {
    const reserve = { asset: payingAsset(market, candidate.side), amount: zero };
    const order = createOrder(account, market, candidate, null, reserve, atMs);
    lock(account.wallet, reserve, candidate.cost);
    addOpen(bookOf(account, order.symbol), order);
    const tradesBefore = market.nextTradeId;
    if (isContingent(order.type)) startWaiting(desk, market, order, atMs);
    else startWorking(desk, market, order, tick, atMs);
    journal.balances(account, atMs);
    return { order: snapshotOrder(order), trades: tradesSince(bookOf(account, order.symbol), tradesBefore, order) };
  }

  /** One price of the market's path. */
  function onTick(market: SymbolMarket, tick: PriceTick): void {
    recordPrice(market.average, exact(tick.price), tick.atMs);
    reach(market, tick);
  }

  /** Goes to the price in steps, one at each waiting order; bid and ask move along. */
  function onMove(market: SymbolMarket, tick: PriceTick): void {
    for (let at = triggerOnTheWay(market, tick.price); at !== null; at = triggerOnTheWay(market, tick.price))
      reach(market, { ...tick, price: at, bid: at.plus(tick.bid).minus(tick.price), ask: at.plus(tick.ask).minus(tick.price) });
    onTick(market, tick);
  }

  /** First what the price triggers, then what it fills; the orders a trigger sets to work fill within it. */
  function reach(market: SymbolMarket, tick: PriceTick): void {
    market.last = tick;
    if (isQuiet(market) || market.instrument.status !== 'TRADING') return;
    for (const order of [...market.trailing]) {
      if (isOpen(order) && followTrailing(order, tick.price)) trigger(desk, market, order, tick);
    }
    for (const ladder of [market.risers, market.fallers]) {
      for (const order of reachedAt(ladder, tick.price)) if (isOpen(order)) trigger(desk, market, order, tick);
    }
    for (const [ladder, price] of [[market.bids, tick.ask] as const, [market.asks, tick.bid] as const]) {
      for (const order of reachedAt(ladder, price)) if (isOpen(order)) fillResting(desk, market, order, tick);
    }
  }

  function cancel(
    account: string,
    symbol: string,
    target: CancelTarget,
    cancelClientOrderId: string | null,
    atMs: number,
  ): BookResult<ReturnType<typeof snapshotOrder>> {
    const market = markets.get(symbol);
    if (market === undefined) return refused(refusals.invalidSymbol);
    const owner = accountOf(account);
    const order = findOpen(bookOf(owner, symbol), target);
    if (order === null) return refused(refusals.unknownOrder);
    if (!takesCancels(market.instrument.status)) return refused(refusals.cancelWhileClosed);
    cancelOpen(desk, market, order, cancelClientOrderId, atMs);
    journal.balances(owner, atMs);
    return { ok: true, value: snapshotOrder(order), events: journal.take() };
  }

  const engine: MatchingEngine = {
    list(instrument) {
      if (!markets.has(instrument.symbol)) markets.set(instrument.symbol, createSymbolMarket(instrument));
    },
    setStatus(symbol, status) {
      const market = markets.get(symbol) ?? raise(new UnknownToMatching('symbol', symbol));
      market.instrument = { ...market.instrument, status };
    },
    replaceInstrument(instrument) {
      const market = markets.get(instrument.symbol) ?? raise(new UnknownToMatching('symbol', instrument.symbol));
      market.instrument = instrument;
      setAverageMinutes(market.average, averageMinutes(instrument));
    },
    instrument: (symbol) => markets.get(symbol)?.instrument ?? null,
    openAccount(name, fees) {
      const existing = accounts.get(name);
      if (existing === undefined) accounts.set(name, createAccount(name, fees));
      else existing.fees = fees;
    },
    fees: (account): FeeSchedule => accountOf(account).fees,
    deposit(account, asset, amount, atMs) {
      const owner = accountOf(account);
      credit(owner.wallet, asset, amount);
      journal.balances(owner, atMs);
      return journal.take();
    },
    tick(tick) {
      onTick(markets.get(tick.symbol) ?? raise(new UnknownToMatching('symbol', tick.symbol)), tick);
      return journal.take();
    },
    moveThrough(tick) {
      onMove(markets.get(tick.symbol) ?? raise(new UnknownToMatching('symbol', tick.symbol)), tick);
      return journal.take();
    },
    numberTrade(symbol) {
      const market = markets.get(symbol) ?? raise(new UnknownToMatching('symbol', symbol));
      market.nextTradeId += 1n;
      return market.nextTradeId - 1n;
    },
    lastTick: (symbol) => markets.get(symbol)?.last ?? null,
    averagePrice(symbol, minutes, atMs) {
      const market = markets.get(symbol);
      return market === undefined ? null : averagePriceOf(market, minutes, atMs);
    },
    test(account, request, atMs) {
      const owner = accountOf(account);
      const judged = judge(owner, request, atMs);
      if (!judged.ok) return judged;
      const refusal = judgeFunds(owner, judged.market, judged.candidate, judged.tick);
      return refusal === null ? { ok: true, value: null, events: [] } : refused(refusal);
    },
    place(account, request, atMs) {
      const owner = accountOf(account);
      const judged = judge(owner, request, atMs);
      if (!judged.ok) return judged;
      const refusal = judgeFunds(owner, judged.market, judged.candidate, judged.tick);
      if (refusal !== null) return refused(refusal);
      const value = enter(owner, judged.market, judged.candidate, judged.tick, atMs);
      return { ok: true, value, events: journal.take() };
    },
    placeOco(account, request, atMs) {
      const owner = accountOf(account);
      const market = markets.get(request.symbol);
      if (market === undefined) return refused(refusals.invalidSymbol);
      const judged = judgeOco(owner, market, request, atMs);
      if (!judged.ok) return judged;
      const value = enterList(owner, market, request, judged.legs, judged.tick, atMs);
      return { ok: true, value, events: journal.take() };
    },
    cancel,
    cancelAll(account, symbol, atMs) {
      const market = markets.get(symbol);
      if (market === undefined) return refused(refusals.invalidSymbol);
      const owner = accountOf(account);
      const open = [...bookOf(owner, symbol).open.values()];
      if (open.length === 0) return refused(refusals.unknownOrder);
      if (!takesCancels(market.instrument.status)) return refused(refusals.cancelWhileClosed);
      for (const order of open) if (isOpen(order)) cancelOpen(desk, market, order, null, atMs);
      journal.balances(owner, atMs);
      return { ok: true, value: open.map(snapshotOrder), events: journal.take() };
    },
    cancelList(account, symbol, target, atMs) {
      const market = markets.get(symbol);
      if (market === undefined) return refused(refusals.invalidSymbol);
      const owner = accountOf(account);
      const list = findList(owner, target);
      const leg = list?.symbol === symbol ? list.legs.find(isOpen) : undefined;
      if (list === null || leg === undefined) return refused(refusals.unknownOrder);
      if (!takesCancels(market.instrument.status)) return refused(refusals.cancelWhileClosed);
      cancelOpen(desk, market, leg, null, atMs);
      journal.balances(owner, atMs);
      return { ok: true, value: snapshotPlacedList(list), events: journal.take() };
    },
    cancelReplace(account, request, atMs): CancelReplaced {
      return cancelReplace(account, request, atMs);
    },
    order(account, symbol, target) {
      const order = findOrder(bookOf(accountOf(account), symbol), target);
      return order === null ? null : snapshotOrder(order);
    },
    openOrders(account, symbol) {
      const books = symbol === null ? [...accountOf(account).bySymbol.values()] : [bookOf(accountOf(account), symbol)];
      return books.flatMap((book) => [...book.open.values()].map(snapshotOrder));
    },
    orders(account, symbol) {
      const book = bookOf(accountOf(account), symbol);
      return [...book.finished.values(), ...book.open.values()].sort((a, b) => (a.orderId < b.orderId ? -1 : 1)).map(snapshotOrder);
    },
    orderList(account, target) {
      const list = findList(accountOf(account), target);
      return list === null ? null : snapshotPlacedList(list);
    },
    orderLists: (account) => [...accountOf(account).lists.values()].map(snapshotPlacedList),
    trades: (account, symbol) => [...bookOf(accountOf(account), symbol).trades],
    balances(account) {
      const { wallet } = accountOf(account);
      return [...wallet.amounts.keys()].sort().map((asset) => snapshotBalance(wallet, asset));
    },
  };
  return engine;

  function enterList(
    owner: Account,
    market: SymbolMarket,
    request: OcoRequest,
    candidates: readonly Candidate[],
    tick: PriceTick,
    atMs: number,
  ): PlacedList {
    const list: OrderList = {
      account: owner,
      orderListId: nextListId,
      listClientOrderId: request.listClientOrderId,
      symbol: request.symbol,
      legs: [],
      done: false,
      createdAtMs: atMs,
    };
    nextListId += 1n;
    owner.lists.set(list.orderListId, list);
    owner.openListIds.add(list.listClientOrderId);
    const reserve = { asset: payingAsset(market, request.side), amount: zero };
    let cost: Decimal = zero;
    for (const candidate of candidates) {
      const leg = createOrder(owner, market, candidate, list, reserve, atMs);
      list.legs.push(leg);
      addOpen(bookOf(owner, leg.symbol), leg);
      if (candidate.cost.gt(cost)) cost = candidate.cost;
    }
    lock(owner.wallet, reserve, cost);
    journal.list(list, atMs);
    for (const leg of list.legs) {
      if (isContingent(leg.type)) startWaiting(desk, market, leg, atMs);
      else startWorking(desk, market, leg, tick, atMs);
    }
    journal.balances(owner, atMs);
    return snapshotPlacedList(list);
  }

  /** The replacement's form and filters are judged before the cancel, its funds after it (they include what the cancel frees). */
  function cancelReplace(account: string, request: CancelReplaceRequest, atMs: number): CancelReplaced {
    const owner = accountOf(account);
    const judged = judge(owner, request.replacement, atMs);
    if (!judged.ok) return { cancel: refused(judged.refusal), placed: { ok: false, refusal: null }, events: journal.take() };
    if (!judged.market.instrument.cancelReplaceAllowed)
      return { cancel: refused(refusals.cancelReplaceNotSupported), placed: { ok: false, refusal: null }, events: journal.take() };
    const cancelled = cancel(account, request.replacement.symbol, request.cancel, request.cancelClientOrderId ?? null, atMs);
    const events: BookEvent[] = cancelled.ok ? [...cancelled.events] : [];
    const cancelPart = cancelled.ok ? ({ ok: true, order: cancelled.value } as const) : refused(cancelled.refusal);
    if (!cancelled.ok && request.mode === 'STOP_ON_FAILURE') return { cancel: cancelPart, placed: { ok: false, refusal: null }, events };
    const refusal = judgeFunds(owner, judged.market, judged.candidate, judged.tick);
    if (refusal !== null) {
      // When nothing was cancelled, there is no event: the answer says it.
      if (cancelled.ok) journal.rejected(rejectedOrder(owner, judged.market, judged.candidate, atMs), refusal, atMs);
      return { cancel: cancelPart, placed: refused(refusal), events: [...events, ...journal.take()] };
    }
    const placed = enter(owner, judged.market, judged.candidate, judged.tick, atMs);
    return { cancel: cancelPart, placed: { ok: true, placed }, events: [...events, ...journal.take()] };
  }
}

/** Of the order, from this number on: the newest stand last, and a long past is not looked through. */
function tradesSince({ trades }: AccountBook, tradeId: bigint, { orderId }: Order): readonly BookTrade[] {
  const last = trades.findLastIndex((trade) => trade.tradeId < tradeId);
  return trades.slice(last + 1).filter((trade) => trade.orderId === orderId);
}

/** The order id in the event of an order that never was in the books. */
const noOrderId = -1n;

/** The event of an order that the matching engine refused. */
function rejectedOrder(account: Account, market: SymbolMarket, candidate: Candidate, atMs: number): BookOrder {
  const reserve = { asset: payingAsset(market, candidate.side), amount: zero };
  const order = orderOf(account, market, noOrderId, candidate, null, reserve, atMs);
  return { ...snapshotOrder(order), status: 'REJECTED' };
}

function createOrder(
  account: Account,
  market: SymbolMarket,
  candidate: Candidate,
  list: OrderList | null,
  reserve: Order['reserve'],
  atMs: number,
): Order {
  const orderId = market.nextOrderId;
  market.nextOrderId += 1n;
  return orderOf(account, market, orderId, candidate, list, reserve, atMs);
}

function orderOf(
  account: Account,
  market: SymbolMarket,
  orderId: bigint,
  candidate: Candidate,
  list: OrderList | null,
  reserve: Order['reserve'],
  atMs: number,
): Order {
  return {
    account,
    symbol: market.instrument.symbol,
    orderId,
    list,
    clientOrderId: candidate.clientOrderId,
    cancelClientOrderId: null,
    side: candidate.side,
    type: candidate.type,
    timeInForce: candidate.timeInForce,
    quantity: candidate.quantity,
    quoteQuantity: candidate.quoteQuantity,
    price: candidate.price,
    stopPrice: candidate.stopPrice,
    trailingDelta: candidate.trailingDelta,
    status: 'NEW',
    executedQuantity: zero,
    executedQuote: zero,
    working: false,
    expiryReason: null,
    selfTradePrevention: candidate.selfTradePrevention,
    preventedQuantity: zero,
    createdAtMs: atMs,
    updatedAtMs: atMs,
    workingAtMs: atMs,
    reserve,
    lockPrice: candidate.lockPrice,
    extreme:
      candidate.trailingDelta !== null && candidate.stopPrice === null ? (market.last === null ? null : exact(market.last.price)) : null,
  };
}

function takesCancels(status: InstrumentStatus): boolean {
  return status === 'TRADING' || status === 'CANCEL_ONLY';
}

function raise(error: Error): never {
  throw error;
}
