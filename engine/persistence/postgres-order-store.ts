/**
 * The order store over PostgreSQL. `record` is the unit of work in which an order, its fills, its trade row, the bot's
 * state and the outbox change together; the bot's row is locked first, so a stale owner stops here.
 */
import { LockMode } from '@mikro-orm/core';
import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import { BotState, Order } from '../../entities/index.ts';
import type { Clock } from '../time/clock.ts';
import { zero } from '../trading/exact.ts';
import { bookFills, bookTrade, readBooked } from './book-fills.ts';
import type { BookedRows } from './book-fills.ts';
import { selectOrder, storedOrder } from './bot-rows.ts';
import type { OrderRecord } from './bot-rows.ts';
import { CommitUnknown, commitIntents, committedIds, endBackends } from './commit-intents.ts';
import { advanceOrder, lateReason } from './order-life.ts';
import type { ExecutionEvidence, OrderStore, RecordAnswer, StoredOrder } from './order-store.ts';
import { readSaleBounds } from './state-data.ts';
import { retryUndone } from '../database/retry-undone.ts';

export interface PostgresOrderStoreOptions {
  readonly orm: MikroORM;
  readonly pool: Pool;
  /** This process, as `bot_state.lock_holder` names it. */
  readonly holder: string;
  readonly clock: Clock;
}

export function createPostgresOrderStore(options: PostgresOrderStoreOptions): OrderStore {
  const { orm, pool, holder, clock } = options;
  /** Processes of the server that may still commit something whose outcome we do not know. */
  const unsure = new Set<number>();
  return {
    async commit(intents) {
      try {
        return await retryUndone(clock, () => commitIntents(pool, holder, intents));
      } catch (error) {
        if (error instanceof CommitUnknown && error.backendPid !== null) unsure.add(error.backendPid);
        throw error;
      }
    },
    async committed(ids) {
      const pids = [...unsure];
      await endBackends(pool, pids);
      for (const pid of pids) unsure.delete(pid);
      return committedIds(pool, ids);
    },
    record: (evidence) =>
      retryUndone(clock, () => orm.em.fork().transactional((em) => record(em as EntityManager, holder, evidence, new Date(clock.now())))),
    async byExchangeId({ venue, account, market, symbol }, ids) {
      if (ids.length === 0) return [];
      const { rows } = await pool.query<OrderRecord>(
        `${selectOrder} where venue = $1 and symbol = $2 and exchange_order_id = any($3) and account = $4 and market = $5`,
        [venue, symbol, ids, account, market],
      );
      return rows.map(storedOrder);
    },
    async lastTradeId({ venue, account, market, symbol }, beforeMs) {
      // Worded so that PostgreSQL reads fills_trade_number_index from its end, and skips the fills of the last minutes and of other accounts.
      const { rows } = await pool.query<{ id: string }>(
        `select f.exchange_trade_id as id from fills f join orders o on o.id = f.order_id
         where f.venue = $1 and f.market = $2 and f.symbol = $3 and f.executed_at < $4 and f.exchange_trade_id ~ '^[0-9]+$' and o.account = $5
         order by f.exchange_trade_id::numeric desc limit 1`,
        [venue, market, symbol, new Date(beforeMs), account],
      );
      return rows[0]?.id ?? null;
    },
  };
}

/** Everything is read in sets and written in one flush; the bots' rows are locked first, always in one order. */
async function record(
  em: EntityManager,
  holder: string,
  pieces: readonly ExecutionEvidence[],
  now: Date,
): Promise<readonly RecordAnswer[]> {
  const botIds = [...new Set(pieces.map(({ botId }) => botId))];
  const states = await em.find(
    BotState,
    { botConfig: { $in: botIds } },
    { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { botConfig: 'asc' } },
  );
  const stateOf = new Map(states.map((state) => [state.botConfig.id, state]));
  const owned = pieces.filter(({ botId, epoch }) => isOwner(stateOf.get(botId), holder, epoch));
  const orders =
    owned.length === 0
      ? []
      : await em.find(Order, { clientOrderId: { $in: [...new Set(owned.map(({ clientOrderId }) => clientOrderId))] } });
  const orderOf = new Map(orders.map((order) => [order.clientOrderId, order]));
  const rows = await readBooked(em, orders, [...new Set(owned.flatMap(({ fills }) => fills.map(({ tradeId }) => tradeId)))]);
  return pieces.map((evidence): RecordAnswer => {
    const state = stateOf.get(evidence.botId);
    if (state === undefined || !isOwner(state, holder, evidence.epoch)) return { verdict: 'fenced' };
    const order = orderOf.get(evidence.clientOrderId);
    if (order === undefined || order.botConfig.id !== evidence.botId) return { verdict: 'no-such-order' };
    return recordOf(em, state, order, evidence, now, rows);
  });
}

function isOwner(state: BotState | undefined, holder: string, epoch: number): boolean {
  return state !== undefined && Number(state.lockEpoch) === epoch && state.lockHolder === holder;
}

function recordOf(
  em: EntityManager,
  state: BotState,
  order: Order,
  evidence: ExecutionEvidence,
  now: Date,
  rows: BookedRows,
): RecordAnswer {
  const denied = order.state === 'never-placed' && order.exchangeOrderId === null;
  order.exchangeOrderId ??= evidence.exchangeOrderId;

  const booked = bookFills(em, order, state, evidence, now, rows);
  const trade = bookTrade(em, order, booked, rows);
  const missing = advanceOrder(em, order, evidence, trade ?? { quantity: zero, quote: zero }, now);
  const late = denied && (order.exchangeOrderId !== null || order.executedQuantity.gt(0)) ? lateReason(order) : null;
  // In the same transaction: who reads of the order also finds the bot held.
  if (late !== null) {
    state.stateData = { ...state.stateData, heldReason: late };
    // It has spent money after all: that counts until a reading of the balance contains it.
    order.capitalSettledAt = null;
  }
  return { verdict: 'recorded', order: stored(order, evidence.botId), newFills: booked.map(({ fill }) => fill), trade, missing, late };
}

function stored(order: Order, botId: string): StoredOrder {
  return {
    botId,
    clientOrderId: order.clientOrderId,
    symbol: order.symbol,
    role: order.role,
    exitKind: order.exitKind ?? null,
    side: order.side,
    type: order.type,
    quantity: order.quantity,
    price: order.price ?? null,
    stopPrice: order.stopPrice ?? null,
    slot: order.slot,
    decisionMs: Number(order.decisionMs),
    attempt: order.attempt,
    reason: order.reason,
    saleBounds: readSaleBounds(order.saleBounds ?? null),
    state: order.state,
    exchangeOrderId: order.exchangeOrderId ?? null,
    executedQuantity: order.executedQuantity,
    signedTimestampMs: Number(order.signedTs),
    recvWindowMs: order.recvWindowMs,
    createdAtMs: order.createdAt.getTime(),
  };
}
