/** The promises hold in a thousand storms, in every storm that once broke them, and always in the same way. */
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import { readRegression, regressionFiles } from './regression.ts';
import { drawSchedule } from './schedule.ts';
import type { PlayedShard, Shard } from './shard.ts';
import { Totals } from './totals.ts';
import { play } from './world.ts';

const seeds = 1_000;
const shards = Array.from({ length: 8 }, (_, index): Shard => ({ from: 1 + (index * seeds) / 8, count: seeds / 8 }));
/** At a time; other files are played beside this one. */
const threads = 2;

/** As `npm run simulate` plays them: with room for what is young, or half of the time is spent on collecting it. */
function playShard(shard: Shard): Promise<PlayedShard> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('shard.ts', import.meta.url), {
      workerData: shard,
      resourceLimits: { maxYoungGenerationSizeMb: 96 },
    });
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', () => reject(new Error(`the thread of the seeds from ${shard.from} on ended without a result`)));
  });
}

describe(`${seeds} schedules`, () => {
  const totals = new Totals();
  const played = new Map<Shard, PlayedShard>();

  beforeAll(async () => {
    const left = [...shards];
    const work = async (): Promise<void> => {
      for (let shard = left.shift(); shard !== undefined; shard = left.shift()) {
        const result = await playShard(shard);
        played.set(shard, result);
        totals.join(result.sums);
      }
    };
    await Promise.all(Array.from({ length: threads }, work));
  }, 600_000);

  it.each(shards)('break no promise: $count seeds from $from on', (shard) => {
    expect(played.get(shard)?.sums.schedules).toBe(shard.count);
    expect(played.get(shard)?.broken).toEqual([]);
  });

  it('are all of them', () => {
    expect(totals.schedules).toBe(seeds);
  });

  it('are no vacuous storms: orders, faults of every kind, every crash point', () => {
    expect(totals.ordersPerSchedule).toBeGreaterThanOrEqual(10);
    expect(totals.faultsPerSchedule).toBeGreaterThanOrEqual(20);
    // A tenth of what ten thousand schedules must reach.
    expect([...totals.faults].filter(([, hits]) => hits < 10)).toEqual([]);
    expect([...totals.crashPoints].filter(([, hits]) => hits < 10)).toEqual([]);
  });
});

it('plays a seed always in the same way, whatever was played before', async () => {
  const [first, other] = [await play(drawSchedule(11)), await play(drawSchedule(12))];
  expect((await play(drawSchedule(11), { readable: true })).hash).toBe(first.hash);
  expect(other.hash).not.toBe(first.hash);
});

it.each([21, 22, 23])('lets a bot that crashes whenever it starts change nothing for the others (seed %i)', async (seed) => {
  const [alone, beside] = [await play({ seed, faults: [] }), await play({ seed, faults: [] }, { poison: true })];
  expect([...alone.violations, ...beside.violations]).toEqual([]);
  expect(alone.orders).toBeGreaterThan(10);
  expect(beside.decisions).toEqual(alone.decisions);
});

/** Without the prices of such candles, and those of REST, these two break promise 11. */
it.each([25, 223])('the day’s loss is judged while candles leave the grid for minutes (seed %i)', async (seed) => {
  const faults = [0, 1].map((symbol) => ({ kind: 'off-grid' as const, atMs: 130_000, forMs: 450_000, value: 28_224, symbol }));
  const { violations, orders } = await play({ seed, restless: true, stormMs: 600_000, faults });
  expect(violations).toEqual([]);
  expect(orders).toBeGreaterThan(0);
});

describe('what once broke a promise', () => {
  it.each(regressionFiles())('%s holds', async (name) => {
    expect((await play(readRegression(name))).violations).toEqual([]);
  });
});
