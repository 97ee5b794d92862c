/** An exit that has been decided, and how its pauses grow while the exchange does not take its orders. */
import type { Decimal } from 'decimal.js';
import type { Instrument } from './instrument.ts';
import { isFlat, sellableQuantity } from './position.ts';
import type { PendingExit, Position } from './state.ts';

export function newExit(reason: string, decisionMs: number): PendingExit {
  return { reason, decisionMs, failures: 0, pausing: false, available: null };
}

/** An order of it sold nothing: it holds, but must not flood the exchange. `available`: what there was to sell, when that was too little. */
export function afterFailure(exiting: PendingExit, available: Decimal | null): PendingExit {
  return { ...exiting, failures: exiting.failures + 1, pausing: true, available };
}

/**
 * What the next order of the exit sells: all that is held, or what is free where the exchange refused to sell more. Less than can
 * be sold alone is no reason to ask for less: all of it is asked for again, and the answer tells whether the coins are back.
 */
export function exitQuantity(exiting: PendingExit, position: Position, instrument: Instrument, price: number): Decimal {
  const { available } = exiting;
  if (available === null || available.gte(position.quantity)) return sellableQuantity(position, instrument);
  const free = { ...position, quantity: available };
  return sellableQuantity(isFlat(free, instrument, price) ? position : free, instrument);
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
