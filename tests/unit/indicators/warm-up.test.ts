/** How many closed candles a value waits for: the slowest of its averages decides, whichever is named first. */
import { expect, it } from 'vitest';
import { warmUpOf } from '../../../engine/indicators/need.ts';

const ema = (period: number): number => warmUpOf({ kind: 'ema', period });

it.each([
  [12, 26],
  [26, 12],
  [3, 200],
])('MACD of %i and %i waits for the slower of its averages, and then for its signal line', (fastPeriod, slowPeriod) => {
  expect(warmUpOf({ kind: 'macd', fastPeriod, slowPeriod, signalPeriod: 9 })).toBe(ema(Math.max(fastPeriod, slowPeriod)) + ema(9));
});

it('an EMA waits the longer the longer its period is', () => {
  const waits = [1, 2, 5, 12, 26, 50, 200, 400].map(ema);
  expect(waits).toEqual(waits.toSorted((a, b) => a - b));
  expect(new Set(waits).size).toBe(waits.length);
});
