/** A real Redis that answers and takes no writes, refuses the engine, or is killed: its fault is no bot's, and is told once. */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Coordination } from '../../../engine/coordination/coordination.ts';
import { createRedisCoordination } from '../../../engine/coordination/redis.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { Leases, lockName } from '../../../engine/supervisor/leases.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { startRedis } from '../../servers/redis.ts';
import type { TestRedis } from '../../servers/redis.ts';
import { eventually } from '../../e2e/support/processes.ts';

let redis: TestRedis;
let admin: Redis;
let coordination: Coordination;
let leases: Leases;
let lines: string[];

function connect(url: string, told: string[] = lines): Coordination {
  const log = pino({ level: 'info' }, { write: (line: string) => void told.push((JSON.parse(line) as { msg: string }).msg) });
  return createRedisCoordination({ url, keyPrefix: 'fault:', owner: randomUUID(), clock: systemClock, log, metrics: createMetrics() });
}

beforeEach(async () => {
  lines = [];
  redis = await startRedis({ own: true });
  admin = new Redis(redis.url);
  admin.on('error', () => undefined);
  coordination = connect(redis.url);
  leases = new Leases({ coordination, clock: systemClock, ttlMs: 600 });
});
afterEach(async () => {
  await coordination.close();
  admin.disconnect();
  await redis.stop();
});

interface Fault {
  readonly says: string;
  begin(): Promise<unknown>;
  end(): Promise<unknown>;
}

/** Redis could not save: writes are refused until it can again. */
const unableToSave: Fault = {
  says: 'takes no writes since .*MISCONF',
  async begin() {
    rmSync(redis.folder, { recursive: true });
    await admin.config('SET', 'save', '1 1');
    await admin.bgsave().catch(() => undefined);
    await eventually('saving failed', 10_000, async () => (await admin.info('persistence')).includes('rdb_last_bgsave_status:err'));
  },
  end: () => admin.config('SET', 'stop-writes-on-bgsave-error', 'no'),
};

const refusingWrites: readonly (readonly [string, Fault])[] = [
  [
    'is full and evicts nothing',
    {
      says: 'takes no writes since .*OOM',
      begin: () => admin.config('SET', 'maxmemory', '1'),
      end: () => admin.config('SET', 'maxmemory', '0'),
    },
  ],
  [
    'became a replica in a fail-over',
    {
      says: 'takes no writes since .*READONLY',
      begin: () => admin.replicaof('127.0.0.1', 1),
      end: () => admin.replicaof('NO', 'ONE'),
    },
  ],
  [
    'lacks the replicas that it needs',
    {
      says: 'takes no writes since .*NOREPLICAS',
      begin: () => admin.config('SET', 'min-replicas-to-write', '1'),
      end: () => admin.config('SET', 'min-replicas-to-write', '0'),
    },
  ],
  ['cannot save', unableToSave],
];

describe('Redis that answers and takes no writes, because it', () => {
  it.each(refusingWrites)('%s, says nothing of locks', async (_, fault) => {
    expect(await leases.acquire(['1'])).toEqual(['1']);
    await eventually('it takes writes', 5_000, async () => coordination.reachable);
    await fault.begin();
    await eventually('that is noticed', 10_000, async () => !coordination.reachable);
    expect(coordination.outage).toMatch(new RegExp(fault.says));
    await eventually('the lock has run out', 5_000, async () => (await admin.get(`fault:lock:${lockName('1')}`)) === null);
    expect(await leases.renew()).toEqual([]);
    expect(leases.leftMs('1')).toBeNull();
    // What is not a lock's matter goes on.
    expect((await coordination.weight.take('v', 1, 'exit')).granted).toBe(true);
    await fault.end();
    await eventually('it is noticed that it is over', 10_000, async () => coordination.reachable);
    expect(await leases.renew()).toEqual([]);
    expect(leases.leftMs('1')).toBeGreaterThan(0);
    expect(lines.filter((line) => line.includes('Redis'))).toEqual([
      expect.stringMatching(/^Redis takes no writes since .*bots go on with the locks they hold/),
      expect.stringMatching(/^Redis is back/),
    ]);
  });
});

describe('Redis that is not there for the engine, because', () => {
  it('its password is another', async () => {
    await admin.config('SET', 'requirepass', 'right');
    for (const url of [
      redis.url,
      redis.url.replace('redis://', 'redis://:wrong@'),
      redis.url.replace('redis://', 'redis://nobody:wrong@'),
    ]) {
      const told: string[] = [];
      const refused = connect(url, told);
      await refused.symbols.get('any');
      await eventually('that is noticed', 10_000, async () => refused.outage?.includes('password since') === true);
      expect(await refused.locks.acquire(['1'], 600)).toEqual(['unknown']);
      expect([refused.reachable, told.length]).toEqual([false, 1]);
      expect(told[0]).not.toMatch(/wrong@|:wrong/);
      await refused.close();
    }
  });

  it('it is not running: that is told at once, and its coming too', async () => {
    await redis.kill();
    const told: string[] = [];
    const early = connect(redis.url, told);
    expect(await early.locks.acquire(['1'], 600)).toEqual(['unknown']);
    expect(early.outage).toMatch(/^Redis does not answer since \d{4}-.*ECONNREFUSED/);
    await redis.start();
    await eventually('it came', 10_000, async () => early.reachable);
    await early.close();
    expect(told).toEqual([expect.stringMatching(/^Redis does not answer since/), expect.stringMatching(/^Redis is back/)]);
  });

  it('it was killed: locks are unknown, and one line tells of it', async () => {
    expect(await leases.acquire(['1'])).toEqual(['1']);
    await redis.kill();
    await eventually('that is noticed', 5_000, async () => !coordination.reachable);
    expect(await leases.renew()).toEqual([]);
    expect(leases.leftMs('1')).toBeNull();
    await redis.start();
    await eventually('it is back', 10_000, async () => coordination.reachable);
    await leases.renew();
    expect(leases.leftMs('1')).toBeGreaterThan(0);
    expect(lines).toEqual([expect.stringMatching(/^Redis does not answer since/), expect.stringMatching(/^Redis is back/)]);
  });
});

describe('what lies in Redis', () => {
  it('is found by the very first look-up, and look-ups and refreshes are counted for all engines together', async () => {
    await coordination.symbols.put('v:spot', ['BTCUSDT'], 60_000);
    const put = (await coordination.symbols.stats('v:spot')).lastRefreshMs;
    const newcomer = connect(redis.url);
    expect(await newcomer.symbols.get('v:spot')).toMatchObject({ value: ['BTCUSDT'], fresh: true });
    await coordination.symbols.get('v:spot');
    await coordination.symbols.get('v:futures');
    expect(await newcomer.symbols.stats('v:spot')).toEqual({ hits: 2, misses: 0, lastRefreshMs: put });
    expect(await newcomer.symbols.stats('v:futures')).toEqual({ hits: 0, misses: 1, lastRefreshMs: null });
    await newcomer.close();
    const late = connect(redis.url);
    expect(await late.symbols.stats('v:spot')).toEqual({ hits: 2, misses: 0, lastRefreshMs: put });
    await admin.hset('fault:symbols:v:spot:stats', { hits: '-1', misses: 'many', refreshedAtMs: '99999999999999' });
    await late.symbols.get('v:spot');
    // HINCRBY on the forged -1 makes 0; what is no count is told as this process counts it.
    expect(await late.symbols.stats('v:spot')).toEqual({ hits: 0, misses: 0, lastRefreshMs: put });
    await late.close();
  });

  it('keeps no bot from its engine when it cannot be a lock', async () => {
    const names = ['hash', 'endless', 'long'];
    await admin.hset('fault:lock:hash', 'a', '1');
    await admin.set('fault:lock:endless', 'somebody');
    await admin.set('fault:lock:long', 'somebody', 'PX', 86_400_000);
    await admin.set('fault:lock:sound', 'somebody', 'PX', 250_000);
    expect(await coordination.locks.acquire([...names, 'sound'], 600)).toEqual(['held', 'held', 'held', 'taken']);
    await admin.del('fault:lock:hash');
    await admin.hset('fault:lock:hash', 'a', '1');
    await coordination.locks.release(names);
    expect(await admin.exists('fault:lock:endless', 'fault:lock:long')).toBe(0);
  });

  it('is not believed of budgets when no engine can have written it', async () => {
    const minute = (): number => Math.floor(systemClock.now() / 60_000);
    coordination.weight.observe('v', 0, null, systemClock.now());
    const granted = async (priority: 'exit' | 'history' = 'history'): Promise<boolean> =>
      (await coordination.weight.take('v', 1, priority)).granted;
    for (const [key, value] of [
      ['v:blocked', 'no end'],
      ['v:limit', '1'],
      ['v:limit', '-5'],
      ['v:limit', 'nan'],
      ['v:limit', '1e300'],
      ...[0, 1].flatMap((later) => ['1e18', 'nan', 'inf', 'many', '-1e9'].map((used) => [`v:${minute() + later}`, used] as const)),
    ] as const) {
      await admin.set(`fault:weight:${key}`, value);
      expect([key, value, await granted()]).toEqual([key, value, true]);
      expect(coordination.weight.silence('v')).toBeNull();
      await admin.del(`fault:weight:${key}`);
    }
    for (const key of ['v:blocked', 'v:limit', `v:${minute()}`]) {
      await admin.del(`fault:weight:${key}`);
      await admin.hset(`fault:weight:${key}`, 'a', '1');
      expect([key, await granted()]).toEqual([key, true]);
      await admin.del(`fault:weight:${key}`);
    }
  });

  it('ends no engine: 65 messages of unknown venues, and of accounts that it does not use', async () => {
    coordination.weight.observe('v', 0, null, systemClock.now());
    coordination.orders.setLimits('v', 'own', [{ windowMs: 10_000, limit: 2 }]);
    const publish = (news: object): Promise<number> => admin.publish('fault:budget-news', JSON.stringify({ from: 'x', ...news }));
    await eventually('it listens', 5_000, async () => (await publish({ kind: 'noise' })) > 0);
    for (let venue = 0; venue < 65; venue += 1) {
      await publish({ kind: 'silence', venue: `made up ${venue}`, leftMs: 1_000, reason: 'x' });
      await publish({ kind: 'orders', venue: 'v', account: `made up ${venue}`, orders: { inFlight: 0, windows: [], pause: null } });
    }
    await admin.publish('fault:budget-news', '{"kind":"silence","from":"x","venue":"v","leftMs":1e300,"reason":"x"}');
    await publish({ kind: 'orders', venue: 'v', account: 'own', orders: { inFlight: 1e9, windows: [], pause: null } });
    // Of what is possible it hears: that came after all the rest.
    await publish({ kind: 'silence', venue: 'v', leftMs: 60_000, reason: 'HTTP 429' });
    await eventually('the last was heard', 5_000, async () => coordination.weight.silence('v') !== null);
    expect(coordination.weight.silence('v')?.untilMs).toBeLessThan(systemClock.now() + 61_000);
    expect(coordination.orders.reserve('v', 'own', 1, 'exit', systemClock.now()).granted).toBe(true);
  });
});
