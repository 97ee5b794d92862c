/**
 * Mutation tests of the trading core: `npm run mutate`, or of one file `npm run mutate -- --mutate engine/trading/stops.ts`.
 * A surviving mutant is a line whose meaning no test holds. The table of a bot's columns is data, mostly words: tests of the API, of the
 * database and of its page in docs hold it, which do not run here. Comparisons that survive because both sides of their bound do the same:
 * the tighter of two equal stops (protect.ts `tightest.gt`, `lowest.gt`, restore.ts `stopPrice.gt`), the better of two equal prices
 * (restore.ts `price > bestFill`), what is capped at just what it is (exits.ts `.lte(most)`, `available.gte`), nothing floored to
 * nothing (position.ts `floored.lte(0)`, `quantity.gt(0)`), a stop at 0, which may not rest anyway (protect.ts `wanted > 0`, sizing.ts
 * `stop > 0`), a price of 0, by which everything is allowed (exits.ts `price > 0`), a warning that float noise keeps from its exact
 * bound (day.ts `loss < limit * warningShare`), what is asked only of numbers that differ (kill-switch.ts `byPolicy > 0`), and
 * caches (exact.ts, lots.ts, position.ts).
 */
import { mutateDecimalComparisons } from './decimal-mutator.js';

mutateDecimalComparisons();

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: ['engine/trading/**/*.ts', '!engine/trading/bot-columns.ts', 'engine/kill-switch/kill-switch.ts'],
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'tests/mutation/vitest.config.ts', related: false },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 30_000,
  incremental: false,
  reporters: ['clear-text', 'progress-append-only', 'json'],
  clearTextReporter: { allowColor: false, reportTests: false, reportMutants: true },
  jsonReporter: { fileName: 'coverage/mutation.json' },
  thresholds: { high: 95, low: 90, break: 85 },
  tempDirName: '.evenkeel/stryker',
  ignorePatterns: ['.evenkeel', 'coverage', 'docs', 'ops'],
};
