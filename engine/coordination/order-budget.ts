/**
 * How many orders one account may still place, as this process knows it: what the venue counted last in each window, and what is on its
 * way. It answers at once, because orders must not wait. Other replicas send what they know; their messages can delay an order that closes
 * a position for a short while only. Windows are the venue's, aligned to its clock.
 */
import type { Clock } from '../time/clock.ts';
import type { OrdersNews } from './budget-news.ts';
import type { OrderLimit, OrderPriority, OrderRefusal } from './coordination.ts';
import { createHearsay } from './hearsay.ts';

export const defaultOrderLimits: readonly OrderLimit[] = [
  { windowMs: 10_000, limit: 100 },
  { windowMs: 86_400_000, limit: 200_000 },
];

/** The share of the limit up to which each priority may fill a window: what closes a position may use what entries may not. */
export const shareOfOrders: Readonly<Record<OrderPriority, number>> = { protect: 1, exit: 1, entry: 0.8 };

/** Another replica's orders on their way are forgotten after this: it has died, or has sent a newer number. */
const othersAgeMaxMs = 20_000;
/** Most replicas of an account that are listened to: there are never so many, so more are forged. */
const othersMax = 64;
/** Two replicas' ideas of the venue's time differ by less than this: a message from further in the future is ignored. */
const aheadMsMax = 5_000;
/**
 * So long (a shortest window) messages of others may delay an order that closes a position whose stop rests, in each such period; then the
 * order is tried.
 */
const believedMs = 10_000;
const believedEveryMs = 300_000;

/** What one replica tells the others of an account. */
export type OrderCountNews = OrdersNews['orders'];

interface Counted {
  /** Which window, counted from the epoch, venue's clock. */
  readonly index: number;
  readonly count: number;
  /** An old count that arrives late from another replica must not replace a newer one. */
  readonly saidAtVenueMs: number;
}

/** What is known of the windows: told to this process by the venue, or heard from other replicas. */
interface Knowledge {
  readonly counted: Map<number, Counted>;
  pause: OrderCountNews['pause'];
}

export interface OrderCount {
  refusal(orders: number, priority: OrderPriority, atVenueMs: number): OrderRefusal | null;
  add(orders: number): void;
  remove(orders: number): void;
  /** What the venue counted, by window length. It can fall, because the venue takes back filled orders. */
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
  const told: Knowledge = { counted: new Map(), pause: null };
  const heard: Knowledge = { counted: new Map(), pause: null };
  const others = new Map<string, { readonly inFlight: number; readonly heardAt: number }>();
  const hearsay = createHearsay(clock, believedMs, believedEveryMs);
  /** The venue's time less this host's, as of the last call that told it. */
  let venueAheadMs = 0;

  const forgetSilentOthers = (): void => {
    for (const [from, other] of others) if (clock.monotonic() - other.heardAt > othersAgeMaxMs) others.delete(from);
  };
  const othersInFlight = (): number => {
    forgetSilentOthers();
    let sum = 0;
    for (const other of others.values()) sum += other.inFlight;
    return sum;
  };
  /** The newest word on a window. */
  const newest = (windowMs: number): Counted | undefined => {
    const [own, other] = [told.counted.get(windowMs), heard.counted.get(windowMs)];
    return own === undefined || (other !== undefined && other.saidAtVenueMs > own.saidAtVenueMs) ? other : own;
  };
  const later = (a: Knowledge['pause'], b: Knowledge['pause']): Knowledge['pause'] =>
    a === null || (b !== null && b.untilVenueMs > a.untilVenueMs) ? b : a;
  const shortest = (): number => Math.min(...limits.map(({ windowMs }) => windowMs));

  /** A day that is full stops entries until it ends; what closes a position tries again in every short window. */
  const pausedForMs = (pause: Knowledge['pause'], priority: OrderPriority, atVenueMs: number): number => {
    if (pause === null || pause.untilVenueMs <= atVenueMs) return 0;
    if (priority === 'entry') return pause.untilVenueMs - atVenueMs;
    const startMs = pause.untilVenueMs - pause.windowMs;
    return pause.windowMs <= shortest() ? pause.untilVenueMs - atVenueMs : Math.max(0, startMs + shortest() - atVenueMs);
  };

  const refusalBy = (
    countOf: (windowMs: number) => Counted | undefined,
    pause: Knowledge['pause'],
    onTheWay: number,
    { orders, priority, atVenueMs }: { readonly orders: number; readonly priority: OrderPriority; readonly atVenueMs: number },
  ): OrderRefusal | null => {
    const pausedMs = pausedForMs(pause, priority, atVenueMs);
    if (pausedMs > 0)
      return {
        retryAfterMs: pausedMs,
        reason: `the exchange takes no more orders of account ${account} for ${seconds(pausedMs)} s (too many new orders)`,
      };
    for (const { windowMs, limit } of limits) {
      const index = Math.floor(atVenueMs / windowMs);
      const counted = countOf(windowMs);
      const used = (counted?.index === index ? counted.count : 0) + onTheWay;
      const ceiling = Math.floor(limit * shareOfOrders[priority]);
      if (used + orders <= ceiling) continue;
      return {
        retryAfterMs: (index + 1) * windowMs - atVenueMs,
        reason: `the order limit of account ${account} leaves no room for an ${priority}: ${used} of ${limit} per ${windowName(windowMs)} are used, and an ${priority} may fill it up to ${ceiling}`,
      };
    }
    return null;
  };

  return {
    refusal(orders, priority, atVenueMs) {
      venueAheadMs = atVenueMs - clock.now();
      const asked = { orders, priority, atVenueMs };
      const own = refusalBy((windowMs) => told.counted.get(windowMs), told.pause, inFlight, asked);
      // A position without its stop does not wait because of others' messages.
      if (own !== null || priority === 'protect') return own;
      const shared = refusalBy(newest, later(told.pause, heard.pause), inFlight + othersInFlight(), asked);
      // Others' messages delay the close of a position for a short while only; then the venue is asked.
      return shared === null || priority === 'entry' || hearsay.leftMs() > 0 ? shared : null;
    },
    add(orders) {
      inFlight += orders;
    },
    remove(orders) {
      inFlight = Math.max(0, inFlight - orders);
    },
    observe(counts, atVenueMs) {
      venueAheadMs = atVenueMs - clock.now();
      for (const [windowMs, count] of counts)
        told.counted.set(windowMs, { index: Math.floor(atVenueMs / windowMs), count, saidAtVenueMs: atVenueMs });
    },
    pause(windowMs, atVenueMs) {
      venueAheadMs = atVenueMs - clock.now();
      const length = windowMs ?? shortest();
      told.pause = later(told.pause, { windowMs: length, untilVenueMs: (Math.floor(atVenueMs / length) + 1) * length });
    },
    setLimits(next) {
      if (next.length > 0 && next.every(({ windowMs, limit }) => windowMs > 0 && limit > 0)) limits = next;
    },
    get limits() {
      return limits;
    },
    news: () => ({
      inFlight,
      windows: [...new Set([...told.counted.keys(), ...heard.counted.keys()])].flatMap((windowMs) => {
        const known = newest(windowMs);
        return known === undefined ? [] : [[windowMs, known.index, known.count, known.saidAtVenueMs] as [number, number, number, number]];
      }),
      pause: later(told.pause, heard.pause),
    }),
    hear(from, news) {
      const nowVenueMs = clock.now() + venueAheadMs;
      forgetSilentOthers();
      const most = Math.min(...limits.map(({ limit }) => limit));
      if (news.inFlight <= most && (others.size < othersMax || others.has(from)))
        others.set(from, { inFlight: news.inFlight, heardAt: clock.monotonic() });
      for (const [windowMs, index, count, saidAtVenueMs] of news.windows) {
        const limit = limits.find((known) => known.windowMs === windowMs)?.limit;
        const possible = limit !== undefined && count <= limit && index === Math.floor(saidAtVenueMs / windowMs);
        if (!possible || saidAtVenueMs > nowVenueMs + aheadMsMax) continue;
        if (saidAtVenueMs > (newest(windowMs)?.saidAtVenueMs ?? 0)) heard.counted.set(windowMs, { index, count, saidAtVenueMs });
      }
      const { pause } = news;
      const possible =
        pause !== null &&
        limits.some(({ windowMs }) => windowMs === pause.windowMs) &&
        pause.untilVenueMs % pause.windowMs === 0 &&
        pause.untilVenueMs <= nowVenueMs + aheadMsMax + pause.windowMs;
      if (possible) heard.pause = later(heard.pause, pause);
    },
  };
}

/** One count per venue and account. */
export function createOrderCounts(clock: Clock): {
  of(venue: string, account: string): OrderCount;
  /** Null for an account that this process has nothing to do with. */
  known(venue: string, account: string): OrderCount | null;
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
    known: (venue, account) => counts.get(`${venue}/${account}`)?.count ?? null,
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
