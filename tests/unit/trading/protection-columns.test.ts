/** Columns of pauses that belong together: all of them, or none. */
import { expect, it } from 'vitest';
import {
  noProtectionColumns,
  protectionBounds,
  protectionProblems,
  resolveProtections,
} from '../../../engine/trading/protection-columns.ts';
import type { ProtectionColumns } from '../../../engine/trading/protection-columns.ts';

const guard = { stopGuardStops: 2, stopGuardWindowMinutes: 60, stopGuardPauseMinutes: 30 };
const low = { lowProfitTrades: 3, lowProfitWindowMinutes: 120, lowProfitMinPerc: 0.5, lowProfitPauseMinutes: 45 };
const all: ProtectionColumns = { cooldownAfterLossMinutes: 15, ...guard, ...low };
const minute = 60_000;

it('become protections in milliseconds', () => {
  expect(resolveProtections(all)).toEqual({
    cooldownAfterLossMs: 15 * minute,
    stopGuard: { stops: 2, windowMs: 60 * minute, pauseMs: 30 * minute },
    lowProfit: { trades: 3, windowMs: 120 * minute, minPercent: 0.5, pauseMs: 45 * minute },
  });
  expect(resolveProtections(noProtectionColumns)).toEqual({ cooldownAfterLossMs: null, stopGuard: null, lowProfit: null });
});

it.each(Object.keys(guard))('without %s there is no stop guard, and the column is missed', (column) => {
  const columns = { ...all, [column]: null };
  expect(resolveProtections(columns)).toMatchObject({ stopGuard: null, lowProfit: { trades: 3 } });
  expect(protectionProblems(columns).map((one) => one.column)).toEqual([column]);
});

it.each(Object.keys(low))('without %s there is no low profit, and the column is missed', (column) => {
  const columns = { ...all, [column]: null };
  expect(resolveProtections(columns)).toMatchObject({ lowProfit: null, stopGuard: { stops: 2 } });
  expect(protectionProblems(columns)).toEqual([
    { column, problem: 'is missing: the columns of a protection are set together, or none of them' },
  ]);
});

it('all of them or none are fine', () => {
  expect([protectionProblems(all), protectionProblems(noProtectionColumns)]).toEqual([[], []]);
});

it('are bounded: minutes to thirty days, counts to the round trips that are kept, the profit by a hundred percent', () => {
  const minutes = { least: 1, most: 43_200, whole: true, unit: ' minutes' };
  const count = { least: 1, most: 50, whole: true, unit: '' };
  expect(Object.fromEntries(protectionBounds)).toEqual({
    cooldownAfterLossMinutes: minutes,
    stopGuardStops: count,
    stopGuardWindowMinutes: minutes,
    stopGuardPauseMinutes: minutes,
    lowProfitTrades: count,
    lowProfitWindowMinutes: minutes,
    lowProfitMinPerc: { least: -100, most: 100, whole: false, unit: ' percent' },
    lowProfitPauseMinutes: minutes,
  });
});
