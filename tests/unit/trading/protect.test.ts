/** What shall rest at the exchange, and the one operation at a time that brings it there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../../engine/trading/decide.ts';
import type { TradingCommand } from '../../../engine/trading/events.ts';
import { nothingFolded } from '../../../engine/trading/fold.ts';
import { sellableQuantity } from '../../../engine/trading/position.ts';
import { exposureOf, isClear, plannedProtection } from '../../../engine/trading/protect.ts';
import { restoreState } from '../../../engine/trading/restore.ts';
import { btc, candle, d, fill, midnight } from './given.ts';
import { Guarded, stoppable, stops } from './guarded.ts';

describe('what shall rest', () => {
  it('is a stop on the tick that never sells lower than the columns say, for what the lot lets sell', () => {
    const bot = new Guarded(stops({ takeProfitPercent: 3 }));
    bot.bought('0.123456', 20_000.33);
    expect(bot.types).toEqual(['place-protection']);
    expect(bot.put?.plan).toMatchObject({ stopType: 'STOP_LOSS', limitPrice: null });
    expect(bot.put?.plan.quantity.toFixed()).toBe('0.12345');
    expect(bot.put?.plan.stopPrice.toFixed()).toBe('19600.33');
    expect(bot.put?.plan.targetPrice?.toFixed()).toBe('20600.34');
  });

  it('is a stop that becomes a limit order where the symbol offers nothing better', () => {
    const bot = new Guarded(stops(), { ...stoppable, orderTypes: ['MARKET', 'STOP_LOSS_LIMIT'] });
    bot.bought('0.1', 20_000);
    expect(bot.put?.plan).toMatchObject({ stopType: 'STOP_LOSS_LIMIT', targetPrice: null });
    expect(bot.put?.plan.limitPrice?.toFixed()).toBe('19502');
  });

  it.each([
    ['the columns set no stop', stops({ stopLossPercent: null, takeProfitPercent: 3 }), stoppable],
    ['the engine keeps the stops', stops({ stops: 'engine' }), stoppable],
    ['the symbol offers no stop orders', stops(), btc],
  ])('is nothing when %s', (_, trading, instrument) => {
    const bot = new Guarded(trading, instrument);
    bot.bought('0.1', 20_000);
    expect(bot.commands).toEqual([]);
    expect(exposureOf(bot.state, trading, instrument)).toBe('none');
  });

  it('is nothing when the exchange takes no order of that value, and the engine then watches the price', () => {
    const bot = new Guarded(stops({ stopLossPercent: 20 }));
    bot.bought('0.0003', 20_000);
    expect(bot.commands).toEqual([]);
    bot.price(17_000, 17_000, 15_999);
    expect(bot.reason).toMatch(/stop-loss/);
  });
});

describe('operations', () => {
  it('grow the stop with further fills, in one request', () => {
    const bot = new Guarded();
    bot.bought('0.1', 20_000);
    bot.bought('0.1', 20_000);
    expect(bot.commands).toEqual([]);
    bot.done();
    expect(bot.types).toEqual(['replace-protection']);
    expect(bot.put?.plan.quantity.toFixed()).toBe('0.2');
  });

  it('place stop and target anew when both grow, because no request replaces a list', () => {
    const bot = new Guarded(stops({ takeProfitPercent: 3 }));
    bot.bought('0.1', 20_000);
    bot.done();
    bot.bought('0.1', 20_000);
    expect(bot.types).toEqual(['cancel-protection']);
    bot.done();
    expect(bot.types).toEqual(['place-protection']);
  });

  it('follow the trailing stop by steps that are worth it, and not more than once per check interval', () => {
    const bot = new Guarded(stops({ stopLossPercent: null, trailingStopPercent: 2, trailingStopActive: true, checkIntervalMs: 1_000 }));
    bot.bought('0.1', 20_000);
    bot.done();
    bot.price(20_001);
    expect(bot.commands).toEqual([]);
    bot.price(20_100);
    expect(bot.types).toEqual(['replace-protection']);
    expect(bot.put?.plan.stopPrice.toFixed()).toBe('19698');
    bot.done();
    bot.atMs -= 500;
    bot.price(20_300);
    bot.atMs -= 999;
    bot.price(20_400);
    expect(bot.commands).toEqual([]);
  });

  it('cancel before an exit, and sell when that is proven', () => {
    const bot = new Guarded();
    bot.bought('0.1', 20_000);
    bot.done();
    bot.tell({ type: 'close-requested', reason: 'asked', atMs: bot.atMs });
    expect(bot.types).toEqual(['cancel-protection']);
    bot.tell({ type: 'protection-changed', resting: null, settled: false, unresolved: false, refused: null, atMs: bot.atMs });
    expect(bot.commands).toEqual([]);
    bot.done();
    expect(bot.types).toEqual(['exit']);
  });

  it('sell nothing more when the stop was filled before its cancel', () => {
    const bot = new Guarded();
    bot.bought('0.1', 20_000);
    bot.done();
    bot.tell({ type: 'close-requested', reason: 'asked', atMs: bot.atMs });
    bot.tell({ type: 'fill-received', fill: fill('SELL', '0.1', 19_600, { role: 'stop', atMs: bot.atMs }), atMs: bot.atMs });
    bot.done();
    expect(bot.commands).toEqual([]);
    expect(bot.state).toMatchObject({ exiting: null, working: null });
    expect(isClear(bot.state.protection)).toBe(true);
  });

  it('close the position when the exchange refuses the stop', () => {
    const bot = new Guarded();
    bot.bought('0.1', 20_000);
    bot.answer('Stop price would trigger immediately., code -2010');
    expect(bot.types).toEqual(['exit']);
    expect(bot.reason).toMatch(/refused the stop \(Stop price would trigger immediately/);
    expect(bot.exitKind).toBe('unprotected');
  });

  it('try again with time when a stop never got out, and close when that takes too long', () => {
    const bot = new Guarded();
    bot.bought('0.1', 20_000);
    bot.answer(null);
    expect(bot.commands).toEqual([]);
    bot.pass();
    expect(bot.types).toEqual(['place-protection']);
    bot.answer(null);
    bot.tell({ type: 'protection-overdue', atMs: bot.atMs });
    expect(bot.types).toEqual(['exit']);
    expect(bot.reason).toMatch(/no stop rests/);
    expect(bot.exitKind).toBe('unprotected');
  });

  it('wait while a denied order may still come: nothing new is put up or entered', () => {
    const bot = new Guarded();
    bot.bought('0.1', 20_000);
    const denied = { type: 'protection-changed', resting: null, settled: true, unresolved: true, refused: null } as const;
    bot.tell({ ...denied, atMs: bot.atMs });
    bot.pass();
    expect(bot.commands).toEqual([]);
    bot.tell({ type: 'fill-received', fill: fill('SELL', '0.1', 20_000, { atMs: bot.atMs }), atMs: bot.atMs });
    const up = { action: 'enter-long', reason: 'up' } as const;
    bot.tell({ type: 'candle-closed', candle: candle(0, { close: 20_000 }), signal: up, atMs: midnight + 59_999 });
    expect(bot.commands).toEqual([]);
    expect(bot.reason).toMatch(/not proven to be over/);
    bot.tell({ ...denied, unresolved: false, atMs: bot.atMs });
    bot.tell({ type: 'candle-closed', candle: candle(1, { close: 20_000 }), signal: up, atMs: midnight + 119_999 });
    expect(bot.types).toEqual(['entry']);
  });

  it('are numbered by times that never go back, although a close is told after its end', () => {
    const bot = new Guarded();
    bot.atMs = midnight + 60_500;
    bot.bought('0.1', 20_000);
    expect(bot.put?.decisionMs).toBe(midnight + 60_500);
    bot.answer(null);
    const hold = { action: 'hold', reason: '' } as const;
    bot.tell({ type: 'candle-closed', candle: candle(0, { close: 20_000 }), signal: hold, atMs: midnight + 59_999 });
    expect(bot.put?.decisionMs).toBe(midnight + 60_500);
  });

  it('put a vanished stop up again, not looser than it was', () => {
    const bot = new Guarded(stops({ stopLossPercent: null, trailingStopPercent: 2, trailingStopActive: true }));
    bot.bought('0.1', 20_000);
    bot.done();
    bot.price(21_000);
    bot.done();
    bot.state = { ...bot.state, bestPrice: 20_000 };
    bot.resting = null;
    bot.answer(null);
    expect(bot.types).toEqual(['place-protection']);
    expect(bot.put?.plan.stopPrice.toFixed()).toBe('20580');
  });

  it('leave a reached stop to the exchange, and close when it is not executed in time', () => {
    const bot = new Guarded();
    bot.bought('0.1', 20_000);
    bot.done();
    bot.price(19_500);
    expect(bot.commands).toEqual([]);
    expect(exposureOf(bot.state, bot.config, bot.instrument)).toBe('overrun');
    bot.tell({ type: 'protection-overdue', atMs: bot.atMs });
    expect(bot.types).toEqual(['cancel-protection']);
    bot.done();
    expect(bot.types).toEqual(['exit']);
    expect(bot.exitKind).toBe('stop');
  });

  it('execute in the engine what rests looser than the stop is by now', () => {
    const bot = new Guarded(stops({ stopLossPercent: null, trailingStopPercent: 2, trailingStopActive: true }));
    bot.bought('0.1', 20_000);
    bot.done();
    bot.price(20_590, 21_000, 20_550);
    expect(bot.reason).toMatch(/trailing stop at 20580/);
    expect(bot.types).toEqual(['cancel-protection']);
  });

  it('are taken down when the position was sold by hand of the engine, and allow no entry before', () => {
    const bot = new Guarded();
    bot.bought('0.1', 20_000);
    bot.done();
    bot.tell({ type: 'fill-received', fill: fill('SELL', '0.1', 20_000, { atMs: bot.atMs }), atMs: bot.atMs });
    bot.tell({
      type: 'candle-closed',
      candle: candle(0, { close: 20_000 }),
      signal: { action: 'enter-long', reason: 'up' },
      atMs: midnight + 59_999,
    });
    expect(bot.types).toEqual(['cancel-protection']);
    expect(bot.reason).toMatch(/not proven to be over/);
  });

  it('wait after a restart until execution has told what rests', () => {
    const bought = fill('BUY', '0.1', 20_000, { commission: d(0) });
    const order = { decisionMs: midnight, attempt: 1, clientOrderId: 'a', reason: 'go', quantity: d('0.1'), price: null };
    const state = restoreState(stops(), stoppable, {
      folded: nothingFolded,
      fills: [bought],
      orders: [
        { ...order, role: 'entry', exitKind: null, stopPrice: null, outcome: 'filled' },
        { ...order, role: 'stop', exitKind: null, stopPrice: d('19700'), outcome: null },
      ],
      day: null,
      notices: [],
      bestPrice: Number.NaN,
      lastPrice: 20_000,
      blocks: [],
      atMs: midnight + 1,
    });
    expect(state).toMatchObject({ working: null, exiting: null, protection: { operation: 'place' } });
    expect(plannedProtection(state, stops(), stoppable)?.stopPrice.toFixed()).toBe('19700');
    expect(decide(state, { type: 'time-passed', atMs: midnight + 2 }, stops(), stoppable).commands).toEqual([]);
  });
});

describe('whatever happens in whatever order', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('buy' as const), lots: fc.integer({ min: 1, max: 5_000 }) }),
    fc.record({ kind: fc.constant('price' as const), percent: fc.double({ min: -4, max: 4, noNaN: true }) }),
    fc.record({ kind: fc.constant('done' as const) }),
    fc.record({ kind: fc.constant('fail' as const), refused: fc.boolean() }),
    fc.record({ kind: fc.constant('vanish' as const) }),
    fc.record({ kind: fc.constant('stop-fills' as const), share: fc.double({ min: 0.1, max: 1, noNaN: true }) }),
    fc.record({ kind: fc.constant('overdue' as const) }),
    fc.record({ kind: fc.constant('pass' as const) }),
  );

  it('no more rests or is asked for than is held, stops never loosen, one operation at a time, exits only when nothing rests', () => {
    let put = 0;
    let exits = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), fc.boolean(), (steps, withTarget) => {
        const bot = new Guarded(stops({ trailingStopPercent: 1.5, trailingStopActive: true, takeProfitPercent: withTarget ? 3 : null }));
        let price = 20_000;
        let tightest = 0;
        let exit: TradingCommand | null = null;
        const look = (before: TradingCommand | null): void => {
          for (const command of bot.commands) {
            if (command.type === 'place-order') {
              exits += 1;
              expect([bot.resting, bot.asked]).toEqual([null, null]);
              exit = command;
            } else if (command.type === 'cancel-protection') {
              expect(before?.type).not.toBe('cancel-protection');
            } else {
              put += 1;
              expect(before).toBeNull();
              expect(command.plan.quantity.lte(sellableQuantity(bot.state.position, bot.instrument))).toBe(true);
              expect(command.type === 'place-protection').toBe(bot.resting === null);
            }
          }
          expect(bot.resting === null || bot.resting.quantity.lte(bot.state.position.quantity)).toBe(true);
        };
        const told = (what: () => void, answered = false): void => {
          const before = answered ? null : bot.asked;
          what();
          look(before);
        };
        for (const one of [{ kind: 'buy' as const, lots: 1_000 }, ...steps]) {
          if (exit !== null) {
            // The exit executes at once.
            const { position } = bot.state;
            const sold = sellableQuantity(position, bot.instrument);
            exit = null;
            told(() => bot.tell({ type: 'fill-received', fill: fill('SELL', sold.toFixed(), price, { atMs: bot.atMs }), atMs: bot.atMs }));
            told(() => bot.tell({ type: 'order-ended', clientOrderId: 'x', role: 'exit', outcome: 'filled', reason: '', atMs: bot.atMs }));
          }
          if (bot.state.position.openedAtMs === null && bot.resting === null) tightest = 0;
          switch (one.kind) {
            case 'buy':
              // Fills come from one entry: none after the position began to close.
              if (bot.state.exiting === null && (bot.state.position.quantity.isZero() || bot.resting === null || tightest < price))
                told(() => bot.bought((one.lots / 100_000).toFixed(5), price));
              break;
            case 'price':
              price = Math.round(price * (100 + one.percent)) / 100;
              told(() => bot.price(price));
              break;
            case 'done':
              if (bot.asked !== null) {
                told(() => bot.done(), true);
                const stop = bot.resting?.stopPrice?.toNumber() ?? tightest;
                expect(stop).toBeGreaterThanOrEqual(tightest);
                tightest = stop;
              }
              break;
            case 'fail':
              if (bot.asked !== null && bot.asked.type !== 'cancel-protection') told(() => bot.answer(one.refused ? 'no' : null), true);
              break;
            case 'vanish':
              if (bot.resting !== null && bot.asked === null) {
                bot.resting = null;
                told(() => bot.answer(null));
              }
              break;
            case 'stop-fills':
              if (bot.resting !== null) {
                const quantity = d((bot.resting.quantity.toNumber() * one.share).toFixed(5));
                if (quantity.isZero() || quantity.gt(bot.resting.quantity)) break;
                const left = bot.resting.quantity.minus(quantity);
                bot.resting = left.isZero() ? null : { ...bot.resting, quantity: left };
                const { asked } = bot;
                told(() =>
                  bot.tell({
                    type: 'fill-received',
                    fill: fill('SELL', quantity.toFixed(), price, { role: 'stop', atMs: bot.atMs }),
                    atMs: bot.atMs,
                  }),
                );
                told(() =>
                  bot.tell({
                    type: 'protection-changed',
                    resting: bot.resting,
                    settled: asked === null,
                    unresolved: false,
                    refused: null,
                    atMs: bot.atMs,
                  }),
                );
                // A replacement under way is for what was held before: the exchange refuses it, its cancel comes too late.
                if (asked !== null && asked.type !== 'cancel-protection') told(() => bot.answer(null), true);
              }
              break;
            case 'overdue':
              told(() => bot.tell({ type: 'protection-overdue', atMs: bot.atMs }));
              break;
            case 'pass':
              told(() => bot.pass());
              break;
          }
          if (bot.state.position.openedAtMs === null && bot.resting === null) tightest = 0;
        }
      }),
      { numRuns: 300 },
    );
    expect(put).toBeGreaterThan(500);
    expect(exits).toBeGreaterThan(100);
  });
});
