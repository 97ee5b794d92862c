/** The exchange's filters change, or are told wrong, while a position is held: what rests stays, and what is held stays held. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nothingFolded } from '../../../engine/trading/fold.ts';
import type { Instrument, OrderType } from '../../../engine/trading/instrument.ts';
import { isFlat } from '../../../engine/trading/position.ts';
import { exposureOf, filterNote, mayTakeDown } from '../../../engine/trading/protect.ts';
import { restoreState } from '../../../engine/trading/restore.ts';
import type { RestoredOrder } from '../../../engine/trading/restore.ts';
import { btc, candle, d, fill } from './given.ts';
import { Guarded, stoppable, stops } from './guarded.ts';

const leastWorth = (min: string): Instrument => ({ ...stoppable, notional: btc.notional && { ...btc.notional, min: d(min) } });
const stepOf = (step: string): Instrument => ({ ...stoppable, lot: { min: d(step), max: d(9_000), step: d(step) } });
const tickOf = (tick: string): Instrument => ({ ...stoppable, price: { ...btc.price, tick: d(tick) } });

/** 0.00022977 BTC bought at 30,000, with its stop at 29,400 at the exchange. */
function holding(trading = stops(), quantity = '0.00023', commission = '0.00000023'): Guarded {
  const bot = new Guarded(trading);
  bot.tell({ type: 'fill-received', fill: fill('BUY', quantity, 30_000, { commission: d(commission), atMs: bot.atMs }), atMs: bot.atMs });
  bot.price(30_000);
  bot.done();
  return bot;
}

/** What the bot knows after a restart that found these filters: rows first, then what rests. */
function restarted(bot: Guarded): void {
  const { position, protection } = bot.state;
  const { resting } = bot;
  const order = { decisionMs: protection.decisionMs, attempt: 1, clientOrderId: 'a', reason: 'go', exitKind: null, outcome: null } as const;
  const orders: RestoredOrder[] = [];
  if (resting !== null) orders.push({ ...order, role: 'stop', quantity: resting.quantity, price: null, stopPrice: resting.stopPrice });
  if (resting !== null && resting.targetPrice !== null)
    orders.push({ ...order, role: 'target', quantity: resting.quantity, price: resting.targetPrice, stopPrice: null });
  bot.state = restoreState(bot.config, bot.instrument, {
    folded: nothingFolded,
    fills: bot.fills,
    opening: { openedAtMs: position.openedAtMs, openedUnder: position.openedUnder },
    orders,
    day: null,
    notices: [],
    bestPrice: bot.state.bestPrice,
    lastPrice: bot.state.lastPrice,
    blocks: [],
    atMs: bot.atMs,
  });
  bot.pass(0);
  bot.answer(null);
}

describe('filters that change under a position', () => {
  it('a least order value that rises above the position leaves its stop, and the status names the filter', () => {
    const bot = holding();
    expect([bot.resting?.quantity.toFixed(), bot.resting?.stopPrice?.toFixed()]).toEqual(['0.00022', '29400']);
    bot.instrument = leastWorth('10');
    bot.price(29_900);
    bot.pass();
    expect(bot.commands).toEqual([]);
    expect(exposureOf(bot.state, bot.config, bot.instrument)).toBe('protected');
    expect(filterNote(bot.state, bot.config, bot.instrument)).toBe(
      "the exchange's filter NOTIONAL does not let 0.00022977 BTC be sold now (the least order value is 10 USDT); the stop that rests at 29400 stays",
    );
    // The price passes the stop, and the exchange sells.
    bot.resting = null;
    bot.tell({ type: 'fill-received', fill: fill('SELL', '0.00022', 29_400, { role: 'stop', atMs: bot.atMs }), atMs: bot.atMs });
    bot.answer(null);
    expect(isFlat(bot.state, bot.instrument, 29_400)).toBe(true);
  });

  it.each([
    ['a lot step of 1', stepOf('1'), /LOT_SIZE .*the smallest lot is 1 BTC/],
    [
      'a market lot of 1',
      { ...stoppable, marketLot: { min: d(1), max: d(0), step: d(0) } },
      /filter MARKET_LOT_SIZE .*the smallest lot is 1 BTC/,
    ],
    ['a finer lot step', stepOf('0.00000001'), null],
    ['a tick of 1000', tickOf('1000'), null],
    ['a finer tick', tickOf('0.000001'), null],
    [
      'a largest price below the stop',
      { ...stoppable, price: { ...btc.price, max: d(20_000) } },
      /filter PRICE_FILTER would not take the stop anew/,
    ],
    ['a largest lot below the position', { ...stoppable, lot: { ...btc.lot, max: d('0.1') } }, null],
    ['no stop orders any more', btc, /BTCUSDT takes no new stop orders; the stop that rests at 29400 stays/],
    ['no pairs any more', { ...stoppable, ocoAllowed: false }, null],
    ['no replacement any more', { ...stoppable, cancelReplaceAllowed: false }, null],
    [
      'a target beyond the price bounds',
      { ...stoppable, percentPrice: { bidUp: d(2), bidDown: d('0.1'), askUp: d('1.001'), askDown: d('0.1'), averagePriceMinutes: 5 } },
      null,
    ],
  ])('%s leaves stop and target where they are, also after a restart', (_, filters, note) => {
    for (const restarts of [false, true]) {
      const bot = holding(stops({ takeProfitPercent: 3.1 }), '0.126812345', '0');
      expect(bot.resting?.targetPrice?.toFixed()).toBe('30930');
      bot.instrument = filters;
      if (restarts) restarted(bot);
      for (const price of [30_001.5, 29_700, 30_200]) {
        bot.price(price);
        expect(bot.commands).toEqual([]);
        bot.pass();
        expect(bot.commands).toEqual([]);
      }
      expect(isFlat(bot.state, filters, 30_000)).toBe(false);
      expect(exposureOf(bot.state, bot.config, filters)).toBe('protected');
      if (note === null) expect(filterNote(bot.state, bot.config, filters)).toBeNull();
      else expect(filterNote(bot.state, bot.config, filters)).toMatch(note);
      // Whatever was told meanwhile, the old filters find nothing to do either.
      bot.instrument = stoppable;
      bot.pass();
      expect(bot.commands).toEqual([]);
    }
  });

  it('an exit that no filter lets go waits beside its stop, and goes when it may', () => {
    const bot = holding();
    bot.instrument = leastWorth('10');
    const signal = { action: 'exit', reason: 'leave' } as const;
    const closed = candle(5, { close: 30_000 });
    bot.tell({ type: 'candle-closed', candle: closed, signal, atMs: closed.closeTime });
    expect(bot.commands).toEqual([]);
    expect(bot.reason).toMatch(/filter NOTIONAL does not let .* be sold now .*; the exit waits \(leave\)/);
    expect(exposureOf(bot.state, bot.config, bot.instrument)).toBe('protected');
    bot.instrument = stoppable;
    bot.atMs = closed.closeTime;
    bot.pass();
    expect(bot.types).toEqual(['cancel-protection']);
    bot.done();
    expect(bot.types).toEqual(['exit']);
  });

  it('what rests may not be taken down when neither a sale nor a new stop would be taken', () => {
    const bot = holding();
    const may = (): boolean => mayTakeDown(bot.state, bot.config, bot.instrument);
    expect(may()).toBe(true);
    bot.instrument = leastWorth('10');
    expect(may()).toBe(false);
    const closed = candle(5, { close: 30_000 });
    bot.tell({ type: 'candle-closed', candle: closed, signal: { action: 'exit', reason: 'leave' }, atMs: closed.closeTime });
    expect(may()).toBe(false);
    bot.instrument = stoppable;
    expect(may()).toBe(true);
    bot.instrument = leastWorth('10');
    // A kill switch that takes stops down asks nobody.
    bot.tell({ type: 'entries-blocked', block: { rule: 'kill-switch', reason: 'a test', policy: 'cancel' }, atMs: bot.atMs });
    expect(may()).toBe(true);
  });

  it('a position that was to be sold for want of a stop is kept when a filter forbade the sale until one rests again', () => {
    const bot = holding(stops(), '0.1', '0');
    bot.resting = null;
    bot.answer(null);
    expect(bot.types).toEqual(['place-protection']);
    bot.answer('Filter failure: NOTIONAL');
    expect([bot.types, bot.state.exiting?.kind]).toEqual([['exit'], 'unprotected']);
    bot.instrument = leastWorth('9000');
    const atMs = bot.atMs;
    bot.tell({
      ...{ type: 'order-ended', clientOrderId: 'a', role: 'exit', decisionMs: atMs, outcome: 'rejected', reason: 'NOTIONAL', atMs },
    });
    bot.tell({ type: 'exit-retry-due', atMs });
    expect([bot.commands, bot.state.exiting?.kind]).toEqual([[], 'unprotected']);
    bot.resting = { quantity: d('0.1'), stopPrice: d(29_400), targetPrice: null };
    bot.answer(null);
    expect(bot.state.exiting).toBeNull();
    bot.instrument = stoppable;
    bot.pass();
    expect([bot.commands, exposureOf(bot.state, bot.config, bot.instrument)]).toEqual([[], 'protected']);
  });

  it('a close that is asked for while the position is being sold for want of a stop stands, also when a stop rests again', () => {
    const bot = holding(stops(), '0.1', '0');
    bot.resting = null;
    bot.answer(null);
    bot.instrument = leastWorth('9000');
    bot.answer('Filter failure: NOTIONAL');
    expect([bot.commands, bot.state.exiting?.kind]).toEqual([[], 'unprotected']);
    bot.tell({ type: 'close-requested', reason: 'a user asks', atMs: bot.atMs });
    expect(bot.state.exiting?.requested).toBe('a user asks');
    bot.resting = { quantity: d('0.1'), stopPrice: d(29_400), targetPrice: null };
    bot.answer(null);
    bot.instrument = stoppable;
    bot.pass();
    expect(bot.types).toEqual(['cancel-protection']);
    bot.done();
    expect(bot.types).toEqual(['exit']);
  });

  it('a stop whose place is refused leaves the position to the stop that rests', () => {
    const bot = holding(stops({ trailingStopPercent: 2, trailingStopActive: true }), '0.1', '0');
    bot.price(31_000);
    expect(bot.types).toEqual(['replace-protection']);
    bot.answer('Filter failure: PRICE_FILTER');
    expect(bot.commands).toEqual([]);
    expect([exposureOf(bot.state, bot.config, bot.instrument), bot.state.exiting]).toEqual(['protected', null]);
  });

  it('what a target in parts leaves is held while its stop rests, however little it is worth by now', () => {
    const bot = holding(stops(), '0.001', '0');
    bot.instrument = leastWorth('10');
    bot.resting = { quantity: d('0.0001'), stopPrice: d(29_400), targetPrice: null };
    bot.tell({ type: 'fill-received', fill: fill('SELL', '0.0009', 30_000, { role: 'target', atMs: bot.atMs }), atMs: bot.atMs });
    bot.answer(null);
    expect([bot.commands, isFlat(bot.state, bot.instrument, 30_000)]).toEqual([[], false]);
    bot.pass();
    expect([bot.commands, exposureOf(bot.state, bot.config, bot.instrument)]).toEqual([[], 'protected']);
  });

  it('is held after a restart too, with the best price that it had', () => {
    const bot = holding(stops({ trailingStopPercent: 3, trailingStopActive: true }), '0.001', '0');
    bot.instrument = leastWorth('10');
    bot.resting = { quantity: d('0.0001'), stopPrice: d(29_400), targetPrice: null };
    bot.tell({ type: 'fill-received', fill: fill('SELL', '0.0009', 30_000, { role: 'target', atMs: bot.atMs }), atMs: bot.atMs });
    bot.answer(null);
    bot.price(30_100);
    restarted(bot);
    expect([bot.state.bestPrice, isFlat(bot.state, bot.instrument, 30_100)]).toEqual([30_100, false]);
    // A stop that was passed and sold no more than a part is no reason to wait for the rest.
    const passed = { ...bot.state, protection: { ...bot.state.protection, overrun: true } };
    expect(isFlat(passed, bot.instrument, 29_000)).toBe(true);
  });

  it('a trailing stop is not moved where a coarser step would let it cover less: the engine keeps the tighter one', () => {
    const bot = holding(stops({ trailingStopPercent: 2, trailingStopActive: true }), '0.12345', '0');
    bot.instrument = stepOf('0.01');
    bot.price(31_000);
    expect([bot.commands, exposureOf(bot.state, bot.config, bot.instrument)]).toEqual([[], 'protected']);
    bot.price(30_370);
    expect(bot.state.exiting?.reason).toMatch(/trailing stop at 30380 was reached/);
  });

  it('a purchase of dust opens nothing, and one that makes it more does', () => {
    const bot = new Guarded();
    bot.bought('0.0001', 30_000);
    expect([bot.commands, bot.state.position.openedAtMs]).toEqual([[], null]);
    bot.atMs += 1;
    bot.bought('0.0003', 30_000);
    expect([bot.types, bot.state.position.openedAtMs]).toEqual([['place-protection'], bot.atMs]);
  });

  it('more is covered when more is bought, and not when only the step has become finer', () => {
    const bot = holding(stops(), '0.126812345', '0');
    bot.instrument = stepOf('0.00000001');
    restarted(bot);
    expect(bot.commands).toEqual([]);
    bot.bought('0.00000001', 30_000);
    expect(bot.types).toEqual(['replace-protection']);
    expect(bot.put?.plan.quantity.toFixed()).toBe('0.12681235');
  });

  it('a stop that a finer step would let cover more still protects when its replacement comes to nothing', () => {
    const bot = holding(stops({ trailingStopPercent: 2, trailingStopActive: true }), '0.126812345', '0');
    bot.instrument = stepOf('0.00000001');
    bot.price(31_000);
    expect([bot.types, bot.put?.plan.quantity.toFixed()]).toEqual([['replace-protection'], '0.12681234']);
    bot.answer(null);
    expect([bot.resting?.quantity.toFixed(), exposureOf(bot.state, bot.config, bot.instrument)]).toEqual(['0.12681', 'protected']);
  });

  it('after a restart a stop that was put up before the last purchase is put up anew', () => {
    const bot = holding(stops(), '0.1', '0');
    bot.bought('0.02', 30_000);
    bot.answer(null);
    restarted(bot);
    expect(bot.put?.plan.quantity.toFixed()).toBe('0.12');
  });

  it('after a restart another target is wanted when the columns say so, and none when only the tick is another', () => {
    const bot = holding(stops({ takeProfitPercent: 3.1234 }), '0.1', '0');
    expect(bot.resting?.targetPrice?.toFixed()).toBe('30937.02');
    bot.instrument = tickOf('0.0001');
    restarted(bot);
    expect(bot.commands).toEqual([]);
    const edited = new Guarded(stops({ takeProfitPercent: 3.2 }));
    edited.fills.push(...bot.fills);
    Object.assign(edited, { state: bot.state, resting: bot.resting });
    restarted(edited);
    expect(edited.types).toEqual(['cancel-protection']);
  });
});

describe('whatever the filters become', () => {
  const grid = fc.integer({ min: -8, max: 3 }).map((exponent) => d(10).pow(exponent));
  const types: readonly OrderType[] = ['MARKET', 'LIMIT_MAKER', 'STOP_LOSS', 'STOP_LOSS_LIMIT'];
  const filters: fc.Arbitrary<Instrument> = fc
    .record({
      step: grid,
      tick: grid,
      least: fc.integer({ min: 0, max: 20_000 }),
      most: fc.constantFrom('0', '0.0001', '10', '9000'),
      prices: fc.constantFrom(['0', '0'], ['0.01', '1000000'], ['35000', '40000'], ['1', '20000']),
      orderTypes: fc.subarray([...types], { minLength: 1 }),
      ocoAllowed: fc.boolean(),
      cancelReplaceAllowed: fc.boolean(),
      ask: fc.constantFrom('1.0001', '1.2', '5'),
    })
    .map(({ step, tick, least, most, prices, orderTypes, ocoAllowed, cancelReplaceAllowed, ask }) => ({
      ...stoppable,
      lot: { min: step, max: d(most), step },
      marketLot: null,
      price: { min: d(prices[0] ?? 0), max: d(prices[1] ?? 0), tick },
      notional: btc.notional && { ...btc.notional, min: d(least) },
      percentPrice: { bidUp: d(ask), bidDown: d('0.1'), askUp: d(ask), askDown: d('0.1'), averagePriceMinutes: 5 },
      orderTypes,
      ocoAllowed,
      cancelReplaceAllowed,
    }));
  const change = fc.record({
    filters,
    restarts: fc.boolean(),
    /** Between stop and target. */
    prices: fc.array(fc.integer({ min: 2_945_000, max: 3_085_000 }), { maxLength: 3 }),
  });

  it('nothing that rests is touched, and what is held is neither flat nor unprotected', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 25, max: 50_000 }),
        fc.boolean(),
        fc.array(change, { minLength: 1, maxLength: 6 }),
        (lots, pair, changes) => {
          const bot = holding(stops({ takeProfitPercent: pair ? 3 : null }), d(lots).times('0.00001').plus('0.000001234').toFixed(), '0');
          const { resting } = bot;
          expect(resting).not.toBeNull();
          for (const { filters: next, restarts, prices } of changes) {
            bot.instrument = next;
            if (restarts) restarted(bot);
            const look = (): void => {
              expect(bot.commands).toEqual([]);
              expect(isFlat(bot.state, next, bot.state.lastPrice)).toBe(false);
              expect(exposureOf(bot.state, bot.config, next)).toBe('protected');
            };
            look();
            for (const price of prices) {
              bot.price(price / 100);
              look();
            }
            bot.pass(3_000);
            look();
          }
          expect(bot.resting).toBe(resting);
        },
      ),
    );
  });
});
