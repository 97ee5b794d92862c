/**
 * The engine over recorded candles, in separate processes: simulator, engine, real PostgreSQL, real Redis.
 * `EVENKEEL_E2E_CANDLES=15139 npx vitest run --project e2e tests/e2e/replay.test.ts` replays the whole recording.
 */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { beginReplay, compareWithLedger, drive, endReplay, noDifference, predictedTrades, storedTrades } from './support/replay.ts';
import type { Replay } from './support/replay.ts';

const candles = Number(process.env['EVENKEEL_E2E_CANDLES'] ?? 900);

describe(`four bots over ${candles} candles`, () => {
  let replay: Replay;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    replay = await beginReplay({ databaseUrl: database.url, redisUrl: `${inject('redisUrl')}/1` });
  });

  afterAll(async () => {
    await endReplay(replay);
    await drop();
  });

  it(
    'makes the trades that a naive calculation predicts and keeps what the exchange executed, to the last digit',
    async () => {
      await drive(replay, candles);
      const predicted = predictedTrades(replay, candles);
      expect(predicted.length).toBeGreaterThan(20);
      expect(await storedTrades(replay)).toEqual(predicted);
      expect(await compareWithLedger(replay)).toEqual(noDifference);
    },
    candles * 1_000 + 60_000,
  );
});
