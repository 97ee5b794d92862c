/**
 * What a bot's fills add up to, in the order of their rows. The running bot, recovery and checkpoints use this one sum, so that they always
 * agree on the position.
 */
import type { Fill } from './events.ts';
import { exact, zero } from './exact.ts';
import type { Instrument } from './instrument.ts';
import { applyFill, baseFeeShareAfter, emptyPosition } from './position.ts';
import { noRoundTrips, roundTripsMax, withFill } from './round-trips.ts';
import type { TradingState } from './state.ts';

export type Folded = Pick<TradingState, 'position' | 'realisedTotal' | 'roundTrips' | 'baseFeeShare'>;

export const nothingFolded: Folded = { position: emptyPosition, realisedTotal: zero, roundTrips: noRoundTrips, baseFeeShare: null };

export interface FoldedOn {
  readonly folded: Folded;
  /** Quote; what this fill alone realised, after fees. */
  readonly realisedPnl: TradingState['realisedTotal'];
}

export function foldOn(before: Folded, fill: Fill, instrument: Instrument): FoldedOn {
  const booked = applyFill(before.position, fill, instrument);
  const { position, realisedPnl } = booked;
  return {
    realisedPnl,
    folded: {
      position,
      realisedTotal: exact(before.realisedTotal).plus(realisedPnl),
      roundTrips: withFill(before.roundTrips, before.position, booked, fill),
      baseFeeShare: baseFeeShareAfter(before.baseFeeShare, fill, instrument),
    },
  };
}

/** The first `count` fills, which are not needed one by one any more, and what they add up to. */
export interface Behind {
  readonly count: number;
  readonly folded: Folded;
}

export interface BehindInput {
  /** What was folded before the first of `fills`. */
  readonly before: Folded;
  readonly fills: readonly Fill[];
  readonly instrument: Instrument;
  /** Fills from then on are needed: the day's, and those of the position that is held. Ms UTC. */
  readonly neededFromMs: number;
  /** Client order ids of orders that are not over. */
  readonly open: ReadonlySet<string>;
}

/**
 * How far the fills are behind the bot: up to a sale that left it flat, with so many round trips after it that no rule looks further
 * back. What its round trips came to is left out for that reason. Null when there is no such sale.
 */
export function foldBehind({ before, fills, instrument, neededFromMs, open }: BehindInput): Behind | null {
  const flats: Behind[] = [];
  let folded = before;
  let reachable = true;
  let closedAfter = 0;
  for (const [index, fill] of fills.entries()) {
    const earlier = folded;
    ({ folded } = foldOn(folded, fill, instrument));
    reachable &&= fill.atMs < neededFromMs && !open.has(fill.clientOrderId);
    if (earlier.position.openedAtMs === null || folded.position.openedAtMs !== null) continue;
    if (reachable) flats.push({ count: index + 1, folded: { ...folded, roundTrips: noRoundTrips } });
    else closedAfter += 1;
  }
  return flats.at(Math.min(closedAfter - roundTripsMax, 0) - 1) ?? null;
}
