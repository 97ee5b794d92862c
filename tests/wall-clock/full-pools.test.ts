/** Pools of connections that are full: an intent neither waits for reports, nor for long. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimBots } from '../../engine/persistence/claim-bots.ts';
import { CommitUnknown } from '../../engine/persistence/commit-intents.ts';
import type { OrderStore } from '../../engine/persistence/order-store.ts';
import { createPostgresOrderStore } from '../../engine/persistence/postgres-order-store.ts';
import { systemClock } from '../../engine/time/clock.ts';
import { databaseOptions, holder, intent, openRows } from '../integration/persistence/given.ts';
import type { Rows } from '../integration/persistence/given.ts';

let rows: Rows;
let store: OrderStore;

beforeEach(async () => {
  rows = await openRows();
  store = createPostgresOrderStore({ orm: rows.orm, pool: rows.pool, holder, clock: systemClock });
  await claimBots(rows.pool, holder, ['1', '2']);
});
afterEach(() => rows.close());

const count = async (table: string): Promise<number> =>
  Number((await rows.pool.query<{ n: string }>(`select count(*) as n from ${table}`)).rows[0]?.n);

describe('full pools', () => {
  it('reports that take every connection do not keep an intent waiting', async () => {
    const busy = await Promise.all(
      Array.from({ length: databaseOptions(rows.url).poolMax }, async () => {
        const em = rows.orm.em.fork();
        await em.begin();
        await em.getConnection().execute('select 1', [], 'all', em.getTransactionContext());
        return em;
      }),
    );
    const startedAt = systemClock.monotonic();
    expect([...(await store.commit([intent(rows.userId)])).values()]).toEqual(['committed']);
    expect(systemClock.monotonic() - startedAt).toBeLessThan(500);
    for (const em of busy) await em.rollback();
  });

  it('an intent that gets no connection is given up soon, and known not to be durable', async () => {
    const busy = await Promise.all(Array.from({ length: 4 }, () => rows.pool.connect()));
    const startedAt = systemClock.monotonic();
    const error = await store.commit([intent(rows.userId)]).catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(CommitUnknown);
    expect(systemClock.monotonic() - startedAt).toBeLessThan(1_500);
    for (const client of busy) client.release();
    expect(await count('orders')).toBe(0);
  });
});
