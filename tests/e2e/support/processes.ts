/** Real processes of the product: started from the command line, awaited by the line they print, killed when told. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface RunningProcess {
  /** The match of the line that was waited for. */
  readonly ready: RegExpExecArray;
  readonly pid: number;
  /** Everything it printed so far. */
  output(): string;
  /** Sends the signal and resolves with the exit code (null when a signal ended it). */
  end(signal: NodeJS.Signals): Promise<number | null>;
  readonly exited: Promise<number | null>;
}

const running = new Set<ChildProcess>();
// A test run that is itself ended must not leave processes behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts `node <script> <args>` and waits until a line of its output matches `readyLine`; rejects with the output when it exits before. */
export function startProcess(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  readyLine: RegExp,
): Promise<RunningProcess> {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
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
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      output += chunk.toString();
      const ready = readyLine.exec(output);
      if (ready === null) return;
      resolve({
        ready,
        pid: child.pid ?? 0,
        output: () => output,
        exited,
        async end(signal) {
          child.kill(signal);
          return exited;
        },
      });
    };
    child.stdout.on('data', onData);
    child.stderr.on('data', onData);
    void exited.then((code) => reject(new Error(`${script} ended with ${code} before it was ready:\n${output.slice(-4_000)}`)));
  });
}

/** Asks until the answer is one; rejects with the last thing seen after `timeoutMs`. */
export async function eventually<T>(what: string, timeoutMs: number, ask: () => Promise<T | null | undefined | false>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== null && answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline)
      throw new Error(
        `${what} did not come true within ${timeoutMs} ms; last seen: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
