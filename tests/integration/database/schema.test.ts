/** Tables, their checks, migrations under a lock, money to the last digit, and the database that comes along. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Decimal } from 'decimal.js';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BotConfig } from '../../../entities/index.ts';
import { reachNothing } from '../../../engine/crash-points.ts';
import { EmbeddedPostgresInUse, startEmbeddedPostgres } from '../../../engine/database/embedded-postgres.ts';
import { SchemaTooNew, migrateDatabase } from '../../../engine/database/migrate.ts';
import { DatabaseUnreachable, UnsafeDatabase, openDatabase } from '../../../engine/database/orm.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { emptyDatabase } from '../../servers/database.ts';
import { databaseOptions, openRows, silent } from '../persistence/given.ts';
import type { Rows } from '../persistence/given.ts';

const migrate = (orm: Awaited<ReturnType<typeof openDatabase>>, url: string) =>
  migrateDatabase(orm, { url, clock: systemClock, log: silent, reach: reachNothing, randomBelow: () => 0 });

describe('the tables', () => {
  let rows: Rows;
  beforeAll(async () => {
    rows = await openRows();
  });
  afterAll(() => rows.close());

  it('are what the entities say: nothing is left to migrate', async () => {
    expect(await rows.orm.migrator.checkSchema()).toBe(false);
  });

  it.each([
    ['a percentage of 500', 'stop_loss_perc = 500'],
    ['a percentage of 0', 'position_size_perc = 0'],
    ['no size at all', 'position_size_perc = null, position_size_fixed = null'],
    ['a capital of 0', 'initial_capital = 0'],
    ['a timeframe that does not exist', "timeframe = '7m'"],
    ['a venue that does not exist', "venue = 'elsewhere'"],
    ['a fast average that is not faster', 'ema_fast = 30, ema_slow = 20'],
    ['an override that makes it so', 'custom_ema_fast = 900'],
    ['oversold above overbought', 'rsi_oversold = 80'],
    ['a negative number of trades', 'max_daily_trades = -1'],
    ['a cooldown of 0 minutes', 'cooldown_after_loss_minutes = 0'],
    ['half a stop guard', 'stop_guard_stops = 2, stop_guard_window_minutes = 60'],
    ['a low-profit pause without its least result', 'low_profit_trades = 3, low_profit_window_minutes = 60, low_profit_pause_minutes = 60'],
    ['more stop-outs than are remembered', 'stop_guard_stops = 51, stop_guard_window_minutes = 60, stop_guard_pause_minutes = 60'],
    ['a leverage of 1000', 'leverage = 1000'],
    ['an unknown mode', "mode = 'demo'"],
  ])('refuse %s', async (_, change) => {
    await expect(rows.pool.query(`update bot_configs set ${change} where id = 1`)).rejects.toMatchObject({ code: '23514' });
  });

  it('refuse a second state of one bot and a bot of nobody', async () => {
    const state = `insert into bot_state (bot_config_id, is_running, status_message, state_data, lock_epoch, version, created_at, updated_at) values (1, false, '', '{}', 0, 1, now(), now())`;
    await rows.pool.query(state);
    await expect(rows.pool.query(state)).rejects.toMatchObject({ code: '23505' });
    await expect(rows.pool.query('update bot_configs set user_id = 999 where id = 1')).rejects.toMatchObject({ code: '23503' });
  });

  it('have an index behind every foreign key', async () => {
    const { rows: bare } = await rows.pool.query<{ name: string }>(
      `select c.conrelid::regclass || '.' || a.attname as name from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
       where c.contype = 'f' and not exists (select 1 from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])`,
    );
    expect(bare).toEqual([]);
  });

  it('keep money to the 18th decimal, and write only what changed', async () => {
    const em = rows.orm.em.fork();
    const bot = await em.findOneOrFail(BotConfig, { id: '2' });
    for (const value of ['1234567.123456789012345678', '1234567.123456789012345679']) {
      bot.initialCapital = new Decimal(value);
      await em.flush();
      const { rows: stored } = await rows.pool.query<{ value: string }>(
        'select initial_capital::text as value from bot_configs where id = 2',
      );
      expect(stored[0]?.value).toBe(value);
    }
    const { rows: before } = await rows.pool.query<{ xmin: string }>('select xmin::text from bot_configs where id = 2');
    bot.initialCapital = new Decimal('1234567.1234567890123456790');
    await em.flush();
    const { rows: after } = await rows.pool.query<{ xmin: string }>('select xmin::text from bot_configs where id = 2');
    expect(after).toEqual(before);
  });
});

describe('migrations', () => {
  it('are applied once when replicas start together', async () => {
    const { url, drop } = await emptyDatabase();
    const orms = await Promise.all([1, 2, 3].map(() => openDatabase({ database: databaseOptions(url), clock: systemClock, log: silent })));
    const done = await Promise.all(orms.map((orm) => migrate(orm, url)));
    expect(done.filter(({ applied }) => applied.length > 0)).toHaveLength(1);
    expect(new Set(done.map(({ installation }) => installation))).toEqual(new Set(['0000']));
    await Promise.all(orms.map((orm) => orm.close(true)));
    await drop();
  });

  it('refuse a database that is newer than the engine', async () => {
    const rows = await openRows();
    await rows.pool.query(`insert into schema_migrations (name, executed_at) values ('Migration29990101000000_future', now())`);
    await expect(migrate(rows.orm, rows.url)).rejects.toThrow(SchemaTooNew);
    await rows.close();
  });
});

describe('a database', () => {
  it('that does not answer is named without its password', async () => {
    const opening = openDatabase({
      database: databaseOptions('postgresql://me:topsecret@127.0.0.1:1/nowhere'),
      clock: systemClock,
      log: silent,
      patienceMs: 200,
    });
    await expect(opening).rejects.toThrow(DatabaseUnreachable);
    await expect(opening).rejects.toThrow(/127\.0\.0\.1:1\/nowhere/);
    await expect(opening).rejects.not.toThrow(/topsecret/);
  });

  it.each([
    ['may forget commits', 'synchronous_commit = off'],
    ['lets a statement that waited see old rows', `default_transaction_isolation = 'repeatable read'`],
  ])('that %s is refused', async (_, setting) => {
    const { url, drop } = await emptyDatabase();
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(`alter database ${url.split('/').at(-1) ?? ''} set ${setting}`);
    await client.end();
    await expect(openDatabase({ database: databaseOptions(url), clock: systemClock, log: silent })).rejects.toThrow(UnsafeDatabase);
    await drop();
  });
});

describe('the embedded PostgreSQL', () => {
  it('starts in a folder that others cannot enter, is adopted when its engine was killed, and stops', async () => {
    const closed = mkdtempSync(join(tmpdir(), 'evenkeel-closed-'));
    const dataDir = join(closed, 'inner');
    mkdirSync(dataDir, { mode: 0o711 });
    const options = { dataDir, clock: systemClock, log: silent };
    const first = await startEmbeddedPostgres(options);
    const client = new Client({ connectionString: first.url });
    await client.connect();
    await client.query('create table kept (n int)');
    // What is left of a killed engine: its server, without its connections.
    await client.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'evenkeel-keeper'`);
    await client.end();
    const adopted = await startEmbeddedPostgres(options);
    expect([adopted.pid, adopted.url]).toEqual([first.pid, first.url]);
    await adopted.stop();
    const again = await startEmbeddedPostgres(options);
    const reader = new Client({ connectionString: again.url });
    await reader.connect();
    expect((await reader.query('select count(*)::int as n from kept')).rows).toEqual([{ n: 0 }]);
    await reader.end();
    await again.stop();
    rmSync(closed, { recursive: true, force: true });
  });

  it('runs without any capability, and its engine without being superuser', async () => {
    const closed = mkdtempSync(join(tmpdir(), 'evenkeel-closed-'));
    const dataDir = join(closed, 'inner');
    mkdirSync(dataDir, { mode: 0o711 });
    const server = await startEmbeddedPostgres({ dataDir, clock: systemClock, log: silent });
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    const client = new Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query('select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user');
    const refused = await client.query("copy (select 1) to program 'id'").catch((error: unknown) => String(error));
    const alsoRefused = await client.query("select pg_read_file('/etc/passwd')").catch((error: unknown) => String(error));
    await client.end();
    await server.stop();
    rmSync(closed, { recursive: true, force: true });
    for (const kind of ['CapEff', 'CapPrm', 'CapInh', 'CapAmb']) expect(status).toMatch(new RegExp(`^${kind}:\\s+0+$`, 'm'));
    expect(/^Uid:\s+0\s/m.test(status)).toBe(false);
    expect(rows).toEqual([{ rolsuper: false, rolcreaterole: false, rolcreatedb: false }]);
    expect([refused, alsoRefused]).toEqual([expect.stringContaining('permission denied'), expect.stringContaining('permission denied')]);
  });

  it('hands over what an earlier engine made as superuser', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-handed-'));
    const options = { dataDir, clock: systemClock, log: silent };
    const before = await startEmbeddedPostgres(options);
    const superuser = new Client({ connectionString: before.superuserUrl.replace(/[^/]*$/, 'evenkeel') });
    await superuser.connect();
    await superuser.query(
      `create table old (id bigserial primary key, n int generated always as identity); create view seen as select * from old;
       create function one() returns int language sql as 'select 1'; create sequence apart`,
    );
    await superuser.end();
    await before.stop();
    const after = await startEmbeddedPostgres(options);
    const client = new Client({ connectionString: after.url });
    await client.connect();
    await client.query(
      'alter table old add column added int; insert into old (added) values (7); drop view seen; drop function one(); drop sequence apart',
    );
    expect((await client.query('select id::int, n, added from old')).rows).toEqual([{ id: 1, n: 1, added: 7 }]);
    await client.end();
    await after.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('is started on another port when somebody takes the first one, who is told nothing', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-port-'));
    let spokenTo = 0;
    const stranger = createServer((socket) => {
      spokenTo += 1;
      socket.destroy();
    });
    const portOf = async (server: Server): Promise<number> => {
      if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
      const address = server.address();
      return typeof address === 'object' && address !== null ? address.port : 0;
    };
    const taken = await portOf(stranger);
    let asked = 0;
    const choosePort = async (): Promise<number> => {
      asked += 1;
      if (asked === 1) return taken;
      const probe = createServer();
      const port = await portOf(probe);
      probe.close();
      return port;
    };
    const server = await startEmbeddedPostgres({ dataDir, clock: systemClock, log: silent, choosePort });
    await server.stop();
    stranger.close();
    rmSync(dataDir, { recursive: true, force: true });
    expect([asked, spokenTo, new URL(server.url).port === String(taken)]).toEqual([2, 0, false]);
  });

  it('is refused to a second engine, whose refusal leaves it running', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-kept-'));
    const options = { dataDir, clock: systemClock, log: silent };
    const first = await startEmbeddedPostgres(options);
    await expect(startEmbeddedPostgres(options)).rejects.toThrow(EmbeddedPostgresInUse);
    const client = new Client({ connectionString: first.url });
    await client.connect();
    expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    await client.end();
    await first.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
});
