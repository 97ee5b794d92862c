/**
 * What became of one closed candle: what the strategy said, what was decided, and the first rule that said no. Made
 * from the decision, for the ledger and the counters; nothing is decided here.
 */
import type { Signal } from '../strategies/strategy.ts';
import type { BlockingRule, Decision } from './events.ts';
import type { Instrument } from './instrument.ts';
import { isFlat } from './position.ts';
import type { TradingState } from './state.ts';

export const outcomes = ['entered', 'exited', 'nothing'] as const;
export type Outcome = (typeof outcomes)[number];

/** Why a close led to nothing; with the rules that close entries this is a closed set, for counters. */
export type VerdictRule =
  | BlockingRule
  /** The strategy's conditions are not met. */
  | 'no-signal'
  /** The strategy says to leave and there is nothing to leave. */
  | 'no-position'
  /** The candle had closed too long ago to be entered on. */
  | 'stale-close'
  /** An exit that was decided earlier is still at work. */
  | 'exit-in-progress'
  /** This close, or a later one, was decided on before. */
  | 'decided-before';

// Stryker disable BooleanLiteral: complete by their types, and only the keys are read
const closingEntries: Readonly<Record<BlockingRule, true>> = {
  paused: true,
  'series-gapped': true,
  'series-stale': true,
  'clock-untrusted': true,
  'symbol-not-trading': true,
  draining: true,
  leaving: true,
  quarantined: true,
  reconciling: true,
  drift: true,
  held: true,
  'daily-loss': true,
  'daily-target': true,
  'max-daily-trades': true,
  cooldown: true,
  'stop-guard': true,
  'low-profit': true,
  'key-unverified': true,
  'kill-switch': true,
  'account-capital': true,
  'account-exposure': true,
  'account-loss': true,
  'order-limit': true,
  'open-orders-unknown': true,
  PRICE_FILTER: true,
  PERCENT_PRICE_BY_SIDE: true,
  LOT_SIZE: true,
  MARKET_LOT_SIZE: true,
  MIN_NOTIONAL: true,
  NOTIONAL: true,
  TRAILING_DELTA: true,
  MAX_POSITION: true,
  MAX_NUM_ORDERS: true,
  MAX_NUM_ALGO_ORDERS: true,
  MAX_NUM_ORDER_LISTS: true,
  'position-open': true,
  'order-in-flight': true,
  'protection-open': true,
  direction: true,
  'size-below-minimum': true,
  'capital-exhausted': true,
};
const besides: Readonly<Record<Exclude<VerdictRule, BlockingRule>, true>> = {
  'no-signal': true,
  'no-position': true,
  'stale-close': true,
  'exit-in-progress': true,
  'decided-before': true,
};
// Stryker restore BooleanLiteral
export const blockingRules = Object.keys(closingEntries) as readonly BlockingRule[];
export const verdictRules: readonly VerdictRule[] = [...blockingRules, ...(Object.keys(besides) as (keyof typeof besides)[])];

/** Why the strategy's signal did not count at a close: it was not asked, or it was too late to enter. */
export type Silenced = Extract<VerdictRule, 'quarantined' | 'leaving' | 'stale-close'>;

export interface Verdict {
  readonly outcome: Outcome;
  /** The first rule that said no; null when something was done. */
  readonly rule: VerdictRule | null;
  /** What was done and why, or why not, beyond the signal's own reason; null when that says it all. */
  readonly reason: string | null;
  /** Whether a position was open when the candle closed. */
  readonly positionOpen: boolean;
}

export interface Judged {
  /** State and signal that `decide` was given, and its answer. */
  readonly before: TradingState;
  readonly signal: Signal;
  readonly decision: Decision;
  readonly silenced: Silenced | null;
  readonly instrument: Instrument;
  /** The close. */
  readonly price: number;
}

export function verdictOf({ before, signal, decision, silenced, instrument, price }: Judged): Verdict {
  const positionOpen = !isFlat(before, instrument, price);
  const placed = (role: 'entry' | 'exit'): boolean =>
    decision.commands.some((command) => command.type === 'place-order' && command.role === role);
  const { exiting, blocks } = decision.state;
  const { reason } = decision;
  if (placed('entry')) return { outcome: 'entered', rule: null, reason: null, positionOpen };
  if (placed('exit') || (before.exiting === null && exiting !== null))
    return { outcome: 'exited', rule: null, reason: reason ?? exiting?.reason ?? null, positionOpen };
  const nothing = (rule: VerdictRule, why: string | null): Verdict => ({ outcome: 'nothing', rule, reason: why, positionOpen });
  if (decision.blockedBy !== null) return nothing(decision.blockedBy, reason);
  if (exiting !== null) return nothing('exit-in-progress', reason ?? exiting.reason);
  if (silenced !== null) return nothing(silenced, null);
  switch (signal.action) {
    case 'enter-long':
    case 'enter-short':
      return nothing('decided-before', null);
    case 'exit':
      return nothing(positionOpen ? 'decided-before' : 'no-position', null);
    case 'hold':
      // The reason that keeps entries closed stays readable.
      return nothing('no-signal', blocks[0]?.reason ?? null);
    default:
      return signal.action satisfies never;
  }
}
