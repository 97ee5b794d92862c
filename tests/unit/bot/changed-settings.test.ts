import { describe, expect, it } from 'vitest';
import { needsRestart, settingsOf } from '../../../engine/bot/settings.ts';
import { BotSession } from '../../../engine/bot/session.ts';
import type { BotSettings } from '../../../engine/bot/session.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { noLedger } from '../../../engine/persistence/decision-ledger.ts';
import { defaultColumns } from '../../../engine/trading/bot-columns.ts';
import type { TradingColumns } from '../../../engine/trading/bot-columns.ts';
import type { TradingCommand } from '../../../engine/trading/events.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { silent } from '../memory-fleet.ts';
import { btc, candle, d, emptyState, fill, midnight } from '../trading/given.ts';

function settings(change: Partial<TradingColumns> = {}, mode: BotSettings['mode'] = 'live'): BotSettings {
  const columns = {
    ...defaultColumns,
    name: 'b',
    symbol: 'BTCUSDT',
    timeframe: '1m',
    strategy: 'rsi',
    initialCapital: d(1_000),
    ...change,
  };
  return settingsOf({ id: '1', userId: '1', version: 1, mode, venue: 'simulated', columns }, 'engine');
}

function holding(start: BotSettings): { session: BotSession; commands: TradingCommand[]; moveTo: (price: number) => Promise<void> } {
  const clock = new FakeClock(midnight + 60_000);
  const commands: TradingCommand[] = [];
  const nothing = (): void => undefined;
  const session = new BotSession({
    ...{ settings: start, state: emptyState(start.trading), clock, metrics: createMetrics(), safeMode: false },
    venueClock: { now: () => clock.now(), trusted: true, resync: async () => undefined },
    instrument: () => btc,
    carryOut: (command) => void commands.push(command),
    ...{ log: silent, ledger: noLedger, onPrice: nothing, onExposure: nothing, onDirty: nothing },
    onFault: (error) => {
      throw error;
    },
  });
  session.tell({ type: 'fill-received', fill: fill('BUY', '0.02', 20_000, { atMs: midnight }), atMs: midnight });
  let minute = 1;
  return {
    session,
    commands,
    async moveTo(price) {
      await clock.advance(60_000);
      session.onUpdate(candle((minute += 1), { close: price }));
    },
  };
}

describe('changed settings', () => {
  it('count from the next decision on, and not before', async () => {
    const { session, commands, moveTo } = holding(settings({ stopLossPerc: 10 }));
    await moveTo(19_500);
    session.reconfigure(settings({ stopLossPerc: 2 }));
    expect(commands).toEqual([]);
    await moveTo(19_500);
    expect(commands).toMatchObject([{ role: 'exit', reason: expect.stringContaining('stop-loss at 19600') as string }]);
  });

  it('that take money out of the budget are no loss of the day', async () => {
    const { session, commands, moveTo } = holding(settings({ maxDailyLossPerc: 5 }));
    session.reconfigure(settings({ maxDailyLossPerc: 5, initialCapital: d(600) }));
    await moveTo(20_000);
    expect([session.state.day.startEquity.toFixed(), session.state.day.lossReached, commands]).toEqual(['600', false, []]);
  });

  it.each<[string, Partial<TradingColumns>, BotSettings['mode'], boolean]>([
    ['a tighter stop', { stopLossPerc: 1 }, 'live', false],
    ['another level of the strategy', { rsiOversold: 20 }, 'live', false],
    ['another period of the strategy', { rsiPeriod: 7 }, 'live', true],
    ['another strategy', { strategy: 'ema_rsi' }, 'live', true],
    ['another timeframe', { timeframe: '5m' }, 'live', true],
    ['another budget of a live bot', { initialCapital: d(2_000) }, 'live', false],
    ['another budget of a paper bot, whose account begins with it', { initialCapital: d(2_000) }, 'paper', true],
  ])('that are %s: %j (%s) start the bot anew: %s', (_, change, mode, anew) => {
    expect(needsRestart(settings({}, mode), settings(change, mode))).toBe(anew);
  });

  it.each([
    ['a level', { trend_adx: 5 }, false],
    ['a period', { adx_period: 5 }, true],
  ])("of the strategy's own parameters that are %s start the bot anew: %s", (_, strategyParameters, anew) => {
    expect(needsRestart(settings({ strategy: 'macd_adx' }), settings({ strategy: 'macd_adx', strategyParameters }))).toBe(anew);
  });

  it('are recorded with every parameter and a name for every value of an indicator', () => {
    const { recordedAs, parameters } = settings({ strategy: 'macd_adx', strategyParameters: { macd_fast: 5, trend_adx: 22.5 } });
    expect(recordedAs).toMatchObject({ parameters: { macdFast: 5, macdSlow: 26, macdSignal: 9, adxPeriod: 14, trendAdx: 22.5 } });
    expect(recordedAs.parameters).toEqual(parameters);
    const macd = ['macd:5:26:9.line', 'macd:5:26:9.signal', 'macd:5:26:9.histogram'];
    expect(recordedAs.indicators).toEqual([...macd, 'adx:14.adx', 'adx:14.plusDi', 'adx:14.minusDi']);
    expect(settings({ strategy: 'rsi' }).recordedAs.indicators).toEqual(['rsi:14']);
  });
});
