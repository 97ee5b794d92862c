/** What a session tells the world around it of a decision. */
import { describe, expect, it } from 'vitest';
import { BotSession } from '../../../engine/bot/session.ts';
import type { SessionOptions } from '../../../engine/bot/session.ts';
import { settingsOf } from '../../../engine/bot/settings.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { noLedger } from '../../../engine/persistence/decision-ledger.ts';
import type { Signal } from '../../../engine/strategies/strategy.ts';
import type { Candle } from '../../../engine/trading/candle.ts';
import type { TradingCommand, TradingConfig } from '../../../engine/trading/events.ts';
import { defaultColumns } from '../../../engine/trading/bot-columns.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import { btc, candle, config, d, emptyState, fill, midnight } from '../trading/given.ts';

function given(told: Partial<SessionOptions> = {}) {
  const clock = new FakeClock(midnight);
  const metrics = createMetrics();
  const { log, told: lines } = recordedLog('debug');
  const columns = { ...defaultColumns, name: '', symbol: '', timeframe: '1m', strategy: 'ema_cross', initialCapital: d(1) };
  const trading = config({ maxDailyLossPercent: 5 });
  const row = settingsOf({ id: '1', userId: '1', version: 1, mode: 'paper', venue: 'simulated', columns }, 'engine');
  const session = new BotSession({
    settings: { ...row, trading },
    state: emptyState(trading),
    clock,
    venueClock: { now: () => clock.now(), trusted: true, resync: () => Promise.resolve() },
    metrics,
    log,
    ledger: noLedger,
    safeMode: false,
    instrument: () => btc,
    carryOut: () => undefined,
    onPrice: () => undefined,
    onExposure: () => undefined,
    onDirty: () => undefined,
    onFault: (error) => {
      throw error;
    },
    ...told,
  });
  return { clock, metrics, session, lines };
}

it('counts and tells a notice of the day once, and has it written', async () => {
  let dirty = 0;
  const { clock, metrics, session, lines } = given({ onDirty: () => (dirty += 1) });
  session.tell({ type: 'fill-received', fill: fill('BUY', '0.05', 20_000), atMs: midnight });
  for (const price of [20_000, 19_200, 19_100]) {
    await clock.advance(1_000);
    dirty = 0;
    session.onUpdate({ ...candle(0, { close: price }), closed: false });
    expect([price, dirty > 0]).toEqual([price, price === 19_200]);
  }
  expect(session.state.notices.map(({ topic }) => topic)).toEqual(['daily-loss-warning']);
  expect(lines().filter((line) => line.startsWith('warn'))).toEqual(session.state.notices.map(({ reason }) => `warn: ${reason}`));
  expect(await metrics.registry.getSingleMetricAsString('evenkeel_day_notices_total')).toContain('{topic="daily-loss-warning"} 1');
});

it('says at debug what it holds, what it hears and whether it may enter, each when it changes', () => {
  const { session, lines } = given();
  session.tell({ type: 'fill-received', fill: fill('BUY', '0.05', 20_000), atMs: midnight });
  session.onHealth('stale', 'silence');
  session.onHealth('stale', 'silence');
  session.onHealth('live', 'heard again');
  expect(lines()).toEqual([
    'debug: the bot is holding',
    'debug: entries are closed',
    'debug: the candles of the bot are stale',
    'debug: entries are open',
    'debug: the candles of the bot are live',
  ]);
});

it('knows when it looked at the last price, and of none that it was given with the rows', async () => {
  const { clock, session } = given({ state: { ...emptyState(), lastPrice: 19_000 } });
  expect(session.lastPriceAtMs).toBeNull();
  await clock.advance(1_000);
  session.onUpdate({ ...candle(0, { close: 20_000 }), closed: false });
  expect([session.state.lastPrice, session.lastPriceAtMs]).toEqual([20_000, midnight + 1_000]);
});

it('watches prices while the market is heard, and says of a watch when it was not', () => {
  const { session } = given();
  const heard = (): void => session.onUpdate({ ...candle(0, { close: 20_000 }), closed: false });
  expect(session.watchPrices()).toBe(null);
  heard();
  const watch = session.watchPrices();
  heard();
  expect([watch?.low, watch?.gapped]).toEqual([20_000, false]);
  session.onHealth('stale', 'silence');
  expect([watch?.gapped, session.watchPrices()]).toEqual([true, null]);
  session.onHealth('live', 'heard again');
  expect(session.watchPrices()?.gapped).toBe(false);
});

it('sells what a filter held up as soon as the filters are others, whether a price comes or not', () => {
  const orders: TradingCommand[] = [];
  let instrument = btc;
  const { session } = given({ instrument: () => instrument, carryOut: (command) => orders.push(command) });
  session.tell({ type: 'fill-received', fill: fill('BUY', '0.05', 20_000), atMs: midnight });
  instrument = { ...btc, lot: { ...btc.lot, min: d(1) } };
  session.followInstrument();
  session.tell({ type: 'close-requested', kind: 'request', reason: 'a user asked', atMs: midnight });
  session.followInstrument();
  expect([orders, session.message]).toEqual([
    [],
    expect.stringMatching(/the exchange's filter LOT_SIZE does not let 0.05 BTC be sold now/),
  ]);
  instrument = btc;
  session.followInstrument();
  expect(orders.map((order) => order.type === 'place-order' && [order.role, order.quantity.toFixed()])).toEqual([['exit', '0.05']]);
});

describe('a close that passed while nobody ran the bot', () => {
  const view = (at: Candle) => ({ candle: at, current: [], previous: [] });
  function away(signal: Signal, trading: Partial<TradingConfig>) {
    const orders: TradingCommand[] = [];
    const prices: number[] = [];
    const { session } = given({ carryOut: (command) => orders.push(command), onPrice: ({ close }) => prices.push(close) });
    const strategy = { ...session.settings.strategy, signal: () => signal };
    session.reconfigure({ ...session.settings, strategy, trading: { ...session.settings.trading, ...trading } });
    session.tell({ type: 'fill-received', fill: fill('BUY', '0.01', 20_000), atMs: midnight });
    return { session, orders, prices };
  }

  it('executes the stop that it traded through, and tells the price to whoever fills', () => {
    const { session, orders, prices } = away({ action: 'hold', reason: '' }, { stopLossPercent: 1 });
    session.onMissedClose(view(candle(1, { open: 20_000, low: 19_700, close: 20_100 })));
    expect(orders).toMatchObject([{ role: 'exit', exitKind: 'stop', triggerPrice: 19_800, decisionMs: midnight + 119_999 }]);
    expect(prices).toEqual([20_100]);
  });

  it('executes the exit that the strategy asked for, and says when', () => {
    const { session, orders } = away({ action: 'exit', reason: 'crossed' }, {});
    session.onMissedClose(view(candle(1, { close: 20_100 })));
    const reason = 'crossed at 2024-05-06T00:02:00.000Z, while the bot was away';
    expect(orders).toMatchObject([{ role: 'exit', exitKind: 'signal', triggerPrice: null, decisionMs: midnight + 119_999, reason }]);
  });

  it('is not entered on', () => {
    const orders: TradingCommand[] = [];
    const { session } = given({ carryOut: (command) => orders.push(command) });
    session.reconfigure({
      ...session.settings,
      strategy: { ...session.settings.strategy, signal: () => ({ action: 'enter-long', reason: '' }) },
    });
    session.onMissedClose(view(candle(1, { close: 20_000 })));
    expect(orders).toEqual([]);
  });
});
