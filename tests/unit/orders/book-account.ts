/** A trading account on the product's own matching rules, whose requests and answers a test may lose. */
import { Decimal } from 'decimal.js';
import { refusalOf } from '../../../engine/exchanges/binance/errors.ts';
import type {
  CancelOutcome,
  ExchangeFill,
  ExchangeOrder,
  OcoOutcome,
  OcoRequest,
  OrderLookup,
  OrderRequest,
  OrderReservation,
  PlaceOutcome,
  Refusal,
  ReplaceOutcome,
  TradingAccount,
  UserEvent,
} from '../../../engine/exchanges/exchange.ts';
import { createMatching } from '../../../engine/matching/engine.ts';
import type { BookEvent, BookOrder, BookRefusal, BookTrade } from '../../../engine/matching/matching.ts';
import type { Clock } from '../../../engine/time/clock.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';

export type Operation = 'place' | 'oco' | 'cancel' | 'replace';
/** What happens to one request: it never arrives, its answer never does, or both do. */
export type Loss = 'request' | 'answer' | null;

const lost: Refusal = { httpStatus: 0, code: null, message: 'socket hang up', class: 'network' };
const owner = 'main';

export class BookAccount implements TradingAccount {
  readonly name = 'books';
  readonly matching = createMatching();
  readonly asked: string[] = [];
  /** Asked before each request reaches the books; may move the market. */
  onRequest: (operation: Operation) => Loss = () => null;
  listener: ((event: UserEvent) => void) | null = null;
  /** What the user stream tells in place of an event. */
  retell: (event: UserEvent) => UserEvent = (event) => event;
  /** Below 5 an event is heard before the answer to the request that made it. */
  tellAfterMs = 3;
  /** How many more orders the exchange takes in this window, and how many places are kept for orders to come. */
  room = Number.POSITIVE_INFINITY;
  kept = 0;
  readonly #clock: Clock;
  readonly #symbol: string;

  constructor(clock: Clock, instrument: Instrument) {
    this.#clock = clock;
    this.#symbol = instrument.symbol;
    this.matching.list(instrument);
    this.matching.openAccount(owner, { maker: new Decimal('0.001'), taker: new Decimal('0.001'), asset: 'received' });
    this.matching.deposit(owner, instrument.quoteAsset, new Decimal(100_000), 0);
  }

  reserveOrder(): OrderReservation {
    if (this.kept >= this.room) return { granted: false, retryAfterMs: 10_000, reason: 'the order limit leaves no room' };
    this.kept += 1;
    return { granted: true, release: () => (this.kept -= 1) };
  }

  price(price: number, liquidity: number | null = null): void {
    const value = new Decimal(price);
    const tick = {
      symbol: this.#symbol,
      price: value,
      bid: value,
      ask: value,
      liquidity: liquidity === null ? null : new Decimal(liquidity),
    };
    this.#tell(this.matching.tick({ ...tick, atMs: this.#clock.now() }));
  }

  /** A request that was lost long ago is executed after all. */
  async arriveLate(clientOrderId: string, quantity: Decimal): Promise<void> {
    const request = {
      symbol: this.#symbol,
      side: 'SELL',
      type: 'STOP_LOSS',
      clientOrderId,
      quantity,
      stopPrice: new Decimal(1_000),
    } as const;
    const placed = this.matching.place(owner, request, this.#clock.now());
    if (!placed.ok) throw new Error(placed.refusal.message);
    this.#tell(placed.events);
  }

  /** Orders that are open in the books, whatever was answered. */
  get open(): readonly BookOrder[] {
    return this.matching.openOrders(owner, this.#symbol);
  }
  get all(): readonly BookOrder[] {
    return this.matching.orders(owner, this.#symbol);
  }
  coins(asset = 'BTC'): Decimal {
    const balance = this.matching.balances(owner).find((one) => one.asset === asset);
    return balance === undefined ? new Decimal(0) : balance.free.plus(balance.locked);
  }

  placeOrder(request: OrderRequest): Promise<PlaceOutcome> {
    return this.#do<PlaceOutcome>('place', { kind: 'unknown', refusal: lost }, () => {
      const placed = this.matching.place(owner, request, this.#clock.now());
      if (!placed.ok) return { kind: 'rejected', refusal: refusal(placed.refusal) };
      this.#tell(placed.events);
      const { order, trades } = placed.value;
      return { kind: 'accepted', order: orderOf(order), fills: trades.map((trade) => fillOf(trade, order.clientOrderId)) };
    });
  }

  placeOco({ symbol, side, quantity, above, below }: OcoRequest): Promise<OcoOutcome> {
    return this.#do<OcoOutcome>('oco', { kind: 'unknown', refusal: lost }, () => {
      const request = { symbol, side, quantity, listClientOrderId: `list-${below.clientOrderId}`, above, below };
      const placed = this.matching.placeOco(owner, request, this.#clock.now());
      if (!placed.ok) return { kind: 'rejected', refusal: refusal(placed.refusal) };
      this.#tell(placed.events);
      return { kind: 'accepted', orders: placed.value.orders.map(orderOf) };
    });
  }

  cancelOrder(symbol: string, clientOrderId: string): Promise<CancelOutcome> {
    return this.#do<CancelOutcome>('cancel', { kind: 'unknown', refusal: lost }, () => {
      const cancelled = this.matching.cancel(owner, symbol, { clientOrderId }, `c-${clientOrderId}`.slice(0, 36), this.#clock.now());
      if (!cancelled.ok) return { kind: 'refused', refusal: refusal(cancelled.refusal) };
      this.#tell(cancelled.events);
      return { kind: 'cancelled', orders: [orderOf(cancelled.value)] };
    });
  }

  replaceOrder(cancelledId: string, replacement: OrderRequest): Promise<ReplaceOutcome> {
    const unknown = { kind: 'unknown', refusal: lost } as const;
    return this.#do<ReplaceOutcome>('replace', { cancel: unknown, place: unknown }, () => {
      const request = { cancel: { clientOrderId: cancelledId }, mode: 'STOP_ON_FAILURE', replacement } as const;
      const { cancel, placed, events } = this.matching.cancelReplace(owner, request, this.#clock.now());
      this.#tell(events);
      return {
        cancel: cancel.ok ? { kind: 'cancelled', orders: [orderOf(cancel.order)] } : { kind: 'refused', refusal: refusal(cancel.refusal) },
        place: placed.ok
          ? { kind: 'accepted', order: orderOf(placed.placed.order), fills: [] }
          : placed.refusal === null
            ? { kind: 'not-attempted' }
            : { kind: 'rejected', refusal: refusal(placed.refusal) },
      };
    });
  }

  async order(symbol: string, clientOrderId: string): Promise<OrderLookup> {
    this.asked.push('order');
    const order = this.matching.order(owner, symbol, { clientOrderId });
    return order === null ? { kind: 'absent' } : { kind: 'found', order: orderOf(order) };
  }
  async openOrders(): Promise<readonly ExchangeOrder[]> {
    this.asked.push('openOrders');
    return this.open.map(orderOf);
  }
  async ordersSince(): Promise<readonly ExchangeOrder[]> {
    this.asked.push('allOrders');
    return this.all.map(orderOf);
  }
  async ordersFrom(): Promise<readonly ExchangeOrder[]> {
    return this.ordersSince();
  }
  async fillsOfOrder(symbol: string, orderId: string): Promise<readonly ExchangeFill[]> {
    return this.matching
      .trades(owner, symbol)
      .filter((trade) => trade.orderId === BigInt(orderId))
      .map((trade) => fillOf(trade, null));
  }
  async fillsSince(): Promise<readonly ExchangeFill[]> {
    return [];
  }
  async balances(): Promise<never[]> {
    return [];
  }
  listen(): { stop(): Promise<void> } {
    return { stop: async () => undefined };
  }

  async #do<T>(operation: Operation, unknown: T, work: () => T): Promise<T> {
    this.asked.push(operation);
    await this.#clock.sleep(5);
    const loss = this.onRequest(operation);
    const answer = loss === 'request' ? unknown : work();
    await this.#clock.sleep(loss === null ? 5 : 500);
    return loss === null ? answer : unknown;
  }

  #tell(events: readonly BookEvent[]): void {
    for (const event of events) {
      if (event.type !== 'order') continue;
      const { order, trade, refusal: refused, atMs } = event;
      const told: UserEvent = {
        type: 'order-updated',
        order: orderOf(order),
        fill: trade === null ? null : fillOf(trade, order.clientOrderId),
        reason: refused?.message ?? order.expiryReason,
        atMs,
      };
      this.#clock.after(this.tellAfterMs, () => this.listener?.(this.retell(told)));
    }
  }
}

/** As the adapter understands it. */
function refusal({ code, message }: BookRefusal): Refusal {
  return refusalOf({ status: 400, body: { code, msg: message }, retryAfterSeconds: null, receivedAtVenueMs: 0 });
}

function orderOf(order: BookOrder): ExchangeOrder {
  const { symbol, clientOrderId, side, type, status, quantity, executedQuantity, executedQuote, updatedAtMs } = order;
  return {
    symbol,
    orderId: String(order.orderId),
    clientOrderId,
    side,
    type,
    status,
    quantity,
    executedQuantity,
    executedQuote,
    updatedAtMs,
  };
}

function fillOf(trade: BookTrade, clientOrderId: string | null): ExchangeFill {
  const { symbol, side, price, quantity, commission, commissionAsset, isMaker, atMs } = trade;
  return {
    symbol,
    tradeId: String(trade.tradeId),
    orderId: String(trade.orderId),
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
