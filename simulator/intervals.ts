/** The lengths of klines that the venue tells: the engine's timeframes, and those that have no fixed length or begin elsewhere. */
import { isTimeframe, timeframeMs } from '../engine/trading/candle.ts';
import type { Timeframe } from '../engine/trading/candle.ts';

/** Weeks begin on Mondays, months on their first day, UTC. */
export type Interval = Timeframe | '1w' | '1M';

const dayMs = timeframeMs['1d'];
/** 1970-01-05, a Monday. */
const firstMondayMs = 4 * dayMs;

/** A candle that is made of more base candles costs too much to tell while it forms. */
const baseCandlesMax = 100_000;

/** Whether candles of `base` add up to such ones. */
export function isTold(text: string, base: Timeframe): text is Interval {
  const baseMs = timeframeMs[base];
  if (isTimeframe(text)) return timeframeMs[text] % baseMs === 0;
  const longestMs = text === '1w' ? 7 * dayMs : text === '1M' ? 31 * dayMs : Number.NaN;
  return longestMs / baseMs <= baseCandlesMax;
}

/** Open time of the candle that `atMs` lies in. */
export function openOf(interval: Interval, atMs: number): number {
  if (interval === '1M') return monthOf(atMs, 0);
  if (interval === '1w') return firstMondayMs + Math.floor((atMs - firstMondayMs) / (7 * dayMs)) * 7 * dayMs;
  const length = timeframeMs[interval];
  return Math.floor(atMs / length) * length;
}

/** Open time of the candle that is `count` candles away from the one that opens at `openTime`. */
export function openAway(interval: Interval, openTime: number, count: number): number {
  if (interval === '1M') return monthOf(openTime, count);
  return openTime + count * (interval === '1w' ? 7 * dayMs : timeframeMs[interval]);
}

function monthOf(atMs: number, away: number): number {
  const at = new Date(atMs);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + away, 1);
}
