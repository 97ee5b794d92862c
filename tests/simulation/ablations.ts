/** Shows that the simulation notices a lost safety element: each is switched off alone, and schedules are played until an invariant breaks. */
import { fullSafety, safetyElements } from '../../engine/safety.ts';
import type { Safety, SafetyElement } from '../../engine/safety.ts';
import { drawSchedule } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { play } from './world.ts';

export interface Ablation {
  readonly element: SafetyElement;
  /** Null when no seed up to the bound failed. */
  readonly firstFailingSeed: number | null;
  /** Numbers of the invariants that broke there. */
  readonly invariants: readonly number[];
}

/** Each must be caught within so many seeds. */
export const ablationSeedsMax = 10_000;

export const elements = Object.keys(safetyElements) as SafetyElement[];

export function without(element: SafetyElement): Safety {
  return { ...fullSafety, [element]: false };
}

/** Invariants that the schedule breaks without the element. */
export async function brokenBy(element: SafetyElement, schedule: Schedule): Promise<readonly number[]> {
  const { violations } = await play(schedule, { safety: without(element) });
  // What breaks with everything on says nothing about the element.
  if (violations.length > 0 && (await play(schedule)).violations.length > 0) return [];
  return [...new Set(violations.map((violation) => violation.invariant))].sort((a, b) => a - b);
}

export function brokenAt(element: SafetyElement, seed: number): Promise<readonly number[]> {
  return brokenBy(element, drawSchedule(seed));
}

export async function findFailing(element: SafetyElement, from = 1, seedsMax = ablationSeedsMax): Promise<Ablation> {
  for (let seed = from; seed < from + seedsMax; seed += 1) {
    const invariants = await brokenAt(element, seed);
    if (invariants.length > 0) return { element, firstFailingSeed: seed, invariants };
  }
  return { element, firstFailingSeed: null, invariants: [] };
}
