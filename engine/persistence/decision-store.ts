/**
 * The port of the decision ledger's rows: one verdict per bot and closed candle, kept for a configured time. Implemented
 * over PostgreSQL by `postgres-decision-store.ts`.
 */
import type { Signal, StrategyParameters } from '../strategies/strategy.ts';
import type { Timeframe } from '../trading/candle.ts';
import type { Verdict } from '../trading/verdict.ts';

/** Who decided, and with what: one version of a bot's configuration. The same object for as long as it holds. */
export interface DecisionSettings {
  readonly botId: string;
  readonly version: number;
  readonly strategy: string;
  readonly timeframe: Timeframe;
  readonly parameters: StrategyParameters;
  /** Names of the indicators in the order of their values, e.g. `ema:12`. */
  readonly indicators: readonly string[];
}

export interface DecisionRow extends Verdict {
  readonly settings: DecisionSettings;
  /** Close time of the candle, ms UTC; unique per bot. */
  readonly closeMs: number;
  readonly close: number;
  /** The indicators' values at the close, then those one candle before, each in the order of their names; NaN while warming. */
  readonly values: readonly number[];
  /** What the strategy said, or why it was not asked. */
  readonly signal: Signal;
}

/** Times are closes, ms UTC, both ends included. */
export interface DecisionQuery {
  readonly botId: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
}

export interface DecisionStore {
  /** Keeps the rows; a close that a bot has a verdict on already keeps the first one. */
  append(rows: readonly DecisionRow[]): Promise<void>;
  /** Deletes up to `most` verdicts on closes before then, oldest first; answers how many. */
  prune(beforeMs: number, most: number): Promise<number>;
  /** Newest first. */
  page(query: DecisionQuery): Promise<readonly DecisionRow[]>;
  /** The bot's first verdict on a close after then; null when there is none. */
  next(botId: string, afterMs: number): Promise<DecisionRow | null>;
}
