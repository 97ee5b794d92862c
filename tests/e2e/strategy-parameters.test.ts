/** A running bot whose strategy's own parameters are changed: it acts by the new ones, and warms up anew when its indicators change. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngineProcess } from './support/engine-process.ts';
import type { BotView, EngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';

/** Crosses come by chance, and a loaded machine hears of some too late to enter on. */
const patienceMs = 140_000;

describe('a running bot whose strategy has parameters of its own', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-parameters-'));
  const quick = { macd_fast: 1, macd_slow: 2, macd_signal: 2, adx_period: 2 };
  let engine: EngineProcess;
  let id: string;

  beforeAll(async () => {
    engine = await startEngineProcess({}, dataDir);
    const bot = await engine.createBot({
      name: 'a trend that never comes',
      symbol: 'BTCUSDT',
      timeframe: '1s',
      strategy: 'macd_adx',
      strategy_parameters: { ...quick, trend_adx: 100 },
      initial_capital: '10000',
      position_size_perc: 50,
    });
    id = bot.id;
  });
  afterAll(async () => {
    await engine.process.end('SIGTERM');
    rmSync(dataDir, { recursive: true, force: true });
  });

  const bot = (): Promise<BotView> => engine.ask<BotView>('GET', `/v1/bots/${id}`);
  const change = (parameters: Record<string, number>): Promise<unknown> =>
    engine.ask('PATCH', `/v1/bots/${id}`, { strategy_parameters: parameters });
  const trades = async (): Promise<number> => (await engine.ask<{ items: unknown[] }>('GET', `/v1/bots/${id}/trades`)).items.length;

  it('follows a change of a threshold from the next closes on', async () => {
    await eventually('a cross is passed over for want of a trend', patienceMs, async () =>
      String((await bot())['status_message']).includes('ADX shows no uptrend'),
    );
    expect(await trades()).toBe(0);
    await change({ ...quick, trend_adx: 0 });
    await eventually('a cross is bought', patienceMs, async () => (await trades()) > 0);
  });

  it('warms up anew for other periods, and trades on', async () => {
    await change({ macd_fast: 2, macd_slow: 3, macd_signal: 2, adx_period: 3, trend_adx: 0 });
    const before = await trades();
    await eventually('the bot trades on', patienceMs, async () => (await trades()) > before + 1);
  });
});
