/** The lock of an account in PostgreSQL: who comes while another engine's entries are being committed waits, and sees them afterwards. */
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commitIntents } from '../../../engine/persistence/commit-intents.ts';
import { createPostgresBotStore } from '../../../engine/persistence/postgres-bot-store.ts';
import { createPostgresCapitalStore } from '../../../engine/persistence/postgres-capital-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { d } from '../../unit/trading/given.ts';
import { holder, intent, openRows } from './given.ts';
import type { Rows } from './given.ts';

let rows: Rows;
beforeAll(async () => {
  rows = await openRows();
  await rows.pool.query(`update bot_configs set mode = 'live'`);
  await createPostgresBotStore({ pool: rows.pool, holder, clock: systemClock }).claim(['1', '2', '3']);
  const capital = createPostgresCapitalStore({ pool: rows.pool, clock: systemClock });
  await capital.write(await capital.begin('simulated', 'simulated'), [{ asset: 'USDT', free: d(1_000) }]);
});
afterAll(() => rows.close());

const entry = (botId: string) =>
  intent(rows.userId, { botId, clientOrderId: `ektest-${botId}`, reservation: { asset: 'USDT', amount: d(600) } });

const waiting = async (): Promise<boolean> => {
  const { rows: found } = await rows.pool.query(
    `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' limit 1`,
  );
  return found.length > 0;
};

describe("an account's lock", () => {
  it('makes an entry wait for those of another engine and count them, and keeps no exit waiting', async () => {
    const first = await rows.pool.connect();
    await first.query('begin');
    // The statement of the other engine, carried out and not yet committed.
    const uncommitted = { connect: async () => ({ query: first.query.bind(first), release: () => undefined }) } as unknown as Pool;
    expect(await commitIntents(uncommitted, holder, [entry('1')])).toEqual(new Map([['ektest-1', 'committed']]));
    let answered = false;
    const second = commitIntents(rows.pool, holder, [entry('2')]).finally(() => (answered = true));
    while (!answered && !(await waiting()));
    expect(answered).toBe(false);
    const exit = intent(rows.userId, { botId: '3', clientOrderId: 'ektest-3', role: 'exit', side: 'SELL' });
    expect(await commitIntents(rows.pool, holder, [exit])).toEqual(new Map([['ektest-3', 'committed']]));
    await first.query('commit');
    first.release();
    expect((await second).get('ektest-2')).toMatchObject({
      rule: 'account-capital',
      reason: expect.stringContaining('400.00 USDT remain') as unknown,
    });
  });
});
