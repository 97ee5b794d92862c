/** An exchange that loses answers, lags, cuts sockets and fills in parts: the rows still tell exactly what it executed. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { eventually } from './support/processes.ts';
import { beginReplay, compareWithLedger, drive, endReplay, noDifference, predictedTrades } from './support/replay.ts';
import type { Replay } from './support/replay.ts';
import { seededRandom } from './support/seeded-random.ts';

const candles = Number(process.env['EVENKEEL_E2E_ROUGH_CANDLES'] ?? 160);
const seed = Number(process.env['EVENKEEL_E2E_SEED'] ?? 4);

const faults = [
  { kind: 'order-answer-lost' },
  { kind: 'order-5xx', executed: true },
  { kind: 'order-5xx', executed: false },
  { kind: 'order-delay', ms: 300 },
  { kind: 'reject-orders', code: -2010, message: 'Account has insufficient balance for requested action.' },
  { kind: 'http-429', retryAfterSeconds: 1 },
  { kind: 'drop-sockets', which: 'streams' },
  { kind: 'drop-sockets', which: 'user' },
  { kind: 'server-shutdown' },
] as const;

describe(`a rough exchange (seed ${seed})`, () => {
  let replay: Replay;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    // The book holds less than one entry's size: market orders fill in part, and an exit needs several.
    replay = await beginReplay({
      databaseUrl: database.url,
      redisUrl: `${inject('redisUrl')}/3`,
      simulatorArgs: ['--liquidity', '0.15'],
      engineEnv: { EVENKEEL_AUDIT_INTERVAL_MS: '1000' },
    });
  });

  afterAll(async () => {
    await endReplay(replay);
    await drop();
  });

  it(
    'costs neither an order nor a row',
    async () => {
      const random = seededRandom(seed);
      const decided = new Set(predictedTrades(replay, candles).map((trade) => (trade.decidedAtMs + 1 - replay.startMs) / 60_000 - 1));
      let injected = 0;
      await drive(replay, candles, async (index) => {
        if (!decided.has(index) && random() > 0.05) return;
        const fault = faults[Math.floor(random() * faults.length)];
        if (fault === undefined) return;
        injected += 1;
        await replay.simulator.fault({ ...fault });
      });
      expect(injected).toBeGreaterThan(10);
      await eventually(
        'every order has found its end and every fill its row',
        60_000,
        async () => JSON.stringify(await compareWithLedger(replay)) === JSON.stringify(noDifference),
      );
      expect(await compareWithLedger(replay)).toEqual(noDifference);
      expect((await replay.simulator.ledger()).orders.filter((order) => order.status === 'EXPIRED').length).toBeGreaterThan(0);
    },
    candles * 5_000 + 120_000,
  );
});
