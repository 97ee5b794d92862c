/**
 * The exchange in memory: the simulator's matching, its own clock, and the rules of its wire that decide whether an order
 * counts (receive window, open client order ids). It is the ground truth that everything else is compared with.
 */
import type { Decimal } from 'decimal.js';
import type { RawAnswer } from '../../engine/exchanges/binance/errors.ts';
import type {
  Balance,
  ExchangeFill,
  ExchangeOrder,
  OcoRequest,
  OrderRequest,
  SignedWindow,
  UserEvent,
} from '../../engine/exchanges/exchange.ts';
import { parseClientOrderId } from '../../engine/orders/client-order-id.ts';
import { createMatching } from '../../engine/matching/engine.ts';
import type { BookEvent, BookOrder, BookRefusal, BookTrade, FeeSchedule, MatchingEngine, Placed } from '../../engine/matching/matching.ts';
import { ceilToStep, zero } from '../../engine/trading/exact.ts';
import type { Instrument } from '../../engine/trading/instrument.ts';
import { Denials } from './denials.ts';
import { FilterChanges } from './filter-changes.ts';

/** Ahead of the venue's time by this much a timestamp is refused. */
export const aheadMs = 1_000;

/** What was done, or the wire's refusal. */
export type VenueAnswer<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'refused'; readonly answer: RawAnswer };

export interface PlacedOrder {
  readonly order: ExchangeOrder;
  readonly fills: readonly ExchangeFill[];
}

/** `placed` is null when the cancel failed, so that nothing was tried. */
export interface Replaced {
  readonly cancelled: VenueAnswer<readonly ExchangeOrder[]>;
  readonly placed: VenueAnswer<PlacedOrder> | null;
}

/** How long reads show nothing of what arrives now, and of its executions (they lag the matching). */
export interface ReadLag {
  readonly orderMs: number;
  readonly tradesMs: number;
}

/** Of orders and trades; and how far a question by time reaches. */
const pageSize = 1_000;
const historyWindowMs = 86_400_000;
/** A target whose answer was lost is looked up by then. */
const knownForMs = 15_000;
const noLag: ReadLag = { orderMs: 0, tradesMs: 0 };

/** What the invariants look at, as it happens. */
export interface ExchangeWatch {
  /** `trades` are those that it made as it arrived. */
  onAccepted(order: BookOrder, trades: readonly BookTrade[], signed: SignedWindow): void;
  /** One of the bots' orders was cancelled by an engine. */
  onCancelled(order: BookOrder, signed: SignedWindow): void;
  /** An order that had rested was executed. */
  onExecuted(order: BookOrder, trade: BookTrade): void;
}

export interface MemoryExchangeOptions {
  readonly account: string;
  readonly instruments: readonly Instrument[];
  readonly fees: FeeSchedule;
  readonly deposits: Readonly<Record<string, Decimal>>;
  /** The venue's time, ms UTC. */
  readonly now: () => number;
  /** For how long reads go on showing an order as it was before the change that happens now; 0 when they show the change. */
  readonly staleForMs: () => number;
  /** The share of a resting order that the book takes now; null for all of it. Asked when a price reaches one of the bots'. */
  readonly thinShare: () => number | null;
}

/** An order as reads still show it. */
interface OldView {
  readonly order: BookOrder;
  readonly untilMs: number;
}

export class MemoryExchange {
  readonly matching: MatchingEngine = createMatching();
  readonly denials = new Denials(() => this.now());
  readonly filters: FilterChanges;
  readonly account: string;
  readonly now: () => number;
  readonly #listeners = new Set<(event: UserEvent) => void>();
  /** Venue time from which on reads show an order, and its executions. */
  readonly #shownFrom = new Map<string, { readonly order: number; readonly trades: number }>();
  /** Each open order as it was when it last changed, and what reads show in the place of the truth. */
  readonly #latest = new Map<string, BookOrder>();
  readonly #oldViews = new Map<string, OldView>();
  readonly #staleForMs: () => number;
  readonly #thinShare: () => number | null;
  readonly #foreignTrades: BookTrade[] = [];
  watch: ExchangeWatch | null = null;
  /** Counts the changes of prices and orders: who has looked at one need not look again. */
  #revision = 0;

  constructor({ account, instruments, fees, deposits, now, staleForMs, thinShare }: MemoryExchangeOptions) {
    this.account = account;
    this.#staleForMs = staleForMs;
    this.#thinShare = thinShare;
    this.now = now;
    for (const instrument of instruments) this.matching.list(instrument);
    this.filters = new FilterChanges(instruments, now);
    this.matching.openAccount(account, fees);
    for (const [asset, amount] of Object.entries(deposits)) this.matching.deposit(account, asset, amount, now());
  }

  get revision(): number {
    return this.#revision;
  }

  /** As a reading shows them. */
  get instruments(): readonly Instrument[] {
    return this.filters.now.map((instrument) => ({
      ...instrument,
      status: this.matching.instrument(instrument.symbol)?.status ?? 'TRADING',
    }));
  }

  /** The filters of a symbol change; answers how they change back. */
  changeFilters(symbol: string, way: number): () => void {
    const changed = this.filters.begin(symbol, way);
    this.#judgeBy(symbol);
    return () => {
      this.filters.end(symbol, changed);
      this.#judgeBy(symbol);
    };
  }

  #judgeBy(symbol: string): void {
    const status = this.matching.instrument(symbol)?.status ?? 'TRADING';
    this.matching.replaceInstrument({ ...this.filters.of(symbol), status });
    this.#revision += 1;
  }

  /**
   * `liquidity` is what one order can take at this price; null is unlimited. Of a resting order that the price reaches only the
   * `thinShare` may find somebody to trade with.
   */
  setPrice(symbol: string, price: Decimal, liquidity: Decimal | null = this.#thinAt(symbol, price)): void {
    const events = this.matching.tick({ symbol, price, bid: price, ask: price, liquidity, atMs: this.now() });
    this.#revision += 1;
    for (const event of events) if (event.type === 'order' && event.trade !== null) this.watch?.onExecuted(event.order, event.trade);
    this.#tell(events);
  }

  #thinAt(symbol: string, price: Decimal): Decimal | null {
    const reached = this.matching.openOrders(this.account, symbol).find((order) => {
      if (parseClientOrderId(order.clientOrderId) === null) return false;
      return order.stopPrice === null ? price.gte(order.price) : price.lte(order.stopPrice);
    });
    const share = reached === undefined ? null : this.#thinShare();
    return reached === undefined || share === null ? null : reached.quantity.times(share);
  }

  listen(listener: (event: UserEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** An order arrives. */
  place(request: OrderRequest, signed: SignedWindow, lag: ReadLag = noLag): VenueAnswer<PlacedOrder> {
    const late = this.#outOfTime(signed);
    if (late !== null) return late;
    const placed = this.matching.place(this.account, request, this.#nowMs());
    if (!placed.ok) return this.#refused(placed.refusal);
    const accepted = this.#accepted(placed.value, signed, lag);
    for (const event of placed.events)
      if (event.type === 'order' && event.trade !== null && event.order.orderId !== placed.value.order.orderId)
        this.watch?.onExecuted(event.order, event.trade);
    this.#tell(placed.events);
    return { kind: 'done', value: accepted };
  }

  /** How much our own targets, known for a while, offer of what the order buys: nothing, a part or all of it. */
  ownTargets({ symbol, side, type, quantity }: OrderRequest): 'none' | 'part' | 'all' {
    if (side !== 'BUY' || type !== 'MARKET') return 'none';
    const offered = this.matching
      .openOrders(this.account, symbol)
      .filter((order) => order.type === 'LIMIT_MAKER' && this.now() - order.createdAtMs > knownForMs)
      .reduce((sum, order) => sum.plus(order.quantity).minus(order.executedQuantity), zero);
    return offered.gte(quantity) ? 'all' : offered.gt(0) ? 'part' : 'none';
  }

  /** Both legs, or none. */
  placeOco(
    { symbol, side, quantity, above, below }: OcoRequest,
    signed: SignedWindow,
    lag: ReadLag = noLag,
  ): VenueAnswer<readonly ExchangeOrder[]> {
    const late = this.#outOfTime(signed);
    if (late !== null) return late;
    const request = { symbol, side, quantity, above, below, listClientOrderId: `list-of-${below.clientOrderId}` };
    const placed = this.matching.placeOco(this.account, request, this.#nowMs());
    if (!placed.ok) return this.#refused(placed.refusal);
    const orders = placed.value.orders.map((order) => this.#accepted({ order, trades: [] }, signed, lag).order);
    this.#tell(placed.events);
    return { kind: 'done', value: orders };
  }

  /** One of a list takes all of it down; the answer tells of the named one, as the simulator's does. */
  cancel(symbol: string, clientOrderId: string, signed: SignedWindow): VenueAnswer<readonly ExchangeOrder[]> {
    const late = this.#outOfTime(signed);
    if (late !== null) return late;
    const cancelled = this.matching.cancel(this.account, symbol, { clientOrderId }, null, this.#nowMs());
    if (!cancelled.ok) return this.#refused(cancelled.refusal);
    for (const event of cancelled.events)
      if (event.type === 'order' && event.execution === 'CANCELED') this.watch?.onCancelled(event.order, signed);
    this.#tell(cancelled.events);
    return { kind: 'done', value: [exchangeOrder(cancelled.value)] };
  }

  /**
   * Somebody else trades, now a sale, now a purchase, and sells a little more than is bought: there is never less money for the bots.
   * False while the exchange does not take it.
   */
  flood(symbol: string, orders: number): boolean {
    const { lot, notional } = this.filters.of(symbol);
    const price = this.matching.lastTick(symbol)?.price;
    if (price === undefined || notional === null || this.filters.changed(symbol)) return false;
    const least = ceilToStep(notional.min.times('1.1').div(price), lot.step);
    for (let index = 0; index < orders; index += 1) {
      const [side, quantity] = index % 2 === 0 ? (['SELL', least.plus(lot.step)] as const) : (['BUY', least] as const);
      const request = { symbol, side, type: 'MARKET', clientOrderId: `web_flood_${index}`, quantity } as const;
      const placed = this.matching.place(this.account, request, this.#nowMs());
      if (!placed.ok) return false;
      this.#foreignTrades.push(...placed.value.trades);
      this.#tell(placed.events);
    }
    return true;
  }

  /** What somebody else executed on the account. */
  get foreignTrades(): readonly BookTrade[] {
    return this.#foreignTrades;
  }

  /** Somebody else cancels an order of the bots; false when none is open. */
  cancelAsStranger(): boolean {
    const order = this.matching.openOrders(this.account, null).find(({ clientOrderId }) => parseClientOrderId(clientOrderId) !== null);
    if (order === undefined) return false;
    const cancelled = this.matching.cancel(this.account, order.symbol, { orderId: order.orderId }, null, this.#nowMs());
    if (cancelled.ok) this.#tell(cancelled.events);
    return cancelled.ok;
  }

  /** Cancels, and places only when that succeeded. */
  replace(cancelledId: string, request: OrderRequest, signed: SignedWindow, lag: ReadLag = noLag): Replaced {
    const late = this.#outOfTime(signed);
    if (late !== null) return { cancelled: late, placed: late };
    const { cancel, placed, events } = this.matching.cancelReplace(
      this.account,
      { cancel: { clientOrderId: cancelledId }, mode: 'STOP_ON_FAILURE', replacement: request },
      this.#nowMs(),
    );
    if (cancel.ok) this.watch?.onCancelled(cancel.order, signed);
    const half = placed.ok ? this.#accepted(placed.placed, signed, lag) : null;
    this.#tell(events);
    return {
      cancelled: cancel.ok ? { kind: 'done', value: [exchangeOrder(cancel.order)] } : this.#refused(cancel.refusal),
      placed: half !== null ? { kind: 'done', value: half } : placed.ok || placed.refusal === null ? null : this.#refused(placed.refusal),
    };
  }

  order(symbol: string, clientOrderId: string): ExchangeOrder | null {
    const order = this.matching.order(this.account, symbol, { clientOrderId });
    // The replaced order was named by this id, and the adapter answers with it.
    return order !== null && this.#shows(order) ? { ...this.#shown(order), clientOrderId } : null;
  }

  openOrders(symbol: string | null): readonly ExchangeOrder[] {
    const now = this.now();
    const gone = [...this.#oldViews.values()].filter(
      ({ order, untilMs }) => untilMs > now && (symbol === null || order.symbol === symbol) && this.#isOver(order),
    );
    return [
      ...this.matching
        .openOrders(this.account, symbol)
        .filter((order) => this.#shows(order))
        .map((order) => this.#shown(order)),
      ...gone.map(({ order }) => exchangeOrder(order)),
    ];
  }

  #isOver({ symbol, orderId }: BookOrder): boolean {
    const truth = this.matching.order(this.account, symbol, { orderId });
    return truth === null || !isOpenStatus(truth);
  }

  /** Orders that reads show as they no longer are. */
  get shownAsTheyWere(): readonly BookOrder[] {
    const now = this.now();
    return [...this.#oldViews.values()].flatMap(({ order, untilMs }) => (untilMs > now ? [order] : []));
  }

  ordersSince(symbol: string, startTimeMs: number): readonly ExchangeOrder[] {
    return this.matching
      .orders(this.account, symbol)
      .filter((order) => order.createdAtMs >= startTimeMs && order.createdAtMs <= startTimeMs + historyWindowMs && this.#shows(order))
      .slice(0, pageSize)
      .map((order) => this.#shown(order));
  }

  ordersFrom(symbol: string, fromOrderId: string): readonly ExchangeOrder[] {
    return this.matching
      .orders(this.account, symbol)
      .filter((order) => order.orderId >= BigInt(fromOrderId) && this.#shows(order))
      .slice(0, pageSize)
      .map((order) => this.#shown(order));
  }

  fillsOfOrder(symbol: string, orderId: string): readonly ExchangeFill[] {
    return this.#trades(symbol)
      .filter((trade) => trade.orderId.toString() === orderId)
      .slice(0, pageSize)
      .map((trade) => exchangeFill(trade, null));
  }

  fillsSince(symbol: string, fromTradeId: string | null): readonly ExchangeFill[] {
    const from = fromTradeId === null ? null : BigInt(fromTradeId);
    const trades = this.#trades(symbol).filter((trade) => from === null || trade.tradeId >= from);
    return (from === null ? trades.slice(-pageSize) : trades.slice(0, pageSize)).map((trade) => exchangeFill(trade, null));
  }

  balances(): readonly Balance[] {
    return this.matching.balances(this.account);
  }

  #nowMs(): number {
    return Math.floor(this.now());
  }

  #refused({ code, message }: BookRefusal): { readonly kind: 'refused'; readonly answer: RawAnswer } {
    return {
      kind: 'refused',
      answer: { status: 400, body: { code, msg: message }, retryAfterSeconds: null, receivedAtVenueMs: this.now() },
    };
  }

  #outOfTime({ timestampMs, recvWindowMs }: SignedWindow): { readonly kind: 'refused'; readonly answer: RawAnswer } | null {
    const now = this.now();
    if (timestampMs >= now + aheadMs)
      return this.#refused({ code: -1021, message: "Timestamp for this request was 1000ms ahead of the server's time." });
    return now - timestampMs > recvWindowMs
      ? this.#refused({ code: -1021, message: 'Timestamp for this request is outside of the recvWindow.' })
      : null;
  }

  #accepted({ order, trades }: Placed, signed: SignedWindow, { orderMs, tradesMs }: ReadLag): PlacedOrder {
    const now = this.now();
    if (orderMs > 0 || tradesMs > 0)
      this.#shownFrom.set(`${order.symbol} ${order.orderId}`, { order: now + orderMs, trades: now + Math.max(orderMs, tradesMs) });
    this.watch?.onAccepted(order, trades, signed);
    return { order: exchangeOrder(order), fills: trades.map((trade) => exchangeFill(trade, order.clientOrderId)) };
  }

  #trades(symbol: string): readonly BookTrade[] {
    const now = this.now();
    return this.matching
      .trades(this.account, symbol)
      .filter(({ orderId }) => (this.#shownFrom.get(`${symbol} ${orderId}`)?.trades ?? 0) <= now);
  }

  #shows({ symbol, orderId }: BookOrder): boolean {
    return (this.#shownFrom.get(`${symbol} ${orderId}`)?.order ?? 0) <= this.now();
  }

  /** As a read tells it: perhaps as it was, and one that was cancelled under the name of its cancel. */
  #shown(truth: BookOrder): ExchangeOrder {
    const old = this.#oldViews.get(viewKey(truth));
    const order = old !== undefined && old.untilMs > this.now() ? old.order : truth;
    const told = exchangeOrder(order);
    return order.status === 'CANCELED' ? { ...told, clientOrderId: `cancel-of-${told.orderId}` } : told;
  }

  /** From now on reads may show the order as it was before this change. A new order has no older view. */
  #keepView(order: BookOrder): void {
    const key = viewKey(order);
    const before = this.#latest.get(key);
    if (isOpenStatus(order)) this.#latest.set(key, order);
    else this.#latest.delete(key);
    if (before === undefined) return;
    const forMs = this.#staleForMs();
    if (forMs > 0) this.#oldViews.set(key, { order: before, untilMs: this.now() + forMs });
  }

  #tell(events: readonly BookEvent[]): void {
    if (events.length === 0) return;
    this.#revision += 1;
    for (const event of events) if (event.type === 'order') this.#keepView(event.order);
    if (this.#listeners.size === 0) return;
    for (const event of events) {
      const told = userEvent(event);
      if (told !== null) for (const listener of this.#listeners) listener(told);
    }
  }
}

function viewKey({ symbol, orderId }: BookOrder): string {
  return `${symbol} ${orderId}`;
}

function isOpenStatus({ status }: BookOrder): boolean {
  return status === 'NEW' || status === 'PARTIALLY_FILLED';
}

export function exchangeOrder(order: BookOrder): ExchangeOrder {
  const { symbol, orderId, clientOrderId, side, type, status, quantity, executedQuantity, executedQuote, updatedAtMs } = order;
  return { symbol, orderId: orderId.toString(), clientOrderId, side, type, status, quantity, executedQuantity, executedQuote, updatedAtMs };
}

/** Trade history does not tell the client order id. */
export function exchangeFill(trade: BookTrade, clientOrderId: string | null): ExchangeFill {
  const { symbol, tradeId, orderId, side, price, quantity, commission, commissionAsset, isMaker, atMs } = trade;
  return {
    symbol,
    tradeId: tradeId.toString(),
    orderId: orderId.toString(),
    clientOrderId,
    side,
    price,
    quantity,
    commission,
    commissionAsset,
    isMaker,
    atMs,
  };
}

function userEvent(event: BookEvent): UserEvent | null {
  switch (event.type) {
    case 'order': {
      const { order, trade, refusal, atMs } = event;
      const fill = trade === null ? null : exchangeFill(trade, order.clientOrderId);
      return { type: 'order-updated', order: exchangeOrder(order), fill, reason: refusal?.message ?? order.expiryReason, atMs };
    }
    case 'balances':
      return { type: 'balances-changed', balances: event.balances, atMs: event.atMs };
    case 'list':
      return null;
    default:
      return event satisfies never;
  }
}
