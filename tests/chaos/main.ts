/** `npm run chaos -- --runs 20 --seed S`: real processes under faults; after each run the exchange's ledger is held against the rows. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runOnce } from './run.ts';
import type { Hit, RunReport } from './run.ts';
import { exitWhenTold } from '../e2e/support/processes.ts';
import { startServers } from './servers.ts';

const help = `Runs of chaos: engines, PostgreSQL, Redis and an exchange as real processes, faults in between, then a comparison.

  npm run chaos -- --runs 20 --seed 1    runs with the seeds 1 to 20
  npm run chaos -- --runs 1 --seed 7     repeats the run with seed 7

Options
  --runs N     how many (default 20)
  --seed S     seed of the first (default 1); the next ones count up
  --jobs N     runs at a time (default 1), each with servers of its own
  --verbose    prints what befell each run, not only those that fail
`;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  process.stderr.write(`--${name}: "${text}" is not a whole number from ${least}\n`);
  process.exit(2);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function tell(report: RunReport, folder: string, verbose: boolean): void {
  const { seed, passed, faults, events, orders, executions, tookMs, lost, doubled, orphaned, wrong } = report;
  print(
    `seed ${seed}: ${passed ? 'ok' : 'FAILED'}, ${faults} faults, ${orders} orders, ${executions} trades, ${(tookMs / 1_000).toFixed(1)} s`,
  );
  if (verbose || !passed) for (const event of events) print(`    ${event}`);
  if (passed) return;
  for (const [name, lines] of Object.entries({ lost, doubled, orphaned, wrong })) for (const line of lines) print(`  ${name}: ${line}`);
  print(`  logs: ${folder}`);
  print(`  again: npm run chaos -- --runs 1 --seed ${seed}`);
}

/** In so many runs each kind of fault is drawn often: one that never has an effect is an error of the harness. */
const runsThatHitAll = 200;

function hitTable(hits: readonly Hit[]): readonly { readonly kind: string; readonly took: number; readonly drawn: number }[] {
  const kinds = [...new Set(hits.map(({ kind }) => kind))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return kinds.map((kind) => {
    const drawn = hits.filter((hit) => hit.kind === kind);
    return { kind, took: drawn.filter(({ took }) => took).length, drawn: drawn.length };
  });
}

/** A crash point is met when either signal met it. */
function withoutSignal(kind: string): string {
  return kind.replace(/ \(SIG\w+\)$/, '');
}

if (values.help) {
  print(help);
  process.exit(0);
}
exitWhenTold();
const first = wholeNumber('seed', values.seed, 0);
const seeds = Array.from({ length: wholeNumber('runs', values.runs, 1) }, (_, index) => first + index);
const root = mkdtempSync(join(tmpdir(), 'evenkeel-chaos-'));
const reports: RunReport[] = [];

async function work(): Promise<void> {
  const servers = await startServers();
  for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
    const folder = join(root, `seed-${seed}`);
    const report = await runOnce({ servers, seed, folder });
    reports.push(report);
    tell(report, folder, values.verbose);
    if (report.passed) rmSync(folder, { recursive: true, force: true });
  }
  await servers.stop();
}

const runs = seeds.length;
await Promise.all(Array.from({ length: Math.min(runs, wholeNumber('jobs', values.jobs, 1)) }, work));
const sum = (pick: (report: RunReport) => number): number => reports.reduce((total, report) => total + pick(report), 0);
const failed = reports.filter((report) => !report.passed).length;
const table = hitTable(reports.flatMap((report) => report.hits));
print('what befell the runs (hit of drawn):');
for (const { kind, took, drawn } of table) print(`  ${kind}: ${took} of ${drawn}`);
print(
  `${runs} runs, ${sum((r) => r.faults)} faults, ${sum((r) => r.orders)} orders (fewest in a run ${Math.min(...reports.map((r) => r.orders))}), ${sum((r) => r.lost.length)} lost, ${sum((r) => r.doubled.length)} doubled, ${sum((r) => r.orphaned.length)} orphaned${failed === 0 ? '' : `; ${failed} runs FAILED`}`,
);
const hitKinds = new Set(table.filter(({ took }) => took > 0).map(({ kind }) => withoutSignal(kind)));
const inVain = runs >= runsThatHitAll ? table.map(({ kind }) => withoutSignal(kind)).filter((kind) => !hitKinds.has(kind)) : [];
if (inVain.length > 0) print(`FAILED: never hit anything: ${[...new Set(inVain)].join(', ')}`);
process.exit(failed === 0 && inVain.length === 0 ? 0 : 1);
