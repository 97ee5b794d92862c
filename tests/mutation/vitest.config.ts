import { defineConfig } from 'vitest/config';

/** What a mutant of the core must survive: the pure core's own tests, and no others. */
export default defineConfig({
  test: { include: ['tests/unit/trading/**/*.test.ts', 'tests/unit/strategies/**/*.test.ts'], testTimeout: 60_000 },
});
