/** A schedule: everything that a run depends on. The world is made from the seed, the faults stand in a list that can be shortened. */
import { drawFault, drawFaults } from './faults.ts';
import type { Fault } from './faults.ts';
import { Random } from './random.ts';

export interface Schedule {
  readonly seed: number;
  /** Engines look at prices and at their stops as rarely as production's settings allow, so that trade history has to tell. */
  readonly rareChecks?: boolean;
  /** Prices move at any time, apart for each symbol, and closes are told late; else all move together every 12 seconds. */
  readonly restless?: boolean;
  /** Bots of several strategies and timeframes. */
  readonly mixed?: boolean;
  /** Some bots hold for long, with targets that the price does not reach, while others enter on the same symbol. */
  readonly neighbours?: boolean;
  /** Virtual time begins so long before a UTC midnight; at one when it is not said. */
  readonly toMidnightMs?: number;
  /** Virtual time in which things go wrong; 3 minutes when it is not said. */
  readonly stormMs?: number;
  readonly faults: readonly Fault[];
}

const shortStormMs = 3 * 60_000;
/** And in which everything must come to rest then. */
export const calmMs = 80_000;

/** Virtual time at which the calm begins: schedules that were kept when storms were longer have theirs to the end. */
export function calmFromMs({ faults, stormMs = shortStormMs }: Schedule): number {
  return Math.max(stormMs, ...faults.map(({ atMs, forMs = 0 }) => atMs + forMs));
}

export function replicasOf(seed: number): number {
  return new Random(seed).branch('replicas').chance(0.45) ? 2 : 1;
}

const rareChecksShare = 0.2;
const restlessShare = 0.6;
const midnightShare = 0.15;
const mixedShare = 0.3;
const neighboursShare = 0.05;
/** Neighbours must have entered before others can meet them. */
const neighboursStormMs = 5 * 60_000;
const floodShare = 0.02;
/** They begin within this share of the storm, so that something comes after them. */
const directedWithin = 0.6;
const minuteMs = 60_000;
const hourMs = 3_600_000;
/** Storms of hours blow less hard: there must be time to enter, hold and be closed in between. */
const longFaultsPerHour = 240;

export function drawSchedule(seed: number): Schedule {
  return draw(seed, shortStormMs, (random) => random.whole(40, 56));
}

/** A session of hours, with a day's change in it and a long time of candles that are off the grid. */
export function drawLongSchedule(seed: number): Schedule {
  const random = new Random(seed).branch('length');
  const stormMs = Math.round(random.between(1, 3) * hourMs);
  const schedule = draw(seed, stormMs, () => Math.round((stormMs / hourMs) * longFaultsPerHour));
  const forMs = Math.round(random.between(3, 30) * minuteMs);
  const offGrid: Fault = { kind: 'off-grid', atMs: Math.round(random.between(0, stormMs - forMs)), forMs, value: 28_225, symbol: 0 };
  return { ...schedule, stormMs, faults: [...schedule.faults, offGrid] };
}

function draw(seed: number, stormMs: number, countOf: (random: Random) => number): Schedule {
  const branch = (name: string): Random => new Random(seed).branch(name);
  const random = branch('faults');
  const count = countOf(random);
  const neighbours = branch('neighbours').chance(neighboursShare);
  const lastsMs = neighbours ? Math.max(stormMs, neighboursStormMs) : stormMs;
  const day = branch('day');
  const changes = stormMs > shortStormMs || day.chance(midnightShare);
  return {
    seed,
    rareChecks: branch('rare checks').chance(rareChecksShare),
    restless: branch('restless').chance(restlessShare),
    ...(branch('mixed').chance(mixedShare) && !neighbours ? { mixed: true } : {}),
    ...(neighbours ? { neighbours } : {}),
    ...(changes ? { toMidnightMs: Math.floor(day.between(0.3, 0.7) * (stormMs / minuteMs)) * minuteMs } : {}),
    ...(lastsMs > shortStormMs ? { stormMs: lastsMs } : {}),
    faults: [...drawFaults(random, count, replicasOf(seed), 5_000, lastsMs), ...directed(branch('directed'), lastsMs, neighbours)],
  };
}

/** Faults that few schedules are made for. */
function directed(random: Random, stormMs: number, neighbours: boolean): readonly Fault[] {
  const floods = random.chance(floodShare) ? (['foreign-flood'] as const) : [];
  const meetings = neighbours ? (['own-match', 'own-match', 'own-prevented', 'own-prevented'] as const) : [];
  return [...floods, ...meetings].map((kind) => drawFault(random, kind, 1, 5_000, stormMs * directedWithin));
}
