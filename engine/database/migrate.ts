/**
 * Brings the schema up to this build's version: under an advisory lock, so that replicas may start together, each
 * migration in a transaction of its own. A database that is ahead of the build is refused.
 */
import { readdir } from 'node:fs/promises';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Client } from 'pg';
import { Installation } from '../../entities/index.ts';
import type { Reach } from '../crash-points.ts';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../time/clock.ts';
import { unlessAborted } from '../time/waiting.ts';
import { openHeldConnection } from './connection.ts';
import { tryLock } from './locks.ts';

/** The database has migrations that this build does not know. */
export class SchemaTooNew extends Error {
  constructor(unknown: readonly string[]) {
    super(
      `the database schema is newer than this engine: it has ${unknown.join(', ')}. Run the newer engine, or restore the database that belongs to this one`,
    );
    this.name = 'SchemaTooNew';
  }
}

/** Another engine has been migrating for too long. */
export class MigrationLockTimeout extends Error {
  constructor(waitedMs: number) {
    super(
      `another engine has held the migration lock for ${Math.round(waitedMs / 1000)} s; look at what it is doing, then start this one again`,
    );
    this.name = 'MigrationLockTimeout';
  }
}

const lockPatienceMs = 120_000;

export interface MigrateOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly logSql?: boolean;
  readonly reach: Reach;
  /** Ends the waiting for another engine's migration with its reason. */
  readonly interrupt?: AbortSignal;
  /** Answers a whole number from 0 to `limit` - 1. */
  readonly randomBelow: (limit: number) => number;
}

export interface Migrated {
  readonly applied: readonly string[];
  /** Name of the newest migration. */
  readonly schemaVersion: string;
  /** Four characters that mark this installation's orders. */
  readonly installation: string;
}

/** Throws `SchemaTooNew`, `MigrationLockTimeout`, or the error of the migration that failed (its transaction is undone). */
export async function migrateDatabase(orm: MikroORM, options: MigrateOptions): Promise<Migrated> {
  const onError = (error: Error): void => options.log.warn({ err: error }, 'the connection that holds the migration lock broke');
  const lock = await openHeldConnection({ ...options, name: 'evenkeel-migrate', onError }, options.clock);
  try {
    await takeLock(lock, options);
    const known = await refuseNewer(orm);
    const migrating = orm.migrator.up();
    options.reach('CP14');
    const applied = (await migrating).map((migration) => migration.name);
    if (applied.length > 0) options.log.info({ applied }, 'the database schema was brought up to date');
    return { applied, schemaVersion: known.at(-1) ?? 'none', installation: await installationCode(orm, options) };
  } finally {
    await lock.end();
  }
}

async function takeLock(lock: Client, { clock, interrupt }: MigrateOptions): Promise<void> {
  const startedAt = clock.monotonic();
  for (;;) {
    if (await tryLock(lock, 'migrations')) return;
    const waitedMs = clock.monotonic() - startedAt;
    if (waitedMs >= lockPatienceMs) throw new MigrationLockTimeout(waitedMs);
    await unlessAborted(interrupt, clock.sleep(100));
  }
}

/** Answers the names of this build's migrations, oldest first. */
async function refuseNewer(orm: MikroORM): Promise<readonly string[]> {
  const executed = (await orm.migrator.getExecuted()).map((row) => row.name);
  const pending = (await orm.migrator.getPending()).map((row) => row.name);
  const files = await knownMigrations();
  const unknown = executed.filter((name) => !files.includes(name));
  if (unknown.length > 0) throw new SchemaTooNew(unknown);
  return [...new Set([...executed, ...pending])].sort();
}

async function knownMigrations(): Promise<readonly string[]> {
  const entries = await readdir(new URL('../../migrations', import.meta.url));
  return entries.filter((name) => /^Migration\d+.*\.(ts|js)$/.test(name)).map((name) => name.replace(/\.(ts|js)$/, ''));
}

async function installationCode(orm: MikroORM, { randomBelow, clock }: MigrateOptions): Promise<string> {
  const em = orm.em.fork();
  const existing = await em.findOne(Installation, { id: 1 });
  if (existing !== null) return existing.code;
  const created = em.create(Installation, { id: 1, code: newInstallationCode(randomBelow), createdAt: new Date(clock.now()) });
  await em.flush();
  return created.code;
}

const codeAlphabet = '0123456789abcdefghijklmnopqrstuvwxyz';

/** The four characters that mark one installation's client order ids. */
export function newInstallationCode(randomBelow: MigrateOptions['randomBelow']): string {
  return Array.from({ length: 4 }, () => codeAlphabet[randomBelow(codeAlphabet.length)] ?? '0').join('');
}
