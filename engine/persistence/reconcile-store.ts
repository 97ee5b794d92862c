/**
 * The reconciliation port: what the comparison of an account with its exchange needs of the rows, always in sets.
 * Implemented over PostgreSQL by `postgres-reconcile-store.ts`. Writes carry the epoch of the bot's owner.
 */
import type { Decimal } from 'decimal.js';
import type { OrderRole } from '../trading/events.ts';
import type { Market, OrderSide, OrderType } from '../trading/instrument.ts';
import type { StoredOrder } from './order-store.ts';

/** Where the search of the exchange's orders begins for one bot. */
export interface ReconcileStart {
  readonly botId: string;
  /** Orders that the exchange had until then are in the rows (venue time); null before the first comparison. */
  readonly throughMs: number | null;
  /** By the database's clock. */
  readonly createdAtMs: number;
  /** Signature of the oldest order of the last day that was declared never placed; null when there is none. */
  readonly oldestNeverPlacedMs: number | null;
}

/** A bot that the rows know, whether it runs or not. */
export interface KnownBot {
  readonly symbol: string;
  readonly live: boolean;
  /** By the database's clock. */
  readonly createdAtMs: number;
}

/** An order of ours that the exchange has and the rows lack, as its row is made again. */
export interface LostOrder {
  readonly botId: string;
  readonly epoch: number;
  readonly venue: string;
  readonly account: string;
  readonly market: Market;
  readonly symbol: string;
  readonly clientOrderId: string;
  readonly decisionMs: number;
  readonly role: OrderRole;
  readonly attempt: number;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly quantity: Decimal;
  readonly reason: string;
  /** The exchange's order as it told it. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** `conflict`: the row would contradict another one (a second open order of the role, or the same decision). */
export type FillInAnswer = 'filled-in' | 'exists' | 'fenced' | 'conflict';

/** What the bots of one venue hold of one symbol together. */
export interface Holding {
  readonly symbol: string;
  readonly quantity: Decimal;
  /** An entry or exit is in flight: what the account shows may be ahead of the rows. */
  readonly inFlight: boolean;
}

export interface BotHold {
  readonly botId: string;
  readonly epoch: number;
  /** Why it enters nothing until a user resumes it; null lets it enter again. */
  readonly reason: string | null;
}

export interface ReconcileStore {
  starts(botIds: readonly string[]): Promise<readonly ReconcileStart[]>;
  knownBots(botIds: readonly string[]): Promise<ReadonlyMap<string, KnownBot>>;
  byClientOrderId(clientOrderIds: readonly string[]): Promise<readonly StoredOrder[]>;
  fillIn(order: LostOrder): Promise<FillInAnswer>;
  /** The exchange's orders until `throughMs` are in the rows of these bots. */
  compared(bots: readonly { readonly botId: string; readonly epoch: number }[], throughMs: number): Promise<void>;
  /** Live bots of the venue, on whichever engine they run. */
  holdings(venue: string): Promise<readonly Holding[]>;
  /** Durable before it answers; bots whose epoch is stale are left alone. */
  hold(bots: readonly BotHold[]): Promise<void>;
}
