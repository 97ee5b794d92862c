import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const servers = ['tests/servers/global-setup.ts'];
/** Files at a time. Three on the smallest machine: half of the time of a file with real processes is waiting. */
const maxWorkers = Math.max(3, availableParallelism());

/**
 * Six suites: pure and fast; virtual time with faults; real PostgreSQL and Redis; real processes against the simulator; after these and
 * one by one those that hold the product to a time on the wall clock, and then real processes under chaos. Files of one suite share
 * their worker's modules (`isolate: false`): to load those anew for each file was half of the work of unit and integration tests.
 */
export default defineConfig({
  test: {
    reporters: ['default', './tests/reporter.ts'],
    maxWorkers,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['tests/unit/**/*.test.ts'],
          testTimeout: 20_000,
          pool: 'threads',
          isolate: false,
        },
      },
      { test: { name: 'simulation', include: ['tests/simulation/**/*.test.ts'], testTimeout: 120_000 } },
      {
        test: {
          name: 'integration',
          include: ['tests/integration/**/*.test.ts'],
          globalSetup: servers,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          isolate: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['tests/e2e/*.test.ts'],
          globalSetup: servers,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          isolate: false,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['tests/chaos/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          // Two runs with servers of their own at a time: they are as much as a small machine bears.
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'wall-clock',
          include: ['tests/wall-clock/**/*.test.ts'],
          globalSetup: servers,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
