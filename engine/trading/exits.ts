/** An exit that has been decided, and how its pauses grow while its orders sell nothing. */
import type { OrderOutcome } from './events.ts';
import type { PendingExit } from './state.ts';

export function newExit(reason: string, decisionMs: number): PendingExit {
  return { reason, decisionMs, failures: 0, unsent: 0, pausing: false };
}

/** An order of it sold nothing: it holds, but must not flood the exchange. */
export function afterFailure(exiting: PendingExit, outcome: Exclude<OrderOutcome, 'filled'>): PendingExit {
  return outcome === 'never-placed'
    ? { ...exiting, unsent: exiting.unsent + 1, pausing: true }
    : { ...exiting, failures: exiting.failures + 1, unsent: 0, pausing: true };
}

const firstPauseMs = 100;
const pauseMaxMs = 30_000;
/** What never reached the exchange costs nothing there, and the position waits. */
const unsentPauseMaxMs = 2_000;

/**
 * How long an exit waits after an order that sold nothing: twice as long after each in a row. Real time, which is what rate
 * limits count in: whoever feeds the core measures it.
 */
export function exitPauseMs({ failures, unsent }: Pick<PendingExit, 'failures' | 'unsent'>): number {
  const doubled = (times: number): number => firstPauseMs * 2 ** Math.max(0, times - 1);
  return unsent > 0 ? Math.min(unsentPauseMaxMs, doubled(unsent)) : Math.min(pauseMaxMs, doubled(failures));
}
