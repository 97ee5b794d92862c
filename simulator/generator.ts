/**
 * A market that is made up: the price is a function of seed, symbol and time, so any candle can be asked for in any order,
 * history exists before the start, and a restart with the same seed goes on with the same market. It is a sum of smooth
 * noises from seconds to weeks; slow ones modulate fast ones, which gives calm, trending and wild regimes.
 *
 * Many candles as one cost little more than their sums: noise by noise over a block of samples, and prices are made only of
 * the four sums that count.
 */
import { mix } from '../engine/matching/candle-path.ts';
import { timeframeMs } from '../engine/trading/candle.ts';
import type { Candle, Timeframe } from '../engine/trading/candle.ts';
import type { Fuel } from './fuel.ts';
import { listingOf, referencePriceOf } from './instruments.ts';

export interface GeneratorOptions {
  readonly seed: number;
  readonly symbols: readonly string[];
  readonly baseTimeframe: Timeframe;
}

/** Noise octaves: period in base candles, amplitude as a share of the price. */
const octaves: readonly (readonly [number, number])[] = [
  [3, 0.0003],
  [11, 0.001],
  [37, 0.0022],
  [149, 0.004],
  [911, 0.009],
  [7_207, 0.02],
  [90_001, 0.06],
  [700_001, 0.15],
];
/** The first octaves breathe with volatility, whose own period is this many base candles. */
const wildOctaves = 3;
const regimePeriod = 503;
const samplesPerCandle = 6;

export function generatedFuel({ seed, symbols, baseTimeframe }: GeneratorOptions): Fuel {
  const step = timeframeMs[baseTimeframe];
  const markets = new Map(
    symbols.map((symbol) => [symbol, { seed: seedOf(seed, symbol), base: referencePriceOf(symbol), tick: Number(listingOf(symbol).tick) }]),
  );
  const span: Fuel['span'] = (symbol, start, end) => {
    const market = markets.get(symbol);
    if (market === undefined || start < 0 || start % step !== 0 || end <= start) return null;
    return makeCandle(market, start / step, Math.ceil((end - start) / step), step);
  };
  return {
    symbols,
    baseTimeframe,
    firstOpenTime: null,
    lastOpenTime: null,
    listing: listingOf,
    candle: (symbol, openTime) => span(symbol, openTime, openTime + step),
    span,
  };
}

interface GeneratedMarket {
  readonly seed: number;
  readonly base: number;
  readonly tick: number;
}

/** `count` base candles from the `first` on, as one. */
function makeCandle(market: GeneratedMarket, first: number, count: number, step: number): Candle {
  let open = Number.NaN;
  let close = Number.NaN;
  let high = Number.NEGATIVE_INFINITY;
  let low = Number.POSITIVE_INFINITY;
  for (let done = 0; done < count; done += blockCandles) {
    const samples = Math.min(blockCandles, count - done) * samplesPerCandle + 1;
    sumNoises(market.seed, first + done, samples);
    if (done === 0) open = sums[0] ?? Number.NaN;
    close = sums[samples - 1] ?? Number.NaN;
    for (let sample = 0; sample < samples; sample += 1) {
      const sum = sums[sample] ?? Number.NaN;
      if (sum > high) high = sum;
      if (sum < low) low = sum;
    }
  }
  const price = (sum: number): number => onTick(market.base * Math.exp(sum), market.tick);
  const openTime = first * step;
  return {
    openTime,
    closeTime: openTime + count * step - 1,
    open: price(open),
    high: price(high),
    low: price(low),
    close: price(close),
    volume: volumeOf(market.seed, first, count),
    closed: true,
  };
}

function volumeOf(seed: number, first: number, count: number): number {
  let fiftieths = 0;
  for (let candle = first; candle < first + count; candle += 1) fiftieths += mix(seed, candle) % 1_000;
  return Math.round((count + fiftieths / 50) * 1e5) / 1e5;
}

/** Base candles that are worked out at once; their samples are kept in columns that are made once. */
const blockCandles = 512;
const blockSamples = blockCandles * samplesPerCandle + 1;
const times = new Float64Array(blockSamples);
const regimes = new Float64Array(blockSamples);
const noises = new Float64Array(blockSamples);
const sums = new Float64Array(blockSamples);

/** Puts into `sums` the logarithms of price over base price, from the start of base candle `first` on. */
function sumNoises(seed: number, first: number, samples: number): void {
  for (let sample = 0; sample < samples; sample += 1) {
    const candle = Math.floor(sample / samplesPerCandle);
    times[sample] = first + candle + (sample - candle * samplesPerCandle) / samplesPerCandle;
  }
  noise(seed ^ 0x5bd1e995, regimePeriod, samples);
  for (let sample = 0; sample < samples; sample += 1) {
    regimes[sample] = 0.4 + 1.2 * (0.5 + 0.5 * (noises[sample] ?? 0));
    sums[sample] = 0;
  }
  octaves.forEach(([period, amplitude], index) => {
    noise(seed + index * 0x3779b1, period, samples);
    for (let sample = 0; sample < samples; sample += 1) {
      const share = index < wildOctaves ? amplitude * (regimes[sample] ?? 0) : amplitude;
      sums[sample] = (sums[sample] ?? 0) + share * (noises[sample] ?? 0);
    }
  });
}

/** Smooth noise in [-1, 1] into `noises`: fixed values at whole periods, eased in between. */
function noise(seed: number, period: number, samples: number): void {
  let cell = Number.NaN;
  let a = 0;
  let b = 0;
  for (let sample = 0; sample < samples; sample += 1) {
    const x = (times[sample] ?? 0) / period;
    const here = Math.floor(x);
    if (here !== cell) {
      cell = here;
      a = mix(seed, cell) / 2 ** 31 - 1;
      b = mix(seed, cell + 1) / 2 ** 31 - 1;
    }
    const t = x - cell;
    noises[sample] = a + (b - a) * (t * t * (3 - 2 * t));
  }
}

/** The nearest price on the tick grid. */
export function onTick(price: number, tick: number): number {
  const decimals = Math.max(0, Math.round(-Math.log10(tick)));
  return Math.max(tick, Number((Math.round(price / tick) * tick).toFixed(decimals)));
}

function seedOf(seed: number, symbol: string): number {
  let hash = mix(seed, 0x9e37);
  for (const character of symbol) hash = mix(hash, character.charCodeAt(0));
  return hash;
}
