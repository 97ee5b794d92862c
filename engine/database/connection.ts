/**
 * What every connection of ours to PostgreSQL has: the settings that its session relies on, an end to its silence, and its statements in
 * the log. Pools are in pools.ts and orm.ts; here are also the single connections, which hold a lock or hear of news.
 */
import { Socket } from 'node:net';
import { Client } from 'pg';
import type { ClientBase, ClientConfig } from 'pg';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../time/clock.ts';

/** Those of the database, the role or the server may be made for somebody else's reports: they must not change what a time, a number or a table's name means here. */
const settings = {
  DateStyle: 'ISO,YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  // No other schema comes before ours, and no temporary table hides one of ours.
  search_path: 'public,pg_temp',
  extra_float_digits: '1',
  bytea_output: 'hex',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  lc_numeric: 'C',
  lc_monetary: 'C',
  lc_time: 'C',
} as const;

/** For the driver. `name` is the connection's, as the server's list of sessions shows it; the settings override those of database and role. */
export function sessionConfig(name: string) {
  const options = Object.entries(settings)
    .map(([setting, value]) => `-c ${setting}=${value}`)
    .join(' ');
  return { application_name: name, options, keepAlive: true };
}

/** What an answer may take beyond the server's own bound on a statement. */
const marginMs = 2_000;

/**
 * For the driver's `stream` option. When the link to the database is half-open, neither an answer nor the end of the connection arrives: a
 * statement would wait for hours. The server bounds how long statements take, so a socket that is silent for longer is dead and is
 * destroyed; the driver then fails what was under way.
 */
function boundedSocket(statementTimeoutMs: number): () => Socket {
  return () => {
    const silenceMs = statementTimeoutMs + marginMs;
    const socket = new Socket();
    socket.setTimeout(silenceMs, () =>
      socket.destroy(new Error(`the database has not said anything for ${silenceMs} ms; the connection is given up`)),
    );
    return socket;
  };
}

/** How long the server works on one statement, and how long that waits for a lock. */
export interface StatementBounds {
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
}

/** For the driver, of the connections of a pool: bounded by the server and, should that fall silent, here. */
export function pooledConfig(name: string, connectTimeoutMs: number, { statementTimeoutMs, lockTimeoutMs }: StatementBounds) {
  return {
    ...sessionConfig(name),
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    stream: boundedSocket(statementTimeoutMs),
  };
}

/** An idle connection of a pool is closed before its silence would count as a dead link. */
export function idleTimeoutMs({ statementTimeoutMs }: StatementBounds): number {
  return Math.min(10_000, statementTimeoutMs);
}

/** A connection that is held for a lock or LISTEN and is otherwise silent: how long a silence may last, and how often it is asked something. */
const held = { statementTimeoutMs: 10_000, askEveryMs: 5_000 } as const;
const connectTimeoutMs = 5_000;

export interface ConnectionOptions {
  readonly url: string;
  readonly name: string;
  readonly log: Log;
  readonly logSql?: boolean;
  /** It broke; what was under way on it fails by itself. */
  onError(error: Error): void;
}

/** A connection for itself, to be ended by the caller. Throws when the database does not let it in. */
export async function openConnection(options: ConnectionOptions, config: ClientConfig = {}): Promise<Client> {
  const client = new Client({ connectionString: options.url, ...sessionConfig(options.name), ...config });
  client.on('error', (error) => options.onError(error));
  await client.connect();
  if (options.logSql === true) logStatements(client, options.name, options.log);
  return client;
}

/** One that is asked something now and then until it ends, so that a silence shows a dead connection. */
export async function openHeldConnection(options: ConnectionOptions, clock: Clock): Promise<Client> {
  const stream = boundedSocket(held.statementTimeoutMs);
  const client = await openConnection(options, { connectionTimeoutMillis: connectTimeoutMs, stream });
  const timer = clock.every(held.askEveryMs, () => {
    client.query('select 1').catch(() => undefined); // its end is reported by the connection itself
  });
  client.once('end', () => timer.cancel());
  return client;
}

/** Logs the statements of connections that the ORM does not own, like the ORM logs its own: their text, never their values. */
export function logStatements(client: ClientBase, name: string, log: Log): void {
  const ask = client.query.bind(client) as (...asked: readonly unknown[]) => unknown;
  Object.assign(client, {
    query: (...asked: readonly unknown[]): unknown => {
      log.info({ component: 'sql', connection: name }, textOf(asked[0]));
      return ask(...asked);
    },
  });
}

function textOf(asked: unknown): string {
  const text = typeof asked === 'string' ? asked : (asked as { readonly text?: unknown } | null)?.text;
  return typeof text === 'string' ? text.replace(/\s+/g, ' ').trim() : 'a statement without text';
}
