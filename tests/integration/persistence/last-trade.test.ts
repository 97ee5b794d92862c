/** Where the trade history of a symbol ended, found without reading the history. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claimBots } from '../../../engine/persistence/claim-bots.ts';
import { commitIntents } from '../../../engine/persistence/commit-intents.ts';
import { createPostgresOrderStore } from '../../../engine/persistence/postgres-order-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { holder, intent, openRows } from './given.ts';
import type { Rows } from './given.ts';

let rows: Rows;
const startMs = 1_700_000_000_000;
const place = { venue: 'simulated', account: 'simulated', market: 'spot', symbol: 'BTCUSDT' } as const;

beforeEach(async () => {
  rows = await openRows();
  await claimBots(rows.pool, holder, ['1']);
  await commitIntents(rows.pool, holder, [intent(rows.userId)]);
});
afterEach(() => rows.close());

/** Executions from `first` to `last`, one each second, three at each moment. */
const execute = (first: number, last: number): Promise<unknown> =>
  rows.pool.query(
    `insert into fills (bot_config_id, order_id, venue, market, symbol, exchange_trade_id, client_order_id, role, side, price, quantity,
       commission_amount, commission_asset, base_commission, quote_commission, is_maker, source, executed_at, created_at)
     select 1, o.id, 'simulated', 'spot', 'BTCUSDT', n::text, o.client_order_id, 'entry', 'BUY', 1, 1, 0, 'USDT', 0, 0, false, 'history',
       to_timestamp($3::float8 / 1000 + n / 3), now()
     from orders o, generate_series($1::int, $2::int) n`,
    [first, last, startMs],
  );

it('answers the highest number, by value and not by text, of what was executed before then', async () => {
  await execute(8, 101);
  const store = createPostgresOrderStore({ orm: rows.orm, pool: rows.pool, holder, clock: systemClock });
  expect(await store.lastTradeId(place, startMs + 1e9)).toBe('101');
  expect(await store.lastTradeId(place, startMs + 33_000)).toBe('98');
  expect(await store.lastTradeId(place, startMs + 3_000)).toBe('8');
  expect(await store.lastTradeId(place, startMs)).toBeNull();
  expect(await store.lastTradeId({ ...place, account: 'another' }, startMs + 1e9)).toBeNull();
});

it('reads a few rows of a long history', async () => {
  await execute(1, 30_000);
  await rows.pool.query('analyze fills');
  const plans: string[] = [];
  const pool = Object.assign(Object.create(rows.pool) as typeof rows.pool, {
    query: async (text: string, values: unknown[]) => {
      const { rows: lines } = await rows.pool.query<Record<string, string>>(`explain (analyze, buffers off) ${text}`, values);
      plans.push(lines.map((line) => line['QUERY PLAN']).join('\n'));
      return rows.pool.query(text, values);
    },
  });
  const store = createPostgresOrderStore({ orm: rows.orm, pool, holder, clock: systemClock });
  expect(await store.lastTradeId(place, startMs + 1e9)).toBe('30000');
  expect(plans.join('\n')).toContain('fills_symbol_time_index');
  expect(plans.join('\n')).not.toContain('Seq Scan on fills');
});
