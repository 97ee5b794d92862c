/**
 * The average price that the filters ask for: the plain mean of the ticks of the last minutes (ticks carry no
 * volume). Running sums are kept per second over a bounded window, so an average costs two look-ups however many
 * ticks there were.
 */
import type { Decimal } from 'decimal.js';
import { Exact, zero } from './exact.ts';

interface Mark {
  /** Start of a second, ms. */
  readonly atMs: number;
  /** Sum and count of all ticks before that second. */
  readonly sum: Decimal;
  readonly count: number;
}

export interface AverageWindow {
  spanMs: number;
  marks: Mark[];
  sum: Decimal;
  count: number;
}

const bucketMs = 1_000;
const minuteMs = 60_000;

export function createAverageWindow(minutes: number): AverageWindow {
  return { spanMs: minutes * minuteMs, marks: [], sum: zero, count: 0 };
}

/** A longer memory fills from now on. */
export function setAverageMinutes(window: AverageWindow, minutes: number): void {
  window.spanMs = minutes * minuteMs;
}

export function recordPrice(window: AverageWindow, price: Decimal, atMs: number): void {
  const second = Math.floor(atMs / bucketMs) * bucketMs;
  const newest = window.marks.at(-1);
  if (newest === undefined || second > newest.atMs) {
    window.marks.push({ atMs: second, sum: window.sum, count: window.count });
    // Trimmed by halves: dropping one at a time would move the whole array at every tick.
    if (window.marks.length > (2 * window.spanMs) / bucketMs) {
      window.marks = window.marks.slice(firstAtOrAfter(window.marks, second - window.spanMs));
    }
  }
  window.sum = window.sum.plus(price);
  window.count += 1;
}

/** Mean over the seconds that began within the last `minutes`; null when no tick did. */
export function averageOver(window: AverageWindow, minutes: number, atMs: number): Decimal | null {
  const since = atMs - Math.min(minutes * minuteMs, window.spanMs);
  const mark = window.marks[firstAtOrAfter(window.marks, since)];
  if (mark === undefined) return null;
  const mean = window.sum.minus(mark.sum).div(window.count - mark.count);
  return mean.toDecimalPlaces(8, Exact.ROUND_HALF_UP);
}

function firstAtOrAfter(marks: readonly Mark[], atMs: number): number {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((marks[middle]?.atMs ?? Infinity) < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
