/**
 * Streaming indicators over closed candles, computed by `technicalindicators` or, where the library falls short, composed from
 * its parts: RSI (the library rounds it to two decimals), MACD (it loses the signal line of a flat market), ADX (a market
 * without movement turns it into NaN for good) and the stochastic (it knows no smoothing of %K, and calls a flat market oversold).
 */
import { AverageGain, AverageLoss, ATR, BollingerBands, EMA, Highest, Lowest, SMA, TrueRange, WEMA } from 'technicalindicators';
import { priceText } from '../trading/amounts.ts';
import { indicatorOutputs } from './need.ts';
import type { IndicatorNeed } from './need.ts';
import type { Candle } from '../trading/candle.ts';

/** Values in the order of `indicatorOutputs`; NaN until enough candles were seen. The arrays are written anew at each candle. */
export interface Indicator {
  readonly current: Float64Array;
  /** The values one candle earlier. */
  readonly previous: Float64Array;
  /** Throws on invalid prices: NaN would spoil an average for good. */
  next(candle: Candle): void;
  /** Forgets every candle. */
  reset(): void;
}

/** Takes the next candle and writes the values after it; leaves NaN what has no value yet. */
type Compute = (candle: Candle, values: Float64Array) => void;

export function createIndicator(need: IndicatorNeed): Indicator {
  let compute = computationOf(need);
  const current = new Float64Array(indicatorOutputs[need.kind].length).fill(Number.NaN);
  const previous = current.slice();
  return {
    current,
    previous,
    next(candle) {
      refuseUnsound(candle);
      previous.set(current);
      compute(candle, current);
    },
    reset() {
      compute = computationOf(need);
      current.fill(Number.NaN);
      previous.fill(Number.NaN);
    },
  };
}

function refuseUnsound({ openTime, high, low, close }: Candle): void {
  if (low > 0 && low <= close && close <= high && high < Infinity) return;
  throw new RangeError(
    `indicators were fed a candle (${new Date(openTime).toISOString()}) whose low ${priceText(low)}, close ${priceText(close)} and high ${priceText(high)} are no prices of one candle`,
  );
}

function computationOf(need: IndicatorNeed): Compute {
  switch (need.kind) {
    case 'ema':
      return emaOf(need.period);
    case 'rsi':
      return rsiOf(need.period);
    case 'macd':
      return macdOf(need.fastPeriod, need.slowPeriod, need.signalPeriod);
    case 'bollinger':
      return bollingerOf(need.period, need.deviations);
    case 'atr':
      return atrOf(need.period);
    case 'stochastic':
      return stochasticOf(need.period, need.smoothing, need.signalPeriod);
    case 'adx':
      return adxOf(need.period);
    default:
      return need satisfies never;
  }
}

function emaOf(period: number): Compute {
  const ema = new EMA({ period, values: [] });
  return ({ close }, values) => {
    values[0] = ema.nextValue(close) ?? Number.NaN;
  };
}

/**
 * While nothing moves the averages shrink with every candle, and what is computed from them is their ratio, which stays. Below this they
 * are held: shrunk further they would lose their digits and end at 0, and their ratio would jump. Any price move is larger by far.
 */
const faded = 1e-200;

function rsiOf(period: number): Compute {
  const gains = new AverageGain({ period, values: [] });
  const losses = new AverageLoss({ period, values: [] });
  // Typed as numbers, but undefined while warming.
  let gain: number | undefined;
  let loss: number | undefined;
  let before = Number.NaN;
  return ({ close }, values) => {
    if (close === before && gain !== undefined && loss !== undefined && gain + loss < faded) return;
    before = close;
    gain = gains.nextValue(close);
    loss = losses.nextValue(close);
    if (gain === undefined || loss === undefined) return;
    values[0] = loss === 0 ? 100 : 100 - 100 / (1 + gain / loss);
  };
}

function macdOf(fastPeriod: number, slowPeriod: number, signalPeriod: number): Compute {
  const fast = new EMA({ period: fastPeriod, values: [] });
  const slow = new EMA({ period: slowPeriod, values: [] });
  // Not the library's EMA: it seeds itself anew, and with another value, when its first average is exactly 0.
  const seed = new SMA({ period: signalPeriod, values: [] });
  const weight = 2 / (signalPeriod + 1);
  let signal = Number.NaN;
  return ({ close }, values) => {
    const fastNow = fast.nextValue(close);
    const slowNow = slow.nextValue(close);
    if (fastNow === undefined || slowNow === undefined) return;
    const line = fastNow - slowNow;
    signal = Number.isNaN(signal) ? (seed.nextValue(line) ?? Number.NaN) : signal + (line - signal) * weight;
    values[0] = line;
    values[1] = signal;
    values[2] = line - signal;
  };
}

/** Bands closer than this share of the price are a flat market and the rounding of running sums; a single tick lies far above. */
const flatWidth = 1e-10;

function bollingerOf(period: number, deviations: number): Compute {
  const bands = new BollingerBands({ period, stdDev: deviations, values: [] });
  return ({ close }, values) => {
    const band = bands.nextValue(close);
    if (band === undefined) return;
    const width = band.upper - band.lower;
    values[0] = band.lower;
    values[1] = band.middle;
    values[2] = band.upper;
    values[3] = width > close * flatWidth ? (close - band.lower) / width : 0.5;
  };
}

function atrOf(period: number): Compute {
  const atr = new ATR({ period, high: [], low: [], close: [] });
  return (candle, values) => {
    values[0] = atr.nextValue(candle) ?? Number.NaN;
  };
}

function stochasticOf(period: number, smoothing: number, signalPeriod: number): Compute {
  const highest = new Highest({ period, values: [] });
  const lowest = new Lowest({ period, values: [] });
  const smooth = new SMA({ period: smoothing, values: [] });
  const signal = new SMA({ period: signalPeriod, values: [] });
  return ({ high, low, close }, values) => {
    // Typed as numbers, but undefined while warming.
    const top: number | undefined = highest.nextValue(high);
    const bottom: number | undefined = lowest.nextValue(low);
    if (top === undefined || bottom === undefined) return;
    const k = smooth.nextValue(top === bottom ? 50 : ((close - bottom) / (top - bottom)) * 100);
    if (k === undefined) return;
    values[0] = k;
    values[1] = signal.nextValue(k) ?? Number.NaN;
  };
}

function adxOf(period: number): Compute {
  const wilder = (): WEMA => new WEMA({ period, values: [] });
  const ranges = new TrueRange({ high: [], low: [], close: [] });
  const [averageRange, averageUp, averageDown, averageIndex] = [wilder(), wilder(), wilder(), wilder()];
  let before: Candle | null = null;
  // Typed as numbers, but undefined while warming.
  let average: number | undefined;
  let up: number | undefined;
  let down: number | undefined;
  return (candle, values) => {
    const range = ranges.nextValue(candle);
    const rise = before === null ? 0 : candle.high - before.high;
    const fall = before === null ? 0 : before.low - candle.low;
    before = candle;
    if (range === undefined) return;
    if (range !== 0 || average === undefined || average >= faded) {
      average = averageRange.nextValue(range);
      up = averageUp.nextValue(rise > fall && rise > 0 ? rise : 0);
      down = averageDown.nextValue(fall > rise && fall > 0 ? fall : 0);
    }
    if (average === undefined || up === undefined || down === undefined) return;
    // Where nothing moved there is no direction.
    const plusDi = average === 0 ? 0 : (100 * up) / average;
    const minusDi = average === 0 ? 0 : (100 * down) / average;
    const sum = plusDi + minusDi;
    values[0] = averageIndex.nextValue(sum === 0 ? 0 : (100 * Math.abs(plusDi - minusDi)) / sum) ?? Number.NaN;
    values[1] = plusDi;
    values[2] = minusDi;
  };
}
