/**
 * Checks the direction of imports. Runs dependency-cruiser and also fails when it saw almost nothing: on an
 * unsupported TypeScript it reports 0 modules and success.
 */
import { spawnSync } from 'node:child_process';

const roots = ['engine', 'admin', 'entities', 'migrations', 'simulator', 'mikro-orm.config.ts'];
const run = spawnSync(
  process.execPath,
  ['node_modules/dependency-cruiser/bin/dependency-cruiser.mjs', '--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...roots],
  {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  },
);
if (run.error || run.stdout.length === 0) {
  console.error(`dependency-cruiser did not run: ${run.error?.message ?? run.stderr}`);
  process.exit(1);
}
const { summary } = JSON.parse(run.stdout) as {
  summary: { totalCruised: number; violations: { from: string; to: string; rule: { name: string } }[] };
};
for (const violation of summary.violations) console.error(`${violation.rule.name}: ${violation.from} -> ${violation.to}`);
if (summary.totalCruised < 40) {
  console.error(`Only ${summary.totalCruised} modules were read; the check proves nothing.`);
  process.exit(1);
}
console.log(`dependency rules: ${summary.totalCruised} modules, ${summary.violations.length} violations`);
process.exit(summary.violations.length === 0 ? 0 : 1);
