/**
 * The bot's round trips, from flat to flat, as a fold of its fills: what `protections.ts` judges. Live bots and recovery
 * use this one function, so a restart changes nothing.
 */
import type { Fill } from './events.ts';
import { exact, zero } from './exact.ts';
import type { Booked } from './position.ts';
import type { Position, RoundTrips } from './state.ts';

export const noRoundTrips: RoundTrips = { result: zero, spent: zero, closed: [] };

/** Only so many of the newest are kept; columns that count round trips stay at or below it. */
export const roundTripsMax = 50;

/**
 * The round trips after `fill`, which took the position from `before` to `booked.position`. A sale closes one when nothing
 * but dust is left; the dust keeps its cost and belongs to the round trip that sells it. The closing execution says whether
 * it was a stop-out.
 */
export function withFill(trips: RoundTrips, before: Position, booked: Booked, fill: Fill): RoundTrips {
  if (fill.side === 'BUY') return trips;
  const { position, realisedPnl } = booked;
  const result = exact(trips.result).plus(realisedPnl);
  const spent = exact(trips.spent).plus(before.cost).plus(before.entryFees).minus(position.cost).minus(position.entryFees);
  // Coins that are sold while flat are dust; the next round trip counts them.
  if (before.openedAtMs === null || position.openedAtMs !== null) return { ...trips, result, spent };
  const stopped = fill.role === 'stop' || fill.exitKind === 'stop';
  return { ...noRoundTrips, closed: [...trips.closed, { closedAtMs: fill.atMs, result, spent, stopped }].slice(-roundTripsMax) };
}
