/** An exit that has been decided, and how its pauses grow while its orders sell nothing. */
import { Decimal } from 'decimal.js';
import type { OrderOutcome } from './events.ts';
import { exact } from './exact.ts';
import type { Instrument } from './instrument.ts';
import { flooredToLot, mostWorth, smallestLot } from './lots.ts';
import { isDust, sellableQuantity, unsellableBy } from './position.ts';
import type { ExitKind, PendingExit, Position } from './state.ts';

export function newExit(kind: ExitKind | null, reason: string, decisionMs: number, triggerPrice: number | null = null): PendingExit {
  const requested = kind === 'request' ? reason : null;
  return { kind, reason, decisionMs, triggerPrice, failures: 0, unsent: 0, pausing: false, available: null, requested };
}

/** The exit after an order that sold nothing: it goes on after a pause. `available`: what there was to sell, when that was too little. */
export function afterFailure(exiting: PendingExit, outcome: Exclude<OrderOutcome, 'filled'>, available: Decimal | null): PendingExit {
  return outcome === 'never-placed'
    ? { ...exiting, unsent: exiting.unsent + 1, pausing: true }
    : { ...exiting, failures: exiting.failures + 1, unsent: 0, pausing: true, available };
}

/**
 * What the next order of the exit sells: all that is held, or what is free when the exchange refused to sell more. When less is free than an
 * order must have, all of it is tried again: the coins may be back.
 */
export function exitQuantity(exiting: PendingExit, position: Position, instrument: Instrument, price: number): Decimal {
  const { available } = exiting;
  const free = available === null || available.gte(position.quantity) ? position : { ...position, quantity: available };
  const wanted = sellableQuantity(isDust(free, instrument, price) ? position : free, instrument);
  return withinNotional(wanted, instrument, price);
}

/** A quantity above the largest order is sold in several orders, none of them below the smallest lot. */
function withinNotional(quantity: Decimal, instrument: Instrument, price: number): Decimal {
  const most = mostWorth(instrument);
  if (most === null || !(price > 0) || exact(quantity).times(price).lte(most)) return quantity;
  return Decimal.max(flooredToLot(exact(most).div(price), instrument), smallestLot(instrument));
}

/** Why an exit has to wait, in the trader's words: a filter does not let what is held be sold at `price`. Null when it may be sold. */
export function heldUp(position: Position, instrument: Instrument, price: number): string | null {
  const by = unsellableBy(position, instrument, price);
  if (by === null) return null;
  return `the exchange's filter ${by.filter} does not let ${position.quantity.toFixed()} ${instrument.baseAsset} be sold now (${by.least})`;
}

/** What a trader reads when the exchange refused an exit for want of coins; `told` are its words. */
export function tooLittle({ quantity }: Position, available: Decimal, { baseAsset }: Instrument, told: string): string {
  return `the exit order was not filled: the position is ${quantity.toFixed()} ${baseAsset}, but the account has only ${available.toFixed()} free; the next order sells at most that (${told})`;
}

const firstPauseMs = 100;
const pauseMaxMs = 30_000;
/** Longest pause after orders that never reached the exchange: short, because they cost nothing there and the position waits. */
const unsentPauseMaxMs = 2_000;

/**
 * How long an exit waits after an order that sold nothing: twice as long after each in a row. Measured in real time, as
 * rate limits are, by the caller of the core.
 */
export function exitPauseMs({ failures, unsent }: Pick<PendingExit, 'failures' | 'unsent'>): number {
  const doubled = (times: number): number => firstPauseMs * 2 ** Math.max(0, times - 1);
  return unsent > 0 ? Math.min(unsentPauseMaxMs, doubled(unsent)) : Math.min(pauseMaxMs, doubled(failures));
}
