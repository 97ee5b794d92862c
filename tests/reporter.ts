/** Ends a run with its ten slowest files and, as the very last line, `N passed, N failed`. A file that fails to load counts as a failure. */
import type { Reporter, TestModule } from 'vitest/node';

const slowestShown = 10;

export default class ClosingLines implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      failed += module.errors().length;
      // A hook that failed fails its suite, and the tests in it never ran.
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
        else skipped += 1;
      }
    }
    const slowest = modules
      .map((module) => ({ module, seconds: secondsOf(module) }))
      .sort((a, b) => b.seconds - a.seconds)
      .slice(0, slowestShown)
      .map(({ module, seconds }) => `${seconds.toFixed(1).padStart(8)} s  ${module.project.name}  ${module.relativeModuleId}`);
    process.on('exit', () => {
      console.log(['The slowest files:', ...slowest, ''].join('\n'));
      console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
    });
  }
}

/** With its hooks and with what it took to start and to load it. */
function secondsOf(module: TestModule): number {
  const { environmentSetupDuration, prepareDuration, collectDuration, setupDuration, duration } = module.diagnostic();
  return (environmentSetupDuration + prepareDuration + collectDuration + setupDuration + duration) / 1_000;
}
