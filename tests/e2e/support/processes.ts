/** Real processes of the product: started from the command line, awaited by the line they print, killed when told. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beginRun } from '../../servers/run-folder.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface SpawnedProcess {
  readonly pid: number;
  /** Everything it printed so far. */
  output(): string;
  /** Sends the signal and resolves with the exit code (null when a signal ended it). */
  end(signal: NodeJS.Signals): Promise<number | null>;
  readonly exited: Promise<number | null>;
  /** Resolves with the match of the line that is waited for; rejects with the output when it exits before. */
  readonly ready: Promise<RegExpExecArray>;
}

export interface RunningProcess extends Omit<SpawnedProcess, 'ready'> {
  /** The match of the line that was waited for. */
  readonly ready: RegExpExecArray;
}

const running = new Set<ChildProcess>();
// A run that is itself ended must not leave processes behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** For command lines: Ctrl-C and `kill` end the process by way of its `exit` handlers, which end what it has started. */
export function exitWhenTold(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
}

/** Nothing of ours but where to write, and what was compiled before: half of a start is compiling the same files again. */
export function plainEnv(): Record<string, string> {
  beginRun();
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '',
    TMPDIR: tmpdir(),
    NODE_COMPILE_CACHE: join(tmpdir(), 'compiled'),
  };
}

/** Starts `node <script> <args>`; `ready` is a line of its output that matches `readyLine`. */
export function spawnProcess(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  readyLine: RegExp,
): SpawnedProcess {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: root,
    env: { ...plainEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  const exited = new Promise<number | null>((resolve) => {
    child.on('exit', (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  const ready = new Promise<RegExpExecArray>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      output += chunk.toString();
      const match = readyLine.exec(output);
      if (match !== null) resolve(match);
    };
    child.stdout.on('data', onData);
    child.stderr.on('data', onData);
    void exited.then((code) => reject(new Error(`${script} ended with ${code} before it was ready:\n${output.slice(-4_000)}`)));
  });
  // Without this, a rejection that nobody waits for would end the test process.
  ready.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    output: () => output,
    async end(signal) {
      child.kill(signal);
      return exited;
    },
    exited,
    ready,
  };
}

/** Starts a process and waits until it is ready. */
export async function startProcess(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  readyLine: RegExp,
): Promise<RunningProcess> {
  const spawned = spawnProcess(script, args, env, readyLine);
  return { ...spawned, ready: await spawned.ready };
}

/** Between two questions: a tenth of what was waited, so that a long wait does not cost the processes that are waited for their time. */
const pauseMs = { min: 20, max: 200 };

/** Asks until the answer is one; rejects with the last thing seen after `timeoutMs`. */
export async function eventually<T>(what: string, timeoutMs: number, ask: () => Promise<T | null | undefined | false>): Promise<T> {
  const startedAt = performance.now();
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== null && answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    const waitedMs = performance.now() - startedAt;
    if (waitedMs >= timeoutMs)
      throw new Error(
        `${what} did not come true within ${timeoutMs} ms; last seen: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs.max, Math.max(pauseMs.min, waitedMs / 10))));
  }
}
