/** Every indicator against its textbook formula, in markets that move, stand still and start late. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { playRow } from '../../../engine/indicators/row.ts';
import { indicatorKey, indicatorOutputs, warmUpOf } from '../../../engine/indicators/need.ts';
import type { IndicatorNeed } from '../../../engine/indicators/need.ts';
import type { Candle } from '../../../engine/trading/candle.ts';
import { candle } from '../trading/given.ts';
import { textbook } from './textbook.ts';

interface Step {
  /** Close to close, in ticks. */
  readonly move: number;
  /** How far the candle reaches beyond its open and close. */
  readonly above: number;
  readonly below: number;
}

/** Candles around 100, in ticks of 0.1, which floats cannot hold exactly. One per step. */
function candlesOf(steps: readonly Step[]): readonly Candle[] {
  let close = 1_000;
  return steps.map(({ move, above, below }, index) => {
    const open = close;
    close = Math.max(10, close + move);
    const low = Math.min(open, close) - below;
    return candle(index, { open: open / 10, close: close / 10, high: (Math.max(open, close) + above) / 10, low: low / 10 });
  });
}

const still: Step = { move: 0, above: 0, below: 0 };
const step: fc.Arbitrary<Step> = fc.record({
  move: fc.integer({ min: -9, max: 9 }),
  above: fc.integer({ min: 0, max: 4 }),
  below: fc.integer({ min: 0, max: 4 }),
});
/** Moving and standing still by turns, beginning with either. */
const market = fc
  .array(
    fc.oneof(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.nat({ max: 12 }).map((length) => Array<Step>(length).fill(still)),
    ),
    {
      minLength: 1,
      maxLength: 10,
    },
  )
  .map((stretches) => candlesOf(stretches.flat()));

const period = fc.integer({ min: 1, max: 7 });
const needOf: { readonly [Kind in IndicatorNeed['kind']]: fc.Arbitrary<Extract<IndicatorNeed, { kind: Kind }>> } = {
  ema: fc.record({ kind: fc.constant('ema'), period }),
  rsi: fc.record({ kind: fc.constant('rsi'), period: period.map((one) => one + 1) }),
  macd: fc.record({ kind: fc.constant('macd'), fastPeriod: period, slowPeriod: period.map((one) => one + 7), signalPeriod: period }),
  bollinger: fc.record({ kind: fc.constant('bollinger'), period: period.map((one) => one + 1), deviations: fc.constantFrom(0.5, 2, 2.5) }),
  atr: fc.record({ kind: fc.constant('atr'), period }),
  stochastic: fc.record({ kind: fc.constant('stochastic'), period, smoothing: period, signalPeriod: period }),
  adx: fc.record({ kind: fc.constant('adx'), period }),
};
const kinds = Object.entries(needOf) as readonly (readonly [keyof typeof needOf, fc.Arbitrary<IndicatorNeed>])[];

const usual: readonly IndicatorNeed[] = [
  { kind: 'ema', period: 20 },
  { kind: 'rsi', period: 14 },
  { kind: 'macd', fastPeriod: 12, slowPeriod: 26, signalPeriod: 9 },
  { kind: 'bollinger', period: 20, deviations: 2 },
  { kind: 'atr', period: 14 },
  { kind: 'stochastic', period: 14, smoothing: 3, signalPeriod: 3 },
  { kind: 'adx', period: 14 },
];
const named = (needs: readonly IndicatorNeed[]) => needs.map((need) => [indicatorKey(need), need] as const);

function play(need: IndicatorNeed, candles: readonly Candle[]): readonly { current: number[]; previous: number[] }[] {
  const row = playRow([need]);
  return candles.map((one) => {
    row.next(one);
    return { current: [...row.current], previous: [...row.previous] };
  });
}

function expectNear(value: number, expected: number, where: string): void {
  if (Number.isNaN(expected)) expect(value, where).toBeNaN();
  else expect(Math.abs(value - expected), `${where}: ${value} is not ${expected}`).toBeLessThan(1e-8 * Math.max(1, Math.abs(expected)));
}

/** A long walk that repeats itself for nobody: a linear congruential sequence. */
function longWalk(length: number): readonly Candle[] {
  let seed = 7;
  const next = (span: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * span);
  };
  return candlesOf(Array.from({ length }, () => ({ move: next(19) - 9, above: next(5), below: next(5) })));
}

describe('each indicator', () => {
  it.each(kinds)('%s is what its formula says, candle by candle', (_, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, market, (need, candles) => {
        const expected = textbook(need, candles);
        for (const [index, { current, previous }] of play(need, candles).entries())
          for (const [slot, output] of indicatorOutputs[need.kind].entries()) {
            const where = `${indicatorKey(need)} ${output} at ${index}`;
            expectNear(current[slot] ?? 0, expected[slot]?.[index] ?? Number.NaN, where);
            expectNear(previous[slot] ?? 0, expected[slot]?.[index - 1] ?? Number.NaN, `${where}, before`);
          }
      }),
    );
  });

  it.each(named(usual))('%s is still that after ten thousand candles', (_, need) => {
    const candles = longWalk(10_000);
    const { current } = play(need, candles).at(-1) ?? { current: [] };
    const expected = textbook(need, candles).map((series) => series.at(-1) ?? 0);
    expect(current).toHaveLength(expected.length);
    for (const [slot, value] of current.entries()) expectNear(value, expected[slot] ?? 0, `slot ${slot}`);
  });

  it.each(named(usual))('%s forgets within its warm-up where it began', (_, need) => {
    const long = longWalk(3_000);
    const late = play(need, long.slice(-warmUpOf(need))).at(-1);
    const early = play(need, long).at(-1);
    for (const which of ['current', 'previous'] as const)
      for (const [slot, value] of (early?.[which] ?? []).entries())
        expect(Math.abs((late?.[which][slot] ?? Number.NaN) - value), `${which} ${slot}`).toBeLessThan(1e-6);
  });

  it.each<[string, IndicatorNeed, readonly number[]]>([
    ['price itself', { kind: 'ema', period: 5 }, [100]],
    ['nothing lost', { kind: 'rsi', period: 5 }, [100]],
    ['no difference', { kind: 'macd', fastPeriod: 3, slowPeriod: 5, signalPeriod: 2 }, [0, 0, 0]],
    ['closed bands with the close in their middle', { kind: 'bollinger', period: 5, deviations: 2 }, [100, 100, 100, 0.5]],
    ['no range', { kind: 'atr', period: 5 }, [0]],
    ['neither high nor low', { kind: 'stochastic', period: 5, smoothing: 3, signalPeriod: 3 }, [50, 50]],
    ['no direction', { kind: 'adx', period: 5 }, [0, 0, 0]],
  ])('sees in a flat market: %s', (_, need, values) => {
    expect(play(need, candlesOf(Array<Step>(30).fill(still))).at(-1)?.current).toEqual(values);
  });

  it.each(named(usual))('%s has no value before it has enough candles, and one from then on, however flat it gets', (_, need) => {
    const flatAtBothEnds = [
      ...Array<Step>(60).fill(still),
      ...Array.from({ length: 60 }, (__, index) => ({ move: (index % 5) - 2, above: index % 3, below: 1 })),
      ...Array<Step>(600).fill(still),
    ];
    for (const slot of indicatorOutputs[need.kind].keys()) {
      const values = play(need, candlesOf(flatAtBothEnds)).map(({ current }) => current[slot] ?? Number.NaN);
      const first = values.findIndex((value) => !Number.isNaN(value));
      expect(first).toBeGreaterThan(0);
      expect(values.slice(first).every(Number.isFinite)).toBe(true);
    }
  });
});

describe('a market that stands still for weeks', () => {
  /** Long enough for an average of 14 candles to shrink from any price to nothing. */
  const stillCandles = 12_000;
  const walked = longWalk(400);
  const close = walked.at(-1)?.close ?? 0;
  const standing = Array.from({ length: stillCandles }, (_, index) => candle(walked.length + index, { close, high: close, low: close }));

  it.each<[string, IndicatorNeed, readonly number[]]>([
    ['the RSI of 2', { kind: 'rsi', period: 2 }, [0]],
    ['the RSI of 14', { kind: 'rsi', period: 14 }, [0]],
    ['the directions of 2', { kind: 'adx', period: 2 }, [1, 2]],
    ['the directions of 14', { kind: 'adx', period: 14 }, [1, 2]],
  ])('leaves %s where they were', (_, need, slots) => {
    const values = play(need, [...walked, ...standing]).map(({ current }) => slots.map((slot) => current[slot] ?? Number.NaN));
    const begun = values[walked.length - 1] ?? [];
    for (const [index, later] of values.slice(walked.length).entries())
      for (const [slot, value] of later.entries()) expect(value, `still candle ${index}`).toBeCloseTo(begun[slot] ?? Number.NaN, 6);
    expect(begun.every((value) => value > 0 && value < 100)).toBe(true);
  });

  it.each(named(usual))('moves nothing of %s once the last movement is forgotten', (_, need) => {
    const settled = walked.length + 3_000;
    const values = play(need, [...walked, ...standing]).map(({ current }) => [...current]);
    for (const later of values.slice(settled))
      for (const [slot, value] of later.entries())
        expect(Math.abs(value - (values[settled]?.[slot] ?? Number.NaN)), `slot ${slot}`).toBeLessThan(1e-6);
  });

  it.each<[string, IndicatorNeed]>([
    ['the RSI', { kind: 'rsi', period: 2 }],
    ['the ADX', { kind: 'adx', period: 2 }],
  ])('and moves again: %s is what it is after a short stillness', (_, need) => {
    const again = (length: number): readonly Candle[] =>
      [1, 2, 1, 3, 2].map((move, index) =>
        candle(walked.length + length + index, { close: close + move, high: close + 4, low: close - 1 }),
      );
    const after = (length: number): readonly number[] => [
      ...(play(need, [...walked, ...standing.slice(0, length), ...again(length)]).at(-1)?.current ?? []),
    ];
    for (const [slot, value] of after(stillCandles).entries()) expect(value).toBeCloseTo(after(600)[slot] ?? Number.NaN, 6);
  });
});

describe('the RSI', () => {
  it('is that of a published example, without being rounded to two decimals', () => {
    const closes = [
      44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931, 46.0328, 45.614, 46.282, 46.282,
      46.0028, 46.0328, 46.4116, 46.2222, 45.6439,
    ];
    const values = play(
      { kind: 'rsi', period: 14 },
      closes.map((close, index) => candle(index, { close })),
    ).map(({ current }) => current[0] ?? 0);
    expect(values.slice(14).map((value) => value.toFixed(2))).toEqual(['70.53', '66.32', '66.55', '69.41', '66.36', '57.97']);
    for (const value of values.slice(14)) expect(value).not.toBe(Number(value.toFixed(2)));
  });
});

describe('an indicator that is fed a candle with prices that are none', () => {
  it.each([
    ['a close of NaN', { close: Number.NaN }],
    ['a close of 0', { close: 0, low: 0, high: 1 }],
    ['an infinite high', { close: 1, high: Infinity }],
    ['a low above the close', { close: 1, low: 2, high: 2 }],
    ['a high below the close', { close: 2, low: 1, high: 1 }],
  ])('%s: refuses', (_, prices) => {
    expect(() => playRow([{ kind: 'ema', period: 3 }]).next(candle(0, prices))).toThrow(
      /indicators were fed a candle .* no prices of one candle/,
    );
  });

  it('and tells them without exponents', () => {
    expect(() => playRow([{ kind: 'ema', period: 3 }]).next(candle(0, { close: 4.5e-7, low: 4.6e-7, high: 4.7e-7 }))).toThrow(
      'low 0.00000046, close 0.00000045 and high 0.00000047 are no prices',
    );
  });
});
