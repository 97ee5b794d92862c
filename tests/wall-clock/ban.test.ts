/** The exchange bans the IP: no request leaves, from neither of two replicas, until it ends; streams go on. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { startEngineProcess } from '../e2e/support/engine-process.ts';
import type { BotView, EngineProcess } from '../e2e/support/engine-process.ts';
import { eventually } from '../e2e/support/processes.ts';
import { startSimulatorProcess } from '../e2e/support/simulator-process.ts';
import type { SimulatorProcess } from '../e2e/support/simulator-process.ts';
import { writeCandles, zigzagBot } from '../e2e/support/zigzag.ts';

const banSeconds = 20;

describe('a ban', () => {
  let simulator: SimulatorProcess;
  let engines: EngineProcess[];
  let db: Client;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    // Its averages cross at every close: at each of them a bot wants to trade.
    simulator = await startSimulatorProcess(['--fuel', `recorded:${writeCandles()}`, '--symbols', 'BTCUSDT', '--timeframe', '1s']);
    const env = {
      DATABASE_URL: database.url,
      REDIS_URL: `${inject('redisUrl')}/5`,
      EVENKEEL_CLAIM_POLL_MS: '200',
      EVENKEEL_AUDIT_INTERVAL_MS: '500',
      ...simulator.env,
    };
    const tokenDir = mkdtempSync(join(tmpdir(), 'evenkeel-ban-'));
    // Each takes one bot.
    const first = await startEngineProcess({ ...env, EVENKEEL_CAPACITY: '1' }, tokenDir);
    const second = await startEngineProcess({ ...env, EVENKEEL_CAPACITY: '1' }, mkdtempSync(join(tmpdir(), 'evenkeel-ban-')), tokenDir);
    engines = [first, second];
    for (const name of ['one', 'other']) await first.createBot({ ...zigzagBot, name });
    db = new Client({ connectionString: database.url });
    await db.connect();
    await eventually('both replicas trade', 60_000, async () => {
      const { rows } = await db.query('select bot_config_id from trades group by bot_config_id');
      return rows.length === 2;
    });
  });

  afterAll(async () => {
    await db.end();
    for (const engine of engines) await engine.process.end('SIGTERM');
    await simulator.process.end('SIGTERM');
    await drop();
  });

  it('lets nothing leave until it ends, from no replica, and trading goes on after it', async () => {
    const holders = await db.query<{ n: string }>('select count(distinct lock_holder) as n from bot_state');
    expect(holders.rows[0]?.n).toBe('2');
    const before = (await simulator.state()).requestsInBan;
    await simulator.fault({ kind: 'http-418', seconds: banSeconds });
    // Whoever asks first is told, and tells the others.
    await eventually('the ban was met', 5_000, async () => (await simulator.state()).requestsInBan > before);
    const orders = async (): Promise<number> => Number((await db.query<{ n: string }>('select count(*) as n from orders')).rows[0]?.n);
    const met = await eventually('the news is everywhere', 2_000, async () => {
      const seen = (await simulator.state()).requestsInBan;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return (await simulator.state()).requestsInBan === seen ? seen : null;
    });
    // A handful may have been on their way when it began.
    expect(met - before).toBeLessThanOrEqual(4);
    const ordersInBan = await orders();
    const { nowMs: startedAt } = await simulator.state();
    const refused = await eventually('a bot says why it does not trade', banSeconds * 1_000, async () => {
      const { items } = await (engines[0] as EngineProcess).ask<{ items: readonly BotView[] }>('GET', '/v1/bots');
      return items.map((bot) => JSON.stringify(bot)).find((text) => text.includes('asked for silence'));
    });
    expect(refused).toContain('HTTP 418');
    await eventually(
      'most of the ban is over',
      banSeconds * 1_000,
      async () => (await simulator.state()).nowMs - startedAt > (banSeconds - 5) * 1_000,
    );
    expect((await simulator.state()).requestsInBan).toBe(met);
    // Not even an intent was written for what could not be sent.
    expect(await orders()).toBe(ordersInBan);
    await eventually('trading goes on', 40_000, async () => (await orders()) > ordersInBan);
    expect((await simulator.state()).requestsInBan).toBe(met);
  });
});
