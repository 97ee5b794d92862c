/**
 * The exchange in memory: the simulator's matching, its own clock, and the rules of its wire that decide whether an order
 * counts (receive window, open client order ids). It is the ground truth that everything else is compared with.
 */
import type { Decimal } from 'decimal.js';
import type { RawAnswer } from '../../engine/exchanges/binance/errors.ts';
import type { Balance, ExchangeFill, ExchangeOrder, OrderRequest, SignedWindow, UserEvent } from '../../engine/exchanges/exchange.ts';
import { createMatching } from '../../engine/matching/engine.ts';
import type { BookEvent, BookOrder, BookTrade, FeeSchedule, MatchingEngine } from '../../engine/matching/matching.ts';
import type { Instrument } from '../../engine/trading/instrument.ts';

/** Ahead of the venue's time by this much a timestamp is refused (binance-wire.md 2.1). */
export const aheadMs = 1_000;

export type PlaceAnswer =
  | { readonly kind: 'placed'; readonly order: ExchangeOrder; readonly fills: readonly ExchangeFill[] }
  | { readonly kind: 'refused'; readonly answer: RawAnswer };

/** What the invariants look at: called when the order has just been executed. */
export interface ExchangeWatch {
  onAccepted(order: BookOrder, trades: readonly BookTrade[], signed: SignedWindow): void;
}

export interface MemoryExchangeOptions {
  readonly account: string;
  readonly instruments: readonly Instrument[];
  readonly fees: FeeSchedule;
  readonly deposits: Readonly<Record<string, Decimal>>;
  /** The venue's time, ms UTC. */
  readonly now: () => number;
}

export class MemoryExchange {
  readonly matching: MatchingEngine = createMatching();
  readonly instruments: readonly Instrument[];
  readonly account: string;
  readonly now: () => number;
  readonly #listeners = new Set<(event: UserEvent) => void>();
  /** Venue time from which on reads show an order, and its executions. */
  readonly #shownFrom = new Map<string, { readonly order: number; readonly trades: number }>();
  watch: ExchangeWatch | null = null;

  constructor({ account, instruments, fees, deposits, now }: MemoryExchangeOptions) {
    this.account = account;
    this.instruments = instruments;
    this.now = now;
    for (const instrument of instruments) this.matching.list(instrument);
    this.matching.openAccount(account, fees);
    for (const [asset, amount] of Object.entries(deposits)) this.matching.deposit(account, asset, amount, now());
  }

  /** `liquidity` is what one order can take at this price; null is unlimited. */
  setPrice(symbol: string, price: Decimal, liquidity: Decimal | null = null): void {
    this.#tell(this.matching.tick({ symbol, price, bid: price, ask: price, liquidity, atMs: this.now() }));
  }

  listen(listener: (event: UserEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** An order arrives. Reads show it, and its executions, only after these delays (they lag the matching). */
  place(
    request: OrderRequest,
    signed: SignedWindow,
    lag: { readonly orderMs: number; readonly tradesMs: number } = { orderMs: 0, tradesMs: 0 },
  ): PlaceAnswer {
    const now = this.now();
    if (signed.timestampMs >= now + aheadMs) return refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time.");
    if (now - signed.timestampMs > signed.recvWindowMs) return refused(-1021, 'Timestamp for this request is outside of the recvWindow.');
    const placed = this.matching.place(this.account, request, Math.floor(now));
    if (!placed.ok) return refused(placed.refusal.code, placed.refusal.message);
    const { order, trades } = placed.value;
    if (lag.orderMs > 0 || lag.tradesMs > 0)
      this.#shownFrom.set(`${order.symbol} ${order.orderId}`, {
        order: now + lag.orderMs,
        trades: now + Math.max(lag.orderMs, lag.tradesMs),
      });
    this.watch?.onAccepted(order, trades, signed);
    this.#tell(placed.events);
    return { kind: 'placed', order: exchangeOrder(order), fills: trades.map((trade) => exchangeFill(trade, order.clientOrderId)) };
  }

  order(symbol: string, clientOrderId: string): ExchangeOrder | null {
    const order = this.matching.order(this.account, symbol, { clientOrderId });
    return order !== null && this.#shows(order) ? exchangeOrder(order) : null;
  }

  openOrders(symbol: string): readonly ExchangeOrder[] {
    return this.matching
      .openOrders(this.account, symbol)
      .filter((order) => this.#shows(order))
      .map(exchangeOrder);
  }

  ordersSince(symbol: string, startTimeMs: number): readonly ExchangeOrder[] {
    return this.matching
      .orders(this.account, symbol)
      .filter((order) => order.createdAtMs >= startTimeMs && this.#shows(order))
      .map(exchangeOrder);
  }

  fillsOfOrder(symbol: string, orderId: string): readonly ExchangeFill[] {
    return this.#trades(symbol)
      .filter((trade) => trade.orderId.toString() === orderId)
      .map((trade) => exchangeFill(trade, null));
  }

  fillsSince(symbol: string, fromTradeId: string | null): readonly ExchangeFill[] {
    const from = fromTradeId === null ? null : BigInt(fromTradeId);
    const trades = this.#trades(symbol).filter((trade) => from === null || trade.tradeId >= from);
    return (from === null ? trades.slice(-1_000) : trades.slice(0, 1_000)).map((trade) => exchangeFill(trade, null));
  }

  balances(): readonly Balance[] {
    return this.matching.balances(this.account);
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

  #tell(events: readonly BookEvent[]): void {
    if (events.length === 0 || this.#listeners.size === 0) return;
    for (const event of events) {
      const told = userEvent(event);
      if (told !== null) for (const listener of this.#listeners) listener(told);
    }
  }
}

function refused(code: number, message: string): PlaceAnswer {
  return { kind: 'refused', answer: { status: 400, body: { code, msg: message }, retryAfterSeconds: null } };
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
      const { order, trade, atMs } = event;
      const fill = trade === null ? null : exchangeFill(trade, order.clientOrderId);
      return { type: 'order-updated', order: exchangeOrder(order), fill, reason: order.expiryReason, atMs };
    }
    case 'balances':
      return { type: 'balances-changed', balances: event.balances, atMs: event.atMs };
    case 'list':
      return null;
    default:
      return event satisfies never;
  }
}
