import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { candlePath } from '../../../engine/matching/candle-path.ts';

const candle = fc
  .tuple(
    fc.integer({ min: 1, max: 1e6 }),
    fc.integer({ min: 0, max: 1e4 }),
    fc.integer({ min: 0, max: 1e4 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  )
  .map(([low, up, _, open, close]) => ({
    openTime: 60_000 * low,
    low,
    high: low + up,
    open: low + up * open,
    close: low + up * close,
  }));

describe('the path inside a candle', () => {
  it('begins at the open, ends at the close, visits both extremes and leaves none', () => {
    fc.assert(
      fc.property(candle, fc.integer(), fc.integer({ min: 4, max: 60 }), (one, seed, steps) => {
        const path = candlePath(one, seed, steps);
        expect(path[0]).toBe(one.open);
        expect(path.at(-1)).toBe(one.high === one.low ? one.open : one.close);
        expect(Math.max(...path)).toBe(one.high);
        expect(Math.min(...path)).toBe(one.low);
        expect(path.length).toBeLessThanOrEqual(Math.max(steps, 4));
      }),
    );
  });

  it('is the same for the same seed, and goes up first as often as down first', () => {
    const one = { openTime: 0, open: 10, high: 12, low: 8, close: 11 };
    expect(candlePath(one, 5, 10)).toEqual(candlePath(one, 5, 10));
    const upFirst = Array.from({ length: 1_000 }, (_, n) => candlePath({ ...one, openTime: n * 60_000 }, 5, 4)[1] === 12).filter(
      Boolean,
    ).length;
    expect(upFirst).toBeGreaterThan(400);
    expect(upFirst).toBeLessThan(600);
  });
});
