/**
 * A strategy as the engine sees it. It is pure: it names the indicators it reads and turns their values at a candle's close
 * into a signal with its reason. Authors write one with `defineStrategy` (define.ts), which gives values and parameters names.
 */
import type { Candle } from '../trading/candle.ts';
import type { Conditions } from './conditions.ts';
import type { IndicatorNeed } from '../indicators/need.ts';

export type SignalAction = 'enter-long' | 'enter-short' | 'exit' | 'hold';

/**
 * What a strategy says at a close. `reason` is a constant sentence in the trader's words ("fast EMA crossed
 * above slow EMA"): numbers are added by whoever shows it, so that a candle allocates no text.
 */
export interface Signal {
  readonly action: SignalAction;
  readonly reason: string;
}

/** Values of the needed indicators after the close under decision and after the one before it; NaN while warming. */
export interface SignalInput {
  readonly candle: Candle;
  /** All outputs of the first of `needs(parameters)`, then those of the second, and so on. */
  readonly current: ArrayLike<number>;
  readonly previous: ArrayLike<number>;
}

/** What is kept of a close for explanations. */
export interface ExplainInput {
  readonly close: number;
  /** As in `SignalInput`. */
  readonly current: ArrayLike<number>;
  readonly previous: ArrayLike<number>;
}

/** JSON Schema of one parameter. */
export interface ParameterField {
  readonly type: 'integer' | 'number';
  readonly minimum: number;
  readonly maximum: number;
  readonly default: number;
  readonly description: string;
}

/** Parameters by name, in camel case. */
export type ParameterFields = Readonly<Record<string, ParameterField>>;

/** Values by parameter name: at least those that the strategy declares. */
export type StrategyParameters = Readonly<Record<string, number>>;

/** What is wrong with a parameter; `name` is the declared one. */
export interface ParameterProblem {
  readonly name: string;
  readonly problem: string;
}

export interface Strategy {
  readonly name: string;
  readonly summary: string;
  /** Which parameters it reads, with defaults and bounds. */
  readonly parameters: ParameterFields;
  /** Problems of a combination that no single bound shows (fast not below slow, ...); empty when fine. */
  check(parameters: StrategyParameters): readonly ParameterProblem[];
  needs(parameters: StrategyParameters): readonly IndicatorNeed[];
  /** Closed candles before the first signal that can be trusted as if history had no start. */
  warmUpCandles(parameters: StrategyParameters): number;
  signal(input: SignalInput, parameters: StrategyParameters): Signal;
  /** The same conditions that `signal` tests, with their numbers. Only for explanations. */
  explain(input: ExplainInput, parameters: StrategyParameters): Conditions;
}
