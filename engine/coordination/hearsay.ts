/**
 * How long the word of others may hold this engine up. What arrives over Redis may be anybody's, and said again and again: it is
 * believed for a while, and then for a longer while the venue's own answers alone decide.
 */
import type { Clock } from '../time/clock.ts';

export interface Hearsay {
  /** How much longer it is believed, ms: 0 when it has been believed for long enough. Asked only when something is to be held up. */
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
