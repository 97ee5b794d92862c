import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decimal } from 'decimal.js';
import { decide } from '../../../engine/trading/decide.ts';
import type { Decision, OrderOutcome, PlaceOrder, TradingConfig, WorkingRole } from '../../../engine/trading/events.ts';
import { exitPauseMs } from '../../../engine/trading/exits.ts';
import { unseenShare } from '../../../engine/trading/recent-prices.ts';
import type { TradingState } from '../../../engine/trading/state.ts';
import type { Signal } from '../../../engine/strategies/strategy.ts';
import { btc, candle, config, d, emptyState, fill, midnight } from './given.ts';

const enterLong: Signal = { action: 'enter-long', reason: 'go' };
const exitSignal: Signal = { action: 'exit', reason: 'leave' };
const hold: Signal = { action: 'hold', reason: 'wait' };

type Prices = Parameters<typeof candle>[1];

/** A bot in a test: decides event by event and keeps its state. */
class Trader {
  state: TradingState;
  last: Decision | null = null;
  readonly config: TradingConfig;
  constructor(change: Partial<TradingConfig> = {}) {
    this.config = config(change);
    this.state = emptyState(this.config);
  }
  tell(event: Parameters<typeof decide>[1]): Decision {
    this.last = decide(this.state, event, this.config, btc);
    this.state = this.last.state;
    return this.last;
  }
  close(minute: number, prices: Prices, signal: Signal = hold): Decision {
    const closed = candle(minute, prices);
    return this.tell({ type: 'candle-closed', candle: closed, signal, atMs: closed.closeTime });
  }
  forming(minute: number, second: number, prices: Prices): Decision {
    return this.tell({
      type: 'price-moved',
      candle: { ...candle(minute, prices), closed: false },
      atMs: midnight + minute * 60_000 + second * 1_000,
    });
  }
  fill(side: 'BUY' | 'SELL', quantity: string, price: number, atMs: number): Decision {
    return this.tell({ type: 'fill-received', fill: fill(side, quantity, price, { atMs }), atMs });
  }
  ended(role: WorkingRole, outcome: OrderOutcome, atMs: number): Decision {
    return this.tell({ type: 'order-ended', clientOrderId: 'x', role, outcome, reason: 'told so', atMs });
  }
  /** The exchange refused an exit: the account had this much free. */
  refusedForBalance(available: Decimal, atMs: number): Decision {
    return this.tell({ type: 'order-ended', clientOrderId: 'x', role: 'exit', outcome: 'rejected', reason: 'told so', available, atMs });
  }
  /** Enters at the close of `minute` and holds from the next candle's open. */
  holding(minute: number, price: number, quantity = '0.02'): this {
    this.close(minute, { close: price }, enterLong);
    const atMs = midnight + (minute + 1) * 60_000;
    this.fill('BUY', quantity, price, atMs);
    this.ended('entry', 'filled', atMs);
    return this;
  }
  get placed(): PlaceOrder[] {
    return (this.last?.commands ?? []).flatMap((command) => (command.type === 'place-order' ? [command] : []));
  }
  get orders(): string[] {
    return this.placed.map((command) => `${command.role} ${command.side} ${command.quantity.toFixed()}`);
  }
}

describe('entries', () => {
  it('buys at a close that says so, once per close', () => {
    const bot = new Trader();
    bot.close(0, { close: 20_000 }, enterLong);
    expect(bot.orders).toEqual(['entry BUY 0.025']);
    expect(bot.last?.commands[0]).toMatchObject({ decisionMs: midnight + 59_999, reason: 'go', referencePrice: 20_000 });
    bot.fill('BUY', '0.025', 20_000, midnight + 60_000);
    bot.ended('entry', 'filled', midnight + 60_000);
    bot.close(0, { close: 20_000 }, enterLong);
    expect(bot.orders).toEqual([]);
  });

  it('waits for the order in flight', () => {
    const bot = new Trader();
    bot.close(0, { close: 20_000 }, enterLong);
    expect(bot.close(1, { close: 20_000 }, enterLong)).toMatchObject({ commands: [], blockedBy: 'order-in-flight' });
  });

  it('does not add to a position', () => {
    expect(new Trader().holding(0, 20_000).close(2, { close: 20_000 }, enterLong)).toMatchObject({
      commands: [],
      blockedBy: 'position-open',
    });
  });

  it('decides the same close anew when its order never reached the exchange', () => {
    const bot = new Trader();
    bot.close(0, { close: 20_000 }, enterLong);
    bot.ended('entry', 'never-placed', midnight + 61_000);
    bot.close(0, { close: 20_000 }, enterLong);
    expect(bot.orders).toEqual(['entry BUY 0.025']);
  });

  it('does not repeat an entry that the exchange refused', () => {
    const bot = new Trader();
    bot.close(0, { close: 20_000 }, enterLong);
    bot.ended('entry', 'rejected', midnight + 61_000);
    bot.close(0, { close: 20_000 }, enterLong);
    expect(bot.orders).toEqual([]);
    expect(bot.state.day.entries).toBe(0);
  });

  it('stays out while a block stands, says why, and enters after it is lifted', () => {
    const bot = new Trader();
    bot.tell({ type: 'entries-blocked', block: { rule: 'paused', reason: 'entries are paused: lunch' }, atMs: midnight });
    expect(bot.close(0, { close: 20_000 }, enterLong)).toMatchObject({
      commands: [],
      blockedBy: 'paused',
      reason: expect.stringContaining('lunch') as string,
    });
    bot.tell({ type: 'entries-unblocked', rule: 'paused', atMs: midnight });
    bot.close(1, { close: 20_000 }, enterLong);
    expect(bot.orders).toHaveLength(1);
  });

  it('stays out of a symbol that does not trade', () => {
    const bot = new Trader();
    const closed = candle(0, { close: 20_000 });
    const decision = decide(bot.state, { type: 'candle-closed', candle: closed, signal: enterLong, atMs: closed.closeTime }, bot.config, {
      ...btc,
      status: 'HALT',
    });
    expect(decision).toMatchObject({ commands: [], blockedBy: 'symbol-not-trading' });
  });

  it('makes at most max_daily_trades entries per UTC day and starts again after midnight', () => {
    const bot = new Trader({ maxDailyTrades: 1 }).holding(0, 20_000);
    bot.close(2, { close: 20_000 }, exitSignal);
    bot.fill('SELL', '0.02', 20_000, midnight + 180_000);
    bot.ended('exit', 'filled', midnight + 180_000);
    expect(bot.close(5, { close: 20_000 }, enterLong)).toMatchObject({ commands: [], blockedBy: 'max-daily-trades' });
    bot.close(24 * 60, { close: 20_000 }, enterLong);
    expect(bot.orders).toHaveLength(1);
  });
});

describe('exits', () => {
  it('sells what is held when the strategy says so', () => {
    const bot = new Trader().holding(0, 20_000);
    bot.close(2, { close: 20_100 }, exitSignal);
    expect(bot.orders).toEqual(['exit SELL 0.02']);
  });

  it('sells what an entry in flight still buys when the strategy says so meanwhile', () => {
    const bot = new Trader();
    bot.close(0, { close: 20_000 }, enterLong);
    expect(bot.close(1, { close: 20_000 }, exitSignal).commands).toEqual([]);
    bot.fill('BUY', '0.02', 20_000, midnight + 120_000);
    bot.ended('entry', 'filled', midnight + 120_000);
    expect(bot.orders).toEqual(['exit SELL 0.02']);
    const unfilled = new Trader();
    unfilled.close(0, { close: 20_000 }, enterLong);
    unfilled.close(1, { close: 20_000 }, exitSignal);
    unfilled.ended('entry', 'unfilled', midnight + 120_000);
    expect(unfilled.state.exiting).toBeNull();
    unfilled.close(2, { close: 20_000 }, enterLong);
    expect(unfilled.orders).toHaveLength(1);
  });

  it('does nothing on an exit signal while flat', () => {
    expect(new Trader().close(0, { close: 20_000 }, exitSignal)).toMatchObject({ commands: [], reason: null });
  });

  it('stops out inside a candle', () => {
    const bot = new Trader({ stopLossPercent: 2 }).holding(0, 20_000);
    bot.forming(1, 10, { open: 20_000, close: 19_601 });
    expect(bot.orders).toEqual([]);
    bot.forming(1, 20, { open: 20_000, low: 19_600, close: 19_650 });
    expect(bot.orders).toEqual(['exit SELL 0.02']);
    expect(bot.last?.reason).toContain('stop-loss at 19600');
  });

  it('takes profit inside a candle', () => {
    const bot = new Trader({ takeProfitPercent: 3 }).holding(0, 20_000);
    bot.forming(1, 10, { open: 20_000, high: 20_599, close: 20_500 });
    expect(bot.orders).toEqual([]);
    bot.forming(1, 20, { open: 20_000, high: 20_600, close: 20_500 });
    expect(bot.last?.reason).toContain('take-profit at 20600');
  });

  it('lets the stop win when stop and target lie inside one candle', () => {
    const bot = new Trader({ stopLossPercent: 1, takeProfitPercent: 1 }).holding(0, 20_000);
    bot.close(1, { open: 20_000, high: 20_300, low: 19_700, close: 20_000 });
    expect(bot.last?.reason).toContain('stop-loss');
  });

  it('trails the best price: it rises with the high, then is tested against the low', () => {
    const bot = new Trader({ trailingStopPercent: 1, trailingStopActive: true }).holding(0, 20_000);
    bot.close(1, { open: 20_000, high: 21_000, low: 20_800, close: 20_900 });
    expect(bot.orders).toEqual([]);
    bot.forming(2, 5, { open: 20_900, high: 20_900, low: 20_790, close: 20_800 });
    expect(bot.last?.reason).toContain('trailing stop at 20790');
  });

  it('ignores a trailing percentage that is not active', () => {
    const bot = new Trader({ trailingStopPercent: 1, trailingStopActive: false }).holding(0, 20_000);
    bot.close(1, { open: 20_000, high: 21_000, low: 20_000, close: 20_000 });
    expect(bot.orders).toEqual([]);
  });

  it('uses the tighter of fixed and trailing stop', () => {
    const bot = new Trader({ stopLossPercent: 1, trailingStopPercent: 5, trailingStopActive: true }).holding(0, 20_000);
    bot.forming(1, 10, { open: 20_000, low: 19_799, close: 19_900 });
    expect(bot.last?.reason).toContain('stop-loss at 19800');
  });

  it('does not judge an entry by prices of its candle from before it', () => {
    const bot = new Trader({ stopLossPercent: 1 });
    bot.close(0, { close: 20_000 }, enterLong);
    const late = midnight + 60_000 + 30_000;
    bot.fill('BUY', '0.02', 20_000, late);
    bot.ended('entry', 'filled', late);
    bot.forming(1, 40, { open: 19_000, low: 19_000, close: 20_000 });
    expect(bot.orders).toEqual([]);
  });

  it('checks at most once per check interval', () => {
    const bot = new Trader({ stopLossPercent: 1, checkIntervalMs: 10_000 }).holding(0, 20_000);
    bot.forming(1, 10, { close: 19_900 });
    bot.forming(1, 15, { close: 19_000 });
    expect(bot.orders).toEqual([]);
    bot.forming(1, 20, { close: 19_000 });
    expect(bot.orders).toHaveLength(1);
  });

  it('holds an exit until the position is flat, under the same decision', () => {
    const bot = new Trader().holding(0, 20_000);
    bot.close(2, { close: 20_000 }, exitSignal);
    const decisionMs = bot.placed[0]?.decisionMs;
    bot.ended('exit', 'unfilled', midnight + 181_000);
    expect(bot.orders).toEqual([]);
    bot.tell({ type: 'exit-retry-due', atMs: midnight + 182_000 });
    expect(bot.orders).toEqual(['exit SELL 0.02']);
    expect(bot.placed[0]?.decisionMs).toBe(decisionMs);
  });

  it('pauses after an exit order that sold nothing: only the end of the pause tries again', () => {
    const bot = new Trader().holding(0, 20_000);
    bot.close(2, { close: 20_000 }, exitSignal);
    bot.ended('exit', 'rejected', midnight + 180_000);
    expect(bot.state.exiting).toMatchObject({ failures: 1, pausing: true });
    bot.forming(3, 30, { close: 20_000 });
    bot.close(3, { close: 20_000 }, exitSignal);
    expect(bot.orders).toEqual([]);
    bot.tell({ type: 'exit-retry-due', atMs: midnight + 240_000 });
    expect(bot.orders).toEqual(['exit SELL 0.02']);
  });

  it('sells what is free after the exchange refused more, and shows what is left and both numbers', () => {
    const bot = new Trader().holding(0, 20_000);
    bot.close(2, { close: 20_000 }, exitSignal);
    const { reason } = bot.refusedForBalance(d('0.0123456'), midnight + 180_000);
    expect(reason).toContain('the position is 0.02 BTC, but the account has only 0.0123456 free');
    expect(bot.orders).toEqual([]);
    bot.tell({ type: 'exit-retry-due', atMs: midnight + 181_000 });
    expect(bot.orders).toEqual(['exit SELL 0.01234']);
    bot.fill('SELL', '0.01234', 20_000, midnight + 181_000);
    bot.ended('exit', 'filled', midnight + 181_001);
    expect(bot.state.position.quantity.toFixed()).toBe('0.00766');
    // The rest is asked for: the answer tells whether its coins are back.
    expect(bot.orders).toEqual(['exit SELL 0.00766']);
    bot.refusedForBalance(d(0), midnight + 182_000);
    bot.close(4, { close: 20_000 }, enterLong);
    expect(bot.orders).toEqual([]);
  });

  it('never shrinks an exit to dust, and never sells more than its own position', () => {
    // The least order value, and what the venue's average may lie below the price.
    const dustBelow = 5 * (1 + 2 * unseenShare);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40_000 }), (units) => {
        const available = d(units).div(1_000_000);
        const bot = new Trader().holding(0, 20_000);
        bot.close(2, { close: 20_000 }, exitSignal);
        bot.refusedForBalance(available, midnight + 180_000);
        bot.tell({ type: 'exit-retry-due', atMs: midnight + 181_000 });
        const sold = bot.placed[0]?.quantity ?? d(0);
        expect(sold.times(20_000).toNumber()).toBeGreaterThanOrEqual(5);
        expect(sold.lte('0.02') && sold.mod('0.00001').isZero()).toBe(true);
        const shrinks = sold.lt('0.02');
        if (shrinks) expect(sold.lte(available)).toBe(true);
        else expect(available.gte('0.02') || available.toDecimalPlaces(5, 1).times(20_000).lt(dustBelow)).toBe(true);
      }),
      { examples: [[250]] },
    );
  });

  it('pauses twice as long each time, up to half a minute', () => {
    const pauses = [1, 2, 3, 9, 10, 60].map((failures) => exitPauseMs({ failures, unsent: 0 }));
    expect(pauses).toEqual([100, 200, 400, 25_600, 30_000, 30_000]);
  });

  it('tries again soon what never reached the exchange, however often the exchange had refused before', () => {
    const bot = new Trader().holding(0, 20_000);
    bot.close(2, { close: 20_000 }, exitSignal);
    const pauses: number[] = [];
    for (const outcome of [
      ...Array<OrderOutcome>(9).fill('rejected'),
      ...Array<OrderOutcome>(7).fill('never-placed'),
      'rejected',
    ] as const) {
      bot.ended('exit', outcome, midnight + 180_000);
      expect(bot.state.exiting?.pausing).toBe(true);
      if (bot.state.exiting !== null) pauses.push(exitPauseMs(bot.state.exiting));
      bot.tell({ type: 'exit-retry-due', atMs: midnight + 240_000 });
    }
    expect(pauses.slice(8)).toEqual([25_600, 100, 200, 400, 800, 1_600, 2_000, 2_000, 30_000]);
  });

  it('asks for nothing when a pause ends and no exit is due', () => {
    const bot = new Trader().holding(0, 20_000);
    expect(bot.tell({ type: 'exit-retry-due', atMs: midnight + 200_000 }).commands).toEqual([]);
  });

  it('sells the rest at once when an exit was filled in part', () => {
    const bot = new Trader().holding(0, 20_000);
    bot.close(2, { close: 20_000 }, exitSignal);
    bot.fill('SELL', '0.015', 20_000, midnight + 180_000);
    bot.ended('exit', 'filled', midnight + 180_001);
    expect(bot.orders).toEqual(['exit SELL 0.005']);
    expect(bot.placed[0]?.exitKind).toBe('signal');
  });

  it('begins its pauses anew once something was sold', () => {
    const bot = new Trader().holding(0, 20_000);
    bot.close(2, { close: 20_000 }, exitSignal);
    bot.ended('exit', 'rejected', midnight + 180_000);
    bot.tell({ type: 'exit-retry-due', atMs: midnight + 181_000 });
    bot.fill('SELL', '0.015', 20_000, midnight + 181_000);
    bot.ended('exit', 'filled', midnight + 181_001);
    expect(bot.orders).toEqual(['exit SELL 0.005']);
    expect(bot.state.exiting).toMatchObject({ failures: 0, pausing: false });
  });

  it('closes on request, also what an order in flight is still buying', () => {
    const bot = new Trader();
    bot.close(0, { close: 20_000 }, enterLong);
    bot.tell({ type: 'close-requested', reason: 'close requested: panic', atMs: midnight + 60_500 });
    expect(bot.orders).toEqual([]);
    bot.fill('BUY', '0.025', 20_000, midnight + 60_000);
    bot.ended('entry', 'filled', midnight + 60_600);
    expect(bot.orders).toEqual(['exit SELL 0.025']);
  });

  it('says that there is nothing to close', () => {
    expect(new Trader().tell({ type: 'close-requested', reason: 'close requested: x', atMs: midnight })).toMatchObject({
      commands: [],
      reason: expect.stringContaining('no position') as string,
    });
  });
});

describe('prices of the candle in which an entry was filled', () => {
  /** A stop at 95 and a candle that fell to 90 and came back to 100. */
  const stoppedWhenFilled = (afterOpenMs: number): boolean => {
    const bot = new Trader({ stopLossPercent: 5 });
    bot.close(0, { close: 100 }, enterLong);
    const atMs = midnight + 60_000 + afterOpenMs;
    bot.fill('BUY', '3', 100, atMs);
    bot.ended('entry', 'filled', atMs);
    bot.close(1, { close: 100, low: 90 });
    return bot.orders.length === 1;
  };

  it('all count when it was filled at the open, and only the last one when later', () => {
    expect([0, 6_000, 6_001, 30_000, 59_999, 60_000].map(stoppedWhenFilled)).toEqual([true, true, false, false, false, false]);
  });

  it('count by the close when it was filled inside, and not at all when the candle had closed before', () => {
    const closing = (afterOpenMs: number): number => {
      const bot = new Trader({ stopLossPercent: 5 });
      bot.close(0, { close: 100 }, enterLong);
      bot.fill('BUY', '3', 100, midnight + 60_000 + afterOpenMs);
      bot.ended('entry', 'filled', midnight + 60_000 + afterOpenMs);
      return bot.close(1, { close: 94, high: 100 }).commands.length;
    };
    expect([30_000, 59_999, 60_000].map(closing)).toEqual([1, 1, 0]);
  });
});

describe('an entry that bought nothing', () => {
  it('is not counted, also when the day turned before its end was known', () => {
    const bot = new Trader({ maxDailyTrades: 1 });
    bot.close(0, { close: 20_000 }, enterLong);
    expect(bot.state.day.entries).toBe(1);
    expect(bot.ended('entry', 'unfilled', midnight + 60_000).reason).toBe('the entry order was not filled: told so');
    expect(bot.state.day.entries).toBe(0);
    const last = candle(1_439, { close: 20_000 });
    bot.tell({ type: 'candle-closed', candle: last, signal: enterLong, atMs: last.closeTime + 40 });
    expect(bot.state.day).toMatchObject({ startMs: midnight + 86_400_000, entries: 1 });
    bot.ended('entry', 'rejected', last.closeTime + 80);
    expect(bot.state.day.entries).toBe(0);
  });
});

describe('the best price', () => {
  it('starts with the first fill and starts anew with the next position', () => {
    const bot = new Trader().holding(0, 20_000);
    expect(bot.state.bestPrice).toBe(20_000);
    bot.forming(2, 5, { close: 21_000 });
    bot.fill('BUY', '0.001', 20_500, midnight + 126_000);
    expect(bot.state.bestPrice).toBe(21_000);
    bot.fill('SELL', '0.021', 20_000, midnight + 127_000);
    expect(bot.state.bestPrice).toBeNaN();
    bot.fill('BUY', '0.02', 19_000, midnight + 128_000);
    expect(bot.state.bestPrice).toBe(19_000);
  });
});

describe('a block', () => {
  it('with a new reason takes the place of the one with the same rule, beside the others', () => {
    const bot = new Trader();
    const block = (rule: 'paused' | 'draining', reason: string): Decision =>
      bot.tell({ type: 'entries-blocked', block: { rule, reason }, atMs: midnight });
    expect(block('paused', 'a').reason).toBe('entries are closed: a');
    expect(block('draining', 'b').reason).toBe('entries are closed: b');
    expect(block('draining', 'b').reason).toBeNull();
    expect(block('paused', 'c').reason).toBe('entries are closed: c');
    expect(bot.state.blocks.map((one) => one.reason)).toEqual(['b', 'c']);
  });
});

describe('the day', () => {
  it('counts a limit or a target as reached by the amount itself, and not by a cent less', () => {
    const after = (change: Partial<TradingConfig>, price: number) => {
      const bot = new Trader({ initialCapital: d(1_000), ...change }).holding(0, 100, '3');
      bot.fill('SELL', '3', price, midnight + 90_000);
      return bot.state.day;
    };
    expect(after({ dailyTargetPercent: 3 }, 110)).toMatchObject({ targetReached: true });
    expect(after({ dailyTargetPercent: 3 }, 109.99)).toMatchObject({ targetReached: false });
    expect(after({ dailyTargetPercent: null }, 200)).toMatchObject({ targetReached: false });
    const atPrice = (price: number): boolean => {
      const bot = new Trader({ maxDailyLossPercent: 2.1 }).holding(0, 100, '3');
      bot.close(2, { close: price });
      return bot.state.day.lossReached;
    };
    expect([atPrice(93.01), atPrice(93)]).toEqual([false, true]);
  });

  it('adds what was lost before, and fees, to what the position loses', () => {
    const bot = new Trader({ maxDailyLossPercent: 5 }).holding(0, 100, '3');
    bot.fill('SELL', '3', 90, midnight + 90_000);
    bot.ended('exit', 'filled', midnight + 90_000);
    bot.close(2, { close: 100 }, enterLong);
    const fee = { commission: d(5), commissionAsset: 'USDT', atMs: midnight + 180_000 };
    bot.tell({ type: 'fill-received', fill: fill('BUY', '3', 100, fee), atMs: fee.atMs });
    bot.ended('entry', 'filled', fee.atMs);
    expect(bot.close(3, { close: 95.01 }).commands).toEqual([]);
    expect(bot.close(4, { close: 95 }).reason).toBe("the day's loss reached 5 % of 1000.00 USDT");
    expect(bot.orders).toEqual(['exit SELL 3']);
    expect(bot.state.day.lossReached).toBe(true);
  });

  it('closes the position when realised and unrealised loss reach the limit, and stays out until midnight', () => {
    const bot = new Trader({ maxDailyLossPercent: 1 }).holding(0, 20_000, '0.025');
    bot.forming(1, 10, { close: 19_601 });
    expect(bot.orders).toEqual([]);
    bot.forming(1, 20, { close: 19_600 });
    expect(bot.orders).toEqual(['exit SELL 0.025']);
    bot.fill('SELL', '0.025', 19_700, midnight + 80_500);
    bot.ended('exit', 'filled', midnight + 80_500);
    expect(bot.close(2, { close: 19_700 }, enterLong)).toMatchObject({ commands: [], blockedBy: 'daily-loss' });
    bot.close(24 * 60, { close: 19_700 }, enterLong);
    expect(bot.orders).toHaveLength(1);
  });

  it('keeps out new entries once the realised profit reached the target, even if a later trade loses', () => {
    const bot = new Trader({ dailyTargetPercent: 1 }).holding(0, 20_000, '0.025');
    bot.close(2, { close: 20_400 }, exitSignal);
    bot.fill('SELL', '0.025', 20_400, midnight + 180_000);
    bot.ended('exit', 'filled', midnight + 180_000);
    expect(bot.close(3, { close: 20_400 }, enterLong)).toMatchObject({ commands: [], blockedBy: 'daily-target' });
  });

  it('counts a fill in the day in which it was executed, also when it is told after midnight', () => {
    const bot = new Trader({ dailyTargetPercent: 1 }).holding(0, 20_000, '0.025');
    bot.close(24 * 60, { close: 20_400 });
    bot.fill('SELL', '0.025', 20_400, midnight + 86_399_900);
    expect(bot.state.day).toMatchObject({ startMs: midnight + 86_400_000, targetReached: false });
    expect(bot.state.day.realised.toFixed()).toBe('0');
    expect(bot.state.realisedTotal.toFixed()).toBe('10');
  });

  it('begins with the equity at midnight, open positions valued at the last price', () => {
    const bot = new Trader({ maxDailyLossPercent: 50 }).holding(0, 20_000, '0.025');
    bot.close(24 * 60 - 1, { close: 24_000 });
    bot.close(24 * 60, { close: 24_000 });
    expect(bot.state.day.startEquity.toFixed()).toBe(d(1_100).toFixed());
  });
});
