/** Servers for a test run: a PostgreSQL with a migrated template database and a Redis, thrown away afterwards. */
import { mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../engine/persistence/embedded-postgres.ts';
import { newInstallationCode } from '../../engine/persistence/installation-code.ts';
import { reachNothing } from '../../engine/crash-points.ts';
import { migrateDatabase } from '../../engine/persistence/migrate.ts';
import { openDatabase } from '../../engine/persistence/orm.ts';
import { systemClock } from '../../engine/time/clock.ts';
import { templateName } from './database.ts';
import { startRedis } from './redis.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the template database; its server makes the others. */
    postgresUrl: string;
    redisUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = pino({ level: 'silent' });
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-tests-'));
  chmodSync(folder, 0o711);
  const postgres = await startEmbeddedPostgres({ dataDir: folder, clock: systemClock, log });
  const redis = await startRedis();
  // A run that is killed leaves no server behind.
  const onExit = (): void => {
    process.kill(postgres.pid, 'SIGQUIT');
  };
  process.once('exit', onExit);
  const url = postgres.url.replace(/\/[^/]*$/, `/${templateName}`);
  await createDatabase(postgres.url);
  const orm = await openDatabase({
    database: { url, poolMax: 2, statementTimeoutMs: 60_000, lockTimeoutMs: 60_000, logSql: false },
    clock: systemClock,
    log,
  });
  await migrateDatabase(orm, { url, clock: systemClock, log, reach: reachNothing, newCode: () => newInstallationCode(randomInt) });
  await orm.close(true);
  project.provide('postgresUrl', url);
  project.provide('redisUrl', redis.url);
  return async () => {
    process.removeListener('exit', onExit);
    await redis.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

async function createDatabase(url: string): Promise<void> {
  const { Client } = await import('pg');
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`create database ${templateName}`);
  await client.end();
}
