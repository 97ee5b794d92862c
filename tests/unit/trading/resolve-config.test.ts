import { describe, expect, it } from 'vitest';
import { columnList, defaultColumns } from '../../../engine/trading/bot-columns.ts';
import { resolveConfig, validateColumns } from '../../../engine/trading/resolve-config.ts';
import type { TradingColumns } from '../../../engine/trading/bot-columns.ts';
import { d } from './given.ts';

const columns = (change: Partial<TradingColumns> = {}): TradingColumns => ({
  ...defaultColumns,
  name: 'one',
  symbol: 'BTCUSDT',
  timeframe: '1m',
  strategy: 'ema_cross',
  initialCapital: d(1_000),
  positionSizePerc: 50,
  ...change,
});
const tradingOf = (change: Partial<TradingColumns>) => resolveConfig(columns(change)).trading;
const parametersOf = (change: Partial<TradingColumns>) => resolveConfig(columns(change)).parameters;
const fieldsOf = (change: Partial<TradingColumns>): string[] => validateColumns(columns(change)).map((problem) => problem.field);

const stopGuard = { stopGuardStops: 2, stopGuardWindowMinutes: 120, stopGuardPauseMinutes: 60 };
const lowProfit = { lowProfitTrades: 3, lowProfitWindowMinutes: 240, lowProfitMinPerc: 0, lowProfitPauseMinutes: 180 };
const protections = { cooldownAfterLossMinutes: 15, ...stopGuard, ...lowProfit };

describe('columns', () => {
  it('named custom override the base ones, and only where they are set', () => {
    const base = { stopLossPerc: 1, takeProfitPerc: 2, trailingStopPerc: 3 };
    expect(tradingOf(base)).toMatchObject({ stopLossPercent: 1, takeProfitPercent: 2, trailingStopPercent: 3 });
    expect(tradingOf({ ...base, customStopLoss: 4, customTakeProfit: 5, customTrailingStop: 6 })).toMatchObject({
      stopLossPercent: 4,
      takeProfitPercent: 5,
      trailingStopPercent: 6,
    });
    expect(tradingOf({ customStopLoss: 4 })).toMatchObject({ stopLossPercent: 4, takeProfitPercent: null });
    const periods = { emaFast: 1, emaSlow: 2, emaPeriod: 3, rsiPeriod: 4, rsiOversold: 5, rsiOverbought: 6 };
    expect(parametersOf(periods)).toEqual(periods);
    const custom = { customEmaFast: 11, customEmaSlow: 12, customRsiPeriod: 14, customRsiOversold: 0, customRsiOverbought: 16 };
    expect(parametersOf({ ...periods, ...custom })).toEqual({
      emaFast: 11,
      emaSlow: 12,
      emaPeriod: 3,
      rsiPeriod: 14,
      rsiOversold: 0,
      rsiOverbought: 16,
    });
  });

  it('of protections become times in ms, and a protection that is not set is off', () => {
    expect(tradingOf({}).protections).toEqual({ cooldownAfterLossMs: null, stopGuard: null, lowProfit: null });
    expect(tradingOf(protections).protections).toEqual({
      cooldownAfterLossMs: 15 * 60_000,
      stopGuard: { stops: 2, windowMs: 120 * 60_000, pauseMs: 60 * 60_000 },
      lowProfit: { trades: 3, windowMs: 240 * 60_000, minPercent: 0, pauseMs: 180 * 60_000 },
    });
  });

  it('stand beside the parameters that a strategy has of its own, whose defaults fill up what the row leaves out', () => {
    const parameters = parametersOf({ strategy: 'macd_adx', strategyParameters: { macd_fast: 5, trend_adx: 22.5 } });
    expect(parameters).toMatchObject({ macdFast: 5, macdSlow: 26, macdSignal: 9, adxPeriod: 14, trendAdx: 22.5, emaFast: 12 });
    expect(parametersOf({ strategy: 'macd_adx' })).toMatchObject({ macdFast: 12, trendAdx: 20 });
  });

  it('leave the rest as the row says', () => {
    expect(tradingOf({ checkIntervalSeconds: 3 })).toMatchObject({
      checkIntervalMs: 3_000,
      direction: 'long',
      trailingStopActive: false,
    });
    for (const direction of ['short', 'both'] as const) expect(tradingOf({ direction }).direction).toBe(direction);
  });
});

describe('what a row may hold', () => {
  it.each<[keyof TradingColumns, string, readonly unknown[], readonly unknown[]]>([
    ['stopLossPerc', 'stop_loss_perc', [0.01, 99.99], [0, -1, 100, 100.01, Number.NaN]],
    ['customStopLoss', 'custom_stop_loss', [0.01, 99.99], [0, 100, 500]],
    ['takeProfitPerc', 'take_profit_perc', [0.01, 1_000], [0, 1_000.01]],
    ['positionSizePerc', 'position_size_perc', [0.5, 100], [0, 500]],
    ['maxDailyTrades', 'max_daily_trades', [1, 100_000], [0, 1.5, 100_001]],
    ['checkIntervalSeconds', 'check_interval_seconds', [1, 86_400], [0, 0.5, 86_401]],
    ['cooldownAfterLossMinutes', 'cooldown_after_loss_minutes', [1, 43_200, null], [0, 0.5, 43_201]],
    ['emaPeriod', 'ema_period', [1, 1_000], [0, 1.5, 1_001]],
    ['rsiPeriod', 'rsi_period', [2, 1_000], [1, 2.5]],
    ['rsiOversold', 'rsi_oversold', [0, 29], [-1, 29.5, Number.NaN]],
    ['leverage', 'leverage', [1], [0, 1.5, 2, 126]],
    ['initialCapital', 'initial_capital', [d('0.01')], [d(0), d(-1), d('Infinity'), d('NaN')]],
    ['positionSizeFixed', 'position_size_fixed', [d('0.01'), null], [d(0), d(-1), d('Infinity')]],
    ['name', 'name', ['a', 'a'.repeat(100)], ['', '  ', 'a'.repeat(101)]],
    ['timeframe', 'timeframe', ['1s', '1d'], ['7m', '', 'toString']],
    ['strategy', 'strategy', ['rsi', 'ema_rsi', 'ema_trend_rsi', 'macd_adx'], ['martingale', '']],
    ['positionType', 'position_type', ['spot'], ['futures', 'margin']],
    ['direction', 'direction', ['long'], ['short', 'both', 'up']],
  ])('%s', (column, field, good, bad) => {
    for (const value of good) expect(fieldsOf({ [column]: value }), `${field} ${String(value)}`).toEqual([]);
    for (const value of bad) expect(fieldsOf({ [column]: value }), `${field} ${String(value)}`).toEqual([field]);
  });

  it('knows the words of every text that has only some; those of the venue are judged where it is known', () => {
    const worded = columnList.filter((column) => column.kind === 'text' && column.words !== undefined && column.key !== 'venue');
    expect(worded.map(({ key }) => key)).toEqual(['timeframe', 'direction', 'positionType']);
    for (const { key, name } of worded) expect(fieldsOf({ [key]: 'no such word' })).toEqual([name]);
  });

  it('names the column that makes a pair impossible', () => {
    expect(fieldsOf({ emaFast: 26 })).toEqual(['ema_fast']);
    expect(fieldsOf({ emaFast: 25 })).toEqual([]);
    expect(fieldsOf({ customEmaFast: 30 })).toEqual(['custom_ema_fast']);
    expect(fieldsOf({ rsiOversold: 70 })).toEqual(['rsi_oversold']);
    expect(fieldsOf({ customRsiOversold: 80 })).toEqual(['custom_rsi_oversold']);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['macd_fast', { macd_fast: 0 }, '0 is not a whole number from 1 to 400'],
    ['macd_fast', { macd_fast: 1.5 }, '1.5 is not a whole number from 1 to 400'],
    ['macd_fast', { macd_fast: 401 }, '401 is not a whole number from 1 to 400'],
    ['trend_adx', { trend_adx: 100.5 }, '100.5 is not a number from 0 to 100'],
    ['trend_adx', { trend_adx: '20' }, '"20" is not a number from 0 to 100'],
    ['trend_adx', { trend_adx: null }, 'null is not a number from 0 to 100'],
    ['macd_fast', { macd_fast: 26 }, 'the fast EMA (26) must be shorter than the slow one (26)'],
    [
      'macdFast',
      { macdFast: 5 },
      'macd_adx has no such parameter of its own; it has macd_fast, macd_slow, macd_signal, adx_period, trend_adx',
    ],
    [
      'toString',
      { toString: 5 },
      'macd_adx has no such parameter of its own; it has macd_fast, macd_slow, macd_signal, adx_period, trend_adx',
    ],
  ])('names the own parameter %s of a strategy in %j', (name, strategyParameters, problem) => {
    expect(validateColumns(columns({ strategy: 'macd_adx', strategyParameters }))).toEqual([
      { field: `strategy_parameters.${name}`, problem },
    ]);
  });

  it('takes own parameters at their bounds', () => {
    for (const strategyParameters of [{ macd_fast: 1, trend_adx: 0 }, { macd_slow: 400, macd_fast: 399, trend_adx: 100 }, {}, null])
      expect(fieldsOf({ strategy: 'macd_adx', strategyParameters })).toEqual([]);
  });

  it('knows no own parameter of a strategy that has none, and says where a column belongs', () => {
    expect(validateColumns(columns({ strategyParameters: { ema_fast: 5, macd_fast: 5 } }))).toEqual([
      { field: 'strategy_parameters.ema_fast', problem: 'is a field of the bot itself: set ema_fast' },
      { field: 'strategy_parameters.macd_fast', problem: 'ema_cross has no such parameter of its own; it has none' },
    ]);
  });

  it('names every own parameter that is wrong', () => {
    expect(fieldsOf({ strategy: 'macd_adx', strategyParameters: { macd_fast: 0, adx_period: 1, luck: 7 } })).toEqual([
      'strategy_parameters.luck',
      'strategy_parameters.macd_fast',
      'strategy_parameters.adx_period',
    ]);
  });

  it('asks for a size and for the percentage of an active trailing stop', () => {
    expect(fieldsOf({ positionSizePerc: null })).toEqual(['position_size_perc']);
    expect(fieldsOf({ positionSizePerc: null, positionSizeFixed: d(10) })).toEqual([]);
    expect(fieldsOf({ trailingStopActive: true })).toEqual(['trailing_stop_perc']);
    expect(fieldsOf({ trailingStopActive: true, trailingStopPerc: 1 })).toEqual([]);
    expect(fieldsOf({ trailingStopActive: true, customTrailingStop: 1 })).toEqual([]);
    for (const trailingStopPerc of [99.99, 100])
      expect(fieldsOf({ trailingStopActive: true, trailingStopPerc })).toHaveLength(trailingStopPerc === 100 ? 1 : 0);
  });

  it.each(['trailingStopPerc', 'customTrailingStop'] as const)('names the switch without which %s does nothing', (column) => {
    const name = column === 'trailingStopPerc' ? 'trailing_stop_perc' : 'custom_trailing_stop';
    expect(validateColumns(columns({ [column]: 2 }))).toEqual([
      {
        field: 'trailing_stop_active',
        problem: `${name} does nothing while trailing_stop_active is false: set it to true, or leave ${name} out`,
      },
    ]);
  });

  it.each<[keyof TradingColumns, unknown, string]>([
    ['leverage', 2, 'has no effect on spot: only 1 is accepted'],
    ['leverage', 126, '126 is not a whole number from 1 to 125'],
    ['marginType', 'crossed', 'has no effect on spot: only isolated is accepted'],
    ['transferAmount', d(0), 'has no effect on spot: only null is accepted'],
    ['transferAmount', d(-1), 'must be at least 0'],
    ['autoTransferFunds', true, 'has no effect on spot: only false is accepted'],
  ])('takes of %s, which only futures read, nothing but its default: not %s', (column, value, problem) => {
    expect(validateColumns(columns({ [column]: value })).map((one) => one.problem)).toEqual([problem]);
    expect(fieldsOf({ [column]: value, positionType: 'futures' })).toContain('position_type');
  });

  it('says of a bot on futures that it cannot be traded, and not what spot lacks', () => {
    expect(
      fieldsOf({ positionType: 'futures', leverage: 125, marginType: 'crossed', transferAmount: d(1), autoTransferFunds: true }),
    ).toEqual(['position_type']);
    expect(fieldsOf({ positionType: 'futures', leverage: 126 })).toEqual(['leverage', 'position_type']);
  });

  it.each<[keyof TradingColumns, string, readonly number[], readonly number[]]>([
    ['stopGuardStops', 'stop_guard_stops', [1, 50], [0, 1.5, 51]],
    ['stopGuardWindowMinutes', 'stop_guard_window_minutes', [1, 43_200], [0, 1.5, 43_201]],
    ['stopGuardPauseMinutes', 'stop_guard_pause_minutes', [1, 43_200], [0, 1.5, 43_201]],
    ['lowProfitTrades', 'low_profit_trades', [1, 50], [0, 1.5, 51]],
    ['lowProfitWindowMinutes', 'low_profit_window_minutes', [1, 43_200], [0, 1.5, 43_201]],
    ['lowProfitMinPerc', 'low_profit_min_perc', [-100, -0.5, 100], [-100.1, 100.1, Number.NaN]],
    ['lowProfitPauseMinutes', 'low_profit_pause_minutes', [1, 43_200], [0, 1.5, 43_201]],
  ])('%s, beside the others of its protection', (column, field, good, bad) => {
    for (const value of good) expect(fieldsOf({ ...protections, [column]: value }), `${field} ${value}`).toEqual([]);
    for (const value of bad) expect(fieldsOf({ ...protections, [column]: value }), `${field} ${value}`).toEqual([field]);
    expect(fieldsOf({ ...protections, [column]: null })).toEqual([field]);
  });

  it.each(Object.keys(protections))('without %s its protection is off, and the others are on', (column) => {
    const { protections: found } = resolveConfig(columns({ ...protections, [column]: null })).trading;
    const off = Object.entries(found).filter(([, value]) => value === null);
    expect(off.map(([name]) => name)).toEqual([
      column in stopGuard ? 'stopGuard' : column in lowProfit ? 'lowProfit' : 'cooldownAfterLossMs',
    ]);
  });

  it('has the columns of a protection together or not at all, and names those that are missing', () => {
    expect(fieldsOf(stopGuard)).toEqual([]);
    expect(fieldsOf(lowProfit)).toEqual([]);
    expect(fieldsOf({ stopGuardStops: 2, lowProfitMinPerc: 0 })).toEqual([
      'stop_guard_window_minutes',
      'stop_guard_pause_minutes',
      'low_profit_trades',
      'low_profit_window_minutes',
      'low_profit_pause_minutes',
    ]);
  });

  it('says everything at once, in words', () => {
    const wrong = { stopLossPerc: 500, takeProfitPerc: 0, emaPeriod: 0, rsiOverbought: 101, initialCapital: d(0), lowProfitMinPerc: -101 };
    expect(validateColumns(columns({ ...protections, ...wrong })).map(({ field, problem }) => `${field}: ${problem}`)).toEqual([
      'initial_capital: must be above 0',
      'stop_loss_perc: 500 is not above 0 and below 100 percent',
      'take_profit_perc: 0 is not above 0 and at most 1000 percent',
      'low_profit_min_perc: -101 is not from -100 to 100 percent',
      'ema_period: 0 is not a whole number from 1 to 1000 candles',
      'rsi_overbought: 101 is not a whole number from 0 to 100',
    ]);
  });
});
