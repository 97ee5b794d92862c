/** A real redis-server for tests: one on PATH, else Debian's package is installed when we may; `REDIS_TEST_URL` names one that runs already. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beginRun } from './run-folder.ts';

export interface TestRedis {
  readonly url: string;
  /** Where it would save to; empty for a server that is not ours. */
  readonly folder: string;
  /** False for a server that was given to us: it is not ours to stop. */
  readonly ours: boolean;
  pause(): void;
  resume(): void;
  /** Ends the process at once and starts an empty one on the same port. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedis(options: { own?: boolean } = {}): Promise<TestRedis> {
  const given = process.env['REDIS_TEST_URL'];
  if (given !== undefined && given !== '' && options.own !== true) {
    const notOurs = (): never => {
      throw new Error('REDIS_TEST_URL names a server that is not ours to stop');
    };
    return {
      url: given.replace(/\/$/, ''),
      folder: '',
      ours: false,
      pause: notOurs,
      resume: notOurs,
      kill: notOurs,
      start: notOurs,
      stop: async () => undefined,
    };
  }
  beginRun();
  const command = findServer();
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-redis-'));
  const port = await freePort();
  let child: ChildProcess | null = null;
  const redis: TestRedis = {
    url: `redis://127.0.0.1:${port}`,
    folder,
    ours: true,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async kill() {
      if (child === null) return;
      const ended = new Promise((resolve) => child?.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      child = null;
    },
    async start() {
      child = spawn(command, ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      await untilReady(child);
    },
    async stop() {
      await redis.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await redis.start();
  return redis;
}

function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('Ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${output}`)));
  });
}

/** Throws with what to do when there is no server and none can be installed. */
function findServer(): string {
  if (works()) return 'redis-server';
  if (process.getuid?.() === 0) {
    try {
      execFileSync('apt-get', ['install', '-y', '-q', 'redis-server'], {
        stdio: 'ignore',
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      });
    } catch {
      try {
        execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore' });
        execFileSync('apt-get', ['install', '-y', '-q', 'redis-server'], {
          stdio: 'ignore',
          env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
        });
      } catch {
        // No Debian, or no packages to be had: the message below says what to do.
      }
    }
    if (works()) return 'redis-server';
  }
  throw new Error(
    'The tests need a real redis-server: install it (Debian: apt-get install redis-server) or set REDIS_TEST_URL to one that runs.',
  );
}

function works(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no free port'))));
    });
  });
}
