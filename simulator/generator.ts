/**
 * A market that is made up: the price is a function of seed, symbol and time, so any candle can be asked for in any order,
 * history exists before the start, and a restart with the same seed goes on with the same market. It is a sum of smooth
 * noises from seconds to weeks; slow ones modulate fast ones, which gives calm, trending and wild regimes.
 */
import { mix } from '../engine/matching/candle-path.ts';
import { timeframeMs } from '../engine/trading/candle.ts';
import type { Candle, Timeframe } from '../engine/trading/candle.ts';
import type { Fuel } from './fuel.ts';
import { referencePriceOf, tickSizeOf } from './instruments.ts';

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
    symbols.map((symbol) => [symbol, { seed: seedOf(seed, symbol), base: referencePriceOf(symbol), tick: tickSizeOf(symbol) }]),
  );
  const recent = new Map<string, Candle>();
  return {
    symbols,
    baseTimeframe,
    firstOpenTime: null,
    lastOpenTime: null,
    candle(symbol, openTime) {
      const market = markets.get(symbol);
      if (market === undefined || openTime < 0 || openTime % step !== 0) return null;
      const key = `${symbol} ${openTime}`;
      const known = recent.get(key);
      if (known !== undefined) return known;
      const candle = makeCandle(market, openTime, step);
      if (recent.size >= recentMax) recent.clear();
      recent.set(key, candle);
      return candle;
    },
  };
}

/** Candles kept so that warm-ups of many bots cost one calculation. */
const recentMax = 200_000;

interface GeneratedMarket {
  readonly seed: number;
  readonly base: number;
  readonly tick: number;
}

function makeCandle(market: GeneratedMarket, openTime: number, step: number): Candle {
  const at = (share: number): number => onTick(market.base * Math.exp(logPrice(market.seed, openTime / step + share)), market.tick);
  const open = at(0);
  const close = at(1);
  let high = Math.max(open, close);
  let low = Math.min(open, close);
  for (let sample = 1; sample < samplesPerCandle; sample += 1) {
    const price = at(sample / samplesPerCandle);
    if (price > high) high = price;
    if (price < low) low = price;
  }
  const volume = Math.round((1 + (mix(market.seed, openTime / step) % 1_000) / 50) * 1e5) / 1e5;
  return { openTime, closeTime: openTime + step - 1, open, high, low, close, volume, closed: true };
}

/** `at` is the time in base candles. */
function logPrice(seed: number, at: number): number {
  const regime = 0.4 + 1.2 * (0.5 + 0.5 * noise(seed ^ 0x5bd1e995, at / regimePeriod));
  let sum = 0;
  octaves.forEach(([period, amplitude], index) => {
    sum += amplitude * (index < wildOctaves ? regime : 1) * noise(seed + index * 0x3779b1, at / period);
  });
  return sum;
}

/** Smooth noise in [-1, 1]: fixed values at whole numbers, eased in between. */
function noise(seed: number, x: number): number {
  const cell = Math.floor(x);
  const t = x - cell;
  const ease = t * t * (3 - 2 * t);
  const a = mix(seed, cell) / 2 ** 31 - 1;
  const b = mix(seed, cell + 1) / 2 ** 31 - 1;
  return a + (b - a) * ease;
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
