/**
 * The strategy interface. A strategy is pure: it names the indicators it reads and how many candles they
 * need, and turns their values at a candle's close into a signal with its reason.
 */
import type { Candle } from '../trading/candle.ts';
import type { Conditions } from './conditions.ts';

/** One indicator that a strategy reads. Two needs with equal fields share one computed series. */
export type IndicatorNeed = { readonly kind: 'ema'; readonly period: number } | { readonly kind: 'rsi'; readonly period: number };

/** Stable name of a need, e.g. `ema:12`; the key of its value in `IndicatorValues`. */
export function indicatorKey(need: IndicatorNeed): string {
  return `${need.kind}:${need.period}`;
}

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
  /** In the order of `needs(parameters)`. */
  readonly current: ArrayLike<number>;
  readonly previous: ArrayLike<number>;
}

/** What is kept of a close for explanations: a `SignalInput` is one. */
export interface ExplainInput {
  readonly candle: Pick<Candle, 'close'>;
  readonly current: ArrayLike<number>;
  readonly previous: ArrayLike<number>;
}

/** JSON Schema of a strategy's parameters (an object schema with `properties`, defaults and bounds). */
export interface ParameterSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, ParameterField>>;
  readonly required: readonly string[];
  readonly additionalProperties: false;
}

export interface ParameterField {
  readonly type: 'integer' | 'number';
  readonly minimum: number;
  readonly maximum: number;
  readonly default: number;
  readonly description: string;
}

/** The strategy columns of a bot after `custom_*` overrides: what every strategy chooses its parameters from. */
export interface StrategyParameters {
  readonly emaFast: number;
  readonly emaSlow: number;
  readonly emaPeriod: number;
  readonly rsiPeriod: number;
  readonly rsiOversold: number;
  readonly rsiOverbought: number;
}

export interface Strategy {
  readonly name: string;
  readonly summary: string;
  /** Which parameters it reads, with defaults and bounds; keys are those of `StrategyParameters`. */
  readonly parameters: ParameterSchema;
  /** Problems of a combination that no single bound shows (fast not below slow, ...); empty when fine. */
  check(parameters: StrategyParameters): readonly string[];
  needs(parameters: StrategyParameters): readonly IndicatorNeed[];
  /** Closed candles before the first signal that can be trusted as if history had no start. */
  warmUpCandles(parameters: StrategyParameters): number;
  signal(input: SignalInput, parameters: StrategyParameters): Signal;
  /** The same conditions that `signal` tests, with their numbers. Only for explanations. */
  explain(input: ExplainInput, parameters: StrategyParameters): Conditions;
}
