/** The rows that the database in memory holds, and how a stored order is read from one. */
import type { Decimal } from 'decimal.js';
import type { FinishedCommand, PendingCommand } from '../../engine/persistence/bot-store.ts';
import type { Intent } from '../../engine/persistence/commit-intents.ts';
import type { FillSource, OrderState, OrderTrade, ReportedFill, StoredOrder, TradingPlace } from '../../engine/persistence/order-store.ts';
import type { StateDataJson } from '../../engine/persistence/state-data.ts';
import type { Fill } from '../../engine/trading/events.ts';

export interface OrderRow {
  readonly intent: Intent;
  readonly createdAtMs: number;
  state: OrderState;
  exchangeOrderId: string | null;
  executedQuantity: Decimal;
  executedQuote: Decimal;
  /** What proved each state, by state. */
  evidence: Readonly<Record<string, unknown>>;
  /** What the fill rows add up to. */
  filled: Decimal;
  filledQuote: Decimal;
  trade: OrderTrade | null;
}

export interface FillRow {
  /** Counts up. */
  readonly id: number;
  readonly botId: string;
  readonly symbol: string;
  readonly fill: Fill;
  readonly source: FillSource;
}

export interface StateRow {
  readonly botId: string;
  holder: string | null;
  epoch: number;
  running: boolean;
  message: string;
  data: StateDataJson;
  lastExecutionMs: number | null;
}

export interface CommandRow extends Omit<PendingCommand, 'leftMs'> {
  readonly expiresAtMs: number;
  ending: FinishedCommand | null;
}

/** What the invariants look at: called inside the transaction that makes the change. */
export interface DatabaseWatch {
  onCommitted(order: OrderRow, currentEpoch: number): void;
  onFill(row: FillRow): void;
  onOrderChanged(order: OrderRow, before: { readonly state: OrderState; readonly executedQuantity: Decimal }): void;
  onClaimed(botId: string, epoch: number, before: number): void;
}

/** Of an execution of one order: both sides of a match carry its trade id. */
export function fillKey({ clientOrderId }: Intent, tradeId: string): string {
  return `${clientOrderId} ${tradeId}`;
}

export function isAt(intent: Intent, { venue, account, market, symbol }: TradingPlace): boolean {
  return intent.venue === venue && intent.account === account && intent.market === market && intent.symbol === symbol;
}

/** As the unit of work sorts them: by time, executions of one moment by their ids. */
export function byTime(a: ReportedFill, b: ReportedFill): number {
  return a.atMs - b.atMs || a.tradeId.length - b.tradeId.length || (a.tradeId < b.tradeId ? -1 : 1);
}

export function stored({ intent, state, exchangeOrderId, executedQuantity, createdAtMs }: OrderRow): StoredOrder {
  const { botId, clientOrderId, symbol, role, exitKind, side, type, quantity, price, stopPrice, slot, saleBounds } = intent;
  const { decisionMs, attempt, reason, signedTimestampMs, recvWindowMs } = intent;
  return {
    botId,
    clientOrderId,
    symbol,
    role,
    exitKind,
    side,
    type,
    quantity,
    price,
    stopPrice,
    slot,
    decisionMs,
    attempt,
    reason,
    saleBounds,
    state,
    exchangeOrderId,
    executedQuantity,
    signedTimestampMs,
    recvWindowMs,
    createdAtMs,
  };
}
