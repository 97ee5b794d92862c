/** Servers for a test run: a PostgreSQL with a migrated template database and a Redis, shared by all projects, thrown away afterwards. */
import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of a database of the server that nobody fills; tests take their own from it (database.ts). */
    postgresUrl: string;
    redisUrl: string;
  }
}

/** Projects are set up one after the other: the first one starts them for all. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const run = project.vitest.getRootProject();
  if ('postgresUrl' in run.getProvidedContext()) return undefined;
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  run.provide('postgresUrl', postgres.url);
  run.provide('redisUrl', redis.url);
  return async () => {
    await redis.stop();
    await postgres.stop();
  };
}
