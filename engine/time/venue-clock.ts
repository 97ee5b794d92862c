/**
 * The venue's time. A real venue's clock is measured: the offset is the median of samples, corrected by half the round
 * trip. A simulated venue may run at any pace or stand still, so its clock is followed: the newest time in its answers counts.
 */
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock, Timer, VenueClock } from './clock.ts';
import { Shared } from './waiting.ts';

export interface RunningVenueClock extends VenueClock {
  /** Takes the first measure; later ones follow by themselves. */
  start(): Promise<void>;
  stop(): void;
  /** Makes sure that `now` is not behind the venue: asks a venue that is followed. Throws what the question throws. */
  refresh(): Promise<void>;
  /** Any time that the venue told (event times). */
  saw(venueMs: number): void;
}

export interface VenueClockOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly serverTime: () => Promise<number>;
}

const samples = 5;
const measureEveryMs = 60_000;
/** Beyond this the host's clock is worth a warning: something is wrong with it. */
const warnOffsetMs = 500;
/** When samples differ by more than this, the time is not known: entries wait. */
const maxSpreadMs = 1_000;
/** A measure older than this is doubtful: hosts drift. */
const maxAgeMs = 600_000;

export function createMeasuredVenueClock({ clock, log, metrics, serverTime }: VenueClockOptions): RunningVenueClock {
  let offsetMs = 0;
  let measuredAt = Number.NEGATIVE_INFINITY;
  let agreed = false;
  let timer: Timer | null = null;

  const measure = async (): Promise<void> => {
    const offsets: number[] = [];
    for (let sample = 0; sample < samples; sample += 1) {
      const sentAt = clock.now();
      const startedAt = clock.monotonic();
      const venueMs = await serverTime();
      offsets.push(venueMs - (sentAt + (clock.monotonic() - startedAt) / 2));
    }
    offsets.sort((a, b) => a - b);
    offsetMs = offsets[Math.floor(samples / 2)] ?? 0;
    agreed = (offsets.at(-1) ?? 0) - (offsets[0] ?? 0) <= maxSpreadMs;
    measuredAt = clock.monotonic();
    metrics.exchangeClockOffset.set(offsetMs / 1_000);
    if (Math.abs(offsetMs) > warnOffsetMs)
      log.warn(
        { offsetMs: Math.round(offsetMs) },
        "this host's clock is off the exchange's; it is corrected for, but look at the host's time service",
      );
    if (!agreed) log.warn({ offsets: offsets.map(Math.round) }, "samples of the exchange's time disagree; no entries until they do not");
  };
  return {
    now: () => clock.now() + offsetMs,
    get trusted() {
      return agreed && clock.monotonic() - measuredAt <= maxAgeMs;
    },
    async start() {
      await measure();
      timer = clock.every(measureEveryMs, () => {
        measure().catch((error: unknown) =>
          log.warn({ err: error }, "the exchange's time could not be measured; the next minute tries again"),
        );
      });
    },
    stop: () => timer?.cancel(),
    refresh: () => Promise.resolve(),
    resync: resyncing(measure, log),
    saw: () => undefined,
  };
}

/** After the venue's last word our own clock carries its time on for so long only: a venue that stands still must not be overtaken. */
const carryMs = 500;
const followEveryMs = 1_000;

export function createFollowedVenueClock({ clock, log, serverTime }: VenueClockOptions): RunningVenueClock {
  let newest = Number.NEGATIVE_INFINITY;
  let seenAt = 0;
  let timer: Timer | null = null;
  const saw = (venueMs: number): void => {
    if (!(venueMs > newest)) return;
    newest = venueMs;
    seenAt = clock.monotonic();
  };
  const refresh = async (): Promise<void> => saw(await serverTime());
  return {
    now: () => newest + Math.min(carryMs, clock.monotonic() - seenAt),
    get trusted() {
      return newest > 0;
    },
    async start() {
      await refresh();
      timer = clock.every(followEveryMs, () => {
        refresh().catch((error: unknown) => log.debug({ err: error }, "the simulated venue's time could not be read"));
      });
    },
    stop: () => timer?.cancel(),
    refresh,
    resync: resyncing(refresh, log),
    saw,
  };
}

/** Never throws. */
function resyncing(measure: () => Promise<void>, log: Log): () => Promise<void> {
  const shared = new Shared(() =>
    measure().catch((error: unknown) => log.warn({ err: error }, "the exchange's time could not be learnt anew")),
  );
  return () => shared.ask();
}
