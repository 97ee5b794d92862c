/** Cooldown, stop guard and low profit: each by its exact bounds, and the worked example of docs/protections.md, replayed. */
import { describe, expect, it } from 'vitest';
import { decide } from '../../../engine/trading/decide.ts';
import type { Decision, Fill, TradingConfig } from '../../../engine/trading/events.ts';
import { noProtections, pauseAt } from '../../../engine/trading/protections.ts';
import type { Protections } from '../../../engine/trading/protections.ts';
import { roundTripsMax } from '../../../engine/trading/round-trips.ts';
import type { RoundTrip, TradingState } from '../../../engine/trading/state.ts';
import { btc, candle, config, d, emptyState, fill, midnight } from './given.ts';

const minute = 60_000;
const trip = (closedAtMinute: number, result: number, change: Partial<RoundTrip> = {}): RoundTrip => ({
  closedAtMs: midnight + closedAtMinute * minute,
  result: d(result),
  spent: d(1_000),
  stopped: false,
  ...change,
});
const stopOut = (closedAtMinute: number): RoundTrip => trip(closedAtMinute, -10, { stopped: true });
const pauseOf = (protections: Partial<Protections>, closed: readonly RoundTrip[], atMinute: number, ms = 0) =>
  pauseAt(closed, { ...noProtections, ...protections }, midnight + atMinute * minute + ms, btc);

describe('cooldown', () => {
  const cooldown = { cooldownAfterLossMs: 30 * minute };

  it('keeps entries closed from a loss until its minutes are over, to the millisecond', () => {
    expect(pauseOf(cooldown, [trip(10, -0.01)], 40, -1)).toEqual({
      rule: 'cooldown',
      reason: 'no entry until 2024-05-06T00:40:00.000Z: the round trip that closed at 2024-05-06T00:10:00.000Z lost 0.01 USDT',
    });
    expect(pauseOf(cooldown, [trip(10, -0.01)], 40)).toBeNull();
  });

  it('is no matter of round trips that made something or nothing', () => {
    expect(pauseOf(cooldown, [trip(10, 0), trip(11, 5)], 12)).toBeNull();
  });

  it('is none of a bot that has none, also when an event is told late', () => {
    expect(pauseOf({}, [trip(10, -5)], 5)).toBeNull();
  });

  it('lasts although another round trip made something meanwhile', () => {
    expect(pauseOf(cooldown, [trip(10, -5), trip(11, 5)], 12)).toMatchObject({ rule: 'cooldown' });
  });
});

describe('stop guard', () => {
  const guard = { stopGuard: { stops: 2, windowMs: 60 * minute, pauseMs: 90 * minute } };

  it('begins with the stop-out that completes the number within the window, its edge included', () => {
    expect(pauseOf(guard, [stopOut(0), stopOut(60)], 61)).toEqual({
      rule: 'stop-guard',
      reason: 'no entry until 2024-05-06T02:30:00.000Z: 2 round trips were stopped out within 60 minutes (stop guard: 2)',
    });
    expect(pauseOf(guard, [{ ...stopOut(0), closedAtMs: midnight - 1 }, stopOut(60)], 61)).toBeNull();
  });

  it('counts stop-outs only, whatever they made, and whatever lies between them', () => {
    expect(pauseOf(guard, [trip(0, -10), stopOut(10)], 11)).toBeNull();
    expect(pauseOf(guard, [trip(0, 3, { stopped: true }), trip(5, 9), stopOut(10)], 11)).toMatchObject({ rule: 'stop-guard' });
  });

  it('ends after its pause, and only another stop-out begins the next', () => {
    const closed = [stopOut(0), stopOut(50)];
    expect(pauseOf(guard, closed, 140, -1)).toMatchObject({ rule: 'stop-guard' });
    expect(pauseOf(guard, closed, 140)).toBeNull();
    const short = { stopGuard: { ...guard.stopGuard, pauseMs: 5 * minute } };
    expect(pauseOf(short, [...closed, trip(56, 10)], 57)).toBeNull();
    expect(pauseOf(short, [...closed, stopOut(56)], 57)).toMatchObject({ reason: expect.stringContaining('3 round trips') as string });
  });

  it('stands although a late entry of the stopped position closed in profit meanwhile', () => {
    expect(pauseOf(guard, [stopOut(0), stopOut(10), trip(11, 2)], 12)).toMatchObject({ rule: 'stop-guard' });
  });
});

describe('low profit', () => {
  const low = { lowProfit: { trades: 2, windowMs: 60 * minute, minPercent: 0.5, pauseMs: 30 * minute } };

  it('begins when enough round trips made less than the least, in percent of what was spent on them', () => {
    expect(pauseOf(low, [trip(0, 12), trip(60, -2.01)], 61)).toEqual({
      rule: 'low-profit',
      reason:
        'no entry until 2024-05-06T01:30:00.000Z: the 2 round trips within 60 minutes made 0.50 % of what was spent on them, less than 0.5 %',
    });
    expect(pauseOf(low, [trip(0, 12), trip(60, -2)], 61)).toBeNull();
    expect(pauseOf(low, [trip(0, 0), trip(60, 11, { spent: d(1_200) })], 61)).toBeNull();
  });

  it('waits for enough of them within the window', () => {
    expect(pauseOf(low, [trip(60, -100)], 61)).toBeNull();
    expect(pauseOf(low, [{ ...trip(0, -100), closedAtMs: midnight - 1 }, trip(60, -100)], 61)).toBeNull();
  });

  it('judges again with every round trip, and ends after its pause', () => {
    expect(pauseOf(low, [trip(0, -10), trip(10, -10)], 40)).toBeNull();
    expect(pauseOf(low, [trip(0, -10), trip(10, -10), trip(41, 5)], 42)).toMatchObject({ rule: 'low-profit' });
    expect(pauseOf(low, [trip(0, -10), trip(10, -10), trip(41, 60)], 42)).toBeNull();
  });

  it('takes round trips on which nothing was spent for such that made nothing', () => {
    const free = [trip(0, 0, { spent: d(0) }), trip(1, 0, { spent: d(0) })];
    expect(pauseOf(low, free, 2)?.reason).toContain('made 0.00 %');
    expect(pauseOf({ lowProfit: { ...low.lowProfit, minPercent: 0 } }, free, 2)).toBeNull();
  });

  it('may bear a loss', () => {
    const bearing = { lowProfit: { ...low.lowProfit, minPercent: -1 } };
    expect(pauseOf(bearing, [trip(0, -10), trip(1, -10)], 2)).toBeNull();
    expect(pauseOf(bearing, [trip(0, -10), trip(1, -10.01)], 2)).toMatchObject({ rule: 'low-profit' });
  });
});

it('names the graver pause of several: stop guard, low profit, cooldown', () => {
  const all: Protections = {
    cooldownAfterLossMs: minute,
    stopGuard: { stops: 1, windowMs: minute, pauseMs: minute },
    lowProfit: { trades: 1, windowMs: minute, minPercent: 0, pauseMs: minute },
  };
  expect(pauseOf(all, [stopOut(0)], 0)?.rule).toBe('stop-guard');
  expect(pauseOf({ ...all, stopGuard: null }, [stopOut(0)], 0)?.rule).toBe('low-profit');
  expect(pauseOf({ ...all, stopGuard: null, lowProfit: null }, [stopOut(0)], 0)?.rule).toBe('cooldown');
  expect(pauseOf({}, [stopOut(0)], 0)).toBeNull();
});

/** A bot that buys and sells as told. */
class Trader {
  state: TradingState;
  readonly config: TradingConfig;
  constructor(change: Partial<TradingConfig>) {
    this.config = config(change);
    this.state = emptyState(this.config);
  }
  tell(event: Parameters<typeof decide>[1]): Decision {
    const decision = decide(this.state, event, this.config, btc);
    this.state = decision.state;
    return decision;
  }
  /** The candle that closes just before this minute of the day asks for an entry. */
  asks(beforeMinute: number, price: number): Decision {
    const closed = candle(beforeMinute - 1, { close: price });
    return this.tell({ type: 'candle-closed', candle: closed, signal: { action: 'enter-long', reason: 'go' }, atMs: closed.closeTime });
  }
  executes(side: 'BUY' | 'SELL', quantity: string, price: number, atMs: number, change: Partial<Fill> = {}): void {
    this.tell({ type: 'fill-received', fill: fill(side, quantity, price, { ...change, atMs }), atMs });
    const role = side === 'BUY' ? 'entry' : 'exit';
    this.tell({ type: 'order-ended', clientOrderId: 'x', role, outcome: 'filled', reason: 'filled', atMs });
  }
  enters(atMinute: number, price: number, quantity: string): void {
    expect(this.asks(atMinute, price).commands).toHaveLength(1);
    this.executes('BUY', quantity, price, midnight + atMinute * minute, { commission: d(quantity).times('0.001') });
  }
  /** The forming candle's price. */
  sees(atMinute: number, price: number): Decision {
    return this.tell({
      type: 'price-moved',
      candle: { ...candle(atMinute, { close: price }), closed: false },
      atMs: midnight + atMinute * minute,
    });
  }
}

describe('round trips', () => {
  it('close when nothing but dust is left, with the result after commissions and what the sold coins had cost', () => {
    const bot = new Trader({});
    bot.executes('BUY', '0.02', 20_000, midnight, { commission: d('0.00002') });
    bot.executes('SELL', '0.01', 20_500, midnight + 1_000, { commission: d('0.205') });
    expect(bot.state.roundTrips.closed).toEqual([]);
    bot.executes('SELL', '0.00997', 19_000, midnight + 2_000, { commission: d('0.18943') });
    // 0.00001 BTC stays as dust with its cost; 0.01997 of 0.01998 were sold.
    const [closed] = bot.state.roundTrips.closed;
    expect(closed).toMatchObject({ closedAtMs: midnight + 2_000, stopped: false });
    expect(closed?.spent.toFixed(6)).toBe('399.799800');
    expect(closed?.result.toFixed(6)).toBe('-5.764230');
    expect(bot.state.realisedTotal.toFixed()).toBe(closed?.result.toFixed());
    // The dust is sold with the next one.
    bot.executes('BUY', '0.01', 20_000, midnight + 3_000);
    bot.executes('SELL', '0.01001', 20_000, midnight + 4_000);
    expect(bot.state.roundTrips.closed.map(({ spent }) => spent.toFixed(6))).toEqual(['399.799800', '200.200200']);
  });

  it('are not closed by a sale of dust, which the next one counts', () => {
    const bot = new Trader({});
    bot.executes('BUY', '0.02', 20_000, midnight);
    bot.executes('SELL', '0.0198', 20_000, midnight + 1_000);
    // The dust is worth more than the least order by now.
    bot.executes('SELL', '0.0002', 30_000, midnight + 2_000);
    expect(bot.state.roundTrips.closed.map(({ result }) => result.toFixed())).toEqual(['0']);
    bot.executes('BUY', '0.01', 20_000, midnight + 3_000);
    bot.executes('SELL', '0.01', 20_000, midnight + 4_000);
    expect(bot.state.roundTrips.closed.map(({ result, spent }) => [result.toFixed(), spent.toFixed()])).toEqual([
      ['0', '396'],
      ['2', '204'],
    ]);
  });

  it.each([
    ['the resting stop', { role: 'stop' }, true],
    ['the engine, because the stop was reached', { exitKind: 'stop' }, true],
    ['the resting target', { role: 'target' }, false],
    ['the strategy', { exitKind: 'signal' }, false],
    ['nobody knows what', {}, false],
  ] as const)('were stopped out when they were closed by %s', (_, change, stopped) => {
    const bot = new Trader({});
    bot.executes('BUY', '0.02', 20_000, midnight);
    bot.executes('SELL', '0.02', 19_000, midnight + 1_000, change);
    expect(bot.state.roundTrips.closed.map((one) => one.stopped)).toEqual([stopped]);
  });

  it('are kept up to a bound', () => {
    const bot = new Trader({});
    for (let index = 0; index < roundTripsMax + 5; index += 1) {
      bot.executes('BUY', '0.02', 20_000, midnight + index);
      bot.executes('SELL', '0.02', 20_000, midnight + index);
    }
    expect(bot.state.roundTrips.closed.map(({ closedAtMs }) => closedAtMs - midnight)).toEqual(
      Array.from({ length: roundTripsMax }, (_, index) => index + 5),
    );
  });
});

describe('an exit of the engine', () => {
  const holding = (change: Partial<TradingConfig>): Trader => {
    const bot = new Trader(change);
    bot.enters(1, 20_000, '0.02');
    return bot;
  };
  const kindOf = ({ commands: [command] }: Decision): unknown => (command?.type === 'place-order' ? command.exitKind : command);

  it('says what made it, on its order', () => {
    expect(kindOf(holding({ stopLossPercent: 1 }).sees(2, 19_000))).toBe('stop');
    expect(kindOf(holding({ trailingStopActive: true, trailingStopPercent: 1 }).sees(2, 19_000))).toBe('stop');
    expect(kindOf(holding({ takeProfitPercent: 1 }).sees(2, 21_000))).toBe('target');
    expect(kindOf(holding({ maxDailyLossPercent: 1 }).sees(2, 19_000))).toBe('daily-loss');
    const asked = { type: 'close-requested', reason: 'asked', atMs: midnight + 2 * minute } as const;
    expect(kindOf(holding({}).tell(asked))).toBe('request');
    expect(kindOf(holding({}).tell({ ...asked, kind: 'signal' }))).toBe('signal');
    const leaves = candle(1, { close: 20_000 });
    const signal = { action: 'exit', reason: 'leave' } as const;
    expect(kindOf(holding({}).tell({ type: 'candle-closed', candle: leaves, signal, atMs: leaves.closeTime }))).toBe('signal');
    expect(kindOf(new Trader({}).asks(1, 20_000))).toBeNull();
  });
});

describe('the worked example of docs/protections.md', () => {
  const at = (hour: number, minutes: number): number => hour * 60 + minutes;
  const bot = new Trader({
    positionSizePercent: null,
    positionSizeFixed: d(500),
    stopLossPercent: 1,
    protections: {
      cooldownAfterLossMs: 15 * minute,
      stopGuard: { stops: 2, windowMs: 120 * minute, pauseMs: 60 * minute },
      lowProfit: { trades: 3, windowMs: 240 * minute, minPercent: 0.2, pauseMs: 180 * minute },
    },
  });
  const sells = (atMinute: number, price: number, exitKind: Fill['exitKind']): void => {
    const quantity = bot.state.position.quantity.toDecimalPlaces(5, 1);
    const commission = quantity.times(price).times('0.001');
    bot.executes('SELL', quantity.toFixed(), price, midnight + atMinute * minute, { exitKind, commission });
  };
  const refusal = (beforeMinute: number): readonly [rule: unknown, reason: string | null] | 'enters' => {
    const { blockedBy, reason, commands } = bot.asks(beforeMinute, 20_000);
    return commands.length > 0 ? 'enters' : [blockedBy, reason];
  };

  it('goes as it is told there', () => {
    // 09:00 to 09:10: a stop-out.
    bot.enters(at(9, 0), 20_000, '0.025');
    expect(bot.sees(at(9, 10), 19_800).commands).toMatchObject([{ role: 'exit', exitKind: 'stop' }]);
    sells(at(9, 10), 19_800, 'stop');
    expect(bot.state.roundTrips.closed.at(-1)?.result.toFixed(2)).toBe('-5.99');
    expect(refusal(at(9, 20))).toEqual([
      'cooldown',
      'no entry until 2024-05-06T09:25:00.000Z: the round trip that closed at 2024-05-06T09:10:00.000Z lost 5.9883059 USDT (go)',
    ]);
    // The candle that closes at 09:24:59.999 is decided on before the cooldown is over, the next one after it.
    expect(refusal(at(9, 25))[0]).toBe('cooldown');
    bot.enters(at(9, 26), 20_000, '0.025');
    // 09:40: the second stop-out within two hours.
    expect(bot.sees(at(9, 40), 19_800).commands).toHaveLength(1);
    sells(at(9, 40), 19_800, 'stop');
    expect(refusal(at(9, 50))).toEqual([
      'stop-guard',
      'no entry until 2024-05-06T10:40:00.000Z: 2 round trips were stopped out within 120 minutes (stop guard: 2) (go)',
    ]);
    // The cooldown was over at 09:55; the stop guard lasts.
    expect(refusal(at(10, 0))[0]).toBe('stop-guard');
    bot.enters(at(10, 41), 20_000, '0.025');
    // 11:30: a small profit, and the third round trip within four hours.
    const signal = { action: 'exit', reason: 'leave' } as const;
    const closed = candle(at(11, 30) - 1, { close: 20_100 });
    expect(bot.tell({ type: 'candle-closed', candle: closed, signal, atMs: closed.closeTime }).commands).toMatchObject([
      { exitKind: 'signal' },
    ]);
    sells(at(11, 30), 20_100, 'signal');
    expect(bot.state.roundTrips.closed.map(({ result }) => result.toFixed(2))).toEqual(['-5.99', '-5.99', '1.50']);
    expect(refusal(at(11, 40))).toEqual([
      'low-profit',
      'no entry until 2024-05-06T14:30:00.000Z: the 3 round trips within 240 minutes made -0.70 % of what was spent on them, less than 0.2 % (go)',
    ]);
    expect(refusal(at(14, 30))[0]).toBe('low-profit');
    expect(refusal(at(14, 31))).toBe('enters');
  });
});
