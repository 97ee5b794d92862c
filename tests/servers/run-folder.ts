/**
 * One folder for everything that a run of tests writes, in memory where there is room. However the run ends, also by kill -9, an
 * undertaker then ends the processes that it left and removes the folder.
 */
import { spawn } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdtempSync, readFileSync, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const memory = '/dev/shm';
/** Several times what a whole run leaves there: three PostgreSQL servers with their logs of what is written. */
const roomBytes = 3 * 2 ** 30;

const runVariable = 'EVENKEEL_TEST_RUN';
const keepsVariable = 'EVENKEEL_TEST_KEEPS';

/**
 * Whoever starts the first server or process of a run begins it; processes further down find it begun. From here on `tmpdir()` is
 * the run's folder, and whoever is told of it is ended with the run.
 */
export function beginRun(): void {
  if (process.env[runVariable] !== undefined) return;
  const folder = mkdtempSync(join(memoryHasRoom() ? memory : tmpdir(), 'evenkeel-run-'));
  // PostgreSQL runs as another user when we are root.
  chmodSync(folder, 0o711);
  process.env[keepsVariable] = tmpdir();
  process.env[runVariable] = folder;
  process.env['TMPDIR'] = folder;
  const undertaker = spawn(process.execPath, [fileURLToPath(new URL('undertaker.ts', import.meta.url)), folder], {
    // Ctrl-C ends all processes of a terminal's group; this one goes last.
    detached: true,
    env: {},
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  // Its input ends when this process has ended, and that is what it waits for.
  undertaker.unref();
}

/** For what is to be read after the run. */
export function keptDir(): string {
  return process.env[keepsVariable] ?? tmpdir();
}

function memoryHasRoom(): boolean {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    const options = /^\S+ \/dev\/shm tmpfs (\S+)/m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1]?.split(',') ?? ['noexec'];
    // A container's is often too small, and may run no programs: PostgreSQL's are copied when they lie where its user may not go.
    return bavail * bsize >= roomBytes && freemem() >= roomBytes && !options.includes('noexec');
  } catch {
    return false; // no Linux
  }
}
