/** An exit that has been decided, and how its pauses grow while the exchange does not take its orders. */
import type { PendingExit } from './state.ts';

export function newExit(reason: string, decisionMs: number): PendingExit {
  return { reason, decisionMs, failures: 0, pausing: false };
}

/** An order of it sold nothing: it holds, but must not flood the exchange. */
export function afterFailure(exiting: PendingExit): PendingExit {
  return { ...exiting, failures: exiting.failures + 1, pausing: true };
}

const firstPauseMs = 100;
const pauseMaxMs = 30_000;

/**
 * How long an exit waits after its `failures`-th order in a row that sold nothing: twice as long each time. Real time, which
 * is what rate limits count in: whoever feeds the core measures it.
 */
export function exitPauseMs(failures: number): number {
  return Math.min(pauseMaxMs, firstPauseMs * 2 ** Math.max(0, failures - 1));
}
