/**
 * A PostgreSQL of our own in a folder: made once, started in its own session (so that Ctrl-C reaches only the engine, and
 * the database stops last), and adopted when an engine that was killed left it running.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, openSync, closeSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../time/clock.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';
import { unprivilegedRunner } from './unprivileged.ts';
import type { Runner } from './unprivileged.ts';

export interface EmbeddedPostgres {
  readonly url: string;
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
const databaseName = 'evenkeel';
const startTimeoutMs = 30_000;
const fastStopMs = 10_000;
/** Key of the session lock "this engine started or adopted the server, and will stop it". */
const keeperKey = 7_311_005;
/** A killed engine's connection lingers for a moment. */
const keeperPatienceMs = 3_000;

export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { clock, log } = options;
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const binaries = findPostgresBinaries();
  const cluster = join(dataDir, 'data');
  const runner = unprivilegedRunner([binaries.postgres, cluster]);
  const password = passwordOf(dataDir);
  if (!existsSync(cluster)) makeCluster(binaries.initdb, dataDir, cluster, password, runner);

  const running = runningServer(cluster);
  const server = running ?? (await spawnServer(binaries.postgres, dataDir, cluster, runner, options));
  if (running !== null) log.info({ pid: running.pid }, 'an earlier engine left the embedded PostgreSQL running; it is used as it is');
  const url = `postgresql://${superuser}:${password}@127.0.0.1:${server.port}/${databaseName}`;
  await untilReady(url, server.pid, dataDir, clock);
  const keeper = await becomeKeeper(url, dataDir, options);
  return {
    url,
    pid: server.pid,
    async stop() {
      await keeper.end().catch(() => undefined); // the server ends next, with or without this connection
      await stopServer(server.pid, clock);
    },
  };
}

/** One engine keeps a server, or its stop would take the database from under another. Throws `EmbeddedPostgresInUse`. */
async function becomeKeeper(url: string, dataDir: string, { clock, log }: EmbeddedPostgresOptions): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: 'evenkeel-keeper', keepAlive: true });
  client.on('error', (error) => log.warn({ err: error }, 'the connection that keeps the embedded PostgreSQL broke'));
  await client.connect();
  for (const deadline = clock.monotonic() + keeperPatienceMs; ; await clock.sleep(100)) {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [keeperKey]);
    if (rows[0]?.taken === true) return client;
    if (clock.monotonic() < deadline) continue;
    await client.end();
    throw new EmbeddedPostgresInUse(dataDir);
  }
}

function passwordOf(dataDir: string): string {
  const path = join(dataDir, 'password');
  if (!existsSync(path)) writeFileSync(path, randomBytes(24).toString('hex'), { mode: 0o600, flag: 'wx' });
  return readFileSync(path, 'utf8');
}

/** Made beside its place and moved there when it is complete: a killed start leaves nothing half done. */
function makeCluster(initdb: string, dataDir: string, cluster: string, password: string, runner: Runner): void {
  const draft = join(dataDir, 'data.new');
  const passwordFile = join(dataDir, 'password.initdb');
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  runner.own(draft);
  writeFileSync(passwordFile, password, { mode: 0o600 });
  runner.own(passwordFile);
  try {
    const { command, args } = runner.wrap(initdb, [
      '-D',
      draft,
      '-U',
      superuser,
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--locale=C.UTF-8',
      '--no-instructions',
    ]);
    const made = spawnSync(command, args, { encoding: 'utf8', cwd: '/', env: {} });
    if (made.status !== 0)
      throw new EmbeddedPostgresFailed('initdb failed', `${made.error?.message ?? ''}\n${made.stdout}\n${made.stderr}`);
    renameSync(draft, cluster);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

interface Server {
  readonly pid: number;
  readonly port: number;
}

/** The server that `postmaster.pid` names, if it is alive and really is a PostgreSQL on this cluster. */
function runningServer(cluster: string): Server | null {
  const pidFile = join(cluster, 'postmaster.pid');
  if (!existsSync(pidFile)) return null;
  const [pid = '', , , port = ''] = readFileSync(pidFile, 'utf8').split('\n');
  try {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    if (commandLine.includes('postgres') && commandLine.includes(cluster)) return { pid: Number(pid), port: Number(port) };
  } catch {
    // The process is gone: the file is stale and PostgreSQL replaces it.
  }
  return null;
}

async function spawnServer(
  postgres: string,
  dataDir: string,
  cluster: string,
  runner: Runner,
  options: EmbeddedPostgresOptions,
): Promise<Server> {
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...options.settings,
  };
  const { command, args } = runner.wrap(postgres, [
    '-D',
    cluster,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  const output = openSync(logPath(dataDir), 'a', 0o600);
  try {
    const child = spawn(command, args, { detached: true, stdio: ['ignore', output, output], cwd: '/', env: {} });
    child.on('error', (error) => options.log.error({ err: error }, 'the embedded PostgreSQL could not be started'));
    child.unref();
    if (child.pid === undefined) throw new EmbeddedPostgresFailed('it could not be started', '');
    return { pid: child.pid, port };
  } finally {
    closeSync(output);
  }
}

function logPath(dataDir: string): string {
  return join(dataDir, 'server.log');
}

/** Waits until the server answers, and makes our database when it is not there yet. */
async function untilReady(url: string, pid: number, dataDir: string, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + startTimeoutMs;
  for (;;) {
    const client = new Client({ connectionString: url.replace(/\/[^/]*$/, '/postgres') });
    client.on('error', () => undefined); // a connection that the starting server drops; the next one tells
    try {
      await client.connect();
      const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [databaseName]);
      if (rowCount === 0) await client.query(`create database ${databaseName}`);
      return;
    } catch (error) {
      if (!alive(pid)) throw new EmbeddedPostgresFailed('it ended while it started', readFileSync(logPath(dataDir), 'utf8'));
      if (clock.monotonic() >= deadline)
        throw new EmbeddedPostgresFailed(
          `it did not answer within ${startTimeoutMs / 1000} s (${error instanceof Error ? error.message : String(error)})`,
          readFileSync(logPath(dataDir), 'utf8'),
        );
      await clock.sleep(25);
    } finally {
      await client.end().catch(() => undefined); // it may never have been open
    }
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
