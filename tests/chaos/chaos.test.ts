/** Ten runs of chaos with fixed seeds: `npm run chaos` makes more of them, and prints each. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keptDir } from '../servers/run-folder.ts';
import { runOnce } from './run.ts';
import { startServers } from './servers.ts';
import type { Servers } from './servers.ts';

const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
/** Each with servers of its own: most of a run is waiting. */
const jobs = 3;

describe(`${seeds.length} runs of chaos`, () => {
  const root = mkdtempSync(join(keptDir(), 'evenkeel-chaos-'));
  const sets: Servers[] = [];

  beforeAll(async () => {
    sets.push(...(await Promise.all(Array.from({ length: jobs }, startServers))));
  });
  afterAll(async () => {
    await Promise.all(sets.map((servers) => servers.stop()));
  });

  it('lose, double and orphan no order', async () => {
    const left = [...seeds];
    const failures: string[] = [];
    let orders = 0;
    await Promise.all(
      sets.map(async (servers) => {
        for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
          const folder = join(root, `seed-${seed}`);
          const report = await runOnce({ servers, seed, folder });
          orders += report.orders;
          const lines = [...report.lost, ...report.doubled, ...report.orphaned, ...report.wrong];
          if (report.passed) rmSync(folder, { recursive: true, force: true });
          else failures.push(`npm run chaos -- --runs 1 --seed ${seed} (logs: ${folder})`, ...report.events, ...lines);
        }
      }),
    );
    expect(failures).toEqual([]);
    // Without orders the comparison would prove nothing.
    expect(orders).toBeGreaterThan(seeds.length);
  }, 600_000);
});
