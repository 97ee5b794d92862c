/** What both coordination adapters promise. Each case runs against Redis and against memory. */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Coordination } from '../../engine/coordination/coordination.ts';
import { createMemoryCoordination, createMemoryStore } from '../../engine/coordination/memory.ts';
import { createRedisCoordination } from '../../engine/coordination/redis.ts';
import { createMetrics } from '../../engine/observe/metrics.ts';
import { systemClock } from '../../engine/time/clock.ts';
import { startRedis } from '../servers/redis.ts';
import type { TestRedis } from '../servers/redis.ts';
import { eventually } from '../e2e/support/processes.ts';

const log = pino({ level: 'silent' });

function overRedis(url: string, keyPrefix: string): Coordination {
  return createRedisCoordination({ url, keyPrefix, owner: randomUUID(), clock: systemClock, log, metrics: createMetrics() });
}

const adapters: readonly [string, () => Promise<() => Coordination>][] = [
  [
    'memory',
    async () => {
      const store = createMemoryStore(systemClock);
      return () => createMemoryCoordination({ clock: systemClock, owner: randomUUID(), store });
    },
  ],
  [
    'Redis',
    async () => {
      const prefix = `contract-${randomUUID()}:`;
      return () => overRedis(inject('redisUrl'), prefix);
    },
  ],
];

describe.each(adapters)('coordination over %s', (_, open) => {
  let a: Coordination;
  let b: Coordination;

  beforeAll(async () => {
    const join = await open();
    a = join();
    b = join();
    await eventually('both are connected', 5_000, async () => a.reachable && b.reachable);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  it('gives a lock to one owner, and again to the same', async () => {
    expect(await a.locks.acquire(['one', 'two'], 10_000)).toEqual(['held', 'held']);
    expect(await b.locks.acquire(['two', 'three'], 10_000)).toEqual(['taken', 'held']);
    expect(await a.locks.acquire(['one'], 10_000)).toEqual(['held']);
  });

  it('frees only what is its own', async () => {
    await a.locks.acquire(['free'], 10_000);
    await b.locks.release(['free']);
    expect(await b.locks.acquire(['free'], 10_000)).toEqual(['taken']);
    await a.locks.release(['free']);
    expect(await b.locks.acquire(['free'], 10_000)).toEqual(['held']);
  });

  it('lets a lock expire that is not renewed, and the old owner learns who has it', async () => {
    await a.locks.acquire(['short'], 30);
    await eventually('the lock expired', 5_000, async () => (await b.locks.acquire(['short'], 10_000))[0] === 'held');
    expect(await a.locks.renew(['short'], 10_000)).toEqual(['taken']);
  });

  it('takes a lock again that vanished while it was ours', async () => {
    expect(await a.locks.renew(['vanished'], 10_000)).toEqual(['held']);
    expect(await b.locks.acquire(['vanished'], 10_000)).toEqual(['taken']);
  });

  it('answers no names with no answers', async () => {
    expect(await a.locks.acquire([], 1_000)).toEqual([]);
    await expect(a.locks.release([])).resolves.toBeUndefined();
  });

  it('keeps a last good copy beyond the TTL, and counts hits and misses', async () => {
    expect(await a.symbols.get('absent')).toBeNull();
    await a.symbols.put('spot', { BTCUSDT: 1 }, 40);
    expect(await a.symbols.get('spot')).toMatchObject({ value: { BTCUSDT: 1 }, fresh: true });
    const stale = await eventually('the value outlives its TTL', 5_000, async () => {
      const found = await a.symbols.get('spot');
      return found?.fresh === false ? found : null;
    });
    expect(stale.value).toEqual({ BTCUSDT: 1 });
    const stats = await a.symbols.stats('spot');
    expect(stats.hits).toBeGreaterThan(0);
    expect(stats.misses).toBeGreaterThan(0);
    expect(stats.lastRefreshMs).toBeGreaterThan(0);
    expect(await b.symbols.stats('spot')).toEqual(stats);
  });

  it('shares one weight budget, in which exits come before entries before history', async () => {
    a.weight.observe('shared', 0, 1_000, systemClock.now());
    b.weight.observe('shared', 0, 1_000, systemClock.now());
    expect(await a.weight.take('shared', 450, 'history')).toEqual({ granted: true });
    expect(await b.weight.take('shared', 100, 'history')).toMatchObject({ granted: false });
    expect(await b.weight.take('shared', 350, 'entry')).toEqual({ granted: true });
    expect(await a.weight.take('shared', 100, 'entry')).toMatchObject({ granted: false });
    expect(await a.weight.take('shared', 200, 'exit')).toEqual({ granted: true });
    expect(await a.weight.take('shared', 1, 'exit')).toMatchObject({ granted: false });
  });

  it('believes the venue when it counts more than we do', async () => {
    a.weight.observe('counted', 990, 1_000, systemClock.now());
    expect(await a.weight.take('counted', 20, 'protect')).toMatchObject({ granted: false });
  });

  it('tells the limit to whoever has not heard it from the venue yet', async () => {
    a.weight.observe('raised', 0, 100_000, systemClock.now());
    expect(await a.weight.take('raised', 8_000, 'exit')).toEqual({ granted: true });
    // An engine that starts in a minute in which others used much: by the usual limit it might ask for nothing until the next,
    // even where the venue's first answer has told it how much that is.
    b.weight.observe('raised', 8_000, null, systemClock.now());
    expect(await b.weight.take('raised', 100, 'history')).toEqual({ granted: true });
  });

  it('grants nothing to anybody while the venue wants silence', async () => {
    await a.weight.blockUntil('banned', systemClock.now() + 60_000, 'banned (418)');
    expect(await a.weight.take('banned', 1, 'protect')).toMatchObject({ granted: false, reason: expect.stringContaining('418') as string });
    expect(await b.weight.take('banned', 1, 'protect')).toMatchObject({ granted: false, reason: expect.stringContaining('418') as string });
  });
});

describe.each(adapters)('the shared order limit over %s', (_, open) => {
  let a: Coordination;
  let b: Coordination;
  const at = 1_700_000_000_000;
  const windows = [
    { windowMs: 10_000, limit: 10 },
    { windowMs: 86_400_000, limit: 1_000 },
  ];
  const room = (of: Coordination, account: string, priority: 'entry' | 'exit' | 'protect', atVenueMs = at): boolean => {
    const reservation = of.orders.reserve('venue', account, 1, priority, atVenueMs);
    if (reservation.granted) reservation.release();
    return reservation.granted;
  };

  beforeAll(async () => {
    const join = await open();
    a = join();
    b = join();
    await eventually('both are connected', 5_000, async () => a.reachable && b.reachable);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  it('counts what is on its way at once, also what another replica has sent', async () => {
    for (const one of [a, b]) one.orders.setLimits('venue', 'busy', windows);
    const taken = Array.from({ length: 8 }, () => a.orders.reserve('venue', 'busy', 1, 'entry', at));
    expect(taken.every((one) => one.granted)).toBe(true);
    expect(a.orders.reserve('venue', 'busy', 1, 'entry', at)).toMatchObject({
      granted: false,
      retryAfterMs: 10_000,
      reason: expect.stringContaining('8 of 10 per 10 s') as string,
    });
    await eventually('the other one knows', 2_000, async () => !room(b, 'busy', 'entry'));
    expect([room(b, 'busy', 'exit'), room(b, 'busy', 'protect')]).toEqual([true, true]);
    for (const one of taken) if (one.granted) one.release();
    await eventually('the other one knows that they are over', 2_000, async () => room(b, 'busy', 'entry'));
  });

  it('releases a reservation once', () => {
    a.orders.setLimits('venue', 'twice', windows);
    const first = a.orders.reserve('venue', 'twice', 8, 'entry', at);
    const second = a.orders.reserve('venue', 'twice', 1, 'exit', at);
    if (second.granted) {
      second.release();
      second.release();
    }
    expect([first.granted, second.granted, room(a, 'twice', 'entry')]).toEqual([true, true, false]);
  });

  it('believes what the venue counts, up and down, in each of its windows', async () => {
    for (const one of [a, b]) one.orders.setLimits('venue', 'counted', windows);
    a.orders.observe('venue', 'counted', new Map([[10_000, 9]]), at);
    await eventually('the other one knows', 2_000, async () => !room(b, 'counted', 'entry'));
    expect([room(b, 'counted', 'exit'), room(b, 'counted', 'entry', at + 10_000)]).toEqual([true, true]);
    a.orders.observe('venue', 'counted', new Map([[10_000, 2]]), at + 1);
    await eventually('the other one knows', 2_000, async () => room(b, 'counted', 'entry'));
    a.orders.observe('venue', 'counted', new Map([[86_400_000, 900]]), at + 2);
    expect([room(a, 'counted', 'entry', at + 20_000), room(a, 'counted', 'exit', at + 20_000)]).toEqual([false, true]);
  });

  it('stops both replicas when the venue refuses more orders', async () => {
    for (const one of [a, b]) one.orders.setLimits('venue', 'refused', windows);
    expect(room(b, 'refused', 'exit')).toBe(true);
    a.orders.pause('venue', 'refused', 10_000, at);
    expect(room(a, 'refused', 'protect')).toBe(false);
    await eventually('the other one knows', 2_000, async () => !room(b, 'refused', 'exit'));
    expect(room(b, 'refused', 'entry', at + 10_000)).toBe(true);
  });

  it('tells of a silence at once, without being asked', async () => {
    expect([a.weight.silence('quiet'), b.weight.silence('quiet')]).toEqual([null, null]);
    await a.weight.blockUntil('quiet', systemClock.now() + 60_000, 'HTTP 418');
    expect(a.weight.silence('quiet')).toMatchObject({ reason: 'HTTP 418' });
    const startedAt = systemClock.monotonic();
    await eventually('the other one is silent', 2_000, async () => b.weight.silence('quiet') !== null);
    expect(systemClock.monotonic() - startedAt).toBeLessThan(500);
    expect(b.weight.silence('quiet')?.untilMs).toBeGreaterThan(systemClock.now() + 55_000);
  });
});

describe('coordination while Redis misbehaves', () => {
  let redis: TestRedis;
  let coordination: Coordination;

  beforeAll(async () => {
    redis = await startRedis({ own: true });
    coordination = overRedis(redis.url, 'faults:');
    await eventually('connected', 5_000, async () => coordination.reachable);
  });
  afterAll(async () => {
    await coordination.close();
    await redis.stop();
  });

  it('does not know about locks while Redis says nothing, and says so soon', async () => {
    redis.pause();
    const startedAt = systemClock.monotonic();
    expect(await coordination.locks.acquire(['paused'], 10_000)).toEqual(['unknown']);
    expect(systemClock.monotonic() - startedAt).toBeLessThan(2_000);
    expect(coordination.reachable).toBe(false);
    redis.resume();
    await eventually('Redis answers again', 10_000, async () => (await coordination.locks.renew(['paused'], 10_000))[0] === 'held');
    expect(coordination.reachable).toBe(true);
  });

  it('goes on from its own copies while Redis is gone, and takes its locks again from an empty one', async () => {
    await coordination.symbols.put('spot', ['BTCUSDT'], 60_000);
    await coordination.locks.acquire(['kept'], 60_000);
    await redis.kill();
    expect(await coordination.locks.renew(['kept'], 60_000)).toEqual(['unknown']);
    expect(await coordination.symbols.get('spot')).toMatchObject({ value: ['BTCUSDT'] });
    expect(await coordination.weight.take('v', 1, 'exit')).toEqual({ granted: true });
    await redis.start();
    await eventually('the lock is ours again', 10_000, async () => (await coordination.locks.renew(['kept'], 60_000))[0] === 'held');
  });

  it('keeps its locks and its symbols through a flush, and learns when another owner was quicker', async () => {
    const { Redis } = await import('ioredis');
    const admin = new Redis(redis.url);
    const rival = overRedis(redis.url, 'faults:');
    await eventually('both are connected', 5_000, async () => coordination.reachable && rival.reachable);
    await coordination.locks.acquire(['mine', 'contested'], 60_000);
    await coordination.symbols.put('flushed', ['ETHUSDT'], 60_000);
    await coordination.weight.take('flushed', 900, 'exit');
    coordination.weight.observe('flushed', 900, 1_000, systemClock.now());
    await admin.flushall();
    expect(await rival.locks.acquire(['contested'], 60_000)).toEqual(['held']);
    expect(await coordination.locks.renew(['mine', 'contested'], 60_000)).toEqual(['held', 'taken']);
    expect(await rival.locks.acquire(['mine'], 60_000)).toEqual(['taken']);
    expect(await coordination.symbols.get('flushed')).toMatchObject({ value: ['ETHUSDT'], fresh: true });
    expect(await rival.symbols.get('flushed')).toBeNull();
    expect(await coordination.weight.take('flushed', 200, 'exit')).toMatchObject({ granted: false });
    admin.disconnect();
    await rival.close();
  });

  it('takes a lock whose key somebody else made something else of', async () => {
    const { Redis } = await import('ioredis');
    const intruder = new Redis(redis.url);
    await intruder.hset('faults:lock:spoilt', 'a', '1');
    expect(await coordination.locks.renew(['spoilt', 'sound'], 60_000)).toEqual(['held', 'held']);
    await intruder.del('faults:lock:spoilt');
    intruder.disconnect();
  });

  it('reads a silence and an order count whose news it missed', async () => {
    const other = overRedis(redis.url, 'faults:');
    await eventually('connected', 5_000, async () => other.reachable);
    await other.weight.blockUntil('missed', systemClock.now() + 60_000, 'HTTP 418');
    other.orders.observe('venue', 'missed', new Map([[10_000, 100]]), 1_700_000_000_000);
    await eventually('it was written', 2_000, async () => {
      const { Redis } = await import('ioredis');
      const reader = new Redis(redis.url);
      const found = await reader.exists('faults:orders:venue:missed', 'faults:weight:missed:blocked');
      reader.disconnect();
      return found === 2;
    });
    await other.close();
    const late = overRedis(redis.url, 'faults:');
    await eventually('it knows of both', 5_000, async () => {
      const reservation = late.orders.reserve('venue', 'missed', 1, 'exit', 1_700_000_000_000);
      if (reservation.granted) reservation.release();
      return !reservation.granted && late.weight.silence('missed') !== null;
    });
    await late.close();
  });

  it('counts its own orders while Redis is gone, and ignores news that are none', async () => {
    const { Redis } = await import('ioredis');
    const intruder = new Redis(redis.url);
    for (const news of [
      '{',
      '[]',
      'null',
      '{"from":"x","venue":"venue","account":"own","orders":{"inFlight":"all","windows":[]}}',
      '{"from":"x","venue":"venue","account":"own","orders":{"inFlight":1e9}}',
    ])
      expect(await intruder.publish('faults:budget-news', news)).toBeGreaterThan(0);
    intruder.disconnect();
    coordination.orders.setLimits('venue', 'own', [{ windowMs: 10_000, limit: 2 }]);
    const first = coordination.orders.reserve('venue', 'own', 1, 'entry', 1_700_000_000_000);
    expect([first.granted, coordination.orders.reserve('venue', 'own', 1, 'entry', 1_700_000_000_000).granted]).toEqual([true, false]);
    await redis.kill();
    expect(coordination.orders.reserve('venue', 'own', 1, 'exit', 1_700_000_000_000).granted).toBe(true);
    await redis.start();
    await eventually('connected again', 10_000, async () => coordination.reachable);
  });

  it('ignores what somebody else wrote into the symbol cache', async () => {
    const { Redis } = await import('ioredis');
    const intruder = new Redis(redis.url);
    await intruder.set('faults:symbols:poisoned', '{"format":1,"refreshedAtMs":"soon"}');
    expect(await coordination.symbols.get('poisoned')).toBeNull();
    intruder.disconnect();
  });
});
