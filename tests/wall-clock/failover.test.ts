/** Two engines on one database and one Redis share the bots; when one dies, the other takes its bots over. Redis may leave and come back. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { startRedis } from '../servers/redis.ts';
import type { TestRedis } from '../servers/redis.ts';
import { startEngineProcess } from '../e2e/support/engine-process.ts';
import { eventually } from '../e2e/support/processes.ts';
import {
  beginReplay,
  compareWithLedger,
  drive,
  endReplay,
  lockTtlMs,
  noDifference,
  predictedTrades,
  settled,
  standsAt,
  storedTrades,
} from '../e2e/support/replay.ts';
import type { Replay } from '../e2e/support/replay.ts';

describe('engines that share', () => {
  let replay: Replay;
  let redis: TestRedis;
  let db: Client;
  let drop: () => Promise<void>;
  let driven = 0;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    redis = await startRedis({ own: true });
    replay = await beginReplay({ databaseUrl: database.url, redisUrl: redis.url });
    db = new Client({ connectionString: database.url });
    await db.connect();
  });

  afterAll(async () => {
    await db.end();
    await endReplay(replay);
    await redis.stop();
    await drop();
  });

  const go = async (candles: number): Promise<void> => {
    await drive(replay, candles);
    driven += candles;
  };
  const holders = async (): Promise<(string | null)[]> =>
    (await db.query<{ holder: string | null }>('select lock_holder as holder from bot_state order by bot_config_id')).rows.map(
      (row) => row.holder,
    );

  it('runs each bot in exactly one of two, and moves the bots of a killed one within the lock TTL + 5 s', async () => {
    const first = replay.engine;
    const [holder] = await holders();
    const second = await startEngineProcess(replay.engineEnv, mkdtempSync(join(tmpdir(), 'evenkeel-e2e-second-')), replay.dataDir);
    await go(30);
    expect((await second.status()).botsRunning).toBe(0);
    expect(new Set(await holders())).toEqual(new Set([holder]));

    await first.process.end('SIGKILL');
    const killedAt = performance.now();
    await eventually(
      'the second engine runs all bots',
      lockTtlMs + 5_000,
      async () => (await second.status()).botsRunning === replay.bots.size,
    );
    expect(performance.now() - killedAt).toBeLessThan(lockTtlMs + 5_000);
    const [next, ...others] = await holders();
    expect(next).not.toBe(holder);
    expect(new Set(others)).toEqual(new Set([next]));
    replay.engine = second;
    await settled(replay, await standsAt(replay));
    await go(30);
  });

  it('loses no order while Redis is away, and none when it comes back empty', async () => {
    await redis.kill();
    await go(60);
    expect((await replay.engine.status()).coordination).toEqual({
      kind: 'redis',
      reachable: false,
      outage: expect.stringMatching(/^Redis does not answer since /) as string,
    });
    await redis.start();
    await eventually('Redis is back', 10_000, async () => (await replay.engine.status()).coordination['reachable'] === true);
    await go(60);
    expect(await storedTrades(replay)).toEqual(predictedTrades(replay, driven));
    expect(await compareWithLedger(replay)).toEqual(noDifference);
  });

  it('hands its bots over at once when it is asked to stop, within ten seconds', async () => {
    const startedAt = performance.now();
    expect(await replay.engine.process.end('SIGTERM')).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(new Set(await holders())).toEqual(new Set([null]));
    replay.engine = await startEngineProcess(replay.engineEnv, replay.dataDir);
    await settled(replay, await standsAt(replay), lockTtlMs + 5_000);
    await go(20);
    expect(await storedTrades(replay)).toEqual(predictedTrades(replay, driven));
  });
});
