import { defineConfig } from 'vitest/config';

/** What a mutant of the core must not survive: the pure core's own examples. Its properties would cost a second and more for each. */
export default defineConfig({
  test: {
    include: ['tests/unit/trading/**/*.test.ts', 'tests/unit/strategies/**/*.test.ts'],
    exclude: ['tests/unit/trading/properties.test.ts'],
    // A worker for each file would cost more than its tests; the core keeps no state between them.
    isolate: false,
    testNamePattern: /^(?!.*(whatever|never shrinks))/,
    testTimeout: 60_000,
  },
});
