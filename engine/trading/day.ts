/**
 * The UTC day of a bot: where it started, what it realised, how often it entered, and whether its loss limit or its
 * target was reached. Both verdicts hold until the next midnight, whatever happens to the money afterwards.
 */
import type { Decimal } from 'decimal.js';
import { quoteText } from './amounts.ts';
import type { Quote } from './amounts.ts';
import type { Fill, TradingConfig } from './events.ts';
import { exact, zero } from './exact.ts';
import type { Instrument } from './instrument.ts';
import { equityAt, roughEquityAt } from './pnl.ts';
import type { DayNotice, TradingDay, TradingState } from './state.ts';
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

/**
 * Adds what a fill realised; the target counts as reached from the fill that reached it. A fill belongs to the day in which it was
 * executed, however late it is told.
 */
export function withRealised(day: TradingDay, { side, atMs }: Fill, realisedPnl: Decimal, config: TradingConfig): TradingDay {
  if (side === 'BUY' || atMs < day.startMs) return day;
  const realised = exact(day.realised).plus(realisedPnl);
  const reached =
    config.dailyTargetPercent !== null && realised.gt(0) && realised.gte(exact(day.startEquity).times(config.dailyTargetPercent).div(100));
  return { ...day, realised, targetReached: day.targetReached || reached };
}

/** At this share of the day's loss limit its user is warned. */
const warningShare = 0.8;

/** The state with the verdict on the day's loss at `price`, realised and unrealised, and what there is to tell of it. */
export function withLossJudged(
  state: TradingState,
  config: TradingConfig,
  instrument: Instrument,
  price: number,
  atMs: number,
): TradingState {
  const { day } = state;
  if (config.maxDailyLossPercent === null) return state;
  const start = day.startEquity.toNumber();
  const loss = start - roughEquityAt(state, config, instrument, price) + Math.abs(start) * roundOff;
  const limit = (start * config.maxDailyLossPercent) / 100;
  const lossReached = day.lossReached || loss >= limit;
  if (!lossReached && loss < limit * warningShare) return state;
  const lossText = (): string => `the day's loss of ${quoteText(exact(day.startEquity).minus(equityAt(state, config, price)), instrument)}`;
  const limitText = (): string => `its limit (${config.maxDailyLossPercent ?? 0} % of ${quoteText(day.startEquity, instrument)})`;
  const warned = withNotice(
    state.notices,
    day,
    'daily-loss-warning',
    atMs,
    () => `${lossText()} reached ${warningShare * 100} % of ${limitText()}`,
  );
  const notices = lossReached
    ? withNotice(
        warned,
        day,
        'daily-loss-reached',
        atMs,
        () => `${lossText()} reached ${limitText()}: the position is closed, no entry until the next UTC midnight`,
      )
    : warned;
  if (lossReached === day.lossReached && notices === state.notices) return state;
  return { ...state, notices, day: lossReached === day.lossReached ? day : { ...day, lossReached } };
}

/** The notices after a fill at `atMs`, when the target is reached. */
export function withTargetTold(notices: readonly DayNotice[], day: TradingDay, atMs: number, quote: Quote): readonly DayNotice[] {
  if (!day.targetReached) return notices;
  const reason = (): string =>
    `the day's profit of ${quoteText(day.realised, quote)} reached its target: no entry until the next UTC midnight`;
  return withNotice(notices, day, 'daily-target-reached', atMs, reason);
}

/** Those of two days. */
const noticesMax = 6;

/** Adds the notice unless its day has it already. `reason` is a function, because this is asked at every price. */
function withNotice(
  notices: readonly DayNotice[],
  { startMs: dayStartMs }: TradingDay,
  topic: DayNotice['topic'],
  atMs: number,
  reason: () => string,
): readonly DayNotice[] {
  if (notices.some((told) => told.topic === topic && told.dayStartMs === dayStartMs)) return notices;
  return [...notices, { topic, dayStartMs, atMs, reason: reason() }].slice(-noticesMax);
}
