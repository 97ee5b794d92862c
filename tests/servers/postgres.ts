/** A throw-away PostgreSQL with a migrated template database, which can be stopped hard and started again. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { reachNothing } from '../../engine/crash-points.ts';
import { startEmbeddedPostgres } from '../../engine/database/embedded-postgres.ts';
import { migrateDatabase } from '../../engine/database/migrate.ts';
import { openDatabase } from '../../engine/database/orm.ts';
import { findPostgresBinaries } from '../../engine/database/postgres-binaries.ts';
import { unprivilegedRunner } from '../../engine/database/unprivileged.ts';
import { systemClock } from '../../engine/time/clock.ts';
import { onServer, templateName } from './new-database.ts';
import { beginRun } from './run-folder.ts';

export interface TestPostgres {
  /** Of a database that nobody clones: a connection to the template would refuse the next clone. The port changes with every start. */
  readonly url: string;
  /** `pg_ctl stop -m immediate`: no checkpoint, no farewell. */
  crash(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<TestPostgres> {
  beginRun();
  const log = pino({ level: 'silent' });
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-tests-'));
  chmodSync(folder, 0o711);
  const start = () => startEmbeddedPostgres({ dataDir: folder, clock: systemClock, log });
  let server = await start();
  const url = (): string => server.superuserUrl.replace(/\/[^/]*$/, '/postgres');
  const templateUrl = server.superuserUrl.replace(/\/[^/]*$/, `/${templateName}`);
  await onServer(url(), `create database ${templateName}`);
  const orm = await openDatabase({
    database: { url: templateUrl, poolMax: 2, statementTimeoutMs: 60_000, lockTimeoutMs: 60_000, logSql: false },
    clock: systemClock,
    log,
  });
  await migrateDatabase(orm, {
    url: templateUrl,
    clock: systemClock,
    log,
    reach: reachNothing,
    randomBelow: randomInt,
  });
  await orm.close(true);
  return {
    get url() {
      return url();
    },
    async crash() {
      const cluster = join(folder, 'data');
      const pgCtl = join(dirname(findPostgresBinaries().postgres), 'pg_ctl');
      const { command, args } = unprivilegedRunner().wrap(pgCtl, ['stop', '-m', 'immediate', '-D', cluster]);
      await promisify(execFile)(command, [...args], { cwd: '/' });
    },
    async start() {
      server = await start();
    },
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
