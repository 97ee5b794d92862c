/** What `defineStrategy` makes of a definition: names over flat columns. */
import { describe, expect, it } from 'vitest';
import type { Conditions } from '../../../engine/strategies/conditions.ts';
import { defineStrategy } from '../../../engine/strategies/define.ts';
import type { ValuesOf } from '../../../engine/strategies/define.ts';
import type { IndicatorKind, IndicatorNeed } from '../../../engine/indicators/need.ts';
import { classic, period } from '../../../engine/strategies/parameters.ts';
import type { Signal } from '../../../engine/strategies/strategy.ts';
import { candle } from '../trading/given.ts';

const hold: Signal = { action: 'hold', reason: 'nothing to do' };
const enter: Signal = { action: 'enter-long', reason: 'now' };

const nothing: Conditions = { entry: [], exits: [] };

const base = {
  name: 'example',
  summary: 'An example.',
  parameters: { emaFast: classic.emaFast, bandPeriod: period(20, 2, 100, 'Candles.') },
  explain: () => nothing,
};

type NeedOf<Kind extends IndicatorKind> = Extract<IndicatorNeed, { kind: Kind }>;

/** All outputs in their order. */
const listed = ({
  bands,
  fast,
  macd,
  stochastic,
  trend,
}: ValuesOf<{
  bands: NeedOf<'bollinger'>;
  fast: NeedOf<'ema'>;
  macd: NeedOf<'macd'>;
  stochastic: NeedOf<'stochastic'>;
  trend: NeedOf<'adx'>;
}>): unknown => [
  [bands.lower, bands.middle, bands.upper, bands.percentB],
  fast,
  [macd.line, macd.signal, macd.histogram],
  [stochastic.k, stochastic.d],
  [trend.adx, trend.plusDi, trend.minusDi],
];

describe('a defined strategy', () => {
  it('reads every output by its name, before and now', () => {
    const seen: unknown[] = [];
    const strategy = defineStrategy({
      ...base,
      needs: ({ emaFast, bandPeriod }) => ({
        bands: { kind: 'bollinger', period: bandPeriod, deviations: 2 },
        fast: { kind: 'ema', period: emaFast },
        macd: { kind: 'macd', fastPeriod: 1, slowPeriod: 2, signalPeriod: 3 },
        stochastic: { kind: 'stochastic', period: 5, smoothing: 3, signalPeriod: 3 },
        trend: { kind: 'adx', period: 14 },
      }),
      signal({ candle: { close }, now, before }, { bandPeriod }) {
        seen.push([close, bandPeriod, ...[now, before].map(listed)]);
        return hold;
      },
      explain({ close, now, before }, { bandPeriod }) {
        seen.push([close, bandPeriod, ...[now, before].map(listed)]);
        return nothing;
      },
    });
    const current = Array.from({ length: 13 }, (_, slot) => slot);
    const previous = current.map((value) => -value - 1);
    const parameters = { emaFast: 3, bandPeriod: 9 };
    expect(strategy.signal({ candle: candle(0, { close: 7 }), current, previous }, parameters)).toBe(hold);
    expect(strategy.explain({ close: 7, current, previous }, parameters)).toBe(nothing);
    const inOrder = [[0, 1, 2, 3], 4, [5, 6, 7], [8, 9], [10, 11, 12]];
    const turned = (value: number): number => -value - 1;
    const expected = [7, 9, inOrder, inOrder.map((one) => (typeof one === 'number' ? turned(one) : one.map(turned)))];
    expect(seen).toEqual([expected, expected]);
    expect(strategy.needs(parameters).slice(0, 2)).toEqual([
      { kind: 'bollinger', period: 9, deviations: 2 },
      { kind: 'ema', period: 3 },
    ]);
  });

  it('allocates no row and no reading from one candle to the next', () => {
    const readings = new Set<unknown>();
    const strategy = defineStrategy({
      ...base,
      needs: () => ({ bands: { kind: 'bollinger', period: 5, deviations: 2 } }),
      signal(reading) {
        for (const object of [reading, reading.now, reading.before, reading.now.bands]) readings.add(object);
        return hold;
      },
    });
    for (const at of [0, 1, 2]) strategy.signal({ candle: candle(at, { close: 1 }), current: [1, 2, 3, 4], previous: [1, 2, 3, 4] }, {});
    expect(readings.size).toBe(4);
  });

  it('warms up as long as the slowest of its indicators', () => {
    const strategy = defineStrategy({
      ...base,
      needs: ({ emaFast, bandPeriod }) => ({
        bands: { kind: 'bollinger', period: bandPeriod, deviations: 2 },
        fast: { kind: 'ema', period: emaFast },
      }),
      signal: () => hold,
    });
    expect(strategy.warmUpCandles({ emaFast: 1, bandPeriod: 500 })).toBe(501);
    expect(strategy.warmUpCandles({ emaFast: 99, bandPeriod: 500 })).toBe(1_139);
  });

  it('enters although another indicator has no value, when it says so itself', () => {
    const strategy = defineStrategy({ ...base, needs: () => ({ fast: { kind: 'ema', period: 1 } }), signal: () => enter });
    expect(strategy.signal({ candle: candle(0, { close: 1 }), current: [Number.NaN], previous: [Number.NaN] }, {})).toBe(enter);
  });

  it('must not give a classic parameter another meaning', () => {
    const parameters = { emaFast: period(5, 1, 100, 'Something else.') };
    const define = () => defineStrategy({ ...base, parameters, needs: () => ({ rsi: { kind: 'rsi', period: 2 } }), signal: () => hold });
    expect(define).toThrow(/strategy example declares emaFast anew/);
  });

  it('must not name other indicators for other parameters', () => {
    const kinds = defineStrategy({
      ...base,
      needs: ({ emaFast }) => ({ trend: emaFast === 12 ? { kind: 'ema', period: 1 } : { kind: 'rsi', period: 2 } }),
      signal: () => hold,
    });
    expect(() => kinds.needs({ emaFast: 13 })).toThrow(/strategy example names other indicators/);
    const names = defineStrategy({
      ...base,
      needs: ({ emaFast }) => ({ a: { kind: 'ema', period: 1 }, ...(emaFast === 12 ? {} : { b: { kind: 'ema', period: 2 } }) }),
      signal: () => hold,
    });
    expect(() => names.needs({ emaFast: 13 })).toThrow(/strategy example names other indicators/);
  });
});
