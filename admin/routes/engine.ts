/** What the engine is and knows: status, symbols, the API's own description. */
import { Type } from 'typebox';
import type { AdminPorts } from '../ports.ts';
import { nullable, problems } from '../schemas/common.ts';
import type { AdminApp } from '../app.ts';

const statusSchema = Type.Object(
  {
    version: Type.String(),
    node: Type.String(),
    role: Type.String(),
    owner: Type.String(),
    venue: Type.String(),
    schemaVersion: Type.String(),
    startedAt: Type.String(),
    uptimeSeconds: Type.Number(),
    botsRunning: Type.Integer(),
    botsWished: Type.Integer(),
    openOrders: Type.Integer(),
    settledThroughMs: nullable(Type.Number()),
    venueTimeMs: nullable(Type.Number()),
    coordination: Type.Object({ kind: Type.String(), reachable: Type.Boolean(), outage: nullable(Type.String()) }),
    userStream: nullable(Type.Boolean()),
    killSwitches: nullable(Type.Object({ engine: Type.Integer(), account: Type.Integer(), user: Type.Integer(), bot: Type.Integer() })),
  },
  { additionalProperties: false },
);

const cacheSchema = Type.Object({ hits: Type.Integer(), misses: Type.Integer(), last_refresh: nullable(Type.String()) });

const symbolsSchema = Type.Object({
  items: Type.Array(
    Type.Object({
      symbol: Type.String(),
      status: Type.String(),
      base_asset: Type.String(),
      quote_asset: Type.String(),
      tick_size: Type.String(),
      step_size: Type.String(),
      min_quantity: Type.String(),
      min_notional: nullable(Type.String()),
    }),
  ),
  /** Look-ups of the cached list by all engines that share it, and when it was last read from the exchange; by market. */
  cache: Type.Object({ spot: cacheSchema }),
});

export function engineRoutes(app: AdminApp, { engine, symbols }: AdminPorts): void {
  app.get(
    '/v1/status',
    {
      config: { scope: 'read' },
      schema: { summary: 'The engine behind this address.', tags: ['engine'], response: { 200: statusSchema, ...problems } },
    },
    async () => engine.status(),
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
        items: symbols.list().map((instrument) => ({
          symbol: instrument.symbol,
          status: instrument.status,
          base_asset: instrument.baseAsset,
          quote_asset: instrument.quoteAsset,
          tick_size: instrument.price.tick.toFixed(),
          step_size: instrument.lot.step.toFixed(),
          min_quantity: instrument.lot.min.toFixed(),
          min_notional: instrument.notional?.min.toFixed() ?? null,
        })),
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
        response: { 200: Type.Object({ openapi: Type.String() }, { additionalProperties: true }), ...problems },
      },
    },
    async () => app.swagger() as never,
  );
}
