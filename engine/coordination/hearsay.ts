/**
 * How long messages of others may delay this engine. What arrives over Redis may be forged, again and again: it counts for a while, and
 * then for a longer while only the venue's own answers do.
 */
import type { Clock } from '../time/clock.ts';

export interface Hearsay {
  /** How much longer such messages count, ms; 0 when it has been long enough. Asked only when they would delay something. */
  leftMs(): number;
}

export function createHearsay(clock: Pick<Clock, 'monotonic'>, believedMs: number, everyMs: number): Hearsay {
  let from = Number.NEGATIVE_INFINITY;
  return {
    leftMs() {
      const now = clock.monotonic();
      if (now - from >= everyMs) from = now;
      return Math.max(0, from + believedMs - now);
    },
  };
}
