/** A thread that plays a shard of the seeds: it adds up what they come to, and names those that broke a promise. */
import { parentPort, workerData } from 'node:worker_threads';
import { drawSchedule } from './schedule.ts';
import { Totals } from './totals.ts';
import type { Sums } from './totals.ts';
import { play } from './world.ts';

export interface Shard {
  readonly from: number;
  readonly count: number;
}

export interface PlayedShard {
  readonly sums: Sums;
  /** Each with the command that replays it. */
  readonly broken: readonly string[];
}

const { from, count } = workerData as Shard;
const totals = new Totals();
const broken: string[] = [];
for (let seed = from; seed < from + count; seed += 1) {
  const outcome = await play(drawSchedule(seed));
  totals.add(outcome);
  for (const { invariant, what } of outcome.violations)
    broken.push(`seed ${seed}, invariant ${invariant}: ${what}; replay: npm run simulate -- --seed ${seed}`);
}
parentPort?.postMessage({ sums: { ...totals }, broken } satisfies PlayedShard);
