/** A database that ends connections again and again: intents whose commit is unknown are not sent, and no row is lost. */
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { eventually } from './support/processes.ts';
import { beginReplay, compareWithLedger, drive, endReplay, noDifference } from './support/replay.ts';
import type { Replay } from './support/replay.ts';
import { seededRandom } from './support/seeded-random.ts';

const candles = Number(process.env['EVENKEEL_E2E_CUT_CANDLES'] ?? 200);

describe('a database that cuts connections', () => {
  let replay: Replay;
  let admin: Client;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    replay = await beginReplay({ databaseUrl: database.url, redisUrl: `${inject('redisUrl')}/6` });
    admin = new Client({ connectionString: inject('postgresUrl') });
    await admin.connect();
  });

  afterAll(async () => {
    await admin.end();
    await endReplay(replay);
    await drop();
  });

  it(
    'costs neither an order nor a row',
    async () => {
      const random = seededRandom(9);
      const name = replay.databaseUrl.split('/').at(-1);
      let cuts = 0;
      await drive(replay, candles, async () => {
        if (random() > 0.3) return;
        await new Promise((resolve) => setTimeout(resolve, random() * 8));
        const { rowCount } = await admin.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name like 'evenkeel%'",
          [name],
        );
        cuts += rowCount ?? 0;
      });
      expect(cuts).toBeGreaterThan(50);
      await eventually(
        'every order has found its end and every fill its row',
        60_000,
        async () => JSON.stringify(await compareWithLedger(replay)) === JSON.stringify(noDifference),
      );
      expect(await compareWithLedger(replay)).toEqual(noDifference);
    },
    candles * 3_000 + 60_000,
  );
});
