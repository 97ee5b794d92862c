/**
 * Fifty bots of five users on one symbol of one account: each bot's position and profit are those of its own executions, together
 * they are the account, and each explains any of its closes.
 * `EVENKEEL_E2E_DAY_CANDLES=1440 npx vitest run --project e2e tests/e2e/fifty-bots.test.ts` plays a day.
 */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { eventually } from './support/processes.ts';
import {
  beginSharedAccount,
  bots,
  driveSharedAccount,
  endSharedAccount,
  foldedAccounts,
  minuteMs,
  movedAtExchange,
  storedAccounts,
  sumOf,
  tokenOf,
  users,
} from './support/shared-account.ts';
import type { SharedAccount } from './support/shared-account.ts';

/** Spans between the closes that each bot is asked to explain. */
const sample = 10;

interface Explanation {
  readonly explanation: string;
  readonly decision: { readonly close_time: string } | null;
  readonly missing: string | null;
}

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

  it('explain any of these closes, whichever engine is asked', async () => {
    const { simulator, db, engines } = shared;
    const lastClose = (await simulator.state()).nowMs - 1;
    const { rows } = await db.query<{ id: string; userId: string }>(
      'select id::text as id, user_id::text as "userId" from bot_configs order by bot_configs.id',
    );
    let asked = 0;
    for (const [index, { id, userId }] of rows.entries()) {
      for (let pick = 0; pick <= sample; pick += 1) {
        const close = lastClose - Math.round((pick * candles) / sample) * minuteMs;
        const engine = engines[(index + pick) % engines.length];
        const told = await eventually(`the verdict of bot ${id} at ${close} is written`, 15_000, async () => {
          const answer = await fetch(`${engine?.url ?? ''}/v1/bots/${id}/explain?at=${close + ((asked * 7_919) % minuteMs)}`, {
            headers: { authorization: `Bearer ${tokenOf(userId)}` },
          });
          const explained = (await answer.json()) as Explanation;
          return answer.ok && explained.decision !== null ? explained : null;
        });
        expect(told).toMatchObject({ missing: null, decision: { close_time: new Date(close).toISOString() } });
        expect(told.explanation).toMatch(/^(no entry|no exit|entered|left)\b.*; next decision at \d\d:\d\d:00Z$/);
        asked += 1;
      }
    }
    expect(asked).toBe(bots * (sample + 1));
  }, 300_000);
});
