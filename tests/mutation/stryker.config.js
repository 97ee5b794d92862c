/**
 * Mutation tests of the trading core: `npm run mutate`, or of one file `npm run mutate -- --mutate engine/trading/stops.ts`.
 * A surviving mutant is a line whose meaning no test holds.
 */
import { mutateDecimalComparisons } from './decimal-mutator.js';

mutateDecimalComparisons();

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: ['engine/trading/**/*.ts'],
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
