import { describe, expect, it } from 'vitest';
import { columnList } from '../../../engine/trading/bot-columns.ts';
import type { BotColumns } from '../../../engine/trading/bot-columns.ts';
import { applicable, refusedEdits } from '../../../engine/trading/edit-rules.ts';
import type { Standing } from '../../../engine/trading/edit-rules.ts';
import { d } from './given.ts';

const flat: Standing = { holding: false, ordersOpen: false, running: true, traded: false };
const holding: Standing = { ...flat, holding: true };
const before = { stopLossPerc: 2, customStopLoss: null, trailingStopActive: true, trailingStopPerc: 3, customTrailingStop: null };
const fields = (change: Record<string, unknown>, standing: Standing = holding): string[] =>
  refusedEdits(before, { ...before, ...change }, standing).map(({ column }) => column);

describe('a change of the stop while a position is open', () => {
  it.each([
    ['nearer', { stopLossPerc: 1 }, []],
    ['wider', { stopLossPerc: 2.5 }, ['stopLossPerc']],
    ['gone', { stopLossPerc: null }, ['stopLossPerc']],
    ['overridden by a wider one', { customStopLoss: 4 }, ['customStopLoss']],
    ['wider, but overridden by a nearer one', { stopLossPerc: 5, customStopLoss: 1 }, []],
    ['trailing farther behind', { trailingStopPerc: 4 }, ['trailingStopPerc']],
    ['trailing farther behind by the custom column', { customTrailingStop: 5 }, ['customTrailingStop']],
    ['trailing no more', { trailingStopActive: false }, ['trailingStopActive']],
    ['trailing nearer', { customTrailingStop: 1 }, []],
    ['wider, and the trailing one nearer', { stopLossPerc: 4, trailingStopPerc: 1 }, ['stopLossPerc']],
    ['nearer, and the trailing one farther behind', { stopLossPerc: 1, trailingStopPerc: 4 }, ['trailingStopPerc']],
    ['as far as before, written in the other column', { customStopLoss: 2, customTrailingStop: 3 }, []],
  ])('that makes it %s', (_, change, refused) => {
    expect(fields(change)).toEqual(refused);
    expect(fields(change, { ...flat, ordersOpen: true })).toEqual([]);
  });
});

describe('the rules', () => {
  it('know every column', () => {
    const columnsOf = (rule: string) => columnList.filter(({ edit }) => edit === rule).map(({ key }) => key);
    expect(columnsOf('tighter')).toEqual([
      'stopLossPerc',
      'trailingStopPerc',
      'trailingStopActive',
      'customStopLoss',
      'customTrailingStop',
    ]);
    expect(columnsOf('flat')).toEqual(['timeframe', 'strategy', 'initialCapital', 'direction', 'leverage', 'marginType']);
    expect(columnsOf('stopped')).toEqual(['mode']);
    expect(columnsOf('never')).toEqual(['symbol', 'isActive', 'venue', 'positionType']);
    expect(columnsOf('with-strategy')).toEqual(['strategyParameters']);
    expect(columnsOf('next-decision')).toHaveLength(columnList.length - 5 - 6 - 1 - 4 - 1);
  });

  it('say why', () => {
    const why = (column: string, standing: Standing) =>
      refusedEdits({ ...before, [column]: 1 }, { ...before, [column]: 9 }, standing).map((one) => [one.reason, one.lasting]);
    expect(why('takeProfitPerc', holding)).toEqual([]);
    expect(why('stopLossPerc', holding)).toEqual([['a stop is only tightened while the bot holds a position', false]]);
    expect(why('timeframe', { ...holding, traded: true })).toEqual([
      ['it cannot change while the bot holds a position (command close-position ends it)', false],
    ]);
    expect(why('timeframe', { ...flat, ordersOpen: true })).toEqual([['it cannot change while an order of the bot is not over', false]]);
    expect(why('mode', flat)).toEqual([['the bot must be stopped first (command stop)', false]]);
    expect(why('mode', { ...flat, running: false, ordersOpen: true })).toEqual([
      ['it cannot change while an order of the bot is not over', false],
    ]);
    expect(why('mode', { ...flat, traded: true })).toEqual([
      ['the bot has traded, and paper money must not count as real: create another bot for the other mode', true],
    ]);
    expect(['symbol', 'venue', 'positionType', 'isActive'].flatMap((column) => why(column, flat))).toEqual([
      ['the trades of a bot belong to its symbol: create another bot', true],
      ['the trades of a bot belong to its venue: create another bot', true],
      ['the trades of a bot belong to its market: create another bot', true],
      ['the commands start and stop change it', true],
    ]);
  });

  it('tell values of any kind apart', () => {
    const valued = (value: unknown) => ({ timeframe: value }) as Partial<BotColumns>;
    const changed = (one: unknown, other: unknown) => refusedEdits(valued(one), valued(other), holding).length > 0;
    expect([changed('a', 'a'), changed({ period: 3 }, { period: 3 }), changed(d(1), d('1.0')), changed(null, null)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect([changed('a', 'b'), changed({ period: 3 }, { period: 4 }), changed(d(1), d(2)), changed(null, 0), changed(d(1), null)]).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
  });

  it('take the same amount written differently for no change, and what is no column of the table for none', () => {
    expect(refusedEdits({ initialCapital: d('1000') }, { initialCapital: d('1000.00') }, holding)).toEqual([]);
    const [one, two] = [1, 2].map((version) => ({ timeframe: '1m', version }));
    expect(refusedEdits(one ?? {}, two ?? {}, holding)).toEqual([]);
  });

  it('tell refusals that waiting does not lift', () => {
    const stopped = { ...flat, running: false };
    const lasting = (standing: Standing) => refusedEdits({ mode: 'paper' }, { mode: 'live' }, standing).map((one) => one.lasting);
    expect([lasting(stopped), lasting(flat), lasting({ ...stopped, traded: true })]).toEqual([[], [false], [true]]);
    expect(refusedEdits({ symbol: 'BTCUSDT' }, { symbol: 'ETHUSDT' }, stopped)[0]?.lasting).toBe(true);
  });
});

describe('what of a change applies now', () => {
  const row = { timeframe: '1m', takeProfitPerc: 3, isActive: true };
  it('leaves the columns that wait as they were', () => {
    const { columns, waiting } = applicable(row, { ...row, timeframe: '5m', takeProfitPerc: 4 }, holding);
    expect([columns, waiting.map(({ column }) => column)]).toEqual([{ ...row, takeProfitPerc: 4 }, ['timeframe']]);
  });

  it('leaves a strategy together with its parameters, which mean nothing to another one', () => {
    const old: Partial<BotColumns> = { strategy: 'macd_adx', strategyParameters: { trend_adx: 30 }, maxDailyTrades: 3 };
    const next: Partial<BotColumns> = { strategy: 'bollinger_reversion', strategyParameters: { band_period: 30 }, maxDailyTrades: 4 };
    expect(applicable(old, next, holding).columns).toEqual({ ...old, maxDailyTrades: 4 });
    expect(applicable(old, next, flat)).toEqual({ columns: next, waiting: [] });
    const alone = { ...old, strategyParameters: { trend_adx: 25 } };
    expect(applicable(old, alone, holding)).toEqual({ columns: alone, waiting: [] });
  });

  it('is not held up by start and stop', () => {
    const after = { ...row, isActive: false };
    expect(applicable(row, after, holding)).toEqual({ columns: after, waiting: [] });
  });
});
