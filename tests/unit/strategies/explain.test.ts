/** What a strategy says of its conditions is what it acts on, and is told with numbers that do not contradict it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { against, between } from '../../../engine/strategies/conditions.ts';
import type { Condition } from '../../../engine/strategies/conditions.ts';
import { outputNames } from '../../../engine/indicators/need.ts';
import { strategies } from '../../../engine/strategies/registry.ts';
import type { ParameterField, Strategy, StrategyParameters } from '../../../engine/strategies/strategy.ts';
import { candle } from '../trading/given.ts';
import { known, parametersOf } from './play.ts';

const all = (conditions: readonly Condition[]): boolean => conditions.every(({ met }) => met);

/** Few values, so that equal ones meet, and levels are hit exactly and passed on both sides; NaN while warming. */
const marks = [-40, -20, 0, 20, 40, 60, 80, 100, 120];
const value = fc.oneof(fc.constantFrom(...marks), fc.double({ min: -100, max: 100, noNaN: true }), fc.constant(Number.NaN));

/** Whatever the strategy declares, within its bounds and as it says they go together. */
const parametersFor = (strategy: Strategy): fc.Arbitrary<StrategyParameters> => {
  const among = ({ default: standard, minimum, maximum }: ParameterField): fc.Arbitrary<number> =>
    fc.constantFrom(standard, ...marks.filter((mark) => minimum <= mark && mark <= maximum));
  const fields = Object.entries(strategy.parameters).map(([name, field]) => [name, among(field)] as const);
  return fc.record(Object.fromEntries(fields)).filter((parameters) => strategy.check(parameters).length === 0);
};

// Every strategy of the registry: one that is added is tested here without another word.
describe.each(strategies.map((strategy) => [strategy.name, strategy] as const))('%s', (_, strategy) => {
  const { length } = strategy.needs(parametersOf(strategy)).flatMap(outputNames);
  const values = fc.array(value, { minLength: length, maxLength: length });

  it('enters exactly when all entry conditions are met, and leaves exactly when those of an exit are', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(values, values, fc.constantFrom(...marks), parametersFor(strategy), (previous, current, close, parameters) => {
        const { action } = strategy.signal({ candle: candle(0, { close }), previous, current }, parameters);
        const { entry, exits } = strategy.explain({ close, previous, current }, parameters);
        seen.add(action);
        expect(all(entry)).toBe(action === 'enter-long');
        expect(exits.some(all)).toBe(action === 'exit');
      }),
      { numRuns: 5_000 },
    );
    expect([...seen].sort()).toEqual(['enter-long', 'exit', 'hold']);
  });

  it('says so of every value that is not known yet', () => {
    const nothing = Array.from({ length }, () => Number.NaN);
    const { entry, exits } = strategy.explain({ close: 100, previous: nothing, current: nothing }, parametersOf(strategy));
    for (const { met, text } of [...entry, ...exits.flat()])
      expect([met, text]).toEqual([false, expect.stringMatching(/^too few candles yet for /)]);
  });
});

describe('the numbers of a condition', () => {
  const text = (name: string, previous: number[], current: number[], close = 100): string[] => {
    const strategy = known(name);
    return strategy.explain({ close, previous, current }, parametersOf(strategy)).entry.map((condition) => condition.text);
  };

  it('are told in words', () => {
    expect(text('rsi', [61.23], [61.98])).toEqual(['RSI 61.2 one candle before was not at or below 30', 'RSI 62.0 is above 30']);
    expect(text('ema_cross', [20_010.123, 20_011], [20_012, 20_015.5])).toEqual([
      'fast EMA 20010.12 one candle before was at or below slow EMA 20011.00',
      'fast EMA 20012.00 is not above slow EMA 20015.50',
    ]);
    expect(text('ema_trend_rsi', [0.00001, 20], [0.0000123, 31], 0.0000124)[0]).toBe(
      'close 0.00001240000 is above trend EMA 0.00001230000',
    );
    expect(text('macd_adx', [1, 1.2, -0.2, 18, 20, 25], [1.5, 1.49, 0.01, 19.96, 24.5, 21])).toEqual([
      'MACD histogram -0.2 one candle before was at or below 0',
      'MACD histogram 0.01 is above 0',
      'ADX 19.96 is not at or above 20',
      '+DI 24.50000 is above -DI 21.00000',
    ]);
    expect(text('bollinger_reversion', [96, 100, 104, -0.1, 15, 10, 20], [95, 99, 103, 0.09, 26.3, 10, 20], 95.7)).toEqual([
      '%b -0.1 one candle before was at or below 0',
      '%b 0.1 is above 0',
      'close 95.70000 is not above lower band of one candle before 96.00000',
      'close 95.70000 is below middle band 99.00000',
      'ADX 26.3 is not below 25',
    ]);
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
