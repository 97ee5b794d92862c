/**
 * The matching port: an exchange's books and balances as a pure machine. The simulator speaks Binance's protocol in front of it, and paper
 * accounts fill with it. It has no clock and no randomness: time and prices come in as
 * arguments, and everything that happened goes out as events in order.
 */
import type { Decimal } from 'decimal.js';
import type { Instrument, InstrumentStatus, OrderSide, OrderType, SelfTradePrevention, TimeInForce } from '../trading/instrument.ts';

export interface MatchingRequest {
  readonly symbol: string;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly clientOrderId: string;
  readonly quantity?: Decimal;
  /** MARKET only: spend or receive this much quote instead of naming a quantity. */
  readonly quoteQuantity?: Decimal;
  readonly price?: Decimal;
  readonly stopPrice?: Decimal;
  /** Basis points; STOP_LOSS* and TAKE_PROFIT* only. */
  readonly trailingDelta?: number;
  readonly timeInForce?: TimeInForce;
  /** EXPIRE_MAKER where none is named, as the venue's symbols have it. */
  readonly selfTradePrevention?: SelfTradePrevention;
}

export type BookStatus = 'NEW' | 'PARTIALLY_FILLED' | 'FILLED' | 'CANCELED' | 'EXPIRED' | 'EXPIRED_IN_MATCH' | 'REJECTED';

/** One order as the exchange holds it. `clientOrderId` is the placer's; a cancel may name another in `cancelClientOrderId`. */
export interface BookOrder {
  readonly account: string;
  readonly symbol: string;
  /** Counts up per symbol from 1. */
  readonly orderId: bigint;
  /** -1n when the order is in no list. */
  readonly orderListId: bigint;
  readonly clientOrderId: string;
  readonly cancelClientOrderId: string | null;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly quantity: Decimal;
  readonly quoteQuantity: Decimal;
  readonly price: Decimal;
  readonly stopPrice: Decimal | null;
  readonly trailingDelta: number | null;
  readonly status: BookStatus;
  readonly executedQuantity: Decimal;
  readonly executedQuote: Decimal;
  /** True once it rests in the book or matched; false for an untriggered stop. */
  readonly working: boolean;
  /** Why it expired (Binance `expiryReason`), null otherwise. */
  readonly expiryReason: string | null;
  readonly selfTradePrevention: SelfTradePrevention;
  /** What expired instead of trading with an order of the same account. */
  readonly preventedQuantity: Decimal;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly workingAtMs: number;
}

export interface BookTrade {
  readonly account: string;
  readonly symbol: string;
  /** Counts up per symbol; two orders that match each other share one. */
  readonly tradeId: bigint;
  readonly orderId: bigint;
  readonly orderListId: bigint;
  readonly side: OrderSide;
  readonly price: Decimal;
  readonly quantity: Decimal;
  readonly quoteQuantity: Decimal;
  readonly commission: Decimal;
  readonly commissionAsset: string;
  readonly isMaker: boolean;
  readonly atMs: number;
}

export interface BookBalance {
  readonly asset: string;
  readonly free: Decimal;
  readonly locked: Decimal;
}

export interface BookOrderList {
  readonly account: string;
  readonly orderListId: bigint;
  readonly listClientOrderId: string;
  readonly symbol: string;
  readonly contingencyType: 'OCO';
  readonly statusType: 'EXEC_STARTED' | 'UPDATED' | 'ALL_DONE';
  readonly orderStatus: 'EXECUTING' | 'ALL_DONE' | 'REJECT';
  readonly orders: readonly { readonly orderId: bigint; readonly clientOrderId: string }[];
  readonly createdAtMs: number;
}

/** What happened, in the order in which it happened. Each carries the state right after it (immutable snapshots). */
export type BookEvent =
  | {
      readonly type: 'order';
      readonly execution: 'NEW' | 'TRADE' | 'CANCELED' | 'EXPIRED' | 'TRADE_PREVENTION' | 'REJECTED';
      readonly order: BookOrder;
      readonly trade: BookTrade | null;
      /** Why a REJECTED one was refused; null for all others. */
      readonly refusal: BookRefusal | null;
      /** Counts up per venue; unique per event. */
      readonly executionId: bigint;
      readonly atMs: number;
    }
  | { readonly type: 'list'; readonly list: BookOrderList; readonly atMs: number }
  | { readonly type: 'balances'; readonly account: string; readonly balances: readonly BookBalance[]; readonly atMs: number };

/** Binance's code and message for a refusal: -1013 filter, -2010 rejected, -2011 cancel rejected, -1111 precision, ... */
export interface BookRefusal {
  readonly code: number;
  readonly message: string;
}

export type BookResult<T> =
  | { readonly ok: true; readonly value: T; readonly events: readonly BookEvent[] }
  | { readonly ok: false; readonly refusal: BookRefusal };

export interface Placed {
  readonly order: BookOrder;
  readonly trades: readonly BookTrade[];
}

export interface OcoRequest {
  readonly symbol: string;
  readonly side: OrderSide;
  readonly quantity: Decimal;
  readonly listClientOrderId: string;
  /** The leg above the market and the one below. */
  readonly above: Omit<MatchingRequest, 'symbol' | 'side' | 'quantity' | 'quoteQuantity'>;
  readonly below: Omit<MatchingRequest, 'symbol' | 'side' | 'quantity' | 'quoteQuantity'>;
}

export interface PlacedList {
  readonly list: BookOrderList;
  readonly orders: readonly BookOrder[];
}

export type CancelTarget = { readonly orderId: bigint } | { readonly clientOrderId: string };

export type ListTarget = { readonly orderListId: bigint } | { readonly listClientOrderId: string };

export interface CancelReplaceRequest {
  readonly cancel: CancelTarget;
  readonly cancelClientOrderId?: string;
  readonly mode: 'STOP_ON_FAILURE' | 'ALLOW_FAILURE';
  readonly replacement: MatchingRequest;
}

/**
 * `events` of both halves, in order. When the cancel has succeeded and the new order is refused, its event is REJECTED, with an order
 * id that belongs to no order: it never was in the books.
 */
export interface CancelReplaced {
  readonly cancel: { readonly ok: true; readonly order: BookOrder } | { readonly ok: false; readonly refusal: BookRefusal };
  readonly placed:
    | { readonly ok: true; readonly placed: Placed }
    | { readonly ok: false; readonly refusal: BookRefusal }
    | { readonly ok: false; readonly refusal: null };
  readonly events: readonly BookEvent[];
}

/** One step of a symbol's price path. Liquidity is what one order can take at this step, orders in the books apart; null means unlimited. */
export interface PriceTick {
  readonly symbol: string;
  readonly price: Decimal;
  readonly bid: Decimal;
  readonly ask: Decimal;
  readonly liquidity: Decimal | null;
  readonly atMs: number;
}

export interface FeeSchedule {
  /** Fractions, 0.001 is 0.1 %. */
  readonly maker: Decimal;
  readonly taker: Decimal;
  /**
   * Asset that fees are taken in: `received` (Binance's default: base on a buy, quote on a sell) or a fee asset
   * such as BNB at a fixed price in quote, used while its free balance suffices.
   */
  readonly asset: 'received' | { readonly name: string; readonly priceInQuote: Decimal; readonly discount: Decimal };
}

/** Mutable machine; every method is synchronous and deterministic. Queries return snapshots. */
export interface MatchingEngine {
  list(instrument: Instrument): void;
  setStatus(symbol: string, status: InstrumentStatus): void;
  replaceInstrument(instrument: Instrument): void;
  instrument(symbol: string): Instrument | null;
  openAccount(account: string, fees: FeeSchedule): void;
  fees(account: string): FeeSchedule;
  deposit(account: string, asset: string, amount: Decimal, atMs: number): readonly BookEvent[];
  /** The market jumps there, and what the new price reaches is matched at it: resting orders, triggers, trailing stops. */
  tick(tick: PriceTick): readonly BookEvent[];
  /** The same for a market that trades through every price on its way: what waits for one of them is triggered there. */
  moveThrough(tick: PriceTick): readonly BookEvent[];
  lastTick(symbol: string): PriceTick | null;
  /** Takes the symbol's next trade id for a trade of the market in which no account takes part. */
  numberTrade(symbol: string): bigint;
  /** Volume-weighted or plain average over the last minutes, as the filters use; the last price when 0 minutes. */
  averagePrice(symbol: string, minutes: number, atMs: number): Decimal | null;
  /** Validates only; same refusals as `place`. */
  test(account: string, request: MatchingRequest, atMs: number): BookResult<null>;
  place(account: string, request: MatchingRequest, atMs: number): BookResult<Placed>;
  placeOco(account: string, request: OcoRequest, atMs: number): BookResult<PlacedList>;
  cancel(account: string, symbol: string, target: CancelTarget, cancelClientOrderId: string | null, atMs: number): BookResult<BookOrder>;
  cancelAll(account: string, symbol: string, atMs: number): BookResult<readonly BookOrder[]>;
  cancelList(account: string, symbol: string, target: ListTarget, atMs: number): BookResult<PlacedList>;
  cancelReplace(account: string, request: CancelReplaceRequest, atMs: number): CancelReplaced;
  order(account: string, symbol: string, target: CancelTarget): BookOrder | null;
  openOrders(account: string, symbol: string | null): readonly BookOrder[];
  orders(account: string, symbol: string): readonly BookOrder[];
  orderList(account: string, target: ListTarget): PlacedList | null;
  /** Oldest first. */
  orderLists(account: string): readonly PlacedList[];
  trades(account: string, symbol: string): readonly BookTrade[];
  balances(account: string): readonly BookBalance[];
}
