/**
 * One venue's request weight as this process knows it: what is used per minute, what each priority may use, and until
 * when the venue wants silence. Pure but for the clock; both adapters decide with it. Minutes are the venue's: the
 * offset to this host's clock is learned from `observe`, taking the greatest of the last two minutes, because an
 * answer that arrives late can only make the venue's clock look slower, never faster.
 */
import type { Clock } from '../time/clock.ts';
import { silenceMsMax } from './budget-news.ts';
import { requestPriority } from './coordination.ts';
import type { RequestPriority, Silence, WeightAnswer } from './coordination.ts';
import { createHearsay } from './hearsay.ts';
import type { Hearsay } from './hearsay.ts';

export const defaultWeightLimit = 6_000;
const windowMs = 60_000;
/** A window that ended is kept this long, for clocks that step back over a minute's edge. */
const windowsKept = 3;
/** Whether a limit that another replica stored is plausible: Binance has published 1,200 and 6,000. */
export const isSharedLimit = (limit: number): boolean => limit >= 1_000 && limit <= 100_000;
/** So long others' messages can stop all requests (Binance's shortest ban); then the venue is asked, and answers with a longer one if there is. */
const believedMs = 120_000;
/** Once in each such period. */
const believedEveryMs = 600_000;

/** The share of the limit up to which each priority may fill the minute. */
export const shareOfLimit: Record<RequestPriority, number> = { protect: 1, exit: 1, entry: 0.85, audit: 0.7, history: 0.5 };

export interface WeightWindow {
  /** Minutes since the epoch by the venue's clock. */
  readonly minute: number;
  /** Used weight that is known here: granted here, or reported by the venue, which counts what all replicas use. */
  known: number;
  /** Granted here and not yet told to the other replicas. */
  pending: number;
}

export interface VenueBudget {
  readonly venue: string;
  window(): WeightWindow;
  /** What the venue last said, else what another replica said, else the default. */
  readonly limit: number;
  /** As the venue told this process; null before. */
  readonly observedLimit: number | null;
  /** The limit is known from the venue or from another replica; the default is only what Binance publishes. */
  readonly limitKnown: boolean;
  adoptLimit(limit: number): void;
  /** The pause that the venue wants now; null when there is none. */
  silence(): Silence | null;
  /** The venue asked this process to be silent. */
  block(untilMs: number, reason: string): void;
  /** Another replica says that the venue did. */
  hearOfSilence(leftMs: number, reason: string): void;
  /** How much longer others' messages may delay what positions wait for. */
  readonly hearsay: Hearsay;
  observe(used: number, limit: number | null, atVenueMs: number): void;
  /** The answer by what is known here; `share` of what is left is ours (when replicas cannot see each other). Grants nothing yet. */
  decide(weight: number, priority: RequestPriority, share: number): WeightAnswer;
  /** The refusal for a full minute. */
  full(priority: RequestPriority, weight: number, used: number, ceiling: number): WeightAnswer;
  ceiling(priority: RequestPriority): number;
}

export function createVenueBudget(venue: string, clock: Clock): VenueBudget {
  const windows = new Map<number, WeightWindow>();
  const offset = createOffset(clock);
  const silences = createHearsay(clock, believedMs, believedEveryMs);
  let observedLimit: number | null = null;
  let sharedLimit: number | null = null;
  let blockedUntilMs = 0;
  let blockReason = '';

  const venueNow = () => clock.now() + offset.ms();

  function windowOf(atVenueMs: number): WeightWindow {
    const minute = Math.floor(atVenueMs / windowMs);
    const found = windows.get(minute);
    if (found) return found;
    const opened: WeightWindow = { minute, known: 0, pending: 0 };
    windows.set(minute, opened);
    for (const oldest of windows.keys()) {
      if (windows.size <= windowsKept) break;
      windows.delete(oldest);
    }
    return opened;
  }

  const budget: VenueBudget = {
    venue,
    window: () => windowOf(venueNow()),
    get limit() {
      return observedLimit ?? sharedLimit ?? defaultWeightLimit;
    },
    get observedLimit() {
      return observedLimit;
    },
    get limitKnown() {
      return observedLimit !== null || sharedLimit !== null;
    },
    adoptLimit(limit) {
      if (isSharedLimit(limit)) sharedLimit = limit;
    },
    hearsay: createHearsay(clock, believedMs, believedEveryMs),
    silence: () => (blockedUntilMs > clock.now() ? { untilMs: blockedUntilMs, reason: blockReason } : null),
    block(untilMs, reason) {
      if (!(untilMs > blockedUntilMs)) return;
      blockedUntilMs = Math.min(untilMs, clock.now() + silenceMsMax);
      blockReason = reason;
    },
    hearOfSilence(leftMs, reason) {
      // It is known already.
      if (clock.now() + leftMs <= blockedUntilMs) return;
      budget.block(clock.now() + Math.min(leftMs, silences.leftMs()), reason);
    },
    observe(used, limit, atVenueMs) {
      if (!Number.isFinite(atVenueMs)) return;
      offset.sample(atVenueMs - clock.now());
      if (limit !== null && isLimit(limit)) observedLimit = limit;
      const window = windowOf(atVenueMs);
      if (!Number.isFinite(used) || used <= window.known) return;
      // The venue counts what was granted here as well.
      window.pending = 0;
      window.known = Math.ceil(used);
    },
    decide(weight, priority, share) {
      const silentMs = blockedUntilMs - clock.now();
      if (silentMs > 0) return { granted: false, retryAfterMs: silentMs, reason: `${venue} wants silence: ${blockReason}` };
      const window = budget.window();
      const ours = window.known + Math.floor(Math.max(0, budget.ceiling(priority) - window.known) * share);
      const used = window.known + window.pending;
      return weight === 0 || used + weight <= ours ? { granted: true } : budget.full(priority, weight, used, ours);
    },
    full(priority, weight, used, ceiling) {
      const now = venueNow();
      const retryAfterMs = (Math.floor(now / windowMs) + 1) * windowMs - now;
      return {
        granted: false,
        retryAfterMs,
        reason: `${venue} weight: ${used} used this minute, ${weight} more would pass the ${ceiling} that ${priority} may fill`,
      };
    },
    ceiling: (priority) => Math.floor(budget.limit * shareOfLimit[priority]),
  };
  return budget;
}

/** Throws on a weight that cannot be meant: a broken number must not count as no weight. */
export function checkedWeight(weight: number, priority: RequestPriority): number {
  if (!Number.isFinite(weight) || weight < 0) throw new RangeError(`request weight ${weight}: expected a number of 0 or more`);
  if (!(priority in requestPriority)) throw new RangeError(`request priority ${String(priority)} does not exist`);
  return Math.ceil(weight);
}

/** Most venue names: they come from configuration, so a growing number is a bug. */
export function createVenueBudgets(clock: Clock): {
  of(venue: string): VenueBudget;
  /** Null for a venue that this process has nothing to do with. */
  known(venue: string): VenueBudget | null;
  all(): Iterable<VenueBudget>;
} {
  const budgets = new Map<string, VenueBudget>();
  return {
    of(venue) {
      let budget = budgets.get(venue);
      if (!budget) {
        if (budgets.size >= 64)
          throw new RangeError(`weight budget for ${venue}: 64 venues are known already; is the name made up per request?`);
        budget = createVenueBudget(venue, clock);
        budgets.set(venue, budget);
      }
      return budget;
    },
    known: (venue) => budgets.get(venue) ?? null,
    all: () => budgets.values(),
  };
}

export function checkedBlock(venue: string, untilMs: number): void {
  if (!Number.isFinite(untilMs)) throw new RangeError(`block ${venue} until ${untilMs}: expected ms since the epoch`);
}

const isLimit = (limit: number) => Number.isFinite(limit) && limit > 0;

/** The venue's time minus this host's: none until the venue speaks, then the greatest of this and the last minute. */
function createOffset(clock: Clock): { ms(): number; sample(ms: number): void } {
  let current: number | null = null;
  let previous: number | null = null;
  let turnedAt = 0;
  return {
    ms: () => (current === null ? 0 : Math.max(current, previous ?? current)),
    sample(ms) {
      if (current === null || clock.monotonic() - turnedAt >= windowMs) {
        turnedAt = clock.monotonic();
        previous = current;
        current = ms;
      } else {
        current = Math.max(current, ms);
      }
    },
  };
}
