/** A schedule: everything that a run depends on. The world is made from the seed, the faults stand in a list that can be shortened. */
import { drawFaults } from './faults.ts';
import type { Fault } from './faults.ts';
import { Random } from './random.ts';

export interface Schedule {
  readonly seed: number;
  /** Engines look at prices and at their stops as rarely as production's settings allow, so that trade history has to tell. */
  readonly rareChecks?: boolean;
  readonly faults: readonly Fault[];
}

/** Virtual time in which things go wrong. */
const stormMs = 3 * 60_000;
/** And in which everything must come to rest then. */
export const calmMs = 80_000;

/** Virtual time at which the calm begins: schedules that were kept when storms were longer have theirs to the end. */
export function calmFromMs({ faults }: Schedule): number {
  return Math.max(stormMs, ...faults.map(({ atMs, forMs = 0 }) => atMs + forMs));
}

export function replicasOf(seed: number): number {
  return new Random(seed).branch('replicas').chance(0.45) ? 2 : 1;
}

const rareChecksShare = 0.2;

export function drawSchedule(seed: number): Schedule {
  const random = new Random(seed).branch('faults');
  const count = random.whole(37, 53);
  const rareChecks = new Random(seed).branch('rare checks').chance(rareChecksShare);
  return { seed, rareChecks, faults: drawFaults(random, count, replicasOf(seed), 5_000, stormMs) };
}
