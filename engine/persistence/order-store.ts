/**
 * The order store port: what execution needs of the rows. Implemented over PostgreSQL by `postgres-order-store.ts`.
 * Every write carries the epoch of the bot's owner and does nothing when that is stale.
 */
import type { Decimal } from 'decimal.js';
import { orderStates } from '../../entities/vocabulary.ts';
import type { ExitKind, Fill, OrderRole } from '../trading/events.ts';
import type { Instrument, Market, OrderSide, OrderType } from '../trading/instrument.ts';
import type { SaleBounds } from '../trading/state.ts';
import type { Intent, IntentVerdict } from './commit-intents.ts';

export { orderStates };
export type OrderState = (typeof orderStates)[number];

/** States that no evidence changes any more. */
export function isTerminal(state: OrderState): boolean {
  return state === 'filled' || state === 'cancelled' || state === 'expired' || state === 'rejected' || state === 'never-placed';
}

export interface StoredOrder {
  readonly botId: string;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly role: OrderRole;
  readonly exitKind: ExitKind | null;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly quantity: Decimal;
  readonly price: Decimal | null;
  readonly stopPrice: Decimal | null;
  readonly slot: number;
  readonly decisionMs: number;
  readonly attempt: number;
  /** Why it was decided, in the trader's words. */
  readonly reason: string;
  readonly saleBounds: SaleBounds | null;
  readonly state: OrderState;
  readonly exchangeOrderId: string | null;
  /** As the exchange says it. */
  readonly executedQuantity: Decimal;
  readonly signedTimestampMs: number;
  readonly recvWindowMs: number;
  readonly createdAtMs: number;
}

/** Where a fill was learnt; for the row and the metrics. */
export type FillSource = 'ack' | 'stream' | 'history';

export interface ReportedFill {
  readonly tradeId: string;
  readonly price: Decimal;
  readonly quantity: Decimal;
  readonly commission: Decimal;
  readonly commissionAsset: string;
  /** As in `Fill`. */
  readonly commissionWorth?: Decimal | null;
  readonly isMaker: boolean;
  readonly atMs: number;
}

/** What was learnt about one order. Fields are null where the evidence does not speak of them. */
export interface ExecutionEvidence {
  readonly botId: string;
  readonly epoch: number;
  readonly clientOrderId: string;
  readonly instrument: Instrument;
  readonly state: OrderState | null;
  readonly exchangeOrderId: string | null;
  readonly executedQuantity: Decimal | null;
  readonly executedQuote: Decimal | null;
  readonly fills: readonly ReportedFill[];
  readonly source: FillSource;
  /** What proves the state, in words and numbers; kept in the row. */
  readonly proof: Readonly<Record<string, unknown>> | null;
}

/** What an order has traded in all, as its trade row says. */
export interface OrderTrade {
  /** Base. */
  readonly quantity: Decimal;
  /** Price times quantity. */
  readonly quote: Decimal;
  /** In `commissionAsset` only: when one order pays in two assets (BNB ran out), this sums the first; the fills have both. */
  readonly commission: Decimal;
  readonly commissionAsset: string;
  /** Gross and net of fees, in quote; 0 for a purchase. */
  readonly pnl: Decimal;
  readonly realisedPnl: Decimal;
}

export type RecordAnswer =
  /** `newFills` were not in the rows before, in the order in which they were folded. `missing` is executed quantity without fill rows. */
  | {
      readonly verdict: 'recorded';
      readonly order: StoredOrder;
      readonly newFills: readonly Fill[];
      /** Null while it has traded nothing. */
      readonly trade: OrderTrade | null;
      readonly missing: Decimal;
      /** Why the bot is now held, when this is the first evidence of an order that had been declared never placed; null otherwise. */
      readonly late: string | null;
    }
  | { readonly verdict: 'fenced' }
  | { readonly verdict: 'no-such-order' };

/** Where the exchange numbers orders and tells an account's trades. */
export interface TradingPlace {
  readonly venue: string;
  readonly account: string;
  readonly market: Market;
  readonly symbol: string;
}

export interface OrderStore {
  commit(intents: readonly Intent[]): Promise<ReadonlyMap<string, IntentVerdict>>;
  committed(clientOrderIds: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * One unit of work: orders, fills, trade rows, bot states and outbox change together or not at all. Answers each piece, in their order.
   * Idempotent: the same evidence twice changes nothing. A state never goes back; a terminal state waits until every fill it implies is there.
   */
  record(evidence: readonly ExecutionEvidence[]): Promise<readonly RecordAnswer[]>;
  /** Our orders behind exchange order ids, for fills that history tells without a client order id. */
  byExchangeId(place: TradingPlace, exchangeOrderIds: readonly string[]): Promise<readonly StoredOrder[]>;
  /** Highest numeric trade id on record there of what was executed before then (ms UTC); null when there is none. */
  lastTradeId(place: TradingPlace, beforeMs: number): Promise<string | null>;
}

export async function recordOne(store: Pick<OrderStore, 'record'>, evidence: ExecutionEvidence): Promise<RecordAnswer> {
  const [answer] = await store.record([evidence]);
  if (answer === undefined) throw new Error('the order store left a piece of evidence without an answer');
  return answer;
}
