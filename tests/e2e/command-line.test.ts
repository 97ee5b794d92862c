/** The commands' help, and what they say to wrong arguments and settings. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../engine/observe/log.ts';
import { startEmbeddedPostgres } from '../../engine/database/embedded-postgres.ts';
import { systemClock } from '../../engine/time/clock.ts';
import { freshDatabase } from '../servers/database.ts';
import { eventually, plainEnv, spawnProcess, startProcess } from './support/processes.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Three candles of a coin that is worth little, in a file whose name names no symbol. */
const recording = join(mkdtempSync(join(tmpdir(), 'evenkeel-recording-')), 'candles.csv');
const firstOpenMs = Date.UTC(2026, 0, 5);
writeFileSync(
  recording,
  [
    'open_time,open,high,low,close,volume',
    ...[0, 1, 2].map((minute) => `${firstOpenMs + minute * 60_000},0.00001234,0.0000124,0.0000123,0.00001235,5000000`),
  ].join('\n'),
);

function run(script: string, args: readonly string[], env: Record<string, string> = {}): { code: number | null; out: string; err: string } {
  const done = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...plainEnv(), ...env },
    timeout: 60_000,
  });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

describe('npm run simulator', () => {
  it('explains itself', () => {
    const { code, out } = run('simulator/main.ts', ['--help']);
    expect(code).toBe(0);
    for (const word of ['Examples', '--fuel', '--pace', '--account', 'control port']) expect(out).toContain(word);
  });

  it.each([
    [['--speed', '3'], '--speed'],
    [['--pace', 'fast'], '--pace'],
    [['--fuel', 'recorded:/nowhere.csv'], '/nowhere.csv'],
    [['--account', 'me'], '--account'],
    [['--account', 'me:KEY:@/nowhere.pem:USDT=1'], '/nowhere.pem'],
    [['--account', 'me:KEY:@README.md:USDT=1'], 'README.md'],
    [['--port', 'x'], '--port'],
    [['--start', 'yesterday'], '--start'],
    [['--start', '2026-01-05T00:00Z', '--fuel', 'recorded:/nowhere.csv'], '--start'],
    [['--fee', '2'], '--fee: "2" is 200 %'],
    [['--symbol', 'NOQUOTE'], 'NOQUOTE'],
    [['--history', '5'], '--history'],
    [['--fuel', `recorded:${recording}`, '--symbol', 'PEPEUSDT', '--history', '3'], 'at most 1 leave one to play'],
    [['--fuel', `recorded:${recording}`, '--symbols', 'BTCUSDT,ETHUSDT'], 'a recording is of one symbol'],
    [['--fuel', `recorded:${recording}`], 'name it with --symbol'],
  ])('refuses %j by name with exit code 2', (args, named) => {
    const { code, err } = run('simulator/main.ts', args);
    expect([code, err.includes(named)]).toEqual([2, true]);
  });
});

describe('a recording', () => {
  it('is named by --symbol, has filters that fit its prices, and tells its end', async () => {
    const args = [
      '--fuel',
      `recorded:${recording}`,
      '--symbol',
      'PEPEUSDT',
      '--history',
      '1',
      '--pace',
      '600x',
      '--port',
      '0',
      '--control-port',
      '0',
    ];
    const simulator = await startProcess('simulator/main.ts', args, {}, /Simulator is ready: (http:\/\/\S+)/);
    try {
      const answer = await fetch(`${simulator.ready[1] ?? ''}/api/v3/exchangeInfo?symbol=PEPEUSDT`);
      const { symbols } = (await answer.json()) as { symbols: { baseAsset: string; filters: Record<string, string>[] }[] };
      const filter = (type: string) => symbols[0]?.filters.find(({ filterType }) => filterType === type);
      expect(symbols[0]?.baseAsset).toBe('PEPE');
      expect(filter('PRICE_FILTER')).toMatchObject({ tickSize: '0.00000001' });
      expect(filter('LOT_SIZE')).toMatchObject({ stepSize: '1.00000000' });
      await eventually('its end is told', 10_000, async () => simulator.output().includes('The recording has ended at 2026-01-05T00:02:'));
    } finally {
      await simulator.end('SIGTERM');
    }
  });
});

describe.each(['engine/main.ts', 'tests/simulation/main.ts', 'tests/chaos/proofs/main.ts', 'bench/main.ts'])('%s --help', (command) => {
  it('says what it does and how it is called, and does nothing', () => {
    const { code, out, err } = run(command, ['--help']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('Examples\n  npm ');
  });
});

describe('npm start', () => {
  it('names every problem of its configuration at once and exits with 4', () => {
    const { code, err } = run('engine/main.ts', [], {
      EVENKEEL_VENUE: 'moon',
      EVENKEEL_ADMIN_PORT: 'x',
      EVENKEEL_TYPO: '1',
      DATABASE_URL: 'mysql://me:topsecret@h/d',
    });
    expect(code).toBe(4);
    for (const name of ['EVENKEEL_VENUE', 'EVENKEEL_ADMIN_PORT', 'EVENKEEL_TYPO', 'DATABASE_URL']) expect(err).toContain(name);
    expect(err).not.toContain('topsecret');
  });

  it('leaves no database behind when it is asked to stop while it starts', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-early-'));
    const engine = spawn(process.execPath, ['engine/main.ts'], {
      cwd: root,
      env: { ...plainEnv(), EVENKEEL_DATA_DIR: dataDir, EVENKEEL_ADMIN_PORT: '0', EVENKEEL_METRICS_PORT: '0' },
      stdio: 'ignore',
    });
    const exited = once(engine, 'exit');
    const pidFile = join(dataDir, 'postgres', 'data', 'postmaster.pid');
    await eventually('the database starts', 120_000, async () => existsSync(pidFile));
    engine.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
    expect(existsSync(pidFile)).toBe(false);
    rmSync(dataDir, { recursive: true });
  });

  it('finds a port that is taken before any bot runs', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-taken-'));
    const { code, err } = run('engine/main.ts', [], {
      EVENKEEL_ADMIN_PORT: String((taken.address() as AddressInfo).port),
      EVENKEEL_METRICS_PORT: '0',
      EVENKEEL_DATA_DIR: dataDir,
    });
    taken.close();
    expect([code, err.includes('EVENKEEL_ADMIN_PORT')]).toEqual([6, true]);
    const postgres = await startEmbeddedPostgres({
      dataDir: join(dataDir, 'postgres'),
      clock: systemClock,
      log: createLog({ level: 'silent' }),
    });
    const client = new Client({ connectionString: postgres.url });
    await client.connect();
    expect((await client.query('select count(*)::int as n from bot_state')).rows).toEqual([{ n: 0 }]);
    await client.end();
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('says in one line that its data folder cannot be written', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'evenkeel-file-')), 'file');
    writeFileSync(file, '');
    for (const more of [{}, { DATABASE_URL: 'postgresql://me@127.0.0.1:1/x' }]) {
      const { code, err } = run('engine/main.ts', [], { EVENKEEL_DATA_DIR: join(file, 'below'), ...more });
      expect([code, err.trim().split('\n')]).toEqual([4, [expect.stringContaining(`${file}/below cannot be written (ENOTDIR)`)]]);
    }
  });

  it('ends at once when it is asked to while it waits for its database', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-waits-'));
    const engine = spawnProcess(
      'engine/main.ts',
      [],
      { EVENKEEL_DATA_DIR: dataDir, DATABASE_URL: 'postgresql://me:topsecret@127.0.0.1:1/x' },
      /waiting for the database/,
    );
    await engine.ready;
    const askedAt = performance.now();
    expect(await engine.end('SIGTERM')).toBe(0);
    // It would wait for a minute.
    expect(performance.now() - askedAt).toBeLessThan(20_000);
    expect(engine.output()).not.toContain('topsecret');
    rmSync(dataDir, { recursive: true });
  });

  it('reads .env, and what stands in the environment counts more', () => {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-dotenv-'));
    symlinkSync(join(root, 'engine'), join(folder, 'engine'));
    writeFileSync(join(folder, '.env'), 'EVENKEEL_ADMIN_PORT=from-file\nEVENKEEL_ROLE=from-file\n');
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } };
    const start = () =>
      spawnSync('sh', ['-c', scripts.start], {
        cwd: folder,
        encoding: 'utf8',
        env: { PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`, EVENKEEL_ROLE: 'from-environment' },
      });
    const withFile = start();
    rmSync(join(folder, '.env'));
    const without = start();
    rmSync(folder, { recursive: true });
    expect([withFile.status, without.status]).toEqual([4, 4]);
    for (const said of ['EVENKEEL_ADMIN_PORT: "from-file"', 'EVENKEEL_ROLE: "from-environment"']) expect(withFile.stderr).toContain(said);
    // Nobody has to have one.
    expect(without.stderr).toMatch(/^The configuration has 1 problem:\n {2}- EVENKEEL_ROLE.*\n$/);
  });

  it('does not listen beyond loopback unless the network is said to be trusted', async () => {
    const database = await freshDatabase();
    const { code, err } = run('engine/main.ts', [], {
      DATABASE_URL: database.url,
      EVENKEEL_ADMIN_HOST: '0.0.0.0',
      EVENKEEL_ADMIN_PORT: '0',
      EVENKEEL_METRICS_PORT: '0',
      EVENKEEL_DATA_DIR: mkdtempSync(join(tmpdir(), 'evenkeel-cli-')),
    });
    expect(code).toBe(6);
    expect(err).toContain('EVENKEEL_TRUSTED_NETWORK');
    await database.drop();
  });
});

describe('an engine that embeds everything', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-alone-'));
  const env = { EVENKEEL_DATA_DIR: dataDir, EVENKEEL_ADMIN_PORT: '0', EVENKEEL_METRICS_PORT: '0' };
  const log = join(dataDir, 'engine.log');
  const pidFile = join(dataDir, 'postgres', 'data', 'postmaster.pid');
  const token = (): string => readFileSync(join(dataDir, 'token'), 'utf8').trim();
  const lives = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  let npm: ChildProcess;
  let url = '';
  let pid = 0;
  beforeAll(async () => {
    // It logs nothing, so what stands in its log is somebody else's.
    npm = spawn('npm', ['start'], {
      cwd: root,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env, EVENKEEL_LOG_LEVEL: 'silent' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    npm.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [, address = '', engine = ''] = await eventually('it is ready', 120_000, async () =>
      /Evenkeel is ready: (\S+) \(process (\d+)\)/.exec(said),
    );
    url = address;
    pid = Number(engine);
  });
  afterAll(() => {
    if (lives(pid)) process.kill(pid, 'SIGKILL');
    npm.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('is the process that its ready line and engine.pid name, and the child of npm', () => {
    expect(readFileSync(join(dataDir, 'engine.pid'), 'utf8').split('\n')[0]).toBe(String(pid));
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(new RegExp(`^PPid:\\s+${npm.pid}$`, 'm'));
  });

  it('is not disturbed by a second start, which says whose folder it is', () => {
    const { code, err } = run('engine/main.ts', [], env);
    expect([code, err.includes(`another engine (process ${pid}) runs in ${dataDir}`)]).toEqual([4, true]);
    expect([readFileSync(log, 'utf8'), readFileSync(join(dataDir, 'engine.pid'), 'utf8').split('\n')[0]]).toEqual(['', String(pid)]);
  });

  it('has a database that refuses a wrong password at once', () => {
    const port = readFileSync(pidFile, 'utf8').split('\n')[3] ?? '';
    const { code, out, err } = run('engine/main.ts', [], {
      DATABASE_URL: `postgresql://evenkeel_engine:topsecret@127.0.0.1:${port}/evenkeel`,
      EVENKEEL_DATA_DIR: mkdtempSync(join(tmpdir(), 'evenkeel-wrong-')),
    });
    expect([code, err.includes('does not let this engine in'), `${out}${err}`.includes('topsecret')]).toEqual([6, true, false]);
  });

  it('gets a new token while it runs, and the lost one no longer works', async () => {
    const lost = token();
    const { code, out } = run('admin/new-token.ts', [], env);
    expect([code, out.includes(join(dataDir, 'token'))]).toEqual([0, true]);
    const statusOf = async (one: string): Promise<number> =>
      (await fetch(`${url}/v1/bots`, { headers: { authorization: `Bearer ${one}` } })).status;
    expect([await statusOf(lost), await statusOf(token())]).toEqual([401, 200]);
  });

  it('ends with npm, and its database with it; a token can be had without it', async () => {
    npm.kill('SIGTERM');
    await eventually('the engine has ended', 60_000, async () => !lives(pid));
    expect([existsSync(pidFile), existsSync(join(dataDir, 'engine.pid'))]).toEqual([false, false]);
    const lost = token();
    expect(run('admin/new-token.ts', [], env).code).toBe(0);
    expect([token() === lost, existsSync(pidFile)]).toEqual([false, false]);
  });

  it('that was never started has no token to lose', () => {
    const { code, err } = run('admin/new-token.ts', [], { EVENKEEL_DATA_DIR: mkdtempSync(join(tmpdir(), 'evenkeel-none-')) });
    expect([code, err.includes('no installation')]).toEqual([1, true]);
  });
});
