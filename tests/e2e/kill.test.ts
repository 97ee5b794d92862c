/** kill -9 at random moments of a replay: nothing is bought twice, nothing is lost, the trades stay those of a calm run. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { startEngineProcess } from './support/engine-process.ts';
import { beginReplay, compareWithLedger, drive, endReplay, noDifference, predictedTrades, storedTrades } from './support/replay.ts';
import type { Replay } from './support/replay.ts';
import { seededRandom } from './support/seeded-random.ts';

const kills = Number(process.env['EVENKEEL_E2E_KILLS'] ?? 10);
const candlesPerKill = Number(process.env['EVENKEEL_E2E_CANDLES_PER_KILL'] ?? 25);
const seed = Number(process.env['EVENKEEL_E2E_SEED'] ?? 20_261_124);

describe(`${kills} kills (seed ${seed})`, () => {
  let replay: Replay;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    replay = await beginReplay({ databaseUrl: database.url, redisUrl: `${inject('redisUrl')}/2` });
  });

  afterAll(async () => {
    await endReplay(replay);
    await drop();
  });

  it(
    'ends with the same trades as a calm run, and no order without an intent',
    async () => {
      const random = seededRandom(seed);
      // A moment is a candle and a delay after its close. Every second candle is one at which an order is decided, so that
      // those kills fall while it is being committed, sent, answered or written.
      const decided = predictedTrades(replay, kills * candlesPerKill).map((trade) => (trade.decidedAtMs + 1 - replay.startMs) / 60_000 - 1);
      const moments = new Map<number, number>();
      for (let index = 0; index < kills; index += 1) {
        const anywhere = Math.floor(random() * kills * candlesPerKill);
        const candle = index % 2 === 0 ? (decided[Math.floor(random() * decided.length)] ?? anywhere) : anywhere;
        moments.set(candle, random() * 15);
      }
      await drive(replay, kills * candlesPerKill, async (index) => {
        const delayMs = moments.get(index);
        if (delayMs === undefined) return;
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        await replay.engine.process.end('SIGKILL');
        replay.engine = await startEngineProcess(replay.engineEnv, replay.dataDir);
      });
      expect(await storedTrades(replay)).toEqual(predictedTrades(replay, kills * candlesPerKill));
      expect(await compareWithLedger(replay)).toEqual(noDifference);
    },
    kills * 60_000,
  );
});
