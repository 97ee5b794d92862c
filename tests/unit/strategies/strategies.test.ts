import { describe, expect, it } from 'vitest';
import { defaultLimits } from '../../../engine/market/limits.ts';
import { strategies } from '../../../engine/strategies/registry.ts';
import { warmUpOf } from '../../../engine/indicators/need.ts';
import { columnName, ownFields } from '../../../engine/strategies/parameters.ts';
import type { Signal } from '../../../engine/strategies/strategy.ts';
import { candle } from '../trading/given.ts';
import { known, parametersOf } from './play.ts';

const classicParameters = { emaFast: 5, emaSlow: 13, emaPeriod: 50, rsiPeriod: 14, rsiOversold: 30, rsiOverbought: 70 };

function signalOf(name: string, previous: number[], current: number[], close = 100): Signal {
  const strategy = known(name);
  return strategy.signal({ candle: candle(0, { close }), previous, current }, parametersOf(strategy, classicParameters));
}
const actionOf = (...given: Parameters<typeof signalOf>): string => signalOf(...given).action;

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

describe('macd_adx', () => {
  // Line, signal and histogram of the MACD, then ADX, +DI and -DI.
  it.each([
    ['a cross up in an uptrend', [0, 0, -1, 25, 30, 10], [0, 0, 1, 20, 30, 10], 'enter-long'],
    ['a cross up without a trend', [0, 0, -1, 25, 30, 10], [0, 0, 1, 19.9, 30, 10], 'hold'],
    ['a cross up in a downtrend', [0, 0, -1, 25, 30, 10], [0, 0, 1, 40, 10, 30], 'hold'],
    ['a cross up with no ADX yet', [0, 0, -1, Number.NaN, 30, 10], [0, 0, 1, Number.NaN, 30, 10], 'hold'],
    ['a cross down', [0, 0, 1, 25, 30, 10], [0, 0, -1, 25, 30, 10], 'exit'],
    ['no cross', [0, 0, 1, 25, 30, 10], [0, 0, 2, 25, 30, 10], 'hold'],
  ])('on %s', (_, previous, current, action) => {
    expect(actionOf('macd_adx', previous, current)).toBe(action);
  });

  it('refuses a fast average that is not faster', () => {
    const strategy = known('macd_adx');
    expect(strategy.check(parametersOf(strategy))).toEqual([]);
    expect(strategy.check(parametersOf(strategy, { macdFast: 26 })).map(({ name }) => name)).toEqual(['macdFast']);
  });
});

describe('a hold', () => {
  it.each([
    ['ema_trend_rsi', 'trend', [Number.NaN, 29], [Number.NaN, 31]],
    ['ema_trend_rsi', 'rsi', [90, Number.NaN], [90, Number.NaN]],
    ['ema_trend_rsi', 'trend', [Number.NaN, 50], [90, 51]],
    ['ema_cross', 'fast', [Number.NaN, Number.NaN], [3, 2]],
    ['ema_rsi', 'rsi', [1, 2, Number.NaN], [3, 2, Number.NaN]],
  ])('of %s while "%s" has no value says so instead of speaking of it', (name, indicator, previous, current) => {
    expect(signalOf(name, previous, current)).toEqual({ action: 'hold', reason: `too few candles yet for the indicator "${indicator}"` });
  });

  it('on the trend EMA does not claim to be above it', () => {
    expect(signalOf('ema_trend_rsi', [100, 50], [100, 50], 100).reason).toBe('close is on the trend EMA');
    expect(signalOf('ema_trend_rsi', [99, 50], [99, 50], 100).reason).toBe('above the trend EMA, RSI does not recover from oversold');
  });
});

describe('the warm-up', () => {
  it.each([
    ['ema_cross', 159],
    ['rsi', 307],
    ['ema_rsi', 307],
    ['ema_trend_rsi', 581],
    ['macd_adx', 614],
    ['bollinger_reversion', 614],
  ])('of %s is that of its slowest indicator', (name, candles) => {
    const strategy = known(name);
    expect(strategy.warmUpCandles(parametersOf(strategy, classicParameters))).toBe(candles);
  });

  it('forgets where an average began', () => {
    const forgotten = (share: number, candles: number) => share ** candles;
    for (const period of [2, 14, 200]) {
      expect(forgotten(1 - 2 / (period + 1), warmUpOf({ kind: 'ema', period }) - period)).toBeLessThan(1e-9);
      expect(forgotten(1 - 1 / period, warmUpOf({ kind: 'rsi', period }) - period - 1)).toBeLessThan(1e-9);
    }
  });
});

describe('every strategy', () => {
  const each = it.each(strategies.map((strategy) => [strategy.name, strategy] as const));

  each('%s reads indicators', (_, strategy) => {
    expect(strategy.needs(parametersOf(strategy)).length).toBeGreaterThan(0);
  });

  each('%s has defaults that stand within their bounds and go together', (_, strategy) => {
    for (const [name, field] of Object.entries(strategy.parameters)) {
      expect(field.default, name).toBeGreaterThanOrEqual(field.minimum);
      expect(field.default, name).toBeLessThanOrEqual(field.maximum);
    }
    expect(strategy.check(parametersOf(strategy))).toEqual([]);
  });

  each('%s names each parameter otherwise than the others, in the API too', (_, strategy) => {
    const names = Object.keys(strategy.parameters).map(columnName);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
  });

  it.each(strategies.filter((strategy) => ownFields(strategy).length > 0))(
    '$name can be warmed up whatever its own parameters: the engine loads no more than its limit',
    (strategy) => {
      const most = Object.fromEntries(ownFields(strategy).map(([name, field]) => [name, field.maximum]));
      expect(strategy.warmUpCandles(parametersOf(strategy, most))).toBeLessThanOrEqual(defaultLimits.maxWarmUpCandles);
    },
  );

  it('has a name of its own', () => {
    expect(new Set(strategies.map(({ name }) => name)).size).toBe(strategies.length);
  });
});
