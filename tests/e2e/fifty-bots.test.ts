/**
 * Fifty bots of five users on one symbol of one account: each bot's position and profit are those of its own executions, and
 * together they are the account. `EVENKEEL_E2E_DAY_CANDLES=1440 npx vitest run --project e2e tests/e2e/fifty-bots.test.ts` plays a day.
 */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import {
  beginSharedAccount,
  bots,
  driveSharedAccount,
  endSharedAccount,
  foldedAccounts,
  movedAtExchange,
  storedAccounts,
  sumOf,
  users,
} from './support/shared-account.ts';
import type { SharedAccount } from './support/shared-account.ts';

const candles = Number(process.env['EVENKEEL_E2E_DAY_CANDLES'] ?? 60);

describe(`fifty bots on one symbol of one account over ${candles} candles`, () => {
  let shared: SharedAccount;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    shared = await beginSharedAccount({ databaseUrl: database.url, redisUrl: `${inject('redisUrl')}/2` });
  });
  afterAll(async () => {
    await endSharedAccount(shared);
    await drop();
  });

  it(
    'have what their own executions made, and together what the account has, to the last digit',
    async () => {
      await driveSharedAccount(shared, candles);
      const { simulator, db } = shared;
      const folded = foldedAccounts((await simulator.ledger()).trades);
      const stored = await storedAccounts(db);
      expect(stored.size).toBe(bots);
      for (const [botId, { realisedByTrades, ...own }] of stored) {
        const expected = folded.get(botId) ?? { position: '0', cost: '0', entryFees: '0', realised: '0', trades: 0 };
        expect(own, `bot ${botId}`).toEqual(expected);
        expect(realisedByTrades, `bot ${botId}, by its trades`).toBe(expected.realised);
      }
      // Nobody else traded on the account.
      expect([...folded.keys()].filter((botId) => !stored.has(botId))).toEqual([]);
      expect(sumOf(stored.values())).toEqual({
        base: await movedAtExchange(simulator, 'BTC', '0'),
        quote: await movedAtExchange(simulator, 'USDT', '1000000'),
      });
      // Both engines ran bots, and bots of every user traded.
      const { rows } = await db.query<{ holders: number; traders: number; trading: number }>(
        `select (select count(distinct lock_holder)::int from bot_state) as holders, count(distinct t.user_id)::int as traders,
                count(distinct t.bot_config_id)::int as trading from trades t`,
      );
      expect(rows[0]).toMatchObject({ holders: 2, traders: users });
      expect(rows[0]?.trading).toBeGreaterThan(bots / 2);
    },
    candles * 2_000 + 120_000,
  );
});
