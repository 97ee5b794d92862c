/**
 * How a cached value is written down and how a written one is judged. The cache may hold anything: an
 * entry that has not exactly the expected form counts as absent, so that garbage costs one fetch and never a crash.
 */
import type { CachedValue, SymbolCacheStats } from './coordination.ts';

/** Far above all symbols of a market (about 3 MB); a larger entry is broken or hostile. In UTF-8 bytes. */
export const entryBytesMax = 16 * 1024 * 1024;
/** Clocks of two replicas may differ by this much; a stamp further ahead is not a time of fetching. */
export const aheadMsMax = 60_000;

/** The value cannot be cached: JSON cannot hold it, or it is too large. The caller's data is wrong, not the cache. */
export class UncacheableValue extends TypeError {
  override readonly name = 'UncacheableValue';
  constructor(key: string, problem: string, cause?: unknown) {
    super(`symbol cache entry ${key}: ${problem}; put a plain JSON value`, { cause });
  }
}

export function writeEntry(key: string, value: unknown, refreshedAtMs: number): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new UncacheableValue(key, 'cannot be written as JSON', cause);
  }
  if (text === undefined) throw new UncacheableValue(key, `${typeof value} has no JSON form`);
  const entry = `{"format":1,"refreshedAtMs":${refreshedAtMs},"value":${text}}`;
  if (Buffer.byteLength(entry) > entryBytesMax) throw new UncacheableValue(key, `is larger than ${entryBytesMax} bytes`);
  return entry;
}

/** Null when the text is not an entry of ours. */
export function readEntry(text: unknown, nowMs: number): Omit<CachedValue, 'fresh'> | null {
  if (typeof text !== 'string' || text.length > entryBytesMax) return null;
  let entry: unknown;
  try {
    entry = JSON.parse(text);
  } catch {
    return null; // not JSON: counts as absent
  }
  if (typeof entry !== 'object' || entry === null) return null;
  const { format, refreshedAtMs, value } = entry as { format?: unknown; refreshedAtMs?: unknown; value?: unknown };
  if (format !== 1 || value === undefined || typeof refreshedAtMs !== 'number') return null;
  return refreshedAtMs >= 0 && refreshedAtMs <= nowMs + aheadMsMax ? { value, refreshedAtMs } : null;
}

export function checkedTtl(what: string, ttlMs: number): number {
  if (!Number.isFinite(ttlMs) || ttlMs < 1) throw new RangeError(`${what}: a time to live of ${ttlMs} ms; expected at least 1`);
  return Math.floor(ttlMs);
}

interface Copy {
  readonly text: string;
  /** By the monotonic clock, ms. */
  readonly freshUntil: number;
}

/** What this process counted of each key. */
export function createCacheStats() {
  const counted = new Map<string, SymbolCacheStats>();
  const of = (key: string): SymbolCacheStats => counted.get(key) ?? { hits: 0, misses: 0, lastRefreshMs: null };
  const refreshed = (key: string, atMs: number | null): void => {
    const { lastRefreshMs, ...counts } = of(key);
    counted.set(key, { ...counts, lastRefreshMs: atMs === null ? lastRefreshMs : Math.max(atMs, lastRefreshMs ?? 0) });
  };
  return {
    of,
    /** A value was stored at that time, or was found with it. */
    refreshed,
    count(key: string, hit: boolean, refreshedAtMs: number | null) {
      const { hits, misses, lastRefreshMs } = of(key);
      counted.set(key, { hits: hits + (hit ? 1 : 0), misses: misses + (hit ? 0 : 1), lastRefreshMs });
      refreshed(key, refreshedAtMs);
    },
  };
}

/** Most copies that this process keeps, the oldest dropped first: there are few markets and venues. */
export function createCopies(limit = 64) {
  const copies = new Map<string, Copy>();
  return {
    get: (key: string) => copies.get(key),
    set(key: string, copy: Copy) {
      copies.delete(key);
      copies.set(key, copy);
      for (const oldest of copies.keys()) {
        if (copies.size <= limit) break;
        copies.delete(oldest);
      }
    },
  };
}
