/** Each bound of the core, exactly at it and a hair to either side. */
import { describe, expect, it } from 'vitest';
import { inDayOf, midnightBefore, newDay, withLossJudged, withRealised } from '../../../engine/trading/day.ts';
import { decide } from '../../../engine/trading/decide.ts';
import type { TradingConfig, TradingEvent } from '../../../engine/trading/events.ts';
import { exitPauseMs } from '../../../engine/trading/exits.ts';
import { applyFill, emptyPosition } from '../../../engine/trading/position.ts';
import { exposureOf } from '../../../engine/trading/protect.ts';
import type { RestingProtection, TradingState } from '../../../engine/trading/state.ts';
import { bestAfter, protectiveExit, roundOff, stopPrice } from '../../../engine/trading/stops.ts';
import { btc, candle, config, d, emptyState, fill, midnight } from './given.ts';

const dayMs = 86_400_000;
const at = (price: number) => ({ high: price, low: price });
const resting = (stop: string | null, target: string | null): RestingProtection => ({
  quantity: d(1),
  stopPrice: stop === null ? null : d(stop),
  targetPrice: target === null ? null : d(target),
});
/** Holds 3 BTC bought at 100. */
const holding = (change: Partial<TradingState> = {}): TradingState => ({
  ...emptyState(),
  position: { quantity: d(3), cost: d(300), entryFees: d(0), openedAtMs: midnight, openedUnder: null },
  bestPrice: 100,
  lastPrice: 100,
  ...change,
});
const forming = (price: number, atMs: number): TradingEvent => ({
  type: 'price-moved',
  candle: { ...candle(0, { close: price }), closed: false },
  atMs,
});
const closing = (
  minute: number,
  close: number,
  action: 'hold' | 'enter-long' = 'hold',
  atMs = midnight + minute * 60_000 + 59_999,
): TradingEvent => ({
  type: 'candle-closed',
  candle: candle(minute, { close }),
  signal: { action, reason: action },
  atMs,
});
const sells = (state: TradingState, event: TradingEvent, trading: TradingConfig): boolean =>
  decide(state, event, trading, btc).commands.some((command) => command.type === 'place-order');

describe('stop and target', () => {
  const stop = config({ stopLossPercent: 5 });
  const target = config({ takeProfitPercent: 5 });

  it('are reached by a price that misses them by no more than floats do', () => {
    const reaches = (trading: TradingConfig, price: number) => protectiveExit(trading, 100, 100, at(price), null, 0) !== null;
    const [low, high] = [95 * (1 + roundOff), 105 * (1 - roundOff)];
    expect([reaches(stop, low), reaches(stop, low + 1e-9), reaches(stop, low - 1e-9)]).toEqual([true, false, true]);
    expect([reaches(target, high), reaches(target, high - 1e-9), reaches(target, high + 1e-9)]).toEqual([true, false, true]);
  });

  it('are left to the order that rests at that price, and to no other', () => {
    const left = (low: number, order: RestingProtection) => protectiveExit(stop, 100, 100, at(low), order, 0) === null;
    // The order rests at 94: the engine keeps the stop of 95 down to there.
    expect([95, 94.01, 94, 93].map((price) => left(price, resting('94', null)))).toEqual([false, false, true, true]);
    expect(left(94, resting(null, '105'))).toBe(false);
    const leftHigh = (high: number, order: RestingProtection) => protectiveExit(target, 100, 100, at(high), order, 0) === null;
    expect([leftHigh(105, resting('95', '105')), leftHigh(105, resting('95', null))]).toEqual([true, false]);
  });

  it('are named by what was tighter; equal ones by the fixed stop', () => {
    const both = config({ stopLossPercent: 5, trailingStopPercent: 5, trailingStopActive: true });
    expect(protectiveExit(both, 100, 100, at(95), null, 0)?.reason).toMatch(/^stop-loss/);
    expect(protectiveExit(both, 100, 100.1, at(95), null, 0)?.reason).toMatch(/^trailing stop/);
    const trailing = config({ trailingStopPercent: 5, trailingStopActive: true });
    expect(protectiveExit(trailing, 100, 100, at(95), null, 0)?.reason).toMatch(/^trailing stop/);
  });

  it('do not trail without a percentage', () => {
    expect(stopPrice(config({ trailingStopActive: true }), 100, 120, 0)).toBe(Number.NEGATIVE_INFINITY);
    expect(stopPrice(config({ trailingStopActive: true, stopLossPercent: 5 }), 100, 120, 0)).toBe(95);
  });

  it('trail the highest price, which a lower one does not take back', () => {
    expect([bestAfter(100, at(99)), bestAfter(100, at(100)), bestAfter(100, at(101))]).toEqual([100, 100, 101]);
  });

  it('count the price of a resting stop itself as beyond it', () => {
    const overrun = (price: number) => {
      const protection = { ...emptyState().protection, resting: resting('95', null), tightest: d(95) };
      return decide(holding({ protection }), forming(price, midnight + 30_000), config({ stops: 'exchange', stopLossPercent: 5 }), btc)
        .state.protection.overrun;
    };
    expect([overrun(95.01), overrun(95), overrun(94.99)]).toEqual([false, true, true]);
  });
});

describe('the check interval', () => {
  it('has passed at its end, counted from the last check, also one at a close', () => {
    const trading = config({ stopLossPercent: 5, checkIntervalMs: 10_000 });
    const checked = (state: TradingState, afterMs: number) => sells(state, forming(90, state.lastCheckMs + afterMs), trading);
    const fresh = holding({ lastCheckMs: midnight + 10_000 });
    expect([9_999, 10_000, 10_001].map((afterMs) => checked(fresh, afterMs))).toEqual([false, true, true]);
    const closed = decide(fresh, closing(0, 100), trading, btc).state;
    expect(closed.lastCheckMs).toBe(midnight + 59_999);
    // A close that is told late takes no check back.
    const late = decide(holding({ lastCheckMs: midnight + 70_000 }), closing(0, 100), trading, btc).state;
    expect(late.lastCheckMs).toBe(midnight + 70_000);
  });
});

describe('a close', () => {
  it('that is older than the last one decided on decides nothing; the same one may again', () => {
    const state = { ...emptyState(), lastDecidedMs: midnight + 119_999 };
    const orders = (minute: number) => decide(state, closing(minute, 100, 'enter-long'), config(), btc).commands.length;
    expect([orders(0), orders(1), orders(2)]).toEqual([0, 1, 1]);
  });

  it('that was entered on is not entered on again; the next one is', () => {
    const state = { ...emptyState(), lastEntryMs: midnight + 59_999 };
    const orders = (minute: number) => decide(state, closing(minute, 100, 'enter-long'), config(), btc).commands.length;
    expect([orders(0), orders(1)]).toEqual([0, 1]);
  });

  it('may be decided on again from the millisecond of an entry that never got out', () => {
    const decisionMs = midnight + 59_999;
    const state: TradingState = { ...emptyState(), working: { role: 'entry', decisionMs }, lastEntryMs: decisionMs };
    const ended = (lastEntryMs: number, outcome: 'never-placed' | 'unfilled') =>
      decide(
        { ...state, lastEntryMs },
        { type: 'order-ended', clientOrderId: 'x', role: 'entry', outcome, reason: '', atMs: decisionMs },
        config(),
        btc,
      ).state.lastEntryMs;
    expect(ended(decisionMs, 'never-placed')).toBe(decisionMs - 1);
    expect(ended(decisionMs - 60_000, 'never-placed')).toBe(decisionMs - 60_000);
    expect(ended(decisionMs, 'unfilled')).toBe(decisionMs);
  });
});

describe('midnight', () => {
  it('begins a day at its first millisecond', () => {
    expect([midnight - 1, midnight, midnight + dayMs - 1].map(midnightBefore)).toEqual([midnight - dayMs, midnight, midnight]);
  });

  it('turns the day once, and never back', () => {
    const state: TradingState = { ...emptyState(), day: { ...newDay(midnight, d(1_000)), entries: 2, lossReached: true } };
    for (const atMs of [midnight - 1, midnight - dayMs, midnight, midnight + dayMs - 1]) expect(inDayOf(state, config(), atMs)).toBe(state);
    expect(inDayOf(state, config(), midnight + dayMs).day).toMatchObject({ startMs: midnight + dayMs, entries: 0, lossReached: false });
  });

  it('counts an entry in the day of its event', () => {
    const spent: TradingState = { ...emptyState(), day: { ...newDay(midnight, d(1_000)), entries: 1 } };
    const enters = (atMs: number) =>
      decide(spent, closing(1_439, 100, 'enter-long', atMs), config({ maxDailyTrades: 1 }), btc).commands.length;
    expect([enters(midnight + dayMs - 1), enters(midnight + dayMs)]).toEqual([0, 1]);
  });
});

describe('limits of the day', () => {
  const sold = fill('SELL', '1', 100);

  it('are reached by the amount itself', () => {
    const target = (realised: string, startEquity = '1000', dailyTargetPercent: number | null = 1) =>
      withRealised(newDay(0, d(startEquity)), sold, d(realised), config({ dailyTargetPercent })).targetReached;
    expect([target('9.99'), target('10'), target('10.01')]).toEqual([false, true, true]);
    // Nothing was made: that is no target, however little the day began with.
    expect([target('0', '0'), target('-5', '-1000'), target('0.01', '0')]).toEqual([false, false, true]);
    expect(target('1000', '1000', null)).toBe(false);
  });

  it('keep a target that was reached', () => {
    const day = withRealised(newDay(0, d(1_000)), sold, d(10), config({ dailyTargetPercent: 1 }));
    expect(withRealised(day, sold, d(-10), config({ dailyTargetPercent: 1 }))).toMatchObject({ targetReached: true });
  });

  it('close the position at the loss itself, and not a cent before', () => {
    const trading = config({ maxDailyLossPercent: 3 });
    const lossReached = (state: TradingState, price: number) => withLossJudged(state, trading, btc, price, midnight).day.lossReached;
    const day = newDay(midnight, d(1_000));
    expect([90.01, 90, 89.99].map((price) => sells(holding({ day }), forming(price, midnight + 5_000), trading))).toEqual([
      false,
      true,
      true,
    ]);
    expect([90.01, 90].map((price) => lossReached(holding({ day }), price))).toEqual([false, true]);
    // Nothing is left of a day that begins with nothing.
    const broke: TradingState = { ...emptyState(), realisedTotal: d(-1_000), day: newDay(midnight, d(0)) };
    expect(lossReached(broke, 100)).toBe(true);
  });

  it('allow the last entry and refuse the next', () => {
    const enters = (entries: number) =>
      decide(
        { ...emptyState(), day: { ...newDay(midnight, d(1_000)), entries } },
        closing(0, 100, 'enter-long'),
        config({ maxDailyTrades: 3 }),
        btc,
      ).commands.length;
    expect([2, 3, 4].map(enters)).toEqual([1, 0, 0]);
  });
});

describe('the pauses of an exit', () => {
  it('begin with the first failure', () => {
    expect(exitPauseMs({ failures: 0, unsent: 0 })).toBe(100);
    expect(exitPauseMs({ failures: 1, unsent: 0 })).toBe(100);
    expect(exitPauseMs({ failures: 9, unsent: 1 })).toBe(100);
  });
});

describe('a fill', () => {
  it('that sells all takes all of the cost, to the digit that no row could keep', () => {
    const cost = '0.12345678901234567890123';
    const held = { ...emptyPosition, quantity: d(2), cost: d(cost), entryFees: d(cost), openedAtMs: midnight, openedUnder: null };
    const { position } = applyFill(held, fill('SELL', '2', 100), btc);
    expect([position.cost.toFixed(), position.entryFees.toFixed()]).toEqual(['0', '0']);
  });

  it('that sells more than is held leaves no cost', () => {
    const held = { ...emptyPosition, quantity: d(2), cost: d(200), openedAtMs: midnight };
    expect(applyFill(held, fill('SELL', '3', 100), btc).position.cost.toFixed()).toBe('0');
  });
});

describe('an entry that is refused', () => {
  const refused = (change: Partial<TradingState>, trading = config(), instrument = btc) => {
    const { commands, reason, blockedBy } = decide({ ...emptyState(), ...change }, closing(0, 100, 'enter-long'), trading, instrument);
    expect(commands).toEqual([]);
    return [blockedBy, reason];
  };

  it('names the rule and what stands in its way', () => {
    expect(refused({ working: { role: 'entry', decisionMs: 1 } })).toEqual([
      'order-in-flight',
      'no entry: an order (entry) is still in flight (enter-long)',
    ]);
    const unresolved = { ...emptyState().protection, unresolved: true };
    expect(refused({ protection: unresolved })).toEqual([
      'protection-open',
      'no entry: the stop of the last position is not proven to be over (enter-long)',
    ]);
    expect(refused({}, config({ direction: 'short' }))).toEqual([
      'direction',
      'no entry: the bot only goes short, and the signal is to go long (enter-long)',
    ]);
    expect(refused({}, config(), { ...btc, status: 'BREAK' })).toEqual([
      'symbol-not-trading',
      'no entry: paused: BREAK, BTCUSDT does not trade at the exchange now (enter-long)',
    ]);
  });
});

describe('a resting stop', () => {
  const stoppable = { ...btc, orderTypes: ['MARKET', 'STOP_LOSS'] as const };
  /** The stop rests at `at`, asked for at midnight; the columns want it `trailingStopPercent` below 100. */
  const replaced = (at: string, trailingStopPercent: number, atMs = midnight + 60_000, instrument: typeof btc = stoppable) => {
    const trading = config({ stops: 'exchange', trailingStopActive: true, trailingStopPercent, checkIntervalMs: 10_000 });
    const protection = {
      ...emptyState().protection,
      resting: { ...resting(at, null), quantity: d(3) },
      tightest: d(at),
      decisionMs: midnight,
    };
    const { commands } = decide(holding({ protection }), { type: 'time-passed', atMs }, trading, instrument);
    return commands.map((command) => command.type).includes('replace-protection');
  };

  it('follows from three ticks on', () => {
    expect([replaced('99.88', 0.1), replaced('99.87', 0.1), replaced('99.86', 0.1)]).toEqual([false, true, true]);
  });

  it('follows from a tenth of the trailing distance on', () => {
    expect([replaced('94.51', 5), replaced('94.5', 5), replaced('94.49', 5)]).toEqual([false, true, true]);
  });

  it('follows at the end of the check interval', () => {
    expect([midnight + 9_999, midnight + 10_000].map((atMs) => replaced('90', 5, atMs))).toEqual([false, true]);
  });

  it('stays where the columns want it, or lower, also on a symbol without ticks', () => {
    const free = { ...stoppable, price: { ...btc.price, tick: d(0) } };
    expect([replaced('95', 5), replaced('96', 5), replaced('100', 0.000001, midnight + 60_000, free)]).toEqual([false, false, false]);
  });

  it('covers what is held, no more and no less', () => {
    const trading = config({ stops: 'exchange', stopLossPercent: 5 });
    const exposed = (quantity: string) => {
      const protection = { ...emptyState().protection, resting: { ...resting('95', null), quantity: d(quantity) }, tightest: d('95') };
      return exposureOf(holding({ protection }), trading, stoppable);
    };
    expect([exposed('2.99999'), exposed('3'), exposed('3.00001')]).toEqual(['bare', 'protected', 'protected']);
  });
});
