/** The reconciliation store over PostgreSQL, on the small pool: entries wait for what it answers. */
import { Decimal } from 'decimal.js';
import type { Pool } from 'pg';
import type { Clock } from '../time/clock.ts';
import { selectOrder, storedOrder } from './bot-rows.ts';
import type { OrderRecord } from './bot-rows.ts';
import { fillInOrder } from './fill-in-order.ts';
import { holdBots, markCompared } from './hold-bots.ts';
import type { ReconcileStore } from './reconcile-store.ts';
import { retryUndone } from '../database/retry-undone.ts';

/** Orders that were declared never placed are looked for as long as this. */
const lateArrivalWindow = '24 hours';

export interface PostgresReconcileStoreOptions {
  readonly pool: Pool;
  /** This process, as `bot_state.lock_holder` names it. */
  readonly holder: string;
  readonly clock: Clock;
}

export function createPostgresReconcileStore({ pool, holder, clock }: PostgresReconcileStoreOptions): ReconcileStore {
  return {
    async starts(botIds) {
      const { rows } = await pool.query<{ id: string; through_ms: string | null; created_ms: string; oldest_ms: string | null }>(
        `select c.id::text, s.state_data->>'comparedThroughMs' as through_ms, (extract(epoch from c.created_at) * 1000)::bigint::text as created_ms,
                (select min(o.signed_ts) from orders o
                 where o.bot_config_id = c.id and o.state = 'never-placed' and o.created_at > now() - interval '${lateArrivalWindow}')::text as oldest_ms
         from bot_configs c left join bot_state s on s.bot_config_id = c.id where c.id = any($1::bigint[])`,
        [botIds],
      );
      return rows.map((row) => ({
        botId: row.id,
        throughMs: row.through_ms === null ? null : Number(row.through_ms),
        createdAtMs: Number(row.created_ms),
        oldestNeverPlacedMs: row.oldest_ms === null ? null : Number(row.oldest_ms),
      }));
    },
    async knownBots(botIds) {
      const { rows } = await pool.query<{ id: string; symbol: string; mode: string; created_ms: string }>(
        `select id::text, symbol, mode, (extract(epoch from created_at) * 1000)::bigint::text as created_ms
         from bot_configs where id = any($1::bigint[])`,
        [botIds],
      );
      return new Map(rows.map((row) => [row.id, { symbol: row.symbol, live: row.mode === 'live', createdAtMs: Number(row.created_ms) }]));
    },
    async byClientOrderId(ids) {
      if (ids.length === 0) return [];
      const { rows } = await pool.query<OrderRecord>(`${selectOrder} where client_order_id = any($1)`, [ids]);
      return rows.map(storedOrder);
    },
    fillIn: (order) => retryUndone(clock, () => fillInOrder(pool, holder, order)),
    compared: (bots, throughMs) => retryUndone(clock, () => markCompared(pool, holder, bots, throughMs)),
    async holdings(venue) {
      const { rows } = await pool.query<{ symbol: string; quantity: string; in_flight: boolean }>(
        `select c.symbol, sum(coalesce((s.state_data->'position'->>'quantity')::numeric, 0))::text as quantity,
                bool_or(exists (select 1 from orders o where o.bot_config_id = c.id
                                and o.role in ('entry', 'exit') and o.state in ('intended', 'unknown', 'accepted'))) as in_flight
         from bot_configs c join bot_state s on s.bot_config_id = c.id
         where c.mode = 'live' and c.venue = $1 group by c.symbol`,
        [venue],
      );
      return rows.map((row) => ({ symbol: row.symbol, quantity: new Decimal(row.quantity), inFlight: row.in_flight }));
    },
    hold: (bots) => retryUndone(clock, () => holdBots(pool, holder, bots)),
  };
}
