/** What the engine is and knows: status, symbols, the API's own description. */
import { Type } from 'typebox';
import type { OpenApiDocument } from '../openapi.ts';
import type { AdminPorts } from '../ports.ts';
import { problems } from '../schemas/common.ts';
import { amount, answerOf, choice, flag, integer, list, number, object, orNull, text, time } from '../schemas/fields.ts';
import type { AdminApp } from '../app.ts';

const statusSchema = object({
  version: text('Version of the engine.'),
  node: text('Version of Node that it runs on.'),
  role: text('What this process does: all, engine, admin or worker.'),
  owner: text('Name of this process, as lock_holder tells it.'),
  venue: text('Where its orders go.'),
  schema_version: text('Newest migration of the database.'),
  started_at: time('When it started.'),
  uptime_seconds: number('How long it has run, seconds.'),
  bots_running: integer('Bots that run in this process.'),
  bots_wished: integer('Bots that shall run on some engine.'),
  open_orders: integer('Orders of this process whose fate is open.'),
  settled_through: orNull(
    time('Newest close that every bot of this process has dealt with, nothing in flight, by the venue; null while some has not.'),
  ),
  venue_time: orNull(time("The venue's time now; null while it is not known.")),
  coordination: object(
    {
      kind: choice(['redis', 'memory'], 'memory: this engine has its database to itself.'),
      reachable: flag('Whether locks can be taken and kept.'),
      outage: orNull(text('What is wrong and since when; null while it is reachable.')),
    },
    'What engines share bots by.',
  ),
  user_stream: orNull(flag("Whether the account's own stream is subscribed; null without an account.")),
  kill_switches: orNull(
    object(
      {
        engine: integer('Of the engine.'),
        account: integer('Of its account.'),
        user: integer('Of users.'),
        bot: integer('Of bots.'),
      },
      'Kill switches that stand; null when no bots run in this process.',
    ),
  ),
});

const symbolSchema = object({
  symbol: text('Symbol of the venue.'),
  status: text('TRADING, or why it is not traded now, in the words of the venue; DELISTED when the venue lists it no more.'),
  base_asset: text('What is bought and sold.'),
  quote_asset: text('What it is paid with.'),
  tick_size: amount('Step of prices, quote; 0 for none.'),
  step_size: amount('Step of quantities, base; 0 for none.'),
  min_quantity: amount('Least quantity of an order, base.'),
  min_notional: orNull(amount('Least value of an order, quote; null where there is none.')),
});

const symbolsSchema = object({
  items: list(symbolSchema, 'All of them.'),
  cache: object(
    {
      spot: object(
        {
          hits: integer('Look-ups that the cached list answered.'),
          misses: integer('Look-ups that asked the exchange.'),
          last_refresh: orNull(time('When the list was last read from the exchange; null when that is not known.')),
        },
        'Of the spot market.',
      ),
    },
    'The cached list, over all engines that share it.',
  ),
});

export function engineRoutes(app: AdminApp, { engine, symbols }: AdminPorts, document: () => Promise<OpenApiDocument>): void {
  app.get(
    '/v1/status',
    {
      config: { scope: 'read' },
      schema: { summary: 'The engine behind this address.', tags: ['engine'], response: { 200: statusSchema, ...problems } },
    },
    async () => {
      const { schemaVersion, startedAt, uptimeSeconds, botsRunning, botsWished, openOrders, settledThroughMs, venueTimeMs, ...status } =
        engine.status();
      return answerOf(statusSchema, {
        ...status,
        schema_version: schemaVersion,
        started_at: startedAt,
        uptime_seconds: uptimeSeconds,
        bots_running: botsRunning,
        bots_wished: botsWished,
        open_orders: openOrders,
        settled_through: settledThroughMs,
        venue_time: venueTimeMs,
        user_stream: status.userStream,
        kill_switches: status.killSwitches,
      });
    },
  );

  app.get(
    '/v1/symbols',
    {
      config: { scope: 'read' },
      schema: { summary: 'Symbols of the venue with their filters.', tags: ['engine'], response: { 200: symbolsSchema, ...problems } },
    },
    async () => {
      const { hits, misses, lastRefreshMs } = (await symbols.cacheStats()).spot;
      return {
        items: symbols.list().map(({ symbol, status, baseAsset, quoteAsset, price, lot, notional }) =>
          answerOf(symbolSchema, {
            symbol,
            status,
            base_asset: baseAsset,
            quote_asset: quoteAsset,
            tick_size: price.tick,
            step_size: lot.step,
            min_quantity: lot.min,
            min_notional: notional?.min ?? null,
          }),
        ),
        cache: { spot: { hits, misses, last_refresh: lastRefreshMs === null ? null : new Date(lastRefreshMs).toISOString() } },
      };
    },
  );

  app.get(
    '/v1/openapi.json',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'This document.',
        tags: ['engine'],
        response: {
          200: Type.Object(
            { openapi: text('Version of OpenAPI that it is written in.') },
            { additionalProperties: true, description: 'An OpenAPI document.' },
          ),
          ...problems,
        },
      },
    },
    document,
  );
}
