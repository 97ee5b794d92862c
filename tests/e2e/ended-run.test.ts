/** A run of tests that ends, however it ends, leaves no process and no file. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { eventually } from './support/processes.ts';

const script = fileURLToPath(new URL('support/run-to-end.ts', import.meta.url));

interface Begun {
  readonly folder: string;
  readonly urls: readonly string[];
  readonly pids: readonly number[];
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

/** One that nobody has waited for yet still has a number, and nothing else. */
function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

it.each(['SIGINT', 'SIGTERM', 'SIGKILL', 'a failed set-up'] as const)('a run that is ended by %s leaves nothing behind', async (by) => {
  // It is no part of this run: it begins one of its own.
  const run = spawn(process.execPath, [script, ...(by === 'a failed set-up' ? ['failing'] : [])], {
    env: { PATH: process.env['PATH'], TMPDIR: tmpdir() },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  run.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const { folder, urls, pids } = await eventually('the run has begun', 60_000, async () => {
    const [, told] = /^ready: (.*)$/m.exec(output) ?? [];
    return told === undefined ? null : (JSON.parse(told) as Begun);
  });
  if (by !== 'a failed set-up') {
    expect(pids.filter(alive)).toEqual(pids);
    expect(await Promise.all(urls.map(answers))).toEqual([true, true]);
    run.kill(by);
  }
  await eventually('its folder is gone', 60_000, async () => !existsSync(folder));
  await eventually('its processes are gone', 60_000, async () => !pids.some(alive));
  await eventually('its servers do not answer', 60_000, async () => (await Promise.all(urls.map(answers))).every((heard) => !heard));
});
