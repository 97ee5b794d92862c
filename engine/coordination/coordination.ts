/**
 * The coordination port: locks, symbol cache and the shared budgets of requests and orders. Served by Redis (`redis.ts`) or by this
 * process's memory (`memory.ts`); one contract test runs against both. Money never depends on it: the epoch in
 * PostgreSQL decides who may write and send.
 */

/** `held` is ours; `taken` is somebody else's; `unknown` means that no answer came in time (it may or may not be set). */
export type LockAnswer = 'held' | 'taken' | 'unknown';

export interface Locks {
  /** This process's token; a lock is ours when it carries it. */
  readonly owner: string;
  /** Takes each named lock that is free or already ours, for `ttlMs`. One round trip; same order as `names`. */
  acquire(names: readonly string[], ttlMs: number): Promise<readonly LockAnswer[]>;
  /**
   * Extends each lock that is ours and takes it again if it vanished (flush, expiry): `taken` then means that
   * another owner has it. One round trip.
   */
  renew(names: readonly string[], ttlMs: number): Promise<readonly LockAnswer[]>;
  /** Frees each lock that is ours; others stay. Never throws: what cannot be freed expires. */
  release(names: readonly string[]): Promise<void>;
}

export interface CachedValue {
  readonly value: unknown;
  /** When it was fetched from its source, ms UTC. */
  readonly refreshedAtMs: number;
  /** False when the value outlived its TTL and is the last good copy. */
  readonly fresh: boolean;
}

/** Of one key, over all processes that share the cache; of this process alone while the store does not answer. */
export interface SymbolCacheStats {
  readonly hits: number;
  readonly misses: number;
  /** When the value was last fetched from its source, ms UTC; null before the first time. */
  readonly lastRefreshMs: number | null;
}

/** Symbols of a market by venue: a value with a TTL, and a last good copy that outlives it. Readers validate what they get. */
export interface SymbolCache {
  /** Fresh value, else the last good copy, else null. A fresh answer counts as a hit, anything else as a miss. */
  get(key: string): Promise<CachedValue | null>;
  put(key: string, value: unknown, ttlMs: number): Promise<void>;
  stats(key: string): Promise<SymbolCacheStats>;
}

/** Lower number goes first when weight is short. */
export const requestPriority = { protect: 0, exit: 1, entry: 2, audit: 3, history: 4 } as const;
export type RequestPriority = keyof typeof requestPriority;

export type WeightAnswer = { readonly granted: true } | { readonly granted: false; readonly retryAfterMs: number; readonly reason: string };

/** One request-weight budget per IP and venue, shared by replicas, fed by response headers. */
export interface WeightBudget {
  /** Asks for `weight` in the current minute. History may use at most half of the limit, audits 70 %, entries 85 %. */
  take(venue: string, weight: number, priority: RequestPriority): Promise<WeightAnswer>;
  /**
   * What the venue said is used in the window that contains `atVenueMs`. Raises our count, never lowers it within a window.
   * `limit`: null while the venue has not told it to this process.
   */
  observe(venue: string, used: number, limit: number | null, atVenueMs: number): void;
  /** The venue wants no requests until then, ms UTC by this host's clock (429 Retry-After, 418 ban): nothing is granted before. */
  blockUntil(venue: string, untilMs: number, reason: string): Promise<void>;
  /** The venue's pause as this process knows it, without asking anybody: for requests that must not wait. Other replicas send news of it. */
  silence(venue: string): Silence | null;
}

export interface Silence {
  /** By this host's clock, ms UTC. */
  readonly untilMs: number;
  readonly reason: string;
}

export type OrderPriority = Extract<RequestPriority, 'protect' | 'exit' | 'entry'>;

/** `limit` new orders per window, windows aligned to the venue's clock. */
export interface OrderLimit {
  readonly windowMs: number;
  readonly limit: number;
}

export interface OrderRefusal {
  readonly retryAfterMs: number;
  readonly reason: string;
}

/**
 * The order count of an account, shared by replicas, updated by response headers. Everything is answered at once from what this
 * process knows: no order waits for a round trip.
 */
export interface OrderBudget {
  /** Takes room for `orders` until `release`, or says why there is none. Entries may fill a part of each window only. */
  reserve(venue: string, account: string, orders: number, priority: OrderPriority, atVenueMs: number): OrderReservation;
  /** What the venue counted, by window length in ms. */
  observe(venue: string, account: string, counts: ReadonlyMap<number, number>, atVenueMs: number): void;
  /** The venue refused an order for their number: none is sent until the window ends (null: the shortest). */
  pause(venue: string, account: string, windowMs: number | null, atVenueMs: number): void;
  setLimits(venue: string, account: string, limits: readonly OrderLimit[]): void;
  limits(venue: string, account: string): readonly OrderLimit[];
}

export type OrderReservation = { readonly granted: true; release(): void } | ({ readonly granted: false } & OrderRefusal);

export interface Coordination {
  readonly locks: Locks;
  readonly symbols: SymbolCache;
  readonly weight: WeightBudget;
  readonly orders: OrderBudget;
  /** True while writes are carried out: only then does a lock say anything. The memory adapter always carries them out. */
  readonly reachable: boolean;
  /** What is wrong and since when, in words for a status; null while it is reachable. */
  readonly outage: string | null;
  close(): Promise<void>;
}
