/** The decision ledger's rows in PostgreSQL and in memory answer alike; and what only PostgreSQL can show: exact values, size, pruned settings. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DecisionRow, DecisionStore } from '../../../engine/persistence/decision-store.ts';
import { createPostgresDecisionStore } from '../../../engine/persistence/postgres-decision-store.ts';
import { createMemoryDecisionStore } from '../../simulation/memory-decisions.ts';
import { Random } from '../../simulation/random.ts';
import { closeOf, decision, rsiSettings } from '../../unit/persistence/given-decisions.ts';
import { openRows } from './given.ts';
import type { Rows } from './given.ts';

let rows: Rows;
beforeAll(async () => {
  rows = await openRows();
});
afterAll(() => rows.close());
beforeEach(async () => {
  await rows.pool.query('truncate decisions, decision_settings');
});

const everything = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 10_000 };
const count = async (table: string): Promise<number> => {
  const { rows: counted } = await rows.pool.query<{ n: number }>(`select count(*)::int as n from ${table}`);
  return counted[0]?.n ?? 0;
};

function drawn(random: Random): DecisionRow {
  const outcome = random.pick(['entered', 'exited', 'nothing'] as const);
  return decision(random.whole(0, 40), {
    close: random.next() * 100,
    values: [random.next() * 100, random.chance(0.2) ? Number.NaN : random.next()],
    outcome,
    rule: outcome === 'nothing' ? random.pick(['no-signal', 'paused', 'max-daily-trades'] as const) : null,
    reason: random.chance(0.5) ? null : `it's "a" {reason}, with \\ and ü ${random.whole(0, 9)}`,
    positionOpen: random.chance(0.5),
    settings: { ...rsiSettings, botId: String(random.whole(1, 3)), version: random.whole(1, 2) },
  });
}

describe('verdicts in memory and in PostgreSQL', () => {
  it.each([1, 2, 3])('answer history %i alike', async (seed) => {
    const random = new Random(seed);
    const stores: DecisionStore[] = [createPostgresDecisionStore(rows.pool), createMemoryDecisionStore()];
    const alike = async (ask: (store: DecisionStore) => Promise<unknown>): Promise<unknown> => {
      const [real, simulated] = [await ask(stores[0] as DecisionStore), await ask(stores[1] as DecisionStore)];
      expect(simulated).toEqual(real);
      return real;
    };
    let found = 0;
    for (let step = 0; step < 60; step += 1) {
      const added = Array.from({ length: random.whole(0, 8) }, () => drawn(random));
      await alike((store) => store.append(added));
      const botId = String(random.whole(1, 4));
      const [from, to, limit] = [random.whole(0, 40), random.whole(0, 45), random.whole(1, 9)];
      // Sometimes just before the close: bounds are inclusive.
      const query = { botId, fromMs: closeOf(from), toMs: closeOf(to) - random.whole(0, 1), limit };
      found += ((await alike((store) => store.page(query))) as unknown[]).length;
      await alike((store) => store.next(botId, closeOf(from)));
      const until = closeOf(random.whole(0, 20));
      if (random.chance(0.1)) await alike((store) => store.prune(until, 1_000));
    }
    expect(found).toBeGreaterThan(30);
  });

  it.each([
    ['PostgreSQL', () => createPostgresDecisionStore(rows.pool)],
    ['memory', createMemoryDecisionStore],
  ])('in %s keep the first verdict on a close, within a set and across sets', async (_, create) => {
    const store = create();
    const first = decision(0, { outcome: 'entered', rule: null });
    await store.append([first, decision(0)]);
    await store.append([decision(0, { reason: 'decided again after a restart' })]);
    expect(await store.page({ botId: '1', ...everything })).toEqual([first]);
  });
});

describe('verdicts in PostgreSQL', () => {
  it('keep every bit of their values, infinities and what is not known yet', async () => {
    const store = createPostgresDecisionStore(rows.pool);
    const values = [0.1 + 0.2, Number.MIN_VALUE, -Number.MAX_VALUE, Number.NaN, Infinity, 61.234567890123456];
    await store.append([decision(0, { values, close: 1 / 3 })]);
    expect(await store.page({ botId: '1', ...everything })).toEqual([decision(0, { values, close: 1 / 3 })]);
  });

  it('are deleted oldest first and no more than asked for, those of a configuration with the last of them', async () => {
    const store = createPostgresDecisionStore(rows.pool);
    const changed = { ...rsiSettings, version: 2 };
    await rows.pool.query('update bot_configs set version = 2 where id = 1');
    await store.append([decision(0), decision(1), decision(2), decision(3, { settings: changed })]);
    expect(await count('decision_settings')).toBe(2);
    expect(await store.prune(closeOf(3), 2)).toBe(2);
    expect((await store.page({ botId: '1', ...everything })).map((row) => row.closeMs)).toEqual([closeOf(3), closeOf(2)]);
    expect(await store.prune(closeOf(3), 2)).toBe(1);
    // Version 1 has no verdict any more; version 2 is the bot's own.
    expect(await count('decision_settings')).toBe(1);
    expect(await store.prune(closeOf(9), 2)).toBe(1);
    expect(await count('decision_settings')).toBe(1);
  });

  it('are shared among replicas that delete at the same time', async () => {
    const store = createPostgresDecisionStore(rows.pool);
    await store.append(Array.from({ length: 600 }, (_, minute) => decision(minute)));
    const deleted = await Promise.all([1, 2, 3, 4].map(() => store.prune(closeOf(1_000), 150)));
    expect(deleted.reduce((sum, one) => sum + one, 0)).toBe(600 - (await count('decisions')));
    expect(Math.max(...deleted)).toBeLessThanOrEqual(150);
  });

  it('take less than 300 bytes each, indexes included', async () => {
    const store = createPostgresDecisionStore(rows.pool);
    const settings = { ...rsiSettings, strategy: 'ema_rsi', indicators: ['ema:12', 'ema:26', 'rsi:14'] };
    const bots = Array.from({ length: 1_000 }, (_, bot) => ({ ...settings, botId: String(bot + 1) }));
    const signal = { action: 'hold', reason: 'no EMA cross and RSI is not overbought' } as const;
    const random = new Random(1);
    for (let minute = 0; minute < 20; minute += 1)
      await store.append(
        Array.from({ length: 1_000 }, (_, bot) =>
          decision(minute, { settings: bots[bot] ?? settings, signal, values: Array.from({ length: 6 }, () => random.next() * 20_000) }),
        ),
      );
    await rows.pool.query('vacuum analyze decisions');
    const { rows: sizes } = await rows.pool.query<{ heap: number; pkey: number; by_close: number }>(
      `select pg_relation_size('decisions')::float8 / 20000 as heap, pg_relation_size('decisions_pkey')::float8 / 20000 as pkey,
              pg_relation_size('decisions_close_ms_index')::float8 / 20000 as by_close`,
    );
    const { heap = 0, pkey = 0, by_close: byClose = 0 } = sizes[0] ?? {};
    process.stdout.write(
      `bytes of one verdict: heap ${heap.toFixed(0)}, primary key ${pkey.toFixed(0)}, index by close ${byClose.toFixed(0)}\n`,
    );
    expect(heap + pkey + byClose).toBeLessThan(300);
  });
});
