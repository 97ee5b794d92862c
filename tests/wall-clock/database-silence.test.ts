import { inject, afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pino } from 'pino';
import { openPool } from '../../engine/database/pools.ts';
import { openDatabase } from '../../engine/database/orm.ts';
import { systemClock } from '../../engine/time/clock.ts';
import { FaultProxy } from '../chaos/proxy.ts';

const log = pino({ level: 'silent' });
const statementTimeoutMs = 500;
/** Twice the bound of a silent socket (its statement's and two seconds), in place of hours. */
const foundWithinMs = 5_000;

describe('a database that goes silent', () => {
  let proxy: FaultProxy;

  beforeAll(async () => {
    proxy = await FaultProxy.start('database', inject('postgresUrl'));
  });
  afterAll(() => proxy.stop());

  it('fails the statement under way, and the pool serves again when the link does', async () => {
    const pool = openPool('intents', { url: proxy.through(inject('postgresUrl')), max: 1, statementTimeoutMs, lockTimeoutMs: 500, log });
    await pool.query('select 1');
    const startedAt = performance.now();
    proxy.set({ kind: 'half-open' });
    await expect(pool.query('select 2')).rejects.toThrow();
    expect(performance.now() - startedAt).toBeLessThan(foundWithinMs);
    proxy.heal();
    expect((await pool.query<{ three: number }>('select 3 as three')).rows).toEqual([{ three: 3 }]);
    await pool.end();
  });

  it('fails the unit of work under way and costs the pool no place', async () => {
    const database = { url: proxy.through(inject('postgresUrl')), poolMax: 1, statementTimeoutMs, lockTimeoutMs: 500, logSql: false };
    const orm = await openDatabase({ database, clock: systemClock, log });
    const work = orm.em.fork().transactional(async (em) => {
      await em.getConnection().execute('select 1', [], 'all', em.getTransactionContext());
      proxy.set({ kind: 'half-open' });
      await em.getConnection().execute('select 2', [], 'all', em.getTransactionContext());
    });
    await expect(work).rejects.toThrow();
    proxy.heal();
    const [answer]: { one: number }[] = await orm.em.getConnection().execute('select 1 as one');
    expect(answer).toEqual({ one: 1 });
    await orm.close(true);
  });
});
