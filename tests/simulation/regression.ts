/** Schedules that once broke something: kept as files, played for ever. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import type { Violation } from './watched.ts';
import type { Schedule } from './schedule.ts';

export interface Regression extends Schedule {
  /** What broke when it was found. */
  readonly broke: readonly { readonly invariant: number; readonly what: string }[];
}

const folder = new URL('regressions/', import.meta.url);

export function regressionFiles(): readonly string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.json'));
}

export function readRegression(name: string): Regression {
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Regression;
}

/** Answers the file's name. */
export function keepRegression({ faults, ...world }: Schedule, violations: readonly Violation[]): string {
  const broke = [...new Map(violations.map(({ invariant, what }) => [invariant, { invariant, what }])).values()];
  const name = `seed-${world.seed}-invariant-${broke.map((one) => one.invariant).join('-')}.json`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(name, folder), `${JSON.stringify({ ...world, broke, faults }, null, 2)}\n`);
  return name;
}
