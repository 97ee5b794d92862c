/**
 * Small pools beside the ORM's, each for one purpose, so that no report, page or audit can keep an order waiting. An intent is one plain
 * statement, without the ORM: the order must not wait for more.
 */
import { Pool } from 'pg';
import type { Log } from '../observe/log.ts';
import { idleTimeoutMs, logStatements, pooledConfig } from './connection.ts';
import type { StatementBounds } from './connection.ts';

/** What each is for, and its name in the server's list of sessions. */
export const poolNames = {
  /** Intents and claims. */
  intents: 'evenkeel-intents',
  /** The decision ledger, and chores. */
  decisions: 'evenkeel-decisions',
  /** Reading kill switches. */
  killSwitches: 'evenkeel-kill-switches',
} as const;

/** An order that cannot get a connection at once is too late anyway. */
const connectTimeoutMs = 1_000;

export interface PoolOptions extends StatementBounds {
  readonly url: string;
  readonly max: number;
  readonly logSql?: boolean;
  readonly log: Log;
}

export function openPool(purpose: keyof typeof poolNames, options: PoolOptions): Pool {
  const { url, max, log, logSql = false } = options;
  const name = poolNames[purpose];
  const config = pooledConfig(name, connectTimeoutMs, options);
  const pool = new Pool({ connectionString: url, max, ...config, idleTimeoutMillis: idleTimeoutMs(options) });
  // The pool takes its own listener off a client that is checked out: a server that ends it meanwhile (57P01) would be an
  // uncaught exception. The query under way fails by itself, so there is nothing to do but say so.
  pool.on('connect', (client) => {
    client.on('error', (error) => log.debug({ err: error }, 'a database connection ended'));
    if (logSql) logStatements(client, name, log);
  });
  // An idle client that the server ends (57P01) would otherwise be an uncaught exception.
  pool.on('error', (error) => log.debug({ err: error }, 'an idle database connection ended; the pool opens another'));
  return pool;
}
