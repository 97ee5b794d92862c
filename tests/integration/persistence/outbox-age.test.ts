/** Events that nobody reads do not fill the disk. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { boundOutbox, pruneOutbox } from '../../../engine/persistence/outbox-age.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { openRows, silent } from './given.ts';
import type { Rows } from './given.ts';

let rows: Rows;
beforeEach(async () => {
  rows = await openRows();
});
afterEach(() => rows.close());

const write = (topic: string, daysAgo: number): Promise<unknown> =>
  rows.pool.query(`insert into outbox_events (topic, payload, created_at) values ($1, '{}', now() - $2 * interval '1 day')`, [
    topic,
    daysAgo,
  ]);
const topics = async (): Promise<readonly string[]> =>
  (await rows.pool.query<{ topic: string }>('select topic from outbox_events order by id')).rows.map(({ topic }) => topic);

it('deletes what is older than a month and keeps what is younger', async () => {
  await write('older', 31);
  await write('younger', 29);
  await write('now', 0);
  await boundOutbox({ pool: rows.pool, clock: systemClock, log: silent, metrics: createMetrics() }).stop();
  expect(await topics()).toEqual(['younger', 'now']);
});

it('deletes the oldest first and no more than asked for', async () => {
  for (const topic of ['one', 'two', 'three']) await write(topic, 40);
  expect(await pruneOutbox(rows.pool, systemClock.now(), 2)).toBe(2);
  expect(await topics()).toEqual(['three']);
});
