import { describe, expect, it } from 'vitest';
import { findStrategy, strategies } from '../../../engine/strategies/registry.ts';
import type { StrategyParameters } from '../../../engine/strategies/strategy.ts';
import { candle } from '../trading/given.ts';

const parameters: StrategyParameters = { emaFast: 5, emaSlow: 13, emaPeriod: 50, rsiPeriod: 14, rsiOversold: 30, rsiOverbought: 70 };

function actionOf(name: string, previous: number[], current: number[], close = 100): string {
  const strategy = findStrategy(name);
  if (strategy === undefined) throw new Error(`no strategy ${name}`);
  return strategy.signal({ candle: candle(0, { close }), previous, current }, parameters).action;
}

describe('ema_cross', () => {
  it.each([
    ['crosses above', [1, 2], [3, 2], 'enter-long'],
    ['touches, then rises above', [2, 2], [3, 2], 'enter-long'],
    ['stays above', [3, 2], [4, 2], 'hold'],
    ['rises to touch', [1, 2], [2, 2], 'hold'],
    ['crosses below', [3, 2], [1, 2], 'exit'],
    ['touches, then falls below', [2, 2], [1, 2], 'exit'],
    ['falls to touch', [3, 2], [2, 2], 'hold'],
    ['is warming', [Number.NaN, Number.NaN], [3, 2], 'hold'],
  ])('when the fast EMA %s', (_, previous, current, action) => {
    expect(actionOf('ema_cross', previous, current)).toBe(action);
  });
});

describe('rsi', () => {
  it.each([
    ['recovers from oversold', 30, 30.01, 'enter-long'],
    ['falls into oversold', 31, 29, 'hold'],
    ['stays oversold', 25, 30, 'hold'],
    ['fades from overbought', 70, 69.99, 'exit'],
    ['rises into overbought', 69, 71, 'hold'],
    ['falls to the overbought level', 71, 70, 'hold'],
    ['loses its value', 71, Number.NaN, 'hold'],
    ['is warming', Number.NaN, 50, 'hold'],
  ])('when it %s', (_, previous, current, action) => {
    expect(actionOf('rsi', [previous], [current])).toBe(action);
  });
});

describe('ema_rsi', () => {
  it.each([
    ['a cross up with a calm RSI', [1, 2, 50], [3, 2, 69.9], 'enter-long'],
    ['the overbought level itself', [3, 2, 60], [3, 2, 70], 'exit'],
    ['a touch and a cross up in an overbought market', [2, 2, 60], [3, 2, 75], 'exit'],
    ['a cross up with an overbought RSI', [1, 2, 50], [3, 2, 70], 'exit'],
    ['a cross up with no RSI yet', [1, 2, Number.NaN], [3, 2, Number.NaN], 'hold'],
    ['a cross down', [3, 2, 50], [1, 2, 50], 'exit'],
    ['an overbought RSI', [3, 2, 60], [3, 2, 71], 'exit'],
    ['neither', [3, 2, 60], [3, 2, 61], 'hold'],
  ])('on %s', (_, previous, current, action) => {
    expect(actionOf('ema_rsi', previous, current)).toBe(action);
  });
});

describe('ema_trend_rsi', () => {
  it.each([
    ['a recovery above the trend', [90, 29], [90, 31], 100, 'enter-long'],
    ['a recovery below the trend', [110, 29], [110, 31], 100, 'exit'],
    ['no recovery above the trend', [90, 31], [90, 32], 100, 'hold'],
    ['overbought above the trend', [90, 60], [90, 70], 100, 'exit'],
    ['a close below the trend', [100, 50], [100, 50], 99, 'exit'],
    ['a close on the trend', [100, 29], [100, 31], 100, 'hold'],
  ])('on %s', (_, previous, current, close, action) => {
    expect(actionOf('ema_trend_rsi', previous, current, close)).toBe(action);
  });
});

describe('the warm-up', () => {
  it.each([
    ['ema_cross', 159],
    ['rsi', 307],
    ['ema_rsi', 307],
    ['ema_trend_rsi', 581],
  ])('of %s is that of its slowest indicator', (name, candles) => {
    expect(findStrategy(name)?.warmUpCandles(parameters)).toBe(candles);
  });

  it('forgets where the average began', () => {
    const forgotten = (share: number, candles: number) => share ** candles;
    for (const period of [2, 14, 200]) {
      const only = { ...parameters, emaSlow: period, rsiPeriod: period };
      expect(forgotten(1 - 2 / (period + 1), (findStrategy('ema_cross')?.warmUpCandles(only) ?? 0) - period)).toBeLessThan(1e-9);
      expect(forgotten(1 - 1 / period, (findStrategy('rsi')?.warmUpCandles(only) ?? 0) - period - 1)).toBeLessThan(1e-9);
    }
  });
});

describe('every strategy', () => {
  it.each(strategies.map((strategy) => [strategy.name, strategy] as const))(
    '%s gives a value to each need it names and warms up longer than its longest period',
    (_, strategy) => {
      const needs = strategy.needs(parameters);
      expect(needs.length).toBeGreaterThan(0);
      expect(strategy.warmUpCandles(parameters)).toBeGreaterThan(Math.max(...needs.map((need) => need.period)));
      expect(Object.keys(strategy.parameters.properties).sort()).toEqual([...strategy.parameters.required].sort());
    },
  );
});
