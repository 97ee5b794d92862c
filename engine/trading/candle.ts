/** Candles and timeframes: the words that market data, strategies and decisions share. */

/** One kline. Times are ms UTC; `closeTime` is the next candle's `openTime` minus 1. Prices and volume are floats. */
export interface Candle {
  readonly openTime: number;
  readonly closeTime: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** In base asset. */
  readonly volume: number;
  /** True once no later trade can change the candle. */
  readonly closed: boolean;
}

/** Length in ms of each timeframe that the engine trades. Weeks and months are left out: they do not begin at multiples of their length. */
export const timeframeMs = {
  '1s': 1_000,
  '1m': 60_000,
  '3m': 180_000,
  '5m': 300_000,
  '15m': 900_000,
  '30m': 1_800_000,
  '1h': 3_600_000,
  '2h': 7_200_000,
  '4h': 14_400_000,
  '6h': 21_600_000,
  '8h': 28_800_000,
  '12h': 43_200_000,
  '1d': 86_400_000,
} as const;

export type Timeframe = keyof typeof timeframeMs;

export const timeframes = Object.keys(timeframeMs) as readonly Timeframe[];

export function isTimeframe(text: string): text is Timeframe {
  return Object.hasOwn(timeframeMs, text);
}
