/**
 * Coordination over Redis: locks by fixed scripts that only touch what carries our token, symbols as a value with a TTL
 * beside a last good copy; budgets in `redis-budgets.ts`. A command has 250 ms; what is not answered by then is `unknown`,
 * and this process goes on with what it knows. Redis is reachable while it carries out writes, which is tried every second.
 */
import { Redis } from 'ioredis';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock } from '../time/clock.ts';
import { atMost } from '../time/waiting.ts';
import type { Coordination, LockAnswer, Locks, SymbolCache } from './coordination.ts';
import { createRedisBudgets } from './redis-budgets.ts';
import { createRedisHealth } from './redis-health.ts';
import type { RedisHealth } from './redis-health.ts';
import { aheadMsMax, checkedTtl, createCacheStats, createCopies, readEntry, writeEntry } from './symbol-copy.ts';

export interface RedisCoordinationOptions {
  readonly url: string;
  readonly keyPrefix: string;
  /** This process's token, different for every process and start. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

const commandTimeoutMs = 250;
const reconnectMaxMs = 2_000;
/** Whether writes are carried out is tried this often. */
const probeEveryMs = 1_000;
/** The first command waits this long for the connection instead of failing at once. */
const firstConnectMs = 2_500;
/** The longest that EVENKEEL_LOCK_TTL_MS allows: a key that lives longer is no lock, and must not keep engines from a bot. */
const lockTtlMaxMs = 300_000;

/**
 * For each key: ours or free becomes ours for the TTL (1), somebody else's stays (0). What no engine can have written (no text, no
 * end, an end beyond any lock's) is no lock, and free.
 */
const holdScript = `
local answers = {}
for i, key in ipairs(KEYS) do
  local owner = redis.pcall('GET', key)
  local left = redis.call('PTTL', key)
  local sound = type(owner) == 'string' and left >= 0 and left <= tonumber(ARGV[3])
  if not sound or owner == ARGV[1] then
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
    answers[i] = 1
  else
    answers[i] = 0
  end
end
return answers`;

const releaseScript = `
for _, key in ipairs(KEYS) do
  if redis.pcall('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return 1`;

export function createRedisCoordination(options: RedisCoordinationOptions): Coordination {
  const { clock, metrics, owner } = options;
  const redis = new Redis(options.url, {
    keyPrefix: options.keyPrefix,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 1,
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(reconnectMaxMs, 50 * 2 ** Math.min(attempt, 6)),
  });
  const health = createRedisHealth(options);
  const probe = (): void => {
    if (redis.status !== 'ready') return;
    redis.set('probe', owner, 'PX', probeEveryMs).then(
      () => health.wrote(),
      (error: unknown) => health.failed(reasonOf(error)),
    );
  };
  redis.on('ready', probe);
  let closing = false;
  redis.on('close', () => {
    if (!closing) health.lost();
  });
  redis.on('error', (error: Error) => {
    metrics.redisErrors.inc();
    health.failed(error.message);
  });
  const prober = clock.every(probeEveryMs, probe);
  const firstWord = atMost(clock, firstConnectMs, health.judged);

  const timed = async <T>(op: string, command: () => Promise<T>): Promise<T> => {
    await firstWord;
    const startedAt = clock.monotonic();
    try {
      return await command();
    } catch (error) {
      metrics.redisErrors.inc();
      // A server that holds the socket open and says nothing is as good as none.
      if (reasonOf(error).includes('timed out')) health.failed(reasonOf(error));
      throw error;
    } finally {
      metrics.redisCommandDuration.observe({ op }, (clock.monotonic() - startedAt) / 1_000);
    }
  };

  const budgets = createRedisBudgets(redis, options, timed);
  return {
    locks: redisLocks(redis, options, timed, health),
    symbols: redisSymbols(redis, options, timed),
    weight: budgets.weight,
    orders: budgets.orders,
    get reachable() {
      return health.outage === null;
    },
    get outage() {
      return health.outage;
    },
    async close() {
      closing = true;
      prober.cancel();
      budgets.close();
      redis.disconnect();
    },
  };
}

type Timed = <T>(op: string, command: () => Promise<T>) => Promise<T>;

function redisLocks(redis: Redis, { owner, log }: RedisCoordinationOptions, timed: Timed, health: RedisHealth): Locks {
  const hold = async (op: string, names: readonly string[], ttlMs: number): Promise<readonly LockAnswer[]> => {
    if (names.length === 0) return [];
    try {
      const answers = (await timed(op, () =>
        redis.eval(holdScript, names.length, ...names.map((name) => `lock:${name}`), owner, checkedTtl('lock', ttlMs), lockTtlMaxMs),
      )) as unknown[];
      if (answers.includes(1)) health.wrote();
      return names.map((_, index) => (answers[index] === 1 ? 'held' : answers[index] === 0 ? 'taken' : 'unknown'));
    } catch (error) {
      log.debug({ err: error, op }, 'locks were not answered');
      return names.map(() => 'unknown');
    }
  };
  return {
    owner,
    acquire: (names, ttlMs) => hold('acquire', names, ttlMs),
    renew: (names, ttlMs) => hold('renew', names, ttlMs),
    async release(names) {
      if (names.length === 0) return;
      try {
        await timed('release', () => redis.eval(releaseScript, names.length, ...names.map((name) => `lock:${name}`), owner));
      } catch (error) {
        log.debug({ err: error }, 'locks were not released; they expire');
      }
    },
  };
}

function redisSymbols(redis: Redis, { clock, log, metrics }: RedisCoordinationOptions, timed: Timed): SymbolCache {
  const copies = createCopies();
  const counted = createCacheStats();
  const statsKey = (key: string): string => `symbols:${key}:stats`;
  return {
    async get(key) {
      let fresh: unknown = null;
      let copy: unknown = null;
      try {
        [fresh, copy] = await timed('symbols-get', () => redis.mget(`symbols:${key}`, `symbols:${key}:copy`));
      } catch (error) {
        log.debug({ err: error, key }, 'the symbol cache was not answered; the copy in this process serves');
      }
      const now = clock.now();
      const entry = readEntry(fresh, now);
      const local = copies.get(key);
      const isFresh = entry !== null || (fresh === null && local !== undefined && clock.monotonic() < local.freshUntil);
      const found = entry ?? readEntry(copy, now) ?? readEntry(local?.text, Number.POSITIVE_INFINITY);
      counted.count(key, isFresh, found?.refreshedAtMs ?? null);
      metrics.symbolCacheRequests.inc({ result: isFresh ? 'hit' : 'miss' });
      if (found !== null) metrics.symbolCacheRefreshed.set(found.refreshedAtMs / 1_000);
      await timed('symbols-count', () => redis.hincrby(statsKey(key), isFresh ? 'hits' : 'misses', 1)).catch((error: unknown) =>
        log.debug({ err: error, key }, 'a look-up in the symbol cache was counted in this process only'),
      );
      return found && { ...found, fresh: isFresh };
    },
    async put(key, value, ttlMs) {
      const now = clock.now();
      const ttl = checkedTtl('symbol cache', ttlMs);
      const text = writeEntry(key, value, now);
      copies.set(key, { text, freshUntil: clock.monotonic() + ttl });
      counted.refreshed(key, now);
      metrics.symbolCacheRefreshed.set(now / 1_000);
      try {
        await timed('symbols-put', () =>
          redis
            .pipeline()
            .set(`symbols:${key}`, text, 'PX', ttl)
            .set(`symbols:${key}:copy`, text)
            .hset(statsKey(key), 'refreshedAtMs', now)
            .exec(),
        );
      } catch (error) {
        log.debug({ err: error, key }, 'the symbol cache could not be written; the copy in this process serves');
      }
    },
    async stats(key) {
      const own = counted.of(key);
      try {
        const [hits, misses, refreshedAtMs] = await timed('symbols-stats', () =>
          redis.hmget(statsKey(key), 'hits', 'misses', 'refreshedAtMs'),
        );
        const now = clock.now();
        return {
          hits: countOf(hits, Number.MAX_SAFE_INTEGER) ?? own.hits,
          misses: countOf(misses, Number.MAX_SAFE_INTEGER) ?? own.misses,
          lastRefreshMs: countOf(refreshedAtMs, now + aheadMsMax) ?? own.lastRefreshMs,
        };
      } catch (error) {
        log.debug({ err: error, key }, 'the shared counters of the symbol cache were not answered; those of this process are told');
        return own;
      }
    },
  };
}

/** A whole number from 0 to `max`, as Redis writes it; null for anything else. */
function countOf(text: unknown, max: number): number | null {
  const value = typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value <= max ? value : null;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
