/** The database is restored from a backup that is older than the last trades: what the exchange has is filled in before anything is entered. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { startEngineProcess } from './support/engine-process.ts';
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
} from './support/replay.ts';
import type { Replay } from './support/replay.ts';

/**
 * Orders without an intent are counted when they executed: the exchange calls a cancelled order by its cancel's id, so one
 * that was cancelled unexecuted can no longer be told to be ours, and nothing hangs on it.
 */
async function differences(replay: Replay): ReturnType<typeof compareWithLedger> {
  const found = await compareWithLedger(replay);
  const executed = new Set((await replay.simulator.ledger()).trades.map((trade) => trade.clientOrderId));
  return { ...found, ordersWithoutIntent: found.ordersWithoutIntent.filter((id) => executed.has(id)) };
}

describe('a database restored from an older backup', () => {
  let replay: Replay;
  let server: Client;
  let drop: () => Promise<void>;
  const backup = `backup_${randomBytes(6).toString('hex')}`;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    replay = await beginReplay({ databaseUrl: database.url, redisUrl: `${inject('redisUrl')}/7` });
    server = new Client({ connectionString: inject('postgresUrl').replace(/\/[^/]*$/, '/postgres') });
    await server.connect();
  });

  afterAll(async () => {
    await endReplay(replay);
    await server.query(`drop database if exists ${backup} with (force)`);
    await server.end();
    await drop();
  });

  it('gets the orders, fills and trades that it lost back, and its bots go on as if nothing had happened', async () => {
    await drive(replay, 40);
    await replay.engine.process.end('SIGTERM');
    const live = new URL(replay.databaseUrl).pathname.slice(1);
    await server.query(`create database ${backup} template ${live}`);

    replay.engine = await startEngineProcess(replay.engineEnv, replay.dataDir);
    await settled(replay, await standsAt(replay), lockTtlMs + 20_000);
    await drive(replay, 160);
    const lost = (await storedTrades(replay)).length;
    await replay.engine.process.end('SIGKILL');

    // The same engine, the same Redis; the database is the one of 160 candles ago.
    const url = replay.databaseUrl.replace(/\/[^/]*$/, `/${backup}`);
    const restored: Replay = { ...replay, databaseUrl: url, engineEnv: { ...replay.engineEnv, DATABASE_URL: url } };
    expect((await compareWithLedger(restored)).onlyInLedger.length).toBeGreaterThan(3);
    expect((await storedTrades(restored)).length).toBeLessThan(lost);
    restored.engine = await startEngineProcess(restored.engineEnv, restored.dataDir);
    replay.engine = restored.engine;
    await settled(restored, await standsAt(restored), lockTtlMs + 20_000);
    expect(await differences(restored)).toEqual(noDifference);
    expect(await storedTrades(restored)).toEqual(predictedTrades(restored, 200));

    const db = new Client({ connectionString: url });
    await db.connect();
    const { rows } = await db.query<{ told: string; n: string }>(
      `select evidence ? 'filled-in' as told, count(*) as n from orders group by 1 order by 1`,
    );
    await db.end();
    expect(rows.map((row) => Boolean(row.told))).toEqual([false, true]);

    await drive(restored, 60);
    expect(await differences(restored)).toEqual(noDifference);
    expect(await storedTrades(restored)).toEqual(predictedTrades(restored, 260));
  });
});
