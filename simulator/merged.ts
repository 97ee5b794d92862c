/** Two neighbouring candles as one. */
import type { Candle } from '../engine/trading/candle.ts';

/** `next` added behind what is there; a forming candle already begun by `next`'s own prices takes its volume and extremes. */
export function merged(candle: Candle, next: Candle): Candle {
  return {
    ...candle,
    high: Math.max(candle.high, next.high),
    low: Math.min(candle.low, next.low),
    close: next.close,
    volume: Math.round((candle.volume + next.volume) * 1e8) / 1e8,
  };
}
