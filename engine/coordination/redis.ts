/**
 * Coordination over Redis: locks by fixed scripts that only touch what carries our token, symbols as a value with a TTL
 * beside a last good copy; budgets in `redis-budgets.ts`. A command has 250 ms; what is not answered by then is `unknown`,
 * and this process goes on with what it knows.
 */
import { Redis } from 'ioredis';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock } from '../time/clock.ts';
import type { Coordination, LockAnswer, Locks, SymbolCache } from './coordination.ts';
import { createRedisBudgets } from './redis-budgets.ts';
import { checkedTtl, createCopies, readEntry, writeEntry } from './symbol-copy.ts';

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

/** For each key: ours or free becomes ours for the TTL (1), somebody else's stays (0), what is no lock stays as well (-1): one spoilt key must not cost the others theirs. */
const holdScript = `
local answers = {}
for i, key in ipairs(KEYS) do
  local owner = redis.pcall('GET', key)
  if type(owner) == 'table' then
    answers[i] = -1
  elseif owner == false or owner == ARGV[1] then
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
    answers[i] = 1
  else
    answers[i] = 0
  end
end
return answers`;

const releaseScript = `
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return 1`;

export function createRedisCoordination(options: RedisCoordinationOptions): Coordination {
  const { log, metrics } = options;
  const redis = new Redis(options.url, {
    keyPrefix: options.keyPrefix,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 1,
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(reconnectMaxMs, 50 * 2 ** Math.min(attempt, 6)),
  });
  let reachable = false;
  let told = true;
  redis.on('ready', () => {
    if (!told) log.info('Redis answers again');
    reachable = true;
    told = true;
  });
  redis.on('close', () => {
    reachable = false;
  });
  // Every failed attempt reports; one line per outage is enough for a reader.
  redis.on('error', (error: Error) => {
    metrics.redisErrors.inc();
    if (told)
      log.warn({ reason: error.message }, 'Redis does not answer; bots go on with the locks they hold, nobody can take over meanwhile');
    told = false;
  });

  const timed = async <T>(op: string, command: () => Promise<T>): Promise<T> => {
    const startedAt = options.clock.monotonic();
    try {
      const answer = await command();
      reachable = redis.status === 'ready';
      return answer;
    } catch (error) {
      metrics.redisErrors.inc();
      // A server that holds the socket open and says nothing is as good as none.
      if (error instanceof Error && error.message.includes('timed out')) reachable = false;
      throw error;
    } finally {
      metrics.redisCommandDuration.observe({ op }, (options.clock.monotonic() - startedAt) / 1_000);
    }
  };

  const budgets = createRedisBudgets(redis, options, timed);
  return {
    locks: redisLocks(redis, options, timed),
    symbols: redisSymbols(redis, options, timed),
    weight: budgets.weight,
    orders: budgets.orders,
    get reachable() {
      return reachable;
    },
    async close() {
      budgets.close();
      redis.disconnect();
    },
  };
}

type Timed = <T>(op: string, command: () => Promise<T>) => Promise<T>;

function redisLocks(redis: Redis, { owner, log }: RedisCoordinationOptions, timed: Timed): Locks {
  const hold = async (op: string, names: readonly string[], ttlMs: number): Promise<readonly LockAnswer[]> => {
    if (names.length === 0) return [];
    try {
      const answers = (await timed(op, () =>
        redis.eval(holdScript, names.length, ...names.map((name) => `lock:${name}`), owner, checkedTtl('lock', ttlMs)),
      )) as unknown[];
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
  const counted = { hits: 0, misses: 0, lastRefreshMs: null as number | null };
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
      counted[isFresh ? 'hits' : 'misses'] += 1;
      metrics.symbolCacheRequests.inc({ result: isFresh ? 'hit' : 'miss' });
      return found && { ...found, fresh: isFresh };
    },
    async put(key, value, ttlMs) {
      const now = clock.now();
      const ttl = checkedTtl('symbol cache', ttlMs);
      const text = writeEntry(key, value, now);
      copies.set(key, { text, freshUntil: clock.monotonic() + ttl });
      counted.lastRefreshMs = now;
      metrics.symbolCacheRefreshed.set(now / 1_000);
      try {
        await timed('symbols-put', () => redis.pipeline().set(`symbols:${key}`, text, 'PX', ttl).set(`symbols:${key}:copy`, text).exec());
      } catch (error) {
        log.debug({ err: error, key }, 'the symbol cache could not be written; the copy in this process serves');
      }
    },
    stats: async () => ({ ...counted }),
  };
}
