/** An exit that has been decided, and how its pauses grow while the exchange does not take its orders. */
import type { PendingExit } from './state.ts';

export function newExit(reason: string, decisionMs: number): PendingExit {
  return { reason, decisionMs, failures: 0, notBeforeMs: 0 };
}

const firstPauseMs = 1_000;
const pauseMaxMs = 30_000;

/** An order of it sold nothing: it is tried again after a pause that doubles. It holds, but must not flood the exchange. */
export function afterFailure(exiting: PendingExit, atMs: number): PendingExit {
  const pauseMs = Math.min(pauseMaxMs, firstPauseMs * 2 ** Math.min(exiting.failures, 10));
  return { ...exiting, failures: exiting.failures + 1, notBeforeMs: atMs + pauseMs };
}
