/**
 * Releases connections that died inside a transaction. The ORM's query builder releases a connection only after a commit or rollback that
 * succeeded, so each cut would cost the pool a place for good.
 */
import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../time/clock.ts';

/** Time for the holder to release by itself. */
const graceMs = 1_000;

export function reclaimDeadConnections(pool: Pool, clock: Clock): void {
  const held = new Set<PoolClient>();
  pool.on('acquire', (client) => held.add(client));
  pool.on('release', (_error, client) => held.delete(client));
  pool.on('connect', (client) => {
    client.once('end', () => {
      clock.after(graceMs, () => {
        if (held.delete(client)) client.release(new Error('the connection ended while it was in use'));
      });
    });
  });
}
