/** What bots did: their trades, their orders (newest first), their state. What a deleted bot did stays readable. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Static } from 'typebox';
import { readStateData } from '../../engine/persistence/state-data.ts';
import type { StateDataJson } from '../../engine/persistence/state-data.ts';
import type { AdminApp } from '../app.ts';
import { callerOf } from '../guard.ts';
import { historyOf, ownedBot } from '../owned-bot.ts';
import type { AdminPorts } from '../ports.ts';
import { cutPage, idParams, pageOf, pageQuery, problems } from '../schemas/common.ts';
import { answerOf } from '../schemas/fields.ts';
import { allTradesQuery, orderPage, stateSchema, tradePage, tradesQuery } from '../schemas/history.ts';
import { spanOf } from '../schemas/instants.ts';

type Row = Record<string, unknown>;

interface Paging {
  readonly limit?: string;
  readonly after?: string;
}

export function historyRoutes(app: AdminApp, { orm }: AdminPorts): void {
  /** Newest first; `select` ends in a condition. */
  const page = async <Item>(
    select: string,
    values: readonly unknown[],
    query: Paging,
    itemOf: (row: Row) => Item,
  ): Promise<{ items: Item[]; next_cursor: string | null }> => {
    const { limit, after } = pageOf(query);
    const rows: Row[] = await orm.em
      .fork()
      .getConnection()
      .execute(`${select} and (?::bigint = 0 or x.id < ?::bigint) order by x.id desc limit ?`, [...values, after, after, limit + 1]);
    return cutPage(rows, limit, ({ id }) => String(id), itemOf);
  };

  /** Of a user, in one bot or in all of them. */
  const trades = (
    userId: string,
    query: Paging & { readonly from?: string; readonly to?: string; readonly symbol?: string },
    botId: string | null,
  ): Promise<Static<typeof tradePage>> => {
    const { fromMs, toMs } = spanOf(query);
    const select = `
      select x.*, o.client_order_id, c.name as bot_name
      from trades x join orders o on o.id = x.order_id join bot_configs c on c.id = x.bot_config_id
      where x.user_id = ? and (?::bigint is null or x.bot_config_id = ?::bigint) and (?::text is null or x.symbol = ?::text)
        and x.timestamp between ?::timestamptz and ?::timestamptz`;
    const symbol = query.symbol ?? null;
    const values = [userId, botId, botId, symbol, symbol, timestampOf(fromMs), timestampOf(toMs)];
    return page(select, values, query, (row) => answerOf(tradePage.properties.items.items, row));
  };

  app.get(
    '/v1/trades',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'Executed orders of all your bots, deleted ones included, newest first.',
        tags: ['history'],
        querystring: allTradesQuery,
        response: { 200: tradePage, ...problems },
      },
    },
    (request) => trades(callerOf(request).userId, request.query, request.query.bot_config_id ?? null),
  );

  app.get(
    '/v1/bots/:id/trades',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'Executed orders of a bot, newest first.',
        tags: ['history'],
        params: idParams,
        querystring: tradesQuery,
        response: { 200: tradePage, ...problems },
      },
    },
    async (request) => {
      const { userId } = callerOf(request);
      const bot = await historyOf(orm.em.fork(), userId, request.params.id);
      return trades(userId, request.query, bot.id);
    },
  );

  app.get(
    '/v1/bots/:id/orders',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'Order intents and their fate, newest first.',
        tags: ['history'],
        params: idParams,
        querystring: pageQuery,
        response: { 200: orderPage, ...problems },
      },
    },
    async (request) => {
      const bot = await historyOf(orm.em.fork(), callerOf(request).userId, request.params.id);
      return page('select x.* from orders x where x.bot_config_id = ?', [bot.id], request.query, (row) =>
        answerOf(orderPage.properties.items.items, { ...row, decided_at: Number(row['decision_ms']), signed_at: Number(row['signed_ts']) }),
      );
    },
  );

  app.get(
    '/v1/bots/:id/state',
    {
      config: { scope: 'read' },
      schema: { summary: 'Where the bot stands.', tags: ['history'], params: idParams, response: { 200: stateSchema, ...problems } },
    },
    async (request) => {
      const em = orm.em.fork() as EntityManager;
      const bot = await ownedBot(em, callerOf(request).userId, request.params.id, false);
      const [row]: (Row & { readonly state_data: StateDataJson })[] = await em
        .getConnection()
        .execute('select * from bot_state where bot_config_id = ?', [bot.id]);
      return answerOf(stateSchema, { ...(row ?? neverRan(bot.id)), state_data: storedView(row?.state_data ?? {}) });
    },
  );
}

/** The database's times have bounds that a query may exceed. */
function timestampOf(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0), yearTenThousandMs)).toISOString();
}

const yearTenThousandMs = Date.parse('9999-12-31T23:59:59.999Z');

function neverRan(botId: string): Row {
  return {
    bot_config_id: botId,
    is_running: false,
    status_message: 'the bot has never run',
    last_execution: null,
    lock_holder: null,
    lock_epoch: '0',
    updated_at: null,
  };
}

function storedView(json: StateDataJson): Row {
  const stored = readStateData(json);
  const { position, day, closing } = stored;
  return {
    position: {
      quantity: position.quantity,
      cost: position.cost,
      entry_fees: position.entryFees,
      opened_at: position.openedAtMs,
    },
    realized_pnl: stored.realisedTotal,
    day:
      day === null
        ? null
        : {
            started_at: day.startMs,
            start_equity: day.startEquity,
            equity: json.day?.equity ?? null,
            capital: day.capital,
            loss_reached: day.lossReached,
          },
    notices: stored.notices.map(({ topic, dayStartMs, atMs, reason }) => ({ topic, day: dayStartMs, at: atMs, reason })),
    last_price: stored.lastPrice,
    last_price_at: stored.lastPriceAtMs,
    best_price: stored.bestPrice,
    paused_reason: stored.pausedReason,
    held_reason: stored.heldReason,
    closing: closing === null ? null : { reason: closing.reason, decided_at: closing.decisionMs, opened_at: closing.openedAtMs },
  };
}
