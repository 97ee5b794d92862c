/** The venue's one clock: at the pace of the wall, N times as fast, or moved by steps only. */
import type { Clock } from '../engine/time/clock.ts';

export type Pace = { readonly kind: 'real' } | { readonly kind: 'times'; readonly factor: number } | { readonly kind: 'stepped' };

export interface VenueTime {
  readonly pace: Pace;
  /** ms since the epoch. */
  now(): number;
  /** The time that the venue's gateway tells, and judges signed requests by: off by `offset` from its market's. */
  told(): number;
  /** ms; a fault, 0 by default. */
  offset: number;
  /** Stepped pace only. */
  set(atMs: number): void;
  /** How much faster than the wall it runs; tolerances of signed requests grow with it. */
  readonly factor: number;
}

export function createVenueTime(clock: Clock, pace: Pace, startMs: number): VenueTime {
  const startedAt = clock.monotonic();
  let stands = startMs;
  const factor = pace.kind === 'times' ? pace.factor : 1;
  const time: VenueTime = {
    pace,
    factor,
    offset: 0,
    now: () => (pace.kind === 'stepped' ? stands : Math.floor(startMs + (clock.monotonic() - startedAt) * factor)),
    told: () => time.now() + time.offset,
    set(atMs) {
      stands = atMs;
    },
  };
  return time;
}
