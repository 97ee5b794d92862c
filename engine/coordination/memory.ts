/**
 * Coordination inside one process, for the embedded engine and for simulation: the same answers as Redis gives, from
 * this process's memory and the given clock. Several owners can share one `MemoryStore`, as replicas share one Redis.
 */
import type { Metrics } from '../observe/metrics.ts';
import type { Clock } from '../time/clock.ts';
import type { Coordination, LockAnswer, Locks, OrderBudget, SymbolCache, WeightBudget } from './coordination.ts';
import { createOrderCounts, once } from './order-budget.ts';
import { checkedTtl, createCacheStats, createCopies, readEntry, writeEntry } from './symbol-copy.ts';
import { checkedBlock, checkedWeight, createVenueBudgets } from './weight-budget.ts';

export interface MemoryStore {
  readonly locks: Map<string, { readonly owner: string; readonly expiresAt: number }>;
  readonly copies: ReturnType<typeof createCopies>;
  readonly cacheStats: ReturnType<typeof createCacheStats>;
  readonly budgets: ReturnType<typeof createVenueBudgets>;
  readonly orderCounts: ReturnType<typeof createOrderCounts>;
}

export function createMemoryStore(clock: Clock): MemoryStore {
  return {
    locks: new Map(),
    copies: createCopies(),
    cacheStats: createCacheStats(),
    budgets: createVenueBudgets(clock),
    orderCounts: createOrderCounts(clock),
  };
}

export interface MemoryCoordinationOptions {
  readonly clock: Clock;
  /** This process's token, different for every process and start. */
  readonly owner: string;
  readonly metrics?: Metrics;
  readonly store?: MemoryStore;
}

export function createMemoryCoordination({
  clock,
  owner,
  metrics,
  store = createMemoryStore(clock),
}: MemoryCoordinationOptions): Coordination {
  metrics?.redisReachable.follow(() => [[{}, 1]]);
  return {
    locks: memoryLocks(clock, owner, store),
    symbols: memorySymbols(clock, store, metrics),
    weight: memoryWeight(store),
    orders: memoryOrders(store),
    reachable: true,
    outage: null,
    close: async () => {},
  };
}

function memoryLocks(clock: Clock, owner: string, { locks }: MemoryStore): Locks {
  const hold = async (names: readonly string[], ttlMs: number): Promise<readonly LockAnswer[]> => {
    const expiresAt = clock.monotonic() + checkedTtl('lock', ttlMs);
    return names.map((name) => {
      const held = locks.get(name);
      if (held && held.owner !== owner && held.expiresAt > clock.monotonic()) return 'taken';
      locks.set(name, { owner, expiresAt });
      return 'held';
    });
  };
  return {
    owner,
    acquire: hold,
    renew: hold,
    async release(names) {
      for (const name of names) if (locks.get(name)?.owner === owner) locks.delete(name);
    },
  };
}

function memorySymbols(clock: Clock, { copies, cacheStats }: MemoryStore, metrics: Metrics | undefined): SymbolCache {
  return {
    async get(key) {
      const copy = copies.get(key);
      const entry = copy ? readEntry(copy.text, Number.POSITIVE_INFINITY) : null;
      const fresh = entry !== null && copy !== undefined && clock.monotonic() < copy.freshUntil;
      cacheStats.count(key, fresh, entry?.refreshedAtMs ?? null);
      metrics?.symbolCacheRequests.inc({ result: fresh ? 'hit' : 'miss' });
      if (entry !== null) metrics?.symbolCacheRefreshed.set(entry.refreshedAtMs / 1_000);
      return entry && { ...entry, fresh };
    },
    async put(key, value, ttlMs) {
      const now = clock.now();
      copies.set(key, { text: writeEntry(key, value, now), freshUntil: clock.monotonic() + checkedTtl('symbol cache', ttlMs) });
      cacheStats.refreshed(key, now);
      metrics?.symbolCacheRefreshed.set(now / 1_000);
    },
    stats: async (key) => cacheStats.of(key),
  };
}

function memoryWeight({ budgets }: MemoryStore): WeightBudget {
  return {
    async take(venue, asked, priority) {
      const weight = checkedWeight(asked, priority);
      const budget = budgets.of(venue);
      const answer = budget.decide(weight, priority, 1);
      if (answer.granted) budget.window().known += weight;
      return answer;
    },
    observe: (venue, used, limit, atVenueMs) => budgets.of(venue).observe(used, limit, atVenueMs),
    async blockUntil(venue, untilMs, reason) {
      checkedBlock(venue, untilMs);
      budgets.of(venue).block(untilMs, reason);
    },
    silence: (venue) => budgets.of(venue).silence(),
  };
}

function memoryOrders({ orderCounts }: MemoryStore): OrderBudget {
  return {
    reserve(venue, account, orders, priority, atVenueMs) {
      const count = orderCounts.of(venue, account);
      const refusal = count.refusal(orders, priority, atVenueMs);
      if (refusal !== null) return { granted: false, ...refusal };
      count.add(orders);
      return { granted: true, release: once(() => count.remove(orders)) };
    },
    observe: (venue, account, counts, atVenueMs) => orderCounts.of(venue, account).observe(counts, atVenueMs),
    pause: (venue, account, windowMs, atVenueMs) => orderCounts.of(venue, account).pause(windowMs, atVenueMs),
    setLimits: (venue, account, limits) => orderCounts.of(venue, account).setLimits(limits),
    limits: (venue, account) => orderCounts.of(venue, account).limits,
  };
}
