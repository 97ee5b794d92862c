/**
 * Opens PostgreSQL through MikroORM: waits until it answers, refuses a server that may forget what it acknowledged, and
 * bounds every connection (pool, statements, locks, idle transactions).
 */
import { Migrator } from '@mikro-orm/migrations';
import { MikroORM, defineConfig } from '@mikro-orm/postgresql';
import type { Options } from '@mikro-orm/postgresql';
import { fileURLToPath } from 'node:url';
import type { Pool } from 'pg';
import * as entities from '../../entities/index.ts';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../time/clock.ts';
import { Interrupted, unlessAborted } from '../time/waiting.ts';
import { databaseTrouble } from './trouble.ts';
import { idleTimeoutMs, pooledConfig } from './connection.ts';
import type { StatementBounds } from './connection.ts';
import { reclaimDeadConnections } from './dead-connections.ts';

export interface DatabaseOptions extends StatementBounds {
  readonly url: string;
  readonly poolMax: number;
  readonly logSql: boolean;
}

/** The database did not answer in time. Names the place, never the password. */
export class DatabaseUnreachable extends Error {
  constructor(url: string, waitedMs: number, cause: unknown) {
    super(
      `PostgreSQL at ${placeOf(url)} did not answer within ${Math.round(waitedMs / 1000)} s (${reasonOf(cause)}); check that it runs and that DATABASE_URL is right`,
      { cause },
    );
    this.name = 'DatabaseUnreachable';
  }
}

/** The database is there and does not let us in: waiting helps nobody. */
export class DatabaseRefused extends Error {
  constructor(url: string, cause: unknown) {
    super(
      `PostgreSQL at ${placeOf(url)} does not let this engine in (${reasonOf(cause)}); check user, password and database of DATABASE_URL`,
      {
        cause,
      },
    );
    this.name = 'DatabaseRefused';
  }
}

/** The server may lose what it has confirmed: no order may be sent that it alone records. */
export class UnsafeDatabase extends Error {
  constructor(problem: string) {
    super(`PostgreSQL is set up in a way that can lose confirmed orders, or spend an account twice: ${problem}`);
    this.name = 'UnsafeDatabase';
  }
}

const connectTimeoutMs = 5_000;
const migrationsPath = fileURLToPath(new URL('../../migrations', import.meta.url));

/** The ORM's configuration, for the app, the migration tools and MikroORM's own CLI. */
export function ormOptions(database: DatabaseOptions, log: (message: string) => void, onPoolCreated?: (pool: Pool) => void): Options {
  return defineConfig({
    clientUrl: database.url,
    entities: Object.values(entities),
    extensions: [Migrator],
    migrations: {
      path: migrationsPath,
      glob: '!(*.d).{js,ts}',
      emit: 'ts',
      snapshotName: 'schema-snapshot',
      // Only `migration:create` writes it: after a migration the ORM would write it from the database, in other words than the entities'.
      snapshotOnMigrate: false,
      transactional: true,
      allOrNothing: false,
      tableName: 'schema_migrations',
    },
    forceUtcTimezone: true,
    // Views and functions are written by hand, in migrations.
    schemaGenerator: { skipViews: [/./], ignoreRoutines: true },
    debug: database.logSql,
    colors: false,
    logger: log,
    pool: { min: 0, max: database.poolMax, idleTimeoutMillis: idleTimeoutMs(database) },
    driverOptions: { ...pooledConfig('evenkeel', connectTimeoutMs, database), onPoolCreated },
  });
}

export interface OpenOptions {
  readonly database: DatabaseOptions;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a database that does not answer yet is waited for. */
  readonly patienceMs?: number;
  /** Ends the waiting with its reason. */
  readonly interrupt?: AbortSignal;
}

/** Throws `DatabaseUnreachable`, `DatabaseRefused` or `UnsafeDatabase`. */
export async function openDatabase({ database, clock, log, patienceMs = 60_000, interrupt }: OpenOptions): Promise<MikroORM> {
  const logSql = (message: string): void => log[database.logSql ? 'info' : 'debug']({ component: 'sql' }, message);
  const orm = await MikroORM.init(ormOptions(database, logSql, (pool) => reclaimDeadConnections(pool, clock)));
  const startedAt = clock.monotonic();
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 2_000)) {
    try {
      await unlessAborted(interrupt, refuseUnsafe(orm));
      return orm;
    } catch (error) {
      const waitedMs = clock.monotonic() - startedAt;
      const end =
        reasonToGiveUp(error, database.url) ?? (waitedMs >= patienceMs ? new DatabaseUnreachable(database.url, waitedMs, error) : null);
      if (end !== null) {
        await orm.close(true);
        throw end;
      }
      log.info({ reason: reasonOf(error) }, 'waiting for the database to answer');
      // An interrupt during the pause is noticed by the next try.
      await unlessAborted(interrupt, clock.sleep(waitMs)).catch(() => undefined);
    }
  }
}

/** Null for what may pass by itself. */
function reasonToGiveUp(error: unknown, url: string): Error | null {
  if (error instanceof UnsafeDatabase || error instanceof Interrupted) return error;
  return databaseTrouble(error) === 'refused' ? new DatabaseRefused(url, error) : null;
}

/** Intents need a server that takes writes, has commits on disk when it confirms them, and shows each statement what was committed before it. */
async function refuseUnsafe(orm: MikroORM): Promise<void> {
  const rows: { name: string; setting: string }[] = await orm.em
    .getConnection()
    .execute(
      `select name, setting from pg_settings where name in ('synchronous_commit', 'fsync', 'transaction_read_only', 'default_transaction_isolation')`,
    );
  const setting = (name: string): string | undefined => rows.find((row) => row.name === name)?.setting;
  if (setting('synchronous_commit') === 'off') throw new UnsafeDatabase('synchronous_commit is off; set it to on');
  if (setting('fsync') === 'off') throw new UnsafeDatabase('fsync is off; set it to on');
  // A statement that waited for an account's lock must see what was committed meanwhile.
  const isolation = setting('default_transaction_isolation');
  if (isolation !== 'read committed')
    throw new UnsafeDatabase(`default_transaction_isolation is ${isolation ?? 'not known'}; set it to read committed`);
  if (setting('transaction_read_only') === 'on') throw new Error('the server is read-only (a standby?)');
}

function placeOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return parsed === null
    ? 'an address that is no URL'
    : `${parsed.hostname}:${parsed.port === '' ? '5432' : parsed.port}${parsed.pathname}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as { code?: unknown }).code;
  return error.message !== '' ? error.message : typeof code === 'string' ? code : error.name;
}
