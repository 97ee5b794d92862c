/** What a bot did: its trades, its orders (newest first), its state. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { Type } from 'typebox';
import { jsonRow } from '../bot-view.ts';
import { callerOf } from '../guard.ts';
import { ownedBot } from '../owned-bot.ts';
import type { AdminPorts } from '../ports.ts';
import { idParams, nullable, pageOf, pageQuery, problems } from '../schemas/common.ts';
import type { AdminApp } from '../app.ts';

const tradePage = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String(),
      bot_config_id: Type.String(),
      user_id: Type.String(),
      binance_order_id: Type.String(),
      client_order_id: Type.String(),
      symbol: Type.String(),
      side: Type.String(),
      order_type: Type.String(),
      price: Type.String(),
      quantity_filled: Type.String(),
      quote_quantity_filled: Type.String(),
      commission_amount: Type.String(),
      commission_asset: Type.String(),
      pnl: Type.String(),
      realized_pnl: Type.String(),
      timestamp: Type.String(),
    }),
  ),
  nextCursor: nullable(Type.String()),
});

const orderPage = Type.Object({
  items: Type.Array(
    Type.Object(
      {
        id: Type.String(),
        client_order_id: Type.String(),
        symbol: Type.String(),
        role: Type.String(),
        side: Type.String(),
        type: Type.String(),
        quantity: Type.String(),
        reason: Type.String(),
        state: Type.String(),
        created_at: Type.String(),
      },
      { additionalProperties: true },
    ),
  ),
  nextCursor: nullable(Type.String()),
});

const stateSchema = Type.Object(
  {
    bot_config_id: Type.String(),
    is_running: Type.Boolean(),
    status_message: Type.String(),
    last_execution: nullable(Type.String()),
    state_data: Type.Unknown(),
    lock_holder: nullable(Type.String()),
    lock_epoch: Type.String(),
  },
  { additionalProperties: true },
);

export function historyRoutes(app: AdminApp, { orm }: AdminPorts): void {
  const page = async (
    userId: string,
    botId: string,
    query: { limit?: string; after?: string },
    select: string,
  ): Promise<{ items: never[]; nextCursor: string | null }> => {
    const em = orm.em.fork() as EntityManager;
    await ownedBot(em, userId, botId, false);
    const { limit, after } = pageOf(query);
    const rows: Record<string, unknown>[] = await em
      .getConnection()
      .execute(`${select} and (?::bigint = 0 or x.id < ?::bigint) order by x.id desc limit ?`, [botId, after, after, limit + 1]);
    const items = rows.slice(0, limit).map(jsonRow);
    return { items: items as never[], nextCursor: rows.length > limit ? String(items.at(-1)?.['id']) : null };
  };

  app.get(
    '/v1/bots/:id/trades',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'Executed orders, newest first.',
        tags: ['history'],
        params: idParams,
        querystring: pageQuery,
        response: { 200: tradePage, ...problems },
      },
    },
    (request) =>
      page(
        callerOf(request).userId,
        request.params.id,
        request.query,
        'select x.*, o.client_order_id from trades x join orders o on o.id = x.order_id where x.bot_config_id = ?',
      ),
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
    (request) => page(callerOf(request).userId, request.params.id, request.query, 'select x.* from orders x where x.bot_config_id = ?'),
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
      const [row]: Record<string, unknown>[] = await em
        .getConnection()
        .execute('select * from bot_state where bot_config_id = ?', [bot.id]);
      const never = {
        bot_config_id: bot.id,
        is_running: false,
        status_message: 'the bot has never run',
        last_execution: null,
        state_data: {},
        lock_holder: null,
        lock_epoch: '0',
      };
      return (row === undefined ? never : jsonRow(row)) as never;
    },
  );
}
