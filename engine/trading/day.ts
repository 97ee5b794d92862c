/**
 * The UTC day of a bot: where it started, what it realised, how often it entered, and whether its loss limit or its
 * target was reached. Both verdicts hold until the next midnight, whatever happens to the money afterwards.
 */
import type { Decimal } from 'decimal.js';
import type { TradingConfig } from './events.ts';
import { exact, zero } from './exact.ts';
import type { Instrument } from './instrument.ts';
import { equityAt, roughEquityAt } from './pnl.ts';
import type { TradingDay, TradingState } from './state.ts';
import { roundOff } from './stops.ts';

const dayMs = 86_400_000;

/** UTC midnight at or before `atMs`. */
export function midnightBefore(atMs: number): number {
  return Math.floor(atMs / dayMs) * dayMs;
}

export function newDay(startMs: number, startEquity: Decimal): TradingDay {
  return { startMs, startEquity, realised: zero, entries: 0, lossReached: false, targetReached: false };
}

/** The state in the day of `atMs`; unchanged within the day, and time never goes back to an earlier one. */
export function inDayOf(state: TradingState, config: TradingConfig, atMs: number): TradingState {
  const startMs = midnightBefore(atMs);
  if (startMs <= state.day.startMs) return state;
  return { ...state, day: newDay(startMs, equityAt(state, config, state.lastPrice)) };
}

/** The day after the budget changed: what was put in or taken out is neither profit nor loss. */
export function withCapital(day: TradingDay, before: Decimal, after: Decimal): TradingDay {
  return before.eq(after) ? day : { ...day, startEquity: exact(day.startEquity).plus(after).minus(before) };
}

/** Adds what a fill realised; the target counts as reached from the fill that reached it. */
export function withRealised(day: TradingDay, realisedPnl: Decimal, config: TradingConfig): TradingDay {
  const realised = exact(day.realised).plus(realisedPnl);
  const reached =
    config.dailyTargetPercent !== null && realised.gt(0) && realised.gte(exact(day.startEquity).times(config.dailyTargetPercent).div(100));
  return { ...day, realised, targetReached: day.targetReached || reached };
}

/** True when realised and unrealised loss of the day at `price` reach the limit. */
export function lossLimitReached(state: TradingState, config: TradingConfig, instrument: Instrument, price: number): boolean {
  if (config.maxDailyLossPercent === null) return false;
  const start = state.day.startEquity.toNumber();
  return start - roughEquityAt(state, config, instrument, price) >= (start * config.maxDailyLossPercent) / 100 - Math.abs(start) * roundOff;
}
