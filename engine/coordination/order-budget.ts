/**
 * How many orders one account may still place, as this process knows it without asking anybody: what the venue counted
 * last in each window, and what is on its way. Answers come at once, because the way of an order has no time to wait; what
 * other replicas know is told to this process as it happens. Windows are the venue's, aligned to its clock.
 */
import type { Clock } from '../time/clock.ts';
import type { OrderLimit, OrderPriority, OrderRefusal } from './coordination.ts';

export const defaultOrderLimits: readonly OrderLimit[] = [
  { windowMs: 10_000, limit: 100 },
  { windowMs: 86_400_000, limit: 200_000 },
];

/** The share of the limit up to which each priority may fill a window: what closes a position may use what entries may not. */
export const shareOfOrders: Readonly<Record<OrderPriority, number>> = { protect: 1, exit: 1, entry: 0.8 };

/** What another replica has on its way is forgotten after this: it has died, or said so since. */
const othersAgeMaxMs = 20_000;

/** What one replica tells the others of an account. */
export interface OrderCountNews {
  readonly inFlight: number;
  /**
   * Per window length: which window (counted from the epoch, venue's clock), what the venue counted in it, and when it said so:
   * a count that went round among the replicas must not undo a newer one.
   */
  readonly windows: readonly (readonly [windowMs: number, index: number, count: number, saidAtVenueMs: number])[];
  readonly pause: { readonly windowMs: number; readonly untilVenueMs: number } | null;
}

export interface OrderCount {
  refusal(orders: number, priority: OrderPriority, atVenueMs: number): OrderRefusal | null;
  add(orders: number): void;
  remove(orders: number): void;
  /** What the venue counted, by window length. It also falls: filled orders are taken back. */
  observe(counts: ReadonlyMap<number, number>, atVenueMs: number): void;
  /** The venue refused an order for the number of them; null when it does not say for which window. */
  pause(windowMs: number | null, atVenueMs: number): void;
  setLimits(limits: readonly OrderLimit[]): void;
  readonly limits: readonly OrderLimit[];
  news(): OrderCountNews;
  hear(from: string, news: OrderCountNews): void;
}

export function createOrderCount(account: string, clock: Clock): OrderCount {
  let limits = defaultOrderLimits;
  let inFlight = 0;
  let pause: OrderCountNews['pause'] = null;
  const counted = new Map<number, { readonly index: number; readonly count: number; readonly saidAtVenueMs: number }>();
  const others = new Map<string, { readonly inFlight: number; readonly heardAt: number }>();

  const onTheWay = (): number => {
    let sum = inFlight;
    for (const [from, other] of others) {
      if (clock.monotonic() - other.heardAt > othersAgeMaxMs) others.delete(from);
      else sum += other.inFlight;
    }
    return sum;
  };
  const countedIn = (windowMs: number, index: number): number => {
    const known = counted.get(windowMs);
    return known?.index === index ? known.count : 0;
  };
  const shortest = (): number => Math.min(...limits.map(({ windowMs }) => windowMs));

  /** A day that is full stops entries until it ends; what closes a position tries again in every short window. */
  const pausedForMs = (priority: OrderPriority, atVenueMs: number): number => {
    if (pause === null || pause.untilVenueMs <= atVenueMs) return 0;
    if (priority === 'entry') return pause.untilVenueMs - atVenueMs;
    const startMs = pause.untilVenueMs - pause.windowMs;
    return pause.windowMs <= shortest() ? pause.untilVenueMs - atVenueMs : Math.max(0, startMs + shortest() - atVenueMs);
  };

  return {
    refusal(orders, priority, atVenueMs) {
      const pausedMs = pausedForMs(priority, atVenueMs);
      if (pausedMs > 0)
        return {
          retryAfterMs: pausedMs,
          reason: `the exchange takes no more orders of account ${account} for ${seconds(pausedMs)} s (too many new orders)`,
        };
      for (const { windowMs, limit } of limits) {
        const index = Math.floor(atVenueMs / windowMs);
        const used = countedIn(windowMs, index) + onTheWay();
        const ceiling = Math.floor(limit * shareOfOrders[priority]);
        if (used + orders <= ceiling) continue;
        return {
          retryAfterMs: (index + 1) * windowMs - atVenueMs,
          reason: `the order limit of account ${account} leaves no room for an ${priority}: ${used} of ${limit} per ${windowName(windowMs)} are used, and an ${priority} may fill it up to ${ceiling}`,
        };
      }
      return null;
    },
    add(orders) {
      inFlight += orders;
    },
    remove(orders) {
      inFlight = Math.max(0, inFlight - orders);
    },
    observe(counts, atVenueMs) {
      for (const [windowMs, count] of counts)
        counted.set(windowMs, { index: Math.floor(atVenueMs / windowMs), count, saidAtVenueMs: atVenueMs });
    },
    pause(windowMs, atVenueMs) {
      const length = windowMs ?? shortest();
      const untilVenueMs = (Math.floor(atVenueMs / length) + 1) * length;
      if (pause === null || untilVenueMs > pause.untilVenueMs || pause.untilVenueMs <= atVenueMs)
        pause = { windowMs: length, untilVenueMs };
    },
    setLimits(next) {
      if (next.length > 0 && next.every(({ windowMs, limit }) => windowMs > 0 && limit > 0)) limits = next;
    },
    get limits() {
      return limits;
    },
    news: () => ({
      inFlight,
      windows: [...counted].map(([windowMs, { index, count, saidAtVenueMs }]) => [windowMs, index, count, saidAtVenueMs] as const),
      pause,
    }),
    hear(from, news) {
      others.set(from, { inFlight: news.inFlight, heardAt: clock.monotonic() });
      for (const [windowMs, index, count, saidAtVenueMs] of news.windows)
        if (saidAtVenueMs > (counted.get(windowMs)?.saidAtVenueMs ?? 0)) counted.set(windowMs, { index, count, saidAtVenueMs });
      if (news.pause !== null && news.pause.untilVenueMs > (pause?.untilVenueMs ?? 0)) pause = news.pause;
    },
  };
}

/** Reads what another replica wrote; null for anything else. */
export function readOrderCountNews(value: unknown): OrderCountNews | null {
  if (typeof value !== 'object' || value === null) return null;
  const { inFlight, windows, pause } = value as Partial<Record<keyof OrderCountNews, unknown>>;
  const isNumber = (one: unknown): one is number => typeof one === 'number' && Number.isFinite(one) && one >= 0;
  if (!isNumber(inFlight) || !Array.isArray(windows)) return null;
  const read = (windows as unknown[]).filter(
    (row): row is [number, number, number, number] => Array.isArray(row) && row.length === 4 && row.every(isNumber),
  );
  const { windowMs, untilVenueMs } = (typeof pause === 'object' && pause !== null ? pause : {}) as Record<string, unknown>;
  return { inFlight, windows: read, pause: isNumber(windowMs) && isNumber(untilVenueMs) ? { windowMs, untilVenueMs } : null };
}

/** One count per venue and account. */
export function createOrderCounts(clock: Clock): {
  of(venue: string, account: string): OrderCount;
  names(): Iterable<readonly [string, string]>;
} {
  const counts = new Map<string, { readonly venue: string; readonly account: string; readonly count: OrderCount }>();
  return {
    of(venue, account) {
      const name = `${venue}/${account}`;
      let found = counts.get(name);
      if (found === undefined) {
        found = { venue, account, count: createOrderCount(account, clock) };
        counts.set(name, found);
      }
      return found.count;
    },
    *names() {
      for (const { venue, account } of counts.values()) yield [venue, account] as const;
    },
  };
}

const seconds = (ms: number): number => Math.ceil(ms / 1_000);

function windowName(windowMs: number): string {
  return windowMs === 86_400_000 ? 'day' : `${windowMs / 1_000} s`;
}

/** Calls `end` at the first call only. */
export function once(end: () => void): () => void {
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    end();
  };
}
