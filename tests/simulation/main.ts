/**
 * The command: `npm run simulate -- --seeds 1000 [--long] [--from N] [--seed S] [--replay FILE] [--json] [--ablations]`.
 * `--long` plays sessions of one to three hours, each with a day's change, instead of storms of three minutes.
 * A failing seed is printed with the command that replays it, made small, and kept as a regression.
 */
import { parseArgs } from 'node:util';
import { fullSafety } from '../../engine/safety.ts';
import { systemClock } from '../../engine/time/clock.ts';
import { ablationSeedsMax, elements, findFailing } from './ablations.ts';
import type { Violation } from './watched.ts';
import { keepRegression, readRegression } from './regression.ts';
import { drawLongSchedule, drawSchedule } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { shrink } from './shrink.ts';
import { Totals } from './totals.ts';
import { play } from './world.ts';

const help = `The engine's own code in virtual time, under drawn faults and crashes; every promise is checked at every step.

Examples
  npm run simulate -- --seeds 1000            a thousand schedules from seed 1 on
  npm run simulate -- --seeds 500 --from 9000
  npm run simulate -- --seed 9123             one of them, told step by step
  npm run simulate -- --replay FILE.json      a schedule that was kept in tests/simulation/regressions/

Options
  --seeds N       how many schedules are played (default 1000)
  --from N        the first seed (default 1)
  --long          sessions of one to three hours, each with a change of day, instead of minutes
  --seed S        plays this seed alone and prints its trace
  --replay FILE   plays the schedule of that name in tests/simulation/regressions/ and prints its trace
  --ablations     which seed first fails when a safety element is switched off, element by element
  --json          the totals as JSON
  -h, --help      this text

Ends with 0 when no promise was broken. A seed that broke one is printed with the command that replays it, made small, and kept
in tests/simulation/regressions/.
`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Failing seeds that are made small and kept; of the rest only the number is told. */
const keptMax = 5;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      long: { type: 'boolean', default: false },
      replay: { type: 'string' },
      json: { type: 'boolean', default: false },
      ablations: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  if (values.ablations) return tableOfAblations(values.json);
  if (values.replay !== undefined) return replay(readRegression(values.replay));
  const draw = values.long ? drawLongSchedule : drawSchedule;
  if (values.seed !== undefined) return replay(draw(wholeNumber('--seed', values.seed)));
  return many(wholeNumber('--from', values.from), wholeNumber('--seeds', values.seeds), draw, values.json);
}

class BadArgument extends Error {}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new BadArgument(`${name} ${text}: write a whole number`);
  return value;
}

async function replay(schedule: Schedule): Promise<number> {
  const { trace, violations, hash } = await play(schedule, { readable: true });
  for (const line of trace) say(line);
  say(`seed ${schedule.seed}: ${violations.length} violations, trace ${hash}`);
  return violations.length === 0 ? 0 : 1;
}

async function many(from: number, count: number, draw: (seed: number) => Schedule, json: boolean): Promise<number> {
  const totals = new Totals();
  const failures: { readonly seed: number; readonly violations: readonly Violation[]; readonly kept: string | null }[] = [];
  const startedAt = systemClock.monotonic();
  const usedBefore = process.cpuUsage();
  for (let seed = from; seed < from + count; seed += 1) {
    const schedule = draw(seed);
    const outcome = await play(schedule);
    totals.add(outcome);
    if (outcome.violations.length === 0) continue;
    const kept = failures.length < keptMax ? await keepSmall(schedule, outcome.violations) : null;
    failures.push({ seed, violations: outcome.violations, kept });
    if (!json) tellFailure(schedule, draw === drawLongSchedule, outcome.violations, kept);
  }
  const used = process.cpuUsage(usedBefore);
  const seconds = (systemClock.monotonic() - startedAt) / 1_000;
  const speed = { seedsPerSecond: count / seconds, seedsPerCpuSecond: (count * 1e6) / (used.user + used.system) };
  if (json) {
    const { schedules, orders, fills, events, ordersPerSchedule, faultsPerSchedule } = totals;
    const faults = Object.fromEntries(totals.faults);
    const crashPoints = Object.fromEntries(totals.crashPoints);
    say(
      JSON.stringify({ schedules, orders, fills, events, ordersPerSchedule, faultsPerSchedule, faults, crashPoints, failures, ...speed }),
    );
  } else tellTotals(totals, speed);
  return failures.length === 0 ? 0 : 1;
}

async function keepSmall(schedule: Schedule, violations: readonly Violation[]): Promise<string> {
  const broken = new Set(violations.map((violation) => violation.invariant));
  const small = await shrink(schedule, async (smaller) =>
    (await play(smaller)).violations.some((violation) => broken.has(violation.invariant)),
  );
  return keepRegression(small, (await play(small)).violations);
}

function tellFailure({ seed }: Schedule, long: boolean, violations: readonly Violation[], kept: string | null): void {
  say(`seed ${seed} breaks ${violations.length} promises; replay: npm run simulate -- --seed ${seed}${long ? ' --long' : ''}`);
  for (const { invariant, atMs, what } of violations.slice(0, 5)) say(`  invariant ${invariant} at ${atMs} ms: ${what}`);
  if (kept !== null) say(`  made small and kept; replay: npm run simulate -- --replay ${kept}`);
}

function tellTotals(totals: Totals, speed: { readonly seedsPerSecond: number; readonly seedsPerCpuSecond: number }): void {
  say(`schedules     ${totals.schedules}`);
  say(`violations    ${totals.failed} schedules broke a promise`);
  say(`orders        ${totals.orders} accepted, ${totals.ordersPerSchedule.toFixed(1)} per schedule; ${totals.fills} fills`);
  say(`faults        ${totals.faultsPerSchedule.toFixed(1)} per schedule`);
  for (const [kind, hits] of totals.faults) say(`  ${kind.padEnd(20)} ${hits}`);
  say(`traces        ${totals.traces}`);
  say('crash points');
  for (const [point, hits] of totals.crashPoints) say(`  ${point.padEnd(20)} ${hits}`);
  say(`speed         ${speed.seedsPerSecond.toFixed(0)} seeds per second, ${speed.seedsPerCpuSecond.toFixed(0)} per second of one core`);
}

async function tableOfAblations(json: boolean): Promise<number> {
  if (!Object.values(fullSafety).every(Boolean)) throw new Error('an element is off by default');
  const found = [];
  if (!json) say('| element | first failing seed | invariants |\n|---|---|---|');
  for (const element of elements) {
    const ablation = await findFailing(element);
    found.push(ablation);
    const seed = ablation.firstFailingSeed === null ? `none within ${ablationSeedsMax}` : String(ablation.firstFailingSeed);
    if (!json) say(`| ${element} | ${seed} | ${ablation.invariants.join(', ')} |`);
  }
  if (json) say(JSON.stringify(found));
  return found.every((ablation) => ablation.firstFailingSeed !== null) ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof BadArgument ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
    process.exitCode = error instanceof BadArgument ? 2 : 1;
  },
);
