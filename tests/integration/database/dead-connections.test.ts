import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRows } from '../persistence/given.ts';
import type { Rows } from '../persistence/given.ts';

let rows: Rows;
beforeAll(async () => {
  rows = await openRows();
});
afterAll(() => rows.close());

describe('a unit of work whose connection is cut', () => {
  it('fails, and costs the pool no place', async () => {
    // More cuts than the pool has places (5).
    for (let cut = 0; cut < 12; cut += 1) {
      const work = rows.orm.em.fork().transactional(async (em) => {
        const connection = em.getConnection();
        const [{ pid } = { pid: 0 }]: { pid: number }[] = await connection.execute(
          'select pg_backend_pid() as pid',
          [],
          'all',
          em.getTransactionContext(),
        );
        await rows.pool.query('select pg_terminate_backend($1)', [pid]);
        await connection.execute('select 1', [], 'all', em.getTransactionContext());
      });
      await expect(work).rejects.toThrow();
    }
    const [answer]: { one: number }[] = await rows.orm.em.getConnection().execute('select 1 as one');
    expect(answer).toEqual({ one: 1 });
  }, 30_000);
});
