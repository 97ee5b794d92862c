import { defineConfig } from 'vitest/config';

/** What a mutant of the core must not survive: the pure core's own tests, without those that live through whole markets (seconds each). */
export default defineConfig({
  test: {
    include: ['tests/unit/trading/**/*.test.ts', 'tests/unit/strategies/**/*.test.ts', 'tests/unit/kill-switch/kill-switch.test.ts'],
    exclude: ['properties', 'never-refused']
      .map((name) => `tests/unit/trading/${name}.test.ts`)
      .concat('tests/unit/strategies/explain.test.ts'),
    setupFiles: ['tests/mutation/few-runs.ts'],
    // A worker for each file would cost more than its tests; the core keeps no state between them.
    isolate: false,
    testNamePattern: /^(?!.*(in whatever order|whatever prices do|after any sequence of events))/,
    testTimeout: 60_000,
  },
});
