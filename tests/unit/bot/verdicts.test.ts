/** What a session tells the ledger and the counters of each closed candle. */
import { describe, expect, it } from 'vitest';
import { BotSession } from '../../../engine/bot/session.ts';
import { settingsOf } from '../../../engine/bot/settings.ts';
import { leavingBlock } from '../../../engine/bot/bot.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import type { DecidedClose } from '../../../engine/persistence/decision-ledger.ts';
import { defaultColumns } from '../../../engine/trading/bot-columns.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import { btc, candle, d, emptyState, midnight } from '../trading/given.ts';

const up = { previous: [1, 2], current: [3, 2] };
const flat = { previous: [1, 2], current: [1, 2] };

function given(safeMode = false) {
  const clock = new FakeClock(midnight + 60_000);
  const metrics = createMetrics();
  const heard: DecidedClose[] = [];
  const { log, lines } = recordedLog('debug');
  const columns = { ...defaultColumns, name: 'a', symbol: 'BTCUSDT', timeframe: '1m', strategy: 'ema_cross', initialCapital: d(1_000) };
  const settings = settingsOf(
    { id: '1', userId: '1', version: 7, mode: 'paper', venue: 'simulated', columns: { ...columns, positionSizePerc: 50 } },
    'engine',
  );
  const ignore = (): void => undefined;
  const session = new BotSession({
    settings,
    state: emptyState(),
    clock,
    venueClock: { now: () => clock.now(), trusted: true, resync: async () => undefined },
    metrics,
    log,
    ledger: { record: (close) => void heard.push(close) },
    safeMode,
    instrument: () => btc,
    carryOut: ignore,
    onPrice: ignore,
    onExposure: ignore,
    onDirty: ignore,
    onFault(error) {
      throw error;
    },
  });
  const counted = async (action: string, rule: string): Promise<number | undefined> =>
    (await metrics.verdicts.get()).values.find(({ labels }) => labels.action === action && labels.rule === rule)?.value;
  return { clock, session, heard, counted, lines };
}

describe('the verdict on a close', () => {
  it('is recorded with what was decided with, told and counted', async () => {
    const { session, heard, counted, lines } = given();
    session.onClose({ candle: candle(0, { close: 20_000 }), ...up }, 0);
    const line = { level: 'debug', closeTime: midnight + 59_999, close: 20_000, signal: 'enter-long', outcome: 'entered', rule: null };
    expect(lines).toMatchObject([{ msg: 'the bot is entering' }, { msg: 'a closed candle was decided on', ...line }]);
    expect(heard).toMatchObject([
      {
        settings: { version: 7, strategy: 'ema_cross', timeframe: '1m', indicators: ['ema:12', 'ema:26'] },
        view: up,
        signal: { action: 'enter-long' },
        verdict: { outcome: 'entered', rule: null, positionOpen: false },
      },
    ]);
    expect(await counted('entered', 'none')).toBe(1);
  });

  it('keeps the signal of a close that was too old to enter on', async () => {
    const { clock, session, heard, counted } = given();
    await clock.advance(30_000);
    session.onClose({ candle: candle(0, { close: 20_000 }), ...up }, 0);
    expect(heard).toMatchObject([{ signal: { action: 'enter-long' }, verdict: { outcome: 'nothing', rule: 'stale-close' } }]);
    expect(await counted('nothing', 'stale-close')).toBe(1);
  });

  it('says that the strategy was not asked in safe mode', () => {
    const { session, heard } = given(true);
    session.onClose({ candle: candle(0, { close: 20_000 }), ...up }, 0);
    expect(heard).toMatchObject([{ signal: { action: 'hold' }, verdict: { outcome: 'nothing', rule: 'quarantined' } }]);
  });

  it('says that the strategy was not asked while the bot leaves', () => {
    const { session, heard } = given();
    session.block(leavingBlock);
    session.onClose({ candle: candle(0, { close: 20_000 }), ...up }, 0);
    expect(heard).toMatchObject([{ signal: { action: 'hold' }, verdict: { outcome: 'nothing', rule: 'leaving' } }]);
  });

  it('says that the strategy wants nothing, although entries are closed as well', async () => {
    const { session, heard, counted } = given();
    session.block({ rule: 'paused', reason: 'lunch' });
    session.onClose({ candle: candle(0, { close: 20_000 }), ...flat }, 0);
    expect(heard).toMatchObject([{ verdict: { outcome: 'nothing', rule: 'no-signal', reason: 'lunch' } }]);
    expect(await counted('nothing', 'no-signal')).toBe(1);
  });
});

describe('the counters of decisions', () => {
  it('exist from the start for every outcome and rule, and carry no bot', async () => {
    const text = await createMetrics().registry.metrics();
    for (const line of [
      'evenkeel_verdicts_total{action="entered",rule="none"} 0',
      'evenkeel_verdicts_total{action="nothing",rule="no-signal"} 0',
      'evenkeel_verdicts_total{action="nothing",rule="max-daily-trades"} 0',
      'evenkeel_risk_blocks_total{rule="paused"} 0',
      'evenkeel_decisions_total{action="entry",mode="live"} 0',
      'evenkeel_verdicts_dropped_total 0',
    ])
      expect(text).toContain(`\n${line}`);
    expect(text).not.toMatch(/evenkeel_verdicts_total\{[^}]*bot/);
  });
});
