/**
 * The exchange port: what the engine needs of a venue. Adapters: `binance/` (Binance and everything that speaks
 * its wire, our simulator included) and `paper.ts`. Placing never throws and never retries: it answers what is
 * known, as cancelling and replacing do. Reads throw `ExchangeError` when no answer was had. Nothing here is optional, so the
 * compiler refuses a wrapper around an account that does not pass every argument on.
 */
import type { Decimal } from 'decimal.js';
import type { Candle, Timeframe } from '../trading/candle.ts';
import type { Instrument, OrderSide, OrderType, SelfTradePrevention, TimeInForce } from '../trading/instrument.ts';

export interface KlineRequest {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  /** Inclusive, ms UTC. */
  readonly startTime?: number;
  readonly endTime?: number;
  /** At most 1000. */
  readonly limit?: number;
  /** A stop or an exit waits for the answer: it may use a part of the request weight that other reads may not. */
  readonly forExits?: boolean;
}

/** Public market data by REST. */
export interface MarketData {
  serverTime(): Promise<number>;
  /** The named symbols, or all (null). Unknown names throw `ExchangeError` with class `bad-request`. */
  instruments(symbols: readonly string[] | null): Promise<readonly Instrument[]>;
  /** Oldest first; `closed` is set by the venue's time of the question, so the last row is usually still forming. */
  klines(request: KlineRequest): Promise<readonly Candle[]>;
  /** Last trade price. */
  price(symbol: string): Promise<Decimal>;
  /** The last prices of several symbols in one request; symbols without a price are left out. */
  prices(symbols: readonly string[]): Promise<ReadonlyMap<string, Decimal>>;
}

export interface OrderRequest {
  readonly symbol: string;
  readonly clientOrderId: string;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly quantity: Decimal;
  readonly price?: Decimal;
  readonly stopPrice?: Decimal;
  readonly timeInForce?: TimeInForce;
  readonly selfTradePrevention: SelfTradePrevention;
  /** What a paper account needs to find the price of the fill. */
  readonly decided?: DecidedAt;
}

export interface DecidedAt {
  /** Close time of the candle for what was decided at a close, else the moment. */
  readonly decisionMs: number;
  /** Where a stop or target that the engine keeps was due; null for what goes out at the market. */
  readonly triggerPrice: number | null;
}

/** What an order is for. Entries may not use the last part of each limit, so that exits and stops have room. */
export type OrderPriority = 'protect' | 'exit' | 'entry';

/** Room for an order under the venue's limits, kept until it is released; or why there is none. */
export type OrderReservation =
  | { readonly granted: true; release(): void }
  | { readonly granted: false; readonly retryAfterMs: number; readonly reason: string };

/** The answer of an account without limits. */
export const unlimited: OrderReservation = { granted: true, release: () => undefined };

/** One leg of an order list: `price` for orders with a limit, `stopPrice` for those that wait for a trigger. */
export type OcoLeg = Pick<OrderRequest, 'clientOrderId' | 'type' | 'price' | 'stopPrice' | 'timeInForce'>;

/** Two orders for the same coins: one cancels the other. `above` and `below` say on which side of the market each one waits. */
export interface OcoRequest {
  readonly symbol: string;
  readonly side: OrderSide;
  readonly quantity: Decimal;
  readonly selfTradePrevention: SelfTradePrevention;
  readonly above: OcoLeg;
  readonly below: OcoLeg;
}

/** When the request was signed, in the venue's time, and how long it may travel. Fixed in the intent before the send. */
export interface SignedWindow {
  readonly timestampMs: number;
  readonly recvWindowMs: number;
}

export type ExchangeOrderStatus =
  | 'NEW'
  | 'PENDING_NEW'
  | 'PARTIALLY_FILLED'
  | 'FILLED'
  | 'CANCELED'
  | 'REJECTED'
  | 'EXPIRED'
  | 'EXPIRED_IN_MATCH';

/** The exchange's view of one order. Ids are text: some venues' pass 2^53. */
export interface ExchangeOrder {
  readonly symbol: string;
  /** Read it with `placedId` where the order may have been rejected. */
  readonly orderId: string;
  /** Ours, also after a cancel (Binance then reports it as the original id). */
  readonly clientOrderId: string;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly status: ExchangeOrderStatus;
  readonly quantity: Decimal;
  readonly executedQuantity: Decimal;
  /** Cumulative quote amount. */
  readonly executedQuote: Decimal;
  readonly updatedAtMs: number;
}

/**
 * The id that the exchange gave the order; null for one that it rejected, which never was in its books: whatever number stands in
 * such a report (-1, 0, one of somebody else's) is not its.
 */
export function placedId({ status, orderId }: Pick<ExchangeOrder, 'status' | 'orderId'>): string | null {
  return status === 'REJECTED' ? null : orderId;
}

/** One execution as the exchange tells it. */
export interface ExchangeFill {
  readonly symbol: string;
  readonly tradeId: string;
  readonly orderId: string;
  /** Null where the source does not tell it (trade history). */
  readonly clientOrderId: string | null;
  readonly side: OrderSide;
  readonly price: Decimal;
  readonly quantity: Decimal;
  readonly commission: Decimal;
  readonly commissionAsset: string;
  readonly isMaker: boolean;
  readonly atMs: number;
}

/** Binance's answer, kept for the log and the verdict. */
export interface Refusal {
  /** HTTP status, 0 when none was received. */
  readonly httpStatus: number;
  /** The exchange's code, null when the body carried none. */
  readonly code: number | null;
  readonly message: string;
  readonly class: ExchangeErrorClass;
  /** When the venue asked to wait: milliseconds. */
  readonly retryAfterMs?: number;
}

/** What a refusal means for us. */
export type ExchangeErrorClass =
  | 'network'
  | 'rate-limited'
  | 'banned'
  | 'authentication'
  | 'clock'
  | 'filter'
  | 'insufficient-balance'
  | 'duplicate-order'
  | 'symbol-closed'
  | 'not-found'
  | 'bad-request'
  | 'overloaded'
  | 'server'
  | 'malformed-answer'
  | 'other';

/** `unknown` means that the order may or may not exist: only evidence decides. */
export type PlaceOutcome =
  | { readonly kind: 'accepted'; readonly order: ExchangeOrder; readonly fills: readonly ExchangeFill[] }
  | { readonly kind: 'rejected'; readonly refusal: Refusal }
  | { readonly kind: 'unknown'; readonly refusal: Refusal };

/** Both legs stand, none does, or nobody knows. */
export type OcoOutcome =
  | { readonly kind: 'accepted'; readonly orders: readonly ExchangeOrder[] }
  | { readonly kind: 'rejected'; readonly refusal: Refusal }
  | { readonly kind: 'unknown'; readonly refusal: Refusal };

/**
 * `refused` proves only that the order was not open for the matching engine at that moment: it may have been filled, cancelled
 * before, or never placed. Cancelling one of a list cancels all of it; `orders` are those that the answer tells of.
 */
export type CancelOutcome =
  | { readonly kind: 'cancelled'; readonly orders: readonly ExchangeOrder[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'unknown'; readonly refusal: Refusal };

/** `not-attempted`: the cancel failed, so nothing was placed. */
export interface ReplaceOutcome {
  readonly cancel: CancelOutcome;
  readonly place: PlaceOutcome | { readonly kind: 'not-attempted' };
}

/** `absent` is the exchange's word, not proof (its reads lag its matching). */
export type OrderLookup = { readonly kind: 'found'; readonly order: ExchangeOrder } | { readonly kind: 'absent' };

/** What the exchange lets our key do. */
export interface KeyRights {
  /** The account may trade. */
  readonly canTrade: boolean;
  /** It may trade spot. */
  readonly spot: boolean;
  /** Of the key itself; null where the venue does not tell. */
  readonly restrictions: {
    readonly reads: boolean;
    readonly tradesSpot: boolean;
    readonly withdraws: boolean;
    /** To other accounts of the same or of other users. */
    readonly transfers: boolean;
    /** Rights beyond spot (margin, futures, options), as the exchange names them. */
    readonly otherMarkets: readonly string[];
    readonly boundToAddresses: boolean;
  } | null;
}

export interface Balance {
  readonly asset: string;
  readonly free: Decimal;
  readonly locked: Decimal;
}

export type UserEvent =
  | {
      readonly type: 'order-updated';
      readonly order: ExchangeOrder;
      readonly fill: ExchangeFill | null;
      readonly reason: string | null;
      readonly atMs: number;
    }
  /** Only assets that may have changed. */
  | { readonly type: 'balances-changed'; readonly balances: readonly Balance[]; readonly atMs: number };

export interface UserEventListener {
  onEvent(event: UserEvent): void;
  /** A subscription stands: events before this moment may have been missed, so audit by REST now. */
  onSubscribed(): void;
  onLost(reason: string): void;
}

/** One account at one venue. */
export interface TradingAccount {
  /** Stable name for locks, logs and rows, e.g. `simulated`; never a secret. */
  readonly name: string;
  /** Asked before an order's intent is committed, answered at once. */
  reserveOrder(priority: OrderPriority): OrderReservation;
  /**
   * `mayLeave` is asked when a request that had to wait for its connection is about to be written; one that may not is given up.
   * Null: whatever happens meanwhile, it leaves.
   */
  placeOrder(request: OrderRequest, signed: SignedWindow, mayLeave: (() => boolean) | null): Promise<PlaceOutcome>;
  placeOco(request: OcoRequest, signed: SignedWindow): Promise<OcoOutcome>;
  cancelOrder(symbol: string, clientOrderId: string, signed: SignedWindow): Promise<CancelOutcome>;
  /** Cancels the named order and, only when that succeeded, places the request: one request, nothing in between. */
  replaceOrder(cancelledId: string, request: OrderRequest, signed: SignedWindow): Promise<ReplaceOutcome>;
  order(symbol: string, clientOrderId: string): Promise<OrderLookup>;
  /** Of one symbol, or of all (null). */
  openOrders(symbol: string | null): Promise<readonly ExchangeOrder[]>;
  /** Orders of the symbol created within 24 hours from `startTimeMs`, oldest first, at most 1000. */
  ordersSince(symbol: string, startTimeMs: number): Promise<readonly ExchangeOrder[]>;
  /** Orders of the symbol with id at or above `fromOrderId`, oldest first, at most 1000. */
  ordersFrom(symbol: string, fromOrderId: string): Promise<readonly ExchangeOrder[]>;
  fillsOfOrder(symbol: string, orderId: string): Promise<readonly ExchangeFill[]>;
  /** Account trades with id at or above `fromTradeId` (all kept ones when null: newest 1000), oldest first, at most 1000. */
  fillsSince(symbol: string, fromTradeId: string | null): Promise<readonly ExchangeFill[]>;
  balances(): Promise<readonly Balance[]>;
  /** Keeps a user-data subscription standing until `stop`. */
  listen(listener: UserEventListener): { stop(): Promise<void> };
}

/** A read that got no usable answer. `refusal` says what the venue said, if it said anything. */
export class ExchangeError extends Error {
  readonly refusal: Refusal;
  constructor(what: string, refusal: Refusal, cause?: unknown) {
    super(
      `${what}: ${refusal.message} (${refusal.class}${refusal.code === null ? '' : `, code ${refusal.code}`}, HTTP ${refusal.httpStatus})`,
      { cause },
    );
    this.name = 'ExchangeError';
    this.refusal = refusal;
  }
}
