/**
 * `node undertaker.ts <folder of a run>`: waits until the run has ended, ends every process that still works in the run's folder or
 * names it in its command line or environment, and removes the folder. (Servers overwrite both texts: Redis with its address.)
 */
import { readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const [folder] = process.argv.slice(2);
if (folder === undefined || !/\/evenkeel-run-\w+$/.test(folder)) throw new Error('the only argument is the folder of a test run');

const politeMs = 2_000;
const patienceMs = 15_000;

interface Left {
  readonly pid: number;
  readonly commandLine: string;
}

function left(): readonly Left[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => ({
      pid: Number(name),
      commandLine: told(() => readFileSync(`/proc/${name}/cmdline`, 'utf8')),
      environment: told(() => readFileSync(`/proc/${name}/environ`, 'utf8')),
      worksIn: told(() => readlinkSync(`/proc/${name}/cwd`)),
    }))
    .filter(({ commandLine, environment, worksIn }) => [commandLine, environment, worksIn].some((text) => text.includes(folder ?? '')));
}

/** Empty for a process that has ended, or that is somebody else's. */
function told(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

await finished(process.stdin.resume());
const startedAt = performance.now();
try {
  for (let found = left(); found.length > 0 && performance.now() - startedAt < patienceMs; found = left()) {
    const polite = performance.now() - startedAt < politeMs;
    // PostgreSQL takes its children along when it is asked like this.
    for (const { pid, commandLine } of found) end(pid, polite && commandLine.includes('postgres') ? 'SIGQUIT' : 'SIGKILL');
    await sleep(50);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
