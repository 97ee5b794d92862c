/** What the commands say when they are asked wrongly, or at all. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { createLog } from '../../engine/observe/log.ts';
import { startEmbeddedPostgres } from '../../engine/persistence/embedded-postgres.ts';
import { systemClock } from '../../engine/time/clock.ts';
import { eventually } from './support/processes.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

function run(script: string, args: readonly string[], env: Record<string, string> = {}): { code: number | null; out: string; err: string } {
  const done = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', ...env },
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
  ])('refuses %j by name with exit code 2', (args, named) => {
    const { code, err } = run('simulator/main.ts', args);
    expect([code, err.includes(named)]).toEqual([2, true]);
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
      env: { PATH: process.env['PATH'], EVENKEEL_DATA_DIR: dataDir, EVENKEEL_ADMIN_PORT: '0', EVENKEEL_METRICS_PORT: '0' },
      stdio: 'ignore',
    });
    const exited = once(engine, 'exit');
    const pidFile = join(dataDir, 'postgres', 'data', 'postmaster.pid');
    await eventually('the database starts', 30_000, async () => existsSync(pidFile));
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

  it('does not listen beyond loopback unless the network is said to be trusted', () => {
    const { code, err } = run('engine/main.ts', [], {
      EVENKEEL_ADMIN_HOST: '0.0.0.0',
      EVENKEEL_ADMIN_PORT: '0',
      EVENKEEL_METRICS_PORT: '0',
      EVENKEEL_DATA_DIR: mkdtempSync(join(tmpdir(), 'evenkeel-cli-')),
    });
    expect(code).toBe(6);
    expect(err).toContain('EVENKEEL_TRUSTED_NETWORK');
  });
});
