/**
 * Indicators straight from their textbook formulas, over a whole series at once: nothing streams, nothing is shared with the
 * engine or its library. Every function answers one value per candle, NaN where there is none yet.
 */
import type { IndicatorNeed } from '../../../engine/indicators/need.ts';
import type { Candle } from '../../../engine/trading/candle.ts';

type Series = readonly number[];

/** One series per output, in the order of `indicatorOutputs`. */
export function textbook(need: IndicatorNeed, candles: readonly Candle[]): readonly Series[] {
  const closes = candles.map(({ close }) => close);
  switch (need.kind) {
    case 'ema':
      return [ema(closes, need.period)];
    case 'rsi':
      return [rsi(closes, need.period)];
    case 'macd':
      return macd(closes, need.fastPeriod, need.slowPeriod, need.signalPeriod);
    case 'bollinger':
      return bollinger(closes, need.period, need.deviations);
    case 'atr':
      return [wilder(trueRanges(candles), need.period)];
    case 'stochastic':
      return stochastic(candles, need.period, need.smoothing, need.signalPeriod);
    case 'adx':
      return adx(candles, need.period);
    default:
      return need satisfies never;
  }
}

const mean = (values: Series): number => values.reduce((sum, value) => sum + value, 0) / values.length;
/** The last `period` values at each place; undefined where fewer (or NaN) came before. */
const windows = <Value>(values: readonly Value[], period: number): readonly (readonly Value[] | undefined)[] =>
  values.map((_, index) => {
    const window = values.slice(Math.max(0, index + 1 - period), index + 1);
    return window.length < period || window.some((value) => Number.isNaN(value)) ? undefined : window;
  });
const sma = (values: Series, period: number): Series =>
  windows(values, period).map((window) => (window === undefined ? Number.NaN : mean(window)));

/** The mean of the first `period` values, then x * weight + before * (1 - weight). */
function smoothed(values: Series, period: number, weight: number): Series {
  const result: number[] = [];
  const first = values.findIndex((value) => !Number.isNaN(value)) + period - 1;
  for (const [index, value] of values.entries()) {
    const before = result[index - 1] ?? Number.NaN;
    if (index < first) result.push(Number.NaN);
    else if (index === first) result.push(mean(values.slice(index + 1 - period, index + 1)));
    else result.push(value * weight + before * (1 - weight));
  }
  return result;
}
const ema = (values: Series, period: number): Series => smoothed(values, period, 2 / (period + 1));
/** J. Welles Wilder's smoothing (1978). */
const wilder = (values: Series, period: number): Series => smoothed(values, period, 1 / period);

/** Value minus the value before; NaN at the first. */
const changes = (values: Series): Series => values.map((value, index) => value - (values[index - 1] ?? Number.NaN));

/** Wilder: 100 - 100 / (1 + average gain / average loss); 100 when nothing was lost. */
function rsi(closes: Series, period: number): Series {
  const gains = wilder(
    changes(closes).map((change) => (Number.isNaN(change) ? change : Math.max(change, 0))),
    period,
  );
  const losses = wilder(
    changes(closes).map((change) => (Number.isNaN(change) ? change : Math.max(-change, 0))),
    period,
  );
  return gains.map((gain, index) => {
    const loss = losses[index] ?? Number.NaN;
    return loss === 0 ? 100 : 100 - 100 / (1 + gain / loss);
  });
}

/** Gerald Appel: EMA(fast) - EMA(slow), an EMA of that, and their difference. */
function macd(closes: Series, fast: number, slow: number, signal: number): readonly Series[] {
  const slows = ema(closes, slow);
  const line = ema(closes, fast).map((value, index) => value - (slows[index] ?? Number.NaN));
  const signals = ema(line, signal);
  return [line, signals, line.map((value, index) => value - (signals[index] ?? Number.NaN))];
}

/** John Bollinger: mean, and the population's standard deviation around it; %b is where the close lies, 1/2 in a flat market. */
function bollinger(closes: Series, period: number, deviations: number): readonly Series[] {
  const bands = windows(closes, period).map((window, index) => {
    if (window === undefined) return [Number.NaN, Number.NaN, Number.NaN, Number.NaN] as const;
    const middle = mean(window);
    const deviation = Math.sqrt(mean(window.map((value) => (value - middle) ** 2)));
    const flat = window.every((value) => value === window[0]);
    const close = closes[index] ?? Number.NaN;
    const lower = middle - deviations * deviation;
    const upper = middle + deviations * deviation;
    return [lower, middle, upper, flat ? 0.5 : (close - lower) / (upper - lower)] as const;
  });
  return [0, 1, 2, 3].map((output) => bands.map((band) => band[output] ?? Number.NaN));
}

/** Wilder: the greatest of high - low, |high - close before|, |low - close before|; none at the first candle. */
const trueRanges = (candles: readonly Candle[]): Series =>
  candles.map(({ high, low }, index) => {
    const before = candles[index - 1];
    return before === undefined ? Number.NaN : Math.max(high - low, Math.abs(high - before.close), Math.abs(low - before.close));
  });

/** George Lane: where the close lies between the window's lowest low and highest high; 50 when they are one. */
function stochastic(candles: readonly Candle[], period: number, smoothing: number, signal: number): readonly Series[] {
  const raw = windows(candles, period).map((window) => {
    if (window === undefined) return Number.NaN;
    const lowest = Math.min(...window.map(({ low }) => low));
    const highest = Math.max(...window.map(({ high }) => high));
    return lowest === highest ? 50 : (100 * ((window.at(-1)?.close ?? Number.NaN) - lowest)) / (highest - lowest);
  });
  const k = sma(raw, smoothing);
  return [k, sma(k, signal)];
}

/** Wilder's sums: the first is plain, each next one loses a period's share and gains the new value. */
function wilderSums(values: Series, period: number): Series {
  const result: number[] = [];
  for (const [index, value] of values.entries()) {
    const before = result[index - 1] ?? Number.NaN;
    if (index < period) result.push(Number.NaN);
    else if (index === period) result.push(values.slice(1, period + 1).reduce((sum, one) => sum + one, 0));
    else result.push(before - before / period + value);
  }
  return result;
}

/** Wilder's directional movement; no direction (0) where nothing moved. */
function adx(candles: readonly Candle[], period: number): readonly Series[] {
  const up = changes(candles.map(({ high }) => high));
  const down = changes(candles.map(({ low }) => low)).map((change) => -change);
  const plus = up.map((rise, index) => (rise > (down[index] ?? Number.NaN) && rise > 0 ? rise : 0));
  const minus = down.map((fall, index) => (fall > (up[index] ?? Number.NaN) && fall > 0 ? fall : 0));
  const ranges = wilderSums(trueRanges(candles), period);
  const share = (part: Series): Series =>
    wilderSums(part, period).map((sum, index) => {
      const range = ranges[index] ?? Number.NaN;
      return range === 0 ? 0 : (100 * sum) / range;
    });
  const plusDi = share(plus);
  const minusDi = share(minus);
  const index = plusDi.map((one, at) => {
    const other = minusDi[at] ?? Number.NaN;
    return one + other === 0 ? 0 : (100 * Math.abs(one - other)) / (one + other);
  });
  return [wilder(index, period), plusDi, minusDi];
}
