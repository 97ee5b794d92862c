import { describe, expect, it } from 'vitest';
import { applicable, editRules, refusedEdits } from '../../../engine/trading/edit-rules.ts';
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
    ['trailing no more', { trailingStopActive: false }, ['trailingStopActive']],
    ['trailing nearer', { customTrailingStop: 1 }, []],
  ])('that makes it %s', (_, change, refused) => {
    expect(fields(change)).toEqual(refused);
    expect(fields(change, { ...flat, ordersOpen: true })).toEqual([]);
  });
});

describe('the rules', () => {
  it('let a column that nobody listed wait until the bot is flat', () => {
    expect(fields({ neverHeardOf: 1 })).toEqual(['neverHeardOf']);
    expect(fields({ neverHeardOf: 1 }, flat)).toEqual([]);
  });

  it('take the same amount written differently for no change, and what the engine keeps itself for none', () => {
    expect(refusedEdits({ initialCapital: d('1000') }, { initialCapital: d('1000.00') }, holding)).toEqual([]);
    expect(refusedEdits({ version: 1 }, { version: 2 }, holding)).toEqual([]);
  });

  it('tell refusals that waiting does not lift', () => {
    const stopped = { ...flat, running: false };
    const lasting = (standing: Standing) => refusedEdits({ mode: 'paper' }, { mode: 'live' }, standing).map((one) => one.lasting);
    expect([lasting(stopped), lasting(flat), lasting({ ...stopped, traded: true })]).toEqual([[], [false], [true]]);
    expect(refusedEdits({ symbol: 'BTCUSDT' }, { symbol: 'ETHUSDT' }, stopped)[0]?.lasting).toBe(true);
    expect(editRules['symbol']).toBe('never');
  });
});

describe('what of a change applies now', () => {
  const row = { timeframe: '1m', takeProfitPerc: 3, isActive: true };
  it('leaves the columns that wait as they were', () => {
    const { columns, waiting } = applicable(row, { ...row, timeframe: '5m', takeProfitPerc: 4 }, holding);
    expect([columns, waiting.map(({ column }) => column)]).toEqual([{ ...row, takeProfitPerc: 4 }, ['timeframe']]);
  });

  it('is not held up by start and stop', () => {
    expect(applicable(row, { ...row, isActive: false }, holding).waiting).toEqual([]);
  });
});
