/**
 * The order store over PostgreSQL. `record` is the unit of work in which an order, its fills, its trade row, the bot's
 * state and the outbox change together; the bot's row is locked first, so a stale owner stops here.
 */
import { LockMode } from '@mikro-orm/core';
import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import { BotState, Order } from '../../entities/index.ts';
import type { Clock } from '../time/clock.ts';
import { bookFills, bookTrade } from './book-fills.ts';
import { selectOrder, storedOrder } from './bot-rows.ts';
import type { OrderRecord } from './bot-rows.ts';
import { commitIntents, committedIds } from './commit-intents.ts';
import { advanceOrder } from './order-life.ts';
import type { ExecutionEvidence, OrderStore, RecordAnswer, StoredOrder } from './order-store.ts';

export interface PostgresOrderStoreOptions {
  readonly orm: MikroORM;
  readonly pool: Pool;
  /** This process, as `bot_state.lock_holder` names it. */
  readonly holder: string;
  readonly clock: Clock;
}

/** Serialization failure and deadlock: the database undid the whole unit of work, so it may run again. */
const undoneCodes = new Set(['40001', '40P01']);
const recordAttempts = 5;

export function createPostgresOrderStore(options: PostgresOrderStoreOptions): OrderStore {
  const { orm, pool, holder, clock } = options;
  return {
    commit: (intents) => commitIntents(pool, holder, intents),
    committed: (ids) => committedIds(pool, ids),
    async record(evidence) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await orm.em.fork().transactional((em) => record(em as EntityManager, holder, evidence, new Date(clock.now())));
        } catch (error) {
          const code = (error as { code?: unknown }).code;
          if (attempt >= recordAttempts || typeof code !== 'string' || !undoneCodes.has(code)) throw error;
          await clock.sleep(10 * attempt);
        }
      }
    },
    async byExchangeId(venue, symbol, ids) {
      if (ids.length === 0) return [];
      const { rows } = await pool.query<OrderRecord>(`${selectOrder} where venue = $1 and symbol = $2 and exchange_order_id = any($3)`, [
        venue,
        symbol,
        ids,
      ]);
      return rows.map(storedOrder);
    },
    async lastTradeId(venue, symbol) {
      const { rows } = await pool.query<{ id: string | null }>(
        `select max(exchange_trade_id::numeric)::text as id from fills where venue = $1 and symbol = $2 and exchange_trade_id ~ '^[0-9]+$'`,
        [venue, symbol],
      );
      return rows[0]?.id ?? null;
    },
  };
}

async function record(em: EntityManager, holder: string, evidence: ExecutionEvidence, now: Date): Promise<RecordAnswer> {
  const state = await em.findOne(BotState, { botConfig: evidence.botId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (state === null || Number(state.lockEpoch) !== evidence.epoch || state.lockHolder !== holder) return { verdict: 'fenced' };
  const order = await em.findOne(Order, { clientOrderId: evidence.clientOrderId, botConfig: evidence.botId });
  if (order === null) return { verdict: 'no-such-order' };
  order.exchangeOrderId ??= evidence.exchangeOrderId;

  const booked = await bookFills(em, order, state, evidence, now);
  const filled = await bookTrade(em, order, booked);
  const missing = advanceOrder(em, order, evidence, filled, now);
  return { verdict: 'recorded', order: stored(order, evidence.botId), newFills: booked.map(({ fill }) => fill), missing };
}

function stored(order: Order, botId: string): StoredOrder {
  return {
    botId,
    clientOrderId: order.clientOrderId,
    symbol: order.symbol,
    role: order.role,
    side: order.side,
    type: order.type,
    quantity: order.quantity,
    price: order.price ?? null,
    stopPrice: order.stopPrice ?? null,
    slot: order.slot,
    decisionMs: Number(order.decisionMs),
    attempt: order.attempt,
    reason: order.reason,
    state: order.state,
    exchangeOrderId: order.exchangeOrderId ?? null,
    executedQuantity: order.executedQuantity,
    signedTimestampMs: Number(order.signedTs),
    recvWindowMs: order.recvWindowMs,
    createdAtMs: order.createdAt.getTime(),
  };
}
