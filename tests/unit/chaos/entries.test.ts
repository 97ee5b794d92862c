import { describe, expect, it } from 'vitest';
import { crossesOf } from '../../chaos/entries.ts';

const candles = (closes: readonly number[]) => closes.map((close, index) => ({ closeTimeMs: index * 1_000 + 999, close }));

describe('the crosses that true candles show', () => {
  // EMA(1) is the close; EMA(3) begins as the mean of three and goes half the way to each close.
  it('are where the fast average comes from below or from the slow one', () => {
    expect(crossesOf(candles([10, 10, 10, 10, 12, 13, 9, 9, 12]), 1, 3)).toEqual([4_999, 8_999]);
  });

  it('move when a candle is missing', () => {
    const whole = candles([10, 10, 10, 10, 12, 13, 9, 9, 12]);
    expect(
      crossesOf(
        whole.filter(({ closeTimeMs }) => closeTimeMs !== 4_999),
        1,
        3,
      ),
    ).not.toContain(4_999);
  });
});
