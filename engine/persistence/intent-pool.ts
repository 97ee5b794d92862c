/**
 * Small pools beside the ORM's. The first is for intents and claims, so that no report, page or audit can keep an order waiting.
 * An intent is one plain statement, without the ORM: the order must not wait for more.
 */
import { Pool } from 'pg';
import type { Log } from '../observe/log.ts';
import { boundedSocket } from './bounded-silence.ts';
import { sessionOptions } from './session.ts';
import { logStatements } from './sql-log.ts';

export interface SmallPoolOptions {
  /** As the server's list of sessions shows its connections. */
  readonly name: string;
  readonly url: string;
  readonly max: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly logSql?: boolean;
  readonly log: Log;
}

export const intentPoolName = 'evenkeel-intents';

export function openIntentPool(options: Omit<SmallPoolOptions, 'name'>): Pool {
  return openSmallPool({ ...options, name: intentPoolName });
}

/** For the decision ledger, apart from the others, so that it keeps no order waiting. */
export function openDecisionPool(options: Omit<SmallPoolOptions, 'name' | 'max'>): Pool {
  return openSmallPool({ ...options, name: 'evenkeel-decisions', max: 2 });
}

function openSmallPool(options: SmallPoolOptions): Pool {
  const pool = new Pool({
    connectionString: options.url,
    max: options.max,
    // An order that cannot get a connection at once is too late anyway.
    connectionTimeoutMillis: 1_000,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
    idle_in_transaction_session_timeout: options.statementTimeoutMs,
    application_name: options.name,
    options: sessionOptions,
    keepAlive: true,
    stream: boundedSocket(options.statementTimeoutMs),
    idleTimeoutMillis: Math.min(10_000, options.statementTimeoutMs), // before its silence ends it
  });
  // The pool takes its own listener off a client that is checked out: a server that ends it meanwhile (57P01) would be an
  // uncaught exception. The query under way fails by itself, so there is nothing to do but say so.
  pool.on('connect', (client) => {
    client.on('error', (error) => options.log.debug({ err: error }, 'a database connection ended'));
    if (options.logSql === true) logStatements(client, options.name, options.log);
  });
  // An idle client that the server ends (57P01) would otherwise be an uncaught exception.
  pool.on('error', (error) => options.log.debug({ err: error }, 'an idle database connection ended; the pool opens another'));
  return pool;
}
