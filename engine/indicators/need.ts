/** The indicators that a strategy may read: what each is asked for, what it answers, and how long it must run before its start is forgotten. */

/** One indicator with its parameters. Periods count candles. Two needs with equal fields share one computed series. */
export type IndicatorNeed =
  | { readonly kind: 'ema'; readonly period: number }
  | { readonly kind: 'rsi'; readonly period: number }
  | { readonly kind: 'macd'; readonly fastPeriod: number; readonly slowPeriod: number; readonly signalPeriod: number }
  /** `deviations`: distance of the bands from the middle in standard deviations. */
  | { readonly kind: 'bollinger'; readonly period: number; readonly deviations: number }
  | { readonly kind: 'atr'; readonly period: number }
  /** `smoothing`: candles over which %K is averaged; 1 is the fast stochastic, 3 the usual slow one. */
  | { readonly kind: 'stochastic'; readonly period: number; readonly smoothing: number; readonly signalPeriod: number }
  | { readonly kind: 'adx'; readonly period: number };

export type IndicatorKind = IndicatorNeed['kind'];

/** What each kind answers, in the order in which its values stand. docs/strategies.md gives the formulas. */
export const indicatorOutputs = {
  ema: ['value'],
  rsi: ['value'],
  macd: ['line', 'signal', 'histogram'],
  bollinger: ['lower', 'middle', 'upper', 'percentB'],
  atr: ['value'],
  stochastic: ['k', 'd'],
  adx: ['adx', 'plusDi', 'minusDi'],
} as const satisfies Readonly<Record<IndicatorKind, readonly string[]>>;

/** Stable name of a need, e.g. `ema:12`. */
export function indicatorKey(need: IndicatorNeed): string {
  return `${need.kind}:${parametersOf(need).join(':')}`;
}

/** A name for each of its values, in their order: its key where it has one output (`rsi:14`), else `macd:12:26:9.line` and so on. */
export function outputNames(need: IndicatorNeed): readonly string[] {
  const outputs: readonly string[] = indicatorOutputs[need.kind];
  return outputs.length === 1 ? [indicatorKey(need)] : outputs.map((output) => `${indicatorKey(need)}.${output}`);
}

function parametersOf(need: IndicatorNeed): readonly number[] {
  switch (need.kind) {
    case 'ema':
    case 'rsi':
    case 'atr':
    case 'adx':
      return [need.period];
    case 'macd':
      return [need.fastPeriod, need.slowPeriod, need.signalPeriod];
    case 'bollinger':
      return [need.period, need.deviations];
    case 'stochastic':
      return [need.period, need.smoothing, need.signalPeriod];
    default:
      return need satisfies never;
  }
}

/**
 * So many closed candles are needed until the newest value and the one before it no longer depend on where history began. An average of
 * an average needs both of its warm-ups; a window forgets by itself.
 */
export function warmUpOf(need: IndicatorNeed): number {
  switch (need.kind) {
    case 'ema':
      return emaWarmUp(need.period);
    case 'rsi':
    case 'atr':
      return wilderWarmUp(need.period);
    case 'macd':
      return emaWarmUp(Math.max(need.fastPeriod, need.slowPeriod)) + emaWarmUp(need.signalPeriod);
    case 'adx':
      return 2 * wilderWarmUp(need.period);
    case 'bollinger':
      return need.period + 1;
    case 'stochastic':
      return need.period + need.smoothing + need.signalPeriod - 1;
    default:
      return need satisfies never;
  }
}

/**
 * An average that started too late differs from one without a start by a factor that shrinks with every candle:
 * (1 - 2/(n+1)) for an EMA, (1 - 1/n) for Wilder's. After this many candles it is below 1e-9, far under a tick.
 */
function emaWarmUp(period: number): number {
  return period + Math.ceil(10.4 * (period + 1));
}

/** One candle more, because it averages what changed from one candle to the next. */
function wilderWarmUp(period: number): number {
  return period + 1 + Math.ceil(20.8 * period);
}
