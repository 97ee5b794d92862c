/**
 * A PostgreSQL of our own in a folder: made once, started in its own session (so that Ctrl-C reaches only the engine, and
 * the database stops last), and adopted when an engine that was killed left it running.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Client } from 'pg';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../time/clock.ts';
import { openConnection } from './connection.ts';
import { tryLock } from './locks.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';
import { unprivilegedRunner } from './unprivileged.ts';
import type { Runner } from './unprivileged.ts';

export interface EmbeddedPostgres {
  /** URL of the engine's database for the engine's role, which owns it and has no other rights on the server. */
  readonly url: string;
  /** URL of the database `postgres` for the superuser, who makes databases. */
  readonly superuserUrl: string;
  readonly pid: number;
  /** Ends connections, writes a checkpoint, stops. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Further server settings, e.g. for tests. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A port that seems free. */
  readonly choosePort?: () => Promise<number>;
}

/** The embedded server could not be made or started; the message carries the end of what it said. */
export class EmbeddedPostgresFailed extends Error {
  constructor(what: string, said: string) {
    super(`embedded PostgreSQL: ${what}${said.trim() === '' ? '' : `:\n${said.trim().split('\n').slice(-12).join('\n')}`}`);
    this.name = 'EmbeddedPostgresFailed';
  }
}

/** An engine that lives uses the server in this folder: it is neither shared nor stopped. */
export class EmbeddedPostgresInUse extends Error {
  constructor(dataDir: string) {
    super(
      `another engine runs on the embedded PostgreSQL in ${dataDir}; stop that one, give this one a folder of its own (EVENKEEL_DATA_DIR), or give both a DATABASE_URL and a REDIS_URL`,
    );
    this.name = 'EmbeddedPostgresInUse';
  }
}

const superuser = 'evenkeel';
const engineRole = 'evenkeel_engine';
const databaseName = 'evenkeel';
const startTimeoutMs = 30_000;
/** Between looking for a free port and binding it, another program may take it. */
const portAttempts = 5;
/**
 * The folder that the server's process starts in: started inside the data folder, its user needs no rights on the folders above.
 */
const here = '/proc/self/cwd';
const fastStopMs = 10_000;
/** A killed engine's connection lingers for a moment. */
const keeperPatienceMs = 3_000;

export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { clock, log } = options;
  const place = placeIn(options.dataDir);
  mkdirSync(place.dataDir, { recursive: true, mode: 0o711 });
  const binaries = findPostgresBinaries();
  const runner = unprivilegedRunner();
  const passwords = passwordsIn(place.dataDir);
  if (!existsSync(place.cluster)) makeCluster(binaries.initdb, place, passwords.superuser, runner);
  const running = runningServer(place.cluster);
  if (running !== null) log.info({ pid: running }, 'an earlier engine left the embedded PostgreSQL running; it is used as it is');
  const server = running === null ? await startServer(binaries.postgres, place, runner, options) : await untilBound(running, place, clock);
  const urls = urlsOf(server.port, passwords);
  await prepareDatabase(urls.superuserUrl, passwords.engine, log);
  const keeper = await becomeKeeper(urls.url, place.dataDir, options);
  return {
    ...urls,
    pid: server.pid,
    async stop() {
      await keeper.end().catch(() => undefined); // the server ends next, with or without this connection
      await stopServer(server.pid, clock);
    },
  };
}

/** The server of an engine that runs, which goes on after `stop`; when none runs, one is started until `stop`. */
export async function reachEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<Pick<EmbeddedPostgres, 'url' | 'stop'>> {
  const place = placeIn(options.dataDir);
  const running = runningServer(place.cluster);
  if (running === null) return startEmbeddedPostgres(options);
  const { port } = await untilBound(running, place, options.clock);
  return { url: urlsOf(port, passwordsIn(place.dataDir)).url, stop: async () => undefined };
}

interface Place {
  readonly dataDir: string;
  readonly cluster: string;
}

function placeIn(dataDir: string): Place {
  return { dataDir: resolve(dataDir), cluster: join(resolve(dataDir), 'data') };
}

interface Passwords {
  readonly superuser: string;
  readonly engine: string;
}

function urlsOf(port: number, passwords: Passwords): { readonly url: string; readonly superuserUrl: string } {
  return {
    url: `postgresql://${engineRole}:${passwords.engine}@127.0.0.1:${port}/${databaseName}`,
    superuserUrl: `postgresql://${superuser}:${passwords.superuser}@127.0.0.1:${port}/postgres`,
  };
}

/** One engine keeps a server, or its stop would take the database from under another. Throws `EmbeddedPostgresInUse`. */
async function becomeKeeper(url: string, dataDir: string, { clock, log }: EmbeddedPostgresOptions): Promise<Client> {
  const onError = (error: Error): void => log.warn({ err: error }, 'the connection that keeps the embedded PostgreSQL broke');
  const client = await openConnection({ url, name: 'evenkeel-keeper', log, onError });
  for (const deadline = clock.monotonic() + keeperPatienceMs; ; await clock.sleep(100)) {
    if (await tryLock(client, 'embeddedServer')) return client;
    if (clock.monotonic() < deadline) continue;
    await client.end();
    throw new EmbeddedPostgresInUse(dataDir);
  }
}

function passwordsIn(dataDir: string): Passwords {
  const read = (name: string): string => {
    const path = join(dataDir, name);
    if (!existsSync(path)) writeFileSync(path, randomBytes(24).toString('hex'), { mode: 0o600, flag: 'wx' });
    return readFileSync(path, 'utf8');
  };
  return { superuser: read('password'), engine: read('password.engine') };
}

/** Made beside its place and moved there when it is complete: a killed start leaves nothing half done. */
function makeCluster(initdb: string, { dataDir, cluster }: Place, password: string, runner: Runner): void {
  const draft = join(dataDir, 'data.new');
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  runner.own(draft);
  // Where its user can reach it.
  const passwordFolder = mkdtempSync(join(tmpdir(), 'evenkeel-initdb-'));
  const passwordFile = join(passwordFolder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  runner.own(passwordFile);
  runner.own(passwordFolder);
  try {
    const { command, args } = runner.wrap(initdb, [
      '-D',
      here,
      '-U',
      superuser,
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--locale=C.UTF-8',
      '--no-instructions',
    ]);
    const made = spawnSync(command, args, { encoding: 'utf8', cwd: draft, env: {} });
    if (made.status !== 0)
      throw new EmbeddedPostgresFailed('initdb failed', `${made.error?.message ?? ''}\n${made.stdout}\n${made.stderr}`);
    renameSync(draft, cluster);
  } finally {
    rmSync(passwordFolder, { recursive: true, force: true });
  }
}

interface Server {
  readonly pid: number;
  readonly port: number;
}

/** What the server writes of itself into its own folder, where nobody else can write. */
function readPidFile(cluster: string): (Server & { readonly bound: boolean }) | null {
  try {
    const [pid = '', , , port = '', , , , status = ''] = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(pid), port: Number(port), bound: status.trim() === 'ready' };
  } catch {
    return null; // it has not written it yet, or has ended
  }
}

/** The process that `postmaster.pid` names, if it is alive and really is a PostgreSQL on this cluster. */
function runningServer(cluster: string): number | null {
  const told = readPidFile(cluster);
  if (told === null) return null;
  try {
    const commandLine = readFileSync(`/proc/${told.pid}/cmdline`, 'utf8');
    if (commandLine.includes('postgres') && commandLine.includes(cluster)) return told.pid;
  } catch {
    // The process is gone: the file is stale and PostgreSQL replaces it.
  }
  return null;
}

async function startServer(postgres: string, place: Place, runner: Runner, options: EmbeddedPostgresOptions): Promise<Server> {
  const choosePort = options.choosePort ?? freePort;
  for (let attempt = 1; ; attempt += 1) {
    const logSize = statSync(logPath(place.dataDir), { throwIfNoEntry: false })?.size ?? 0;
    const pid = spawnServer(postgres, place, runner, await choosePort(), options);
    try {
      return await untilBound(pid, place, options.clock);
    } catch (error) {
      const said = readFileSync(logPath(place.dataDir)).subarray(logSize).toString('utf8');
      if (attempt >= portAttempts || alive(pid) || !said.includes('Address already in use')) throw error;
      options.log.warn('the port for the embedded PostgreSQL was taken before it was bound; it is started on another');
    }
  }
}

function spawnServer(
  postgres: string,
  { dataDir, cluster }: Place,
  runner: Runner,
  port: number,
  options: EmbeddedPostgresOptions,
): number {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    log_timezone: 'UTC',
    timezone: 'UTC',
    // Shows in the list of processes where it runs; only this file reads it.
    'evenkeel.cluster': cluster,
    ...options.settings,
  };
  const { command, args } = runner.wrap(postgres, [
    '-D',
    here,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  const output = openSync(logPath(dataDir), 'a', 0o600);
  try {
    const child = spawn(command, args, { detached: true, stdio: ['ignore', output, output], cwd: cluster, env: {} });
    child.on('error', (error) => options.log.error({ err: error }, 'the embedded PostgreSQL could not be started'));
    child.unref();
    if (child.pid === undefined) throw new EmbeddedPostgresFailed('it could not be started', '');
    return child.pid;
  } finally {
    closeSync(output);
  }
}

function logPath(dataDir: string): string {
  return join(dataDir, 'server.log');
}

/**
 * Waits until the server says that it has bound its port and takes connections. Nothing is sent to the port before:
 * another program might answer there, and would get the password.
 */
async function untilBound(pid: number, { dataDir, cluster }: Place, clock: Clock): Promise<Server> {
  const deadline = clock.monotonic() + startTimeoutMs;
  for (;;) {
    const told = readPidFile(cluster);
    if (told !== null && told.pid === pid && told.bound) return told;
    if (!alive(pid)) throw new EmbeddedPostgresFailed('it ended while it started', readFileSync(logPath(dataDir), 'utf8'));
    if (clock.monotonic() >= deadline)
      throw new EmbeddedPostgresFailed(`it was not ready within ${startTimeoutMs / 1000} s`, readFileSync(logPath(dataDir), 'utf8'));
    await clock.sleep(25);
  }
}

/** The engine's role and database. The engine never uses the superuser: should a request manage to inject SQL, it has few rights. */
async function prepareDatabase(superuserUrl: string, password: string, log: Log): Promise<void> {
  await asSuperuser(superuserUrl, log, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [engineRole]);
    // The password is hexadecimal.
    await client.query(
      `${rowCount === 0 ? 'create' : 'alter'} role ${engineRole} login nosuperuser nocreatedb nocreaterole password '${password}'`,
    );
    const { rows } = await client.query<{ owner: string }>(
      'select r.rolname as owner from pg_database d join pg_roles r on r.oid = d.datdba where d.datname = $1',
      [databaseName],
    );
    if (rows[0] === undefined) await client.query(`create database ${databaseName} owner ${engineRole}`);
    else if (rows[0].owner !== engineRole) await client.query(`alter database ${databaseName} owner to ${engineRole}`);
  });
  await asSuperuser(superuserUrl.replace(/\/[^/]*$/, `/${databaseName}`), log, (client) => client.query(handOver));
}

/** What an engine made that still ran as superuser. Sequences of columns go with their tables. */
const handOver = `
do $$
declare one record;
begin
  for one in
    select format('alter %s %s owner to ${engineRole}', case c.relkind when 'S' then 'sequence' when 'v' then 'view' else 'table' end,
                  c.oid::regclass) as statement
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relowner = '${superuser}'::regrole and c.relkind in ('r', 'p', 'v', 'S')
      and not exists (select 1 from pg_depend d
                      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i'))
    union all
    select format('alter routine %s owner to ${engineRole}', p.oid::regprocedure)
    from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proowner = '${superuser}'::regrole
  loop
    execute one.statement;
  end loop;
end $$`;

async function asSuperuser(url: string, log: Log, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = await openConnection({ url, name: 'evenkeel-setup', log, onError: () => undefined });
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function stopServer(pid: number, clock: Clock): Promise<void> {
  signal(pid, 'SIGINT');
  const deadline = clock.monotonic() + fastStopMs;
  while (alive(pid)) {
    if (clock.monotonic() >= deadline) {
      signal(pid, 'SIGQUIT');
      return;
    }
    await clock.sleep(20);
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A child of ours that ended but was not waited for yet still has a number.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (address !== null && typeof address === 'object' ? resolvePort(address.port) : reject(new Error('no free port'))));
    });
  });
}
