/** An exit that has been decided, and how its pauses grow while its orders sell nothing. */
import { Decimal } from 'decimal.js';
import type { OrderOutcome } from './events.ts';
import { exact } from './exact.ts';
import type { Instrument } from './instrument.ts';
import { flooredToLot, marketLotOf } from './lots.ts';
import { isFlat, sellableQuantity } from './position.ts';
import { marketReserveShare } from './sizing.ts';
import type { PendingExit, Position } from './state.ts';

export function newExit(reason: string, decisionMs: number): PendingExit {
  return { reason, decisionMs, failures: 0, unsent: 0, pausing: false, available: null };
}

/** An order of it sold nothing: it holds, but must not flood the exchange. `available`: what there was to sell, when that was too little. */
export function afterFailure(exiting: PendingExit, outcome: Exclude<OrderOutcome, 'filled'>, available: Decimal | null): PendingExit {
  return outcome === 'never-placed'
    ? { ...exiting, unsent: exiting.unsent + 1, pausing: true }
    : { ...exiting, failures: exiting.failures + 1, unsent: 0, pausing: true, available };
}

/**
 * What the next order of the exit sells: all that is held that one order may have, or what is free where the exchange refused to sell more. Less than can
 * be sold alone is no reason to ask for less: all of it is asked for again, and the answer tells whether the coins are back.
 */
export function exitQuantity(exiting: PendingExit, position: Position, instrument: Instrument, price: number): Decimal {
  const { available } = exiting;
  const free = available === null ? position : { ...position, quantity: Decimal.min(available, position.quantity) };
  const quantity = sellableQuantity(isFlat(free, instrument, price) ? position : free, instrument);
  const most = mostAtMarket(instrument, price);
  if (most === null || quantity.lte(most)) return quantity;
  const capped = flooredToLot(most, instrument);
  // No lot is that small: the exchange says what becomes of it.
  return capped.gt(0) && capped.gte(marketLotOf(instrument).min) ? capped : quantity;
}

/** Base that one market order may have by the largest order value, with room for a price that rises meanwhile; null where none applies. */
function mostAtMarket({ notional }: Instrument, price: number): Decimal | null {
  if (notional === null || notional.max === null || !notional.applyMaxToMarket || !(price > 0)) return null;
  return exact(notional.max)
    .times(1 - marketReserveShare)
    .div(price);
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
