/** What a strategy says of its conditions is what it acts on, and is told with numbers that do not contradict it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { against, between } from '../../../engine/strategies/conditions.ts';
import type { Condition } from '../../../engine/strategies/conditions.ts';
import { findStrategy, strategies } from '../../../engine/strategies/registry.ts';
import type { StrategyParameters } from '../../../engine/strategies/strategy.ts';
import { candle } from '../trading/given.ts';

const standard: StrategyParameters = { emaFast: 12, emaSlow: 26, emaPeriod: 200, rsiPeriod: 14, rsiOversold: 30, rsiOverbought: 70 };

const all = (conditions: readonly Condition[]): boolean => conditions.every(({ met }) => met);

/** Few values, so that equal ones meet and levels are hit exactly; NaN while warming. */
const value = fc.oneof(
  fc.integer({ min: 0, max: 6 }).map((n) => n * 20),
  fc.double({ min: 1, max: 100 }),
  fc.constant(Number.NaN),
);
const levels = fc
  .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 5 }))
  .map(([low, width]) => ({ rsiOversold: low * 10, rsiOverbought: Math.min(100, (low + width) * 10) }));

describe.each(strategies.map((strategy) => [strategy.name, strategy] as const))('%s', (_, strategy) => {
  const { length } = strategy.needs(standard);
  const values = fc.array(value, { minLength: length, maxLength: length });

  it('enters exactly when all entry conditions are met, and leaves exactly when those of an exit are', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(values, values, fc.integer({ min: 1, max: 6 }), levels, (previous, current, close, level) => {
        const parameters = { ...standard, ...level };
        const input = { candle: candle(0, { close: close * 20 }), previous, current };
        const { action } = strategy.signal(input, parameters);
        const { entry, exits } = strategy.explain(input, parameters);
        seen.add(action);
        expect(all(entry)).toBe(action === 'enter-long');
        expect(exits.some(all)).toBe(action === 'exit');
      }),
      { numRuns: 3_000 },
    );
    expect([...seen].sort()).toEqual(['enter-long', 'exit', 'hold']);
  });

  it('says so of every value that is not known yet', () => {
    const nothing = Array.from({ length }, () => Number.NaN);
    const { entry, exits } = strategy.explain({ candle: { close: 100 }, previous: nothing, current: nothing }, standard);
    for (const { met, text } of [...entry, ...exits.flat()])
      expect([met, text]).toEqual([false, expect.stringMatching(/ is not known yet$/)]);
  });
});

describe('the numbers of a condition', () => {
  const text = (name: string, previous: number[], current: number[], close = 100): string[] =>
    findStrategy(name)
      ?.explain({ candle: { close }, previous, current }, standard)
      .entry.map((condition) => condition.text) ?? [];

  it('are told in words', () => {
    expect(text('rsi', [61.23], [61.98])).toEqual(['RSI 61.2 one candle before was not at or below 30', 'RSI 62.0 is above 30']);
    expect(text('ema_cross', [20_010.123, 20_011], [20_012, 20_015.5])).toEqual([
      'fast EMA 20010.12 one candle before was at or below slow EMA 20011.00',
      'fast EMA 20012.00 is not above slow EMA 20015.50',
    ]);
    expect(text('ema_trend_rsi', [0.00001, 20], [0.0000123, 31], 0.0000124)[0]).toBe(
      'close 0.00001240000 is above trend EMA 0.00001230000',
    );
  });

  it('never round to the other side of what is said', () => {
    const told = /^RSI (\S+) is (not )?below (\S+)$/;
    fc.assert(
      fc.property(fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), fc.double({ min: 29.9999, max: 30.0001, noNaN: true })), (rsi) => {
        const { met, text: sentence } = against(30, 'now', 'below', { name: 'RSI', value: rsi });
        const [, shown, , level] = told.exec(sentence) ?? [];
        expect(Number(shown) < Number(level)).toBe(met);
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: 1e-7, max: 1e6, noNaN: true }), fc.double({ min: -1e-9, max: 1e-9, noNaN: true }), (price, share) => {
        const { met, text: sentence } = between('now', { name: 'a', value: price }, 'above', { name: 'b', value: price * (1 + share) });
        const [, a, b] = /^a (\S+) is (?:not )?above b (\S+)$/.exec(sentence) ?? [];
        expect(Number(a) > Number(b)).toBe(met);
      }),
      { examples: [[1e-7, -1e-16]] },
    );
  });
});
