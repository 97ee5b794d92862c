/** PostgreSQL in trouble: outcomes that are not known, units of work that undo each other, servers that must not be trusted. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimBots } from '../../../engine/persistence/claim-bots.ts';
import { CommitUnknown } from '../../../engine/persistence/commit-intents.ts';
import type { OrderStore } from '../../../engine/persistence/order-store.ts';
import { UnsafeDatabase, openDatabase } from '../../../engine/database/orm.ts';
import { createPostgresBotStore } from '../../../engine/persistence/postgres-bot-store.ts';
import { createPostgresOrderStore } from '../../../engine/persistence/postgres-order-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { eventually } from '../../e2e/support/processes.ts';
import { databaseOptions, holder, intent, openRows, silent } from './given.ts';
import type { Rows } from './given.ts';

let rows: Rows;
let store: OrderStore;

beforeEach(async () => {
  rows = await openRows();
  store = createPostgresOrderStore({ orm: rows.orm, pool: rows.pool, holder, clock: systemClock });
  await claimBots(rows.pool, holder, ['1', '2']);
});
afterEach(() => rows.close());

const count = async (table: string): Promise<number> =>
  Number((await rows.pool.query<{ n: string }>(`select count(*) as n from ${table}`)).rows[0]?.n);
const waitsForLock = (what: string): Promise<boolean> =>
  eventually(`${what} waits`, 5_000, async () => {
    const { rowCount } = await rows.pool.query(
      `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database() and query like $1`,
      [`%${what}%`],
    );
    return rowCount === 1;
  });

it('a commit whose connection broke while the server still worked on it is not durable later, once it was re-read', async () => {
  interface Connected {
    readonly processID: number;
    readonly connection: { readonly stream: { destroy(): void } };
  }
  const clients = new Set<Connected>();
  rows.pool.on('acquire', (client) => clients.add(client as unknown as Connected));
  const blocker = await rows.pool.connect();
  await blocker.query('begin; update bot_state set version = version where bot_config_id = 1');
  const outcome = store.commit([intent(rows.userId)]).catch((error: unknown) => error);
  await waitsForLock('with wanted as');
  const { rows: waiting } = await rows.pool.query<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%with wanted as%'`,
  );
  [...clients].find((client) => client.processID === waiting[0]?.pid)?.connection.stream.destroy();
  expect(await outcome).toBeInstanceOf(CommitUnknown);
  expect(await eventually('it can be told', 5_000, async () => store.committed(['ektest-1-a-1']))).toEqual(new Set());
  // What it waited for is free now: nobody may be left to go on.
  await blocker.query('rollback');
  blocker.release();
  await eventually('the other process is gone', 5_000, async () => {
    const { rowCount } = await rows.pool.query('select 1 from pg_stat_activity where pid = $1', [waiting[0]?.pid]);
    return rowCount === 0;
  });
  expect(await count('orders')).toBe(0);
});

it('a commit that was durable before its connection broke is found to be', async () => {
  expect([...(await store.commit([intent(rows.userId)])).values()]).toEqual(['committed']);
  expect(await store.committed(['ektest-1-a-1'])).toEqual(new Set(['ektest-1-a-1']));
});

describe('two that wait for each other', () => {
  /** Holds bot 2, lets `work` take bot 1 and wait for bot 2, then asks for bot 1: the server undoes `work`. */
  const deadlock = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const other = await rows.pool.connect();
    await other.query('begin; update bot_state set version = version where bot_config_id = 2');
    const working = work();
    await waitsForLock(what);
    await other.query(`set local deadlock_timeout = '30s'; update bot_state set version = version where bot_config_id = 1`);
    await other.query('commit');
    other.release();
    return working;
  };
  const undone = async (): Promise<number> =>
    Number(
      (await rows.pool.query<{ n: string }>('select deadlocks as n from pg_stat_database where datname = current_database()')).rows[0]?.n,
    );

  it('do not lose an intent', async () => {
    const verdicts = await deadlock('with wanted as', () =>
      store.commit([intent(rows.userId), intent(rows.userId, { botId: '2', clientOrderId: 'ektest-2-a-1' })]),
    );
    expect([...verdicts.values()]).toEqual(['committed', 'committed']);
    await eventually('the server had to undo one', 5_000, async () => (await undone()) > 0);
  });

  it('do not lose a status', async () => {
    const bots = createPostgresBotStore({ pool: rows.pool, holder, clock: systemClock });
    const status = (botId: string) => ({ botId, epoch: 1, message: 'mine', lastExecutionMs: null, stateData: {} });
    expect(await deadlock('status_message = o.message', () => bots.writeStatuses([status('1'), status('2')]))).toEqual(new Set(['1', '2']));
    await eventually('the server had to undo one', 5_000, async () => (await undone()) > 0);
  });
});

describe('a server that may forget what it confirmed', () => {
  const open = () => openDatabase({ database: databaseOptions(rows.url), clock: systemClock, log: silent, patienceMs: 500 });
  const name = (): string => new URL(rows.url).pathname.slice(1);

  it.each([
    ['the database', () => `alter database ${name()} set synchronous_commit = off`],
    ['the role', () => `alter role current_user in database ${name()} set synchronous_commit = off`],
  ] as const)('is refused, also when only %s is set so', async (_, statement) => {
    await rows.pool.query(statement());
    await expect(open()).rejects.toBeInstanceOf(UnsafeDatabase);
  });

  it('or takes no writes is treated like one that does not answer', async () => {
    await rows.pool.query(`alter database ${name()} set default_transaction_read_only = on`);
    await expect(open()).rejects.toThrow('read-only');
  });

  it('takes no intent while it is read-only, and does again afterwards on a new connection', async () => {
    await rows.pool.query(`alter database ${name()} set default_transaction_read_only = on`);
    await rows.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    for (const client of await Promise.all(Array.from({ length: 4 }, () => rows.pool.connect()))) client.release(true);
    await expect(store.commit([intent(rows.userId)])).rejects.toMatchObject({ code: '25006' });
    const fix = await rows.pool.connect();
    await fix.query('set default_transaction_read_only = off');
    await fix.query(`alter database ${name()} reset default_transaction_read_only`);
    fix.release(true);
    expect([...(await store.commit([intent(rows.userId)])).values()]).toEqual(['committed']);
  });
});
