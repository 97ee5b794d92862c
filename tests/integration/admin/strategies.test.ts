/** A strategy's own parameters on their way through the API: told, taken, refused by name, changed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfigs } from '../../../engine/persistence/bot-rows.ts';
import { settingsOf } from '../../../engine/bot/settings.ts';
import { strategies } from '../../../engine/strategies/registry.ts';
import { goodBot, openPlane } from './given.ts';
import type { Plane } from './given.ts';

let plane: Plane;
beforeAll(async () => {
  plane = await openPlane();
});
afterAll(() => plane.close());

const macdBot = { ...goodBot, strategy: 'macd_adx' };
const create = async (change: Record<string, unknown> = {}): Promise<string> =>
  String((await plane.ask('POST', '/v1/bots', { ...macdBot, ...change })).body['id']);
/** The schema without the line that names its dialect. */
async function schemaOf(strategy: string): Promise<Readonly<Record<string, unknown>>> {
  const { body } = await plane.ask('GET', `/v1/strategies/${strategy}/schema`);
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== '$schema'));
}
/** What an engine makes of the row. */
async function parametersInEngine(id: string): Promise<Readonly<Record<string, number>>> {
  const row = (await loadConfigs(plane.rows.pool, [id])).get(id);
  if (row === undefined) throw new Error(`no bot ${id}`);
  return settingsOf(row, 'engine').parameters;
}

describe("a strategy's own parameters", () => {
  it('are stored, read back and handed to the strategy, with defaults for the rest', async () => {
    const id = await create({ strategy_parameters: { macd_fast: 5, trend_adx: 22.5 } });
    expect((await plane.ask('GET', `/v1/bots/${id}`)).body).toMatchObject({ strategy_parameters: { macd_fast: 5, trend_adx: 22.5 } });
    expect(await parametersInEngine(id)).toMatchObject({ macdFast: 5, macdSlow: 26, trendAdx: 22.5 });
  });

  it('may be left out', async () => {
    const id = await create();
    expect((await plane.ask('GET', `/v1/bots/${id}`)).body['strategy_parameters']).toBeNull();
    expect(await parametersInEngine(id)).toMatchObject({ macdFast: 12, trendAdx: 20 });
  });

  it('are changed as a whole, and put back to their defaults by null', async () => {
    const id = await create({ strategy_parameters: { macd_fast: 5, trend_adx: 22.5 } });
    const change = async (value: unknown) => (await plane.ask('PATCH', `/v1/bots/${id}`, { strategy_parameters: value })).body;
    expect(await change({ macd_fast: 6 })).toMatchObject({ strategy_parameters: { macd_fast: 6 }, version: 2 });
    expect(await parametersInEngine(id)).toMatchObject({ macdFast: 6, trendAdx: 20 });
    expect(await change(null)).toMatchObject({ strategy_parameters: null, version: 3 });
    expect(await parametersInEngine(id)).toMatchObject({ macdFast: 12 });
  });

  it('of another strategy are refused together with a change of strategy, and taken when they fit it', async () => {
    const id = await create({ strategy_parameters: { macd_fast: 5 } });
    const alone = await plane.ask('PATCH', `/v1/bots/${id}`, { strategy: 'bollinger_reversion' });
    expect([alone.status, alone.body.errors?.map(({ field }) => field)]).toEqual([422, ['strategy_parameters.macd_fast']]);
    const both = await plane.ask('PATCH', `/v1/bots/${id}`, { strategy: 'bollinger_reversion', strategy_parameters: { band_period: 30 } });
    expect(both.body).toMatchObject({ strategy: 'bollinger_reversion', strategy_parameters: { band_period: 30 } });
  });

  it.each([
    ['out of bounds', { macd_fast: 0 }, ['macd_fast'], 422],
    ['not whole', { adx_period: 14.5 }, ['adx_period'], 422],
    ['unknown', { luck: 7 }, ['luck'], 422],
    ['impossible together', { macd_fast: 30 }, ['macd_fast'], 422],
    ['all of that', { luck: 7, macd_fast: 0, adx_period: 14.5 }, ['adx_period', 'luck', 'macd_fast'], 422],
    ['no numbers', { macd_fast: '5', trend_adx: null }, ['macd_fast', 'trend_adx'], 400],
  ])('that are %s are refused by name and write nothing', async (_, parameters, names, status) => {
    const before = await plane.written();
    const answer = await plane.ask('POST', '/v1/bots', { ...macdBot, strategy_parameters: parameters });
    expect([answer.status, answer.headers['content-type']]).toEqual([status, 'application/problem+json; charset=utf-8']);
    const errors = answer.body.errors ?? [];
    expect(errors.map(({ field }) => field).sort()).toEqual(names.map((name) => `strategy_parameters.${name}`));
    expect(errors.map(({ pointer }) => pointer).sort()).toEqual(names.map((name) => `/strategy_parameters/${name}`));
    expect(await plane.written()).toEqual(before);
  });

  it('must be an object, for the API and for the table', async () => {
    const id = await create();
    for (const value of [[], 'macd_fast=5', 5])
      expect((await plane.ask('PATCH', `/v1/bots/${id}`, { strategy_parameters: value })).status).toBe(400);
    for (const value of ['[]', '5', 'null'])
      await expect(
        plane.rows.pool.query('update bot_configs set strategy_parameters = $1 where id = $2', [value, id]),
      ).rejects.toMatchObject({
        code: '23514',
      });
  });

  it('that the table holds but the strategy does not take keep the bot from running, and say why', async () => {
    const id = await create();
    await plane.rows.pool.query(`update bot_configs set strategy_parameters = '{"macd_fast": 900, "luck": 7}' where id = $1`, [id]);
    await expect(parametersInEngine(id)).rejects.toThrow(
      /^bot \d+ cannot run: strategy_parameters.luck: macd_adx has no such parameter.*; strategy_parameters.macd_fast: 900 is not a whole number from 1 to 400$/,
    );
  });
});

describe('the JSON Schema of a strategy', () => {
  it('names columns and own parameters with their bounds and defaults', async () => {
    expect((await plane.ask('GET', '/v1/strategies/ema_cross/schema')).body).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'ema_cross',
      type: 'object',
      properties: {
        ema_fast: { type: 'integer', minimum: 1, maximum: 1_000, default: 12, description: 'Candles of the fast EMA.' },
        ema_slow: { default: 26 },
      },
    });
    const { properties } = (await plane.ask('GET', '/v1/strategies/bollinger_reversion/schema')).body as unknown as {
      properties: Record<string, unknown>;
    };
    expect(properties).toEqual({
      strategy_parameters: {
        type: 'object',
        description: 'Parameters of bollinger_reversion; those left out have their defaults.',
        additionalProperties: false,
        properties: {
          band_period: expect.objectContaining({ type: 'integer', minimum: 2, default: 20 }) as unknown,
          band_deviations: expect.objectContaining({ type: 'number', minimum: 0.1, default: 2 }) as unknown,
          adx_period: expect.objectContaining({ default: 14 }) as unknown,
          trend_adx: expect.objectContaining({ maximum: 100, default: 25 }) as unknown,
        },
      },
    });
  });

  it('is in the list of strategies as well', async () => {
    const { items } = (await plane.ask('GET', '/v1/strategies')).body;
    for (const item of items ?? []) {
      const schema = await schemaOf(String(item['name']));
      expect(item['parameters']).toEqual(schema);
    }
  });

  it('of a strategy that does not exist is not found', async () => {
    const answer = await plane.ask('GET', '/v1/strategies/astrology/schema');
    expect([answer.status, answer.body['detail']]).toEqual([404, expect.stringMatching(/no strategy "astrology"; there are ema_cross, /)]);
  });

  it('stands in the OpenAPI document for every registered strategy, and where a bot takes it', async () => {
    const document = (await plane.ask('GET', '/v1/openapi.json')).body as unknown as {
      components: { schemas: Record<string, { properties: Record<string, unknown> }> };
      paths: Record<
        string,
        Record<string, { requestBody: { content: Record<string, { schema: { properties: Record<string, unknown> } }> } }>
      >;
    };
    const { schemas } = document.components;
    for (const { name } of strategies) {
      const schema = await schemaOf(name);
      expect(schemas[`strategy_${name}`]).toEqual(schema);
    }
    for (const [path, method] of [
      ['/v1/bots', 'post'],
      ['/v1/bots/{id}', 'patch'],
    ] as const) {
      const body = document.paths[path]?.[method]?.requestBody.content['application/json']?.schema.properties['strategy_parameters'];
      const { anyOf } = body as { anyOf: { $ref?: string; type?: string }[] };
      expect(anyOf.map(({ $ref, type }) => $ref ?? type)).toEqual([
        '#/components/schemas/strategy_macd_adx/properties/strategy_parameters',
        '#/components/schemas/strategy_bollinger_reversion/properties/strategy_parameters',
        'null',
      ]);
    }
  });
});
