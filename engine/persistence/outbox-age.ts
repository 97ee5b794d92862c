/**
 * Keeps the outbox bounded by age: events that nobody has read for a month are deleted, a few at a time, so that no order waits for it.
 */
import type { Pool } from 'pg';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock } from '../time/clock.ts';
import { Turns } from '../time/waiting.ts';

const keptMs = 30 * 86_400_000;
const pruneEveryMs = 3_600_000;
const pruneBatch = 5_000;
/** Ten thousand bots that trade once a minute write 600,000 events in an hour. */
const pruneBatchesMax = 200;

/** Deletes the oldest events from before then, `limit` at most; answers how many. */
export async function pruneOutbox(pool: Pool, beforeMs: number, limit: number): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from outbox_events where id in (select id from outbox_events where created_at < $1 order by id limit $2 for update skip locked)`,
    [new Date(beforeMs), limit],
  );
  return rowCount ?? 0;
}

export interface OutboxAgeOptions {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Begins at once and goes on every hour. Never throws. */
export function boundOutbox({ pool, clock, log, metrics }: OutboxAgeOptions): { stop(): Promise<void> } {
  const turns = new Turns();
  const prune = async (): Promise<void> => {
    try {
      for (let batch = 0; batch < pruneBatchesMax; batch += 1)
        if ((await pruneOutbox(pool, clock.now() - keptMs, pruneBatch)) < pruneBatch) return;
    } catch (error) {
      metrics.dbErrors.inc({ class: 'prune-outbox' });
      log.warn({ err: error }, 'old events could not be deleted; the next hour tries again');
    }
  };
  const timer = clock.every(pruneEveryMs, () => void turns.take(prune));
  void turns.take(prune);
  return {
    async stop() {
      timer.cancel();
      await turns.over();
    },
  };
}
