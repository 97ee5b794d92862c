/** The trading state of one bot: everything `decide` needs to know, rebuilt from rows after a restart. */
import type { Decimal } from 'decimal.js';
import type { KillPolicy } from '../kill-switch/kill-switch.ts';

/** Why an order exists. `entry` opens or adds; `exit` closes; `stop` and `target` rest at the exchange and close when reached. */
export type OrderRole = 'entry' | 'exit' | 'stop' | 'target';

/**
 * What made the engine close a position: the strategy, its stop or trailing stop, its target, the day's loss, a stop that could not
 * be kept at the exchange, or somebody who asked for it.
 */
export const exitKinds = ['signal', 'stop', 'target', 'daily-loss', 'unprotected', 'request'] as const;
export type ExitKind = (typeof exitKinds)[number];

/** Roles of orders that are meant to execute at once. */
export type WorkingRole = Extract<OrderRole, 'entry' | 'exit'>;

/** A reason from outside the core for which entries stay closed until it is lifted. */
export interface EntryBlock {
  readonly rule:
    | 'paused'
    | 'series-gapped'
    | 'series-stale'
    | 'clock-untrusted'
    | 'symbol-not-trading'
    | 'draining'
    | 'leaving'
    | 'quarantined'
    /** The account has not been compared with the exchange since this owner took the bot. */
    | 'reconciling'
    /** The account holds less than its bots do. */
    | 'drift'
    /** The exchange has not shown that the engine's key may trade. */
    | 'key-unverified'
    /** Something happened that a user must look at: `resume` lifts it. */
    | 'held'
    /** Somebody stopped all entries of the engine, the account, the user or the bot. */
    | 'kill-switch';
  readonly reason: string;
  /** Of a kill switch: what becomes of resting orders and of the position. */
  readonly policy?: KillPolicy;
}

/**
 * What the fills add up to. All amounts exact. `quantity` is what the account received minus what it sold and paid
 * as commission in base, dust of earlier trades included. `cost` and `entryFees` (both quote) belong to `quantity`.
 */
export interface Position {
  readonly quantity: Decimal;
  readonly cost: Decimal;
  readonly entryFees: Decimal;
  /** Time of the fill with which it became more than dust; null when flat. Only a sale that leaves dust or nothing ends it. */
  readonly openedAtMs: number | null;
  /** What a sale had to reach then; null when flat, and in rows of older versions. */
  readonly openedUnder: SaleBounds | null;
}

/** What the exchange's filters ask of a sale at market. */
export interface SaleBounds {
  /** Base. */
  readonly leastQuantity: Decimal;
  /** Base; 0 is no grid. */
  readonly step: Decimal;
  /** Quote; null when there is none. */
  readonly leastWorth: Decimal | null;
}

/** The UTC day's account of a bot. `startEquity` is fixed when the day begins. */
export interface TradingDay {
  /** UTC midnight, ms. */
  readonly startMs: number;
  readonly startEquity: Decimal;
  /** Realised net profit of the day, quote. */
  readonly realised: Decimal;
  /** Entries decided this day that were not refused or unfilled. */
  readonly entries: number;
  /** `max_daily_loss_perc` was reached: the position is closed and nothing is entered until the next midnight. */
  readonly lossReached: boolean;
  /** `daily_target_perc` was reached: nothing is entered until the next midnight. */
  readonly targetReached: boolean;
}

/** What rows keep of a day: how it began, and whether its loss limit was reached. */
export interface StoredDay extends Pick<TradingDay, 'startMs' | 'startEquity' | 'lossReached'> {
  /** The budget when it was written; null where it was not stored: the present one. */
  readonly capital: Decimal | null;
}

/** A warning about a bot's day: near its loss limit, at the limit, at the target. Once per day. */
export interface DayNotice {
  readonly topic: 'daily-loss-warning' | 'daily-loss-reached' | 'daily-target-reached';
  /** UTC midnight, ms. */
  readonly dayStartMs: number;
  readonly atMs: number;
  readonly reason: string;
}

/** A position from flat to flat. Quote amounts, exact. */
export interface RoundTrip {
  /** Time of the execution after which nothing but dust was left. */
  readonly closedAtMs: number;
  /** Net of commissions. */
  readonly result: Decimal;
  /** What the coins that were sold had cost, with fees. */
  readonly spent: Decimal;
  /** The stop or trailing stop closed it. */
  readonly stopped: boolean;
}

/** The round trips of the fills. `result` and `spent` are those of the open one, as far as it was sold. */
export interface RoundTrips {
  readonly result: Decimal;
  readonly spent: Decimal;
  /** The newest ones, oldest first. */
  readonly closed: readonly RoundTrip[];
}

export interface WorkingOrder {
  readonly role: WorkingRole;
  readonly decisionMs: number;
}

/** An exit that has been decided and holds until the position is flat, however many orders that takes. */
export interface PendingExit {
  /** Null after a restart when its order's row does not say. */
  readonly kind: ExitKind | null;
  readonly reason: string;
  readonly decisionMs: number;
  /** Price of the stop or target that the engine watches and that was reached; null for other exits. */
  readonly triggerPrice: number | null;
  /** Orders in a row that the exchange had and that sold nothing. */
  readonly failures: number;
  /** Since then, orders in a row that never reached the exchange, because of the database or an order limit. */
  readonly unsent: number;
  /** True from such an order until `exit-retry-due`: no other event tries again. */
  readonly pausing: boolean;
  /** Base that the account had free when the exchange refused the last order for want of it; null when it did not. */
  readonly available: Decimal | null;
  /** Why a user or a kill switch wants the position closed, whatever else it is closed for; null when nobody asked. */
  readonly requested: string | null;
}

/** What rests at the exchange to close the position; a price is null where that order does not rest. */
export interface RestingProtection {
  /** Base that the orders still close (each of them alone: one cancels the other). */
  readonly quantity: Decimal;
  readonly stopPrice: Decimal | null;
  readonly targetPrice: Decimal | null;
}

/**
 * What an order that rests was planned for: when more is held, or another target is wanted, it is replaced. Changed filters are no
 * reason, because it stays valid.
 */
export interface PlannedFor {
  /** Base of the position that the step let it not cover. */
  readonly uncovered: Decimal;
  /** Before it was put on a tick, quote; Infinity for none. */
  readonly targetPrice: number;
}

/** The orders at the exchange that protect the position, as far as evidence says. */
export interface Protection {
  readonly resting: RestingProtection | null;
  /** The operation that was asked for and is not finished; null when there is none. */
  readonly operation: 'place' | 'replace' | 'cancel' | null;
  /** An order that binds no coins is not proven to be over: the position may be sold, but nothing is entered or placed. */
  readonly unresolved: boolean;
  /** The last operation failed: the news of that does not start the next one. */
  readonly waits: boolean;
  /** Highest stop price that was placed for this position: a stop never loosens. */
  readonly tightest: Decimal | null;
  /** What the newest of them was planned for; null before the first. */
  readonly plannedFor: PlannedFor | null;
  /** A price beyond the resting stop was seen: the exchange has to execute it, or the engine sells. */
  readonly overrun: boolean;
  /** Of the newest operation; never decreases, because it is part of client order ids. */
  readonly decisionMs: number;
}

export interface TradingState {
  readonly position: Position;
  readonly day: TradingDay;
  /** The newest ones, of today and before, because their day may be over before they are written. */
  readonly notices: readonly DayNotice[];
  /** Share of its coins that the newest purchase paid as fee; null when none is known, or when it paid in another asset (which may run out). */
  readonly baseFeeShare: number | null;
  /** Net profit realised since the bot began, quote. */
  readonly realisedTotal: Decimal;
  readonly roundTrips: RoundTrips;
  /** The one entry or exit that is decided and not yet ended; null when none. */
  readonly working: WorkingOrder | null;
  readonly exiting: PendingExit | null;
  readonly protection: Protection;
  /** Best price since entry (highest for a long); NaN when flat. */
  readonly bestPrice: number;
  readonly lastPrice: number;
  /** Close time of the newest candle decided on; 0 before the first. */
  readonly lastDecidedMs: number;
  /** Close time of the newest candle that led to an entry; 0 before the first. Refuses a second entry on one candle. */
  readonly lastEntryMs: number;
  readonly lastCheckMs: number;
  readonly blocks: readonly EntryBlock[];
}
