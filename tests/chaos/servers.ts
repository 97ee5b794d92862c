/** What outlives one run: a PostgreSQL and a Redis of our own, which faults may stop and which are up again for the next run. */
import { startPostgres } from '../servers/postgres.ts';
import type { TestPostgres } from '../servers/postgres.ts';
import { startRedis } from '../servers/redis.ts';
import type { TestRedis } from '../servers/redis.ts';

export interface Servers {
  readonly postgres: TestPostgres;
  readonly redis: TestRedis;
  stop(): Promise<void>;
}

export async function startServers(): Promise<Servers> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis({ own: true })]);
  return {
    postgres,
    redis,
    async stop() {
      await redis.stop();
      await postgres.stop();
    },
  };
}
