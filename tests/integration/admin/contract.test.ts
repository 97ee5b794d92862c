/** The API is what its document says: every route is asked over rows that fill all fields, and answers exactly what is documented. */
import { recordOne } from '../../../engine/persistence/order-store.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimBots } from '../../../engine/persistence/claim-bots.ts';
import { commitIntents } from '../../../engine/persistence/commit-intents.ts';
import { createPostgresOrderStore } from '../../../engine/persistence/postgres-order-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { closeOf, decision } from '../../unit/persistence/given-decisions.ts';
import { btc, d } from '../../unit/trading/given.ts';
import { holder, intent } from '../persistence/given.ts';
import { goodBot, openPlane } from './given.ts';
import type { Plane } from './given.ts';

interface Schema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

let plane: Plane;
let operations: ReadonlyMap<string, Operation>;

beforeAll(async () => {
  plane = await openPlane();
  const document = (await plane.ask('GET', '/v1/openapi.json')).body as unknown as { paths: Record<string, Record<string, Operation>> };
  operations = new Map(
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    ),
  );
  await seed();
});
afterAll(() => plane.close());

/** Bot 1 has bought, rests a stop, has decided, was told what to do; every field of its answers has a value. */
async function seed(): Promise<void> {
  const { pool, orm, userId } = plane.rows;
  await pool.query(
    `insert into account_capital (venue, account, asset, free, read_at, version, updated_at) values ('simulated', 'simulated', 'USDT', 20000.5, now(), 1, now())`,
  );
  await claimBots(pool, holder, ['1']);
  await commitIntents(pool, holder, [
    intent(userId, { reservation: { amount: d('10050.5'), asset: 'USDT' }, decisionMs: closeOf(5) }),
    intent(userId, {
      ...{ clientOrderId: 'ektest-1-b-1', role: 'stop', side: 'SELL', type: 'STOP_LOSS', stopPrice: d('1.5'), price: d('1.4') },
      decisionMs: closeOf(6),
    }),
  ]);
  const store = createPostgresOrderStore({ orm, pool, holder, clock: systemClock });
  await recordOne(store, {
    ...{ botId: '1', epoch: 1, clientOrderId: 'ektest-1-a-1', instrument: btc, state: 'filled', exchangeOrderId: '77' },
    ...{ executedQuantity: d('0.5'), executedQuote: null, source: 'ack', proof: {} },
    fills: [
      {
        ...{ tradeId: '1', price: d('0.00000045'), quantity: d('0.5'), commission: d('0.0005'), commissionAsset: 'BTC' },
        ...{ isMaker: false, atMs: 1_700_000_000_500 },
      },
    ],
  });
  await pool.query(`update bot_state set last_execution = now(), state_data = state_data || $1 where bot_config_id = 1`, [
    JSON.stringify({
      lastPrice: 4.6e-7,
      lastPriceAtMs: closeOf(9),
      bestPrice: 4.7e-7,
      day: { startMs: closeOf(0) + 1, startEquity: '1000.0', equity: '1000.50', capital: '1000', lossReached: false },
      notices: [{ topic: 'daily-loss-warning', dayStartMs: closeOf(0) + 1, atMs: closeOf(1), reason: 'a test' }],
      pausedReason: 'a test',
      heldReason: 'a test',
      closing: { reason: 'a test', decisionMs: closeOf(9), openedAtMs: closeOf(5) },
    }),
  ]);
  await pool.query(`update bot_configs set position_size_fixed = 1.5, timeframe = '1m', strategy = 'rsi' where id = 1`);
  plane.venueNowMs = closeOf(9) + 1;
  await plane.decisions.append([
    decision(5, { outcome: 'entered', rule: null, values: [31, 29], signal: { action: 'enter-long', reason: 'RSI recovers' } }),
    decision(9, { values: [61.2, Number.NaN], close: 4.5e-7 }),
  ]);
}

const engineWide = { scope: 'engine', policy: 'leave', reason: 'a test', expires_at: '2100-01-01T00:00:00Z' };

/** How each route is asked, in this order; the last ones take down what the first ones need. */
const cases: readonly (readonly [route: string, url: string, body?: unknown])[] = [
  ['GET /v1/openapi.json', '/v1/openapi.json'],
  ['GET /v1/status', '/v1/status'],
  ['GET /v1/symbols', '/v1/symbols'],
  ['GET /v1/strategies', '/v1/strategies'],
  ['GET /v1/strategies/{name}/schema', '/v1/strategies/macd_adx/schema'],
  ['PUT /v1/accounts/{account}/limits', '/v1/accounts/simulated/limits', { quote_asset: 'USDT', max_exposure: '5', max_daily_loss: 2.5 }],
  ['GET /v1/accounts/{account}/limits', '/v1/accounts/simulated/limits'],
  ['POST /v1/bots', '/v1/bots', { ...goodBot, is_active: true }],
  ['GET /v1/bots', '/v1/bots?limit=2'],
  ['GET /v1/bots/{id}', '/v1/bots/1'],
  ['PATCH /v1/bots/{id}', '/v1/bots/1', { take_profit_perc: 3 }],
  ['POST /v1/bots/{id}/commands', '/v1/bots/4/commands', { command: 'pause-entries', reason: 'a test' }],
  ['POST /v1/bots/{id}/commands', '/v1/bots/4/commands', { command: 'stop' }],
  ['GET /v1/bots/{id}/commands', '/v1/bots/4/commands?limit=1'],
  ['GET /v1/bots/{id}/commands/{command_id}', '/v1/bots/4/commands/1'],
  ['GET /v1/bots/{id}/decisions', '/v1/bots/1/decisions?limit=1'],
  ['GET /v1/bots/{id}/explain', '/v1/bots/1/explain'],
  ['GET /v1/bots/{id}/explain', `/v1/bots/1/explain?at=${closeOf(5)}`],
  ['GET /v1/bots/{id}/orders', '/v1/bots/1/orders?limit=1'],
  ['GET /v1/bots/{id}/trades', '/v1/bots/1/trades'],
  ['GET /v1/trades', '/v1/trades'],
  ['GET /v1/bots/{id}/state', '/v1/bots/1/state'],
  ['GET /v1/bots/{id}/state', '/v1/bots/4/state'],
  ['POST /v1/kill-switch', '/v1/kill-switch', engineWide],
  ['GET /v1/kill-switch', '/v1/kill-switch'],
  ['DELETE /v1/kill-switch/{id}', '/v1/kill-switch/1'],
  ['DELETE /v1/bots/{id}', '/v1/bots/4'],
];

/** Where a value is not what its schema says, by path; nothing that is not documented, nothing that is documented missing. */
function differences({ type, format, enum: words, properties, items }: Schema, value: unknown, path: string): string[] {
  const shown = JSON.stringify(value);
  if (value === null) return [type].flat().includes('null') || words?.includes(null) === true ? [] : [`${path} is null`];
  if (words?.includes(value) === false) return [`${path} is ${shown}`];
  if (format === 'decimal' && !/^"-?(0|[1-9]\d*)(\.\d*[1-9])?"$/.test(shown)) return [`${path} is no plain decimal: ${shown}`];
  if (format === 'date-time' && !/^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"$/.test(shown)) return [`${path} is no time: ${shown}`];
  if (items !== undefined) {
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((one, index) => differences(items, one, `${path}[${index}]`));
  }
  if (properties !== undefined) {
    const fields = value as Record<string, unknown>;
    const names = [...new Set([...Object.keys(properties), ...Object.keys(fields)])];
    return names.flatMap((name) => {
      const schema = properties[name];
      if (schema === undefined) return openEnded(path) ? [] : [`${path}.${name} is not documented`];
      return Object.hasOwn(fields, name) ? differences(schema, fields[name], `${path}.${name}`) : [`${path}.${name} is missing`];
    });
  }
  const is = Array.isArray(value) ? 'array' : typeof value;
  const taken = [type].flat().map((one) => (one === 'integer' ? 'number' : one));
  return taken.includes(is) ? [] : [`${path} is of type ${is}`];
}

/** Documents of their own: JSON Schemas and the OpenAPI document. */
function openEnded(path: string): boolean {
  return /openapi\.json|\/schema$|\.parameters$/.test(path);
}

const answerSchema = (route: string, status: number): Schema | undefined => {
  const { responses } = operations.get(route) ?? { responses: {} };
  const { content } = responses[String(status)] ?? responses[`${Math.floor(status / 100)}XX`] ?? {};
  return content?.['application/json']?.schema ?? content?.['application/problem+json']?.schema;
};

describe('the answers', () => {
  it('of every route have exactly the documented fields', async () => {
    expect([...new Set(cases.map(([route]) => route))].sort()).toEqual([...operations.keys()].sort());
    for (const [route, url, body] of cases) {
      const [method = 'GET'] = route.split(' ');
      const { status, body: answer } = await plane.ask(method as Method, url, body);
      expect([route, status, Math.floor(status / 100)]).toEqual([route, status, 2]);
      const schema = answerSchema(route, status);
      if (status === 204) continue;
      expect([route, schema === undefined ? ['no schema'] : differences(schema, answer, route.split(' ')[1] ?? '')]).toEqual([route, []]);
      if (answer.items !== undefined) expect([route, answer.items.length > 0]).toEqual([route, true]);
    }
  });

  it.each([
    ['GET', '/v1/bots/999', undefined, 404],
    ['GET', '/v1/bots?limit=0', undefined, 400],
    ['POST', '/v1/bots', { ...goodBot, symbol: 'X', timeframe: '7m' }, 422],
    ['GET', '/v1/nothing', undefined, 404],
  ] as const)('to %s %s %j is a problem as documented', async (method, url, body, status) => {
    const answer = await plane.ask(method, url, body);
    expect(answer.status).toBe(status);
    expect(differences(answerSchema('GET /v1/bots', status) ?? {}, answer.body, 'problem')).toEqual([]);
  });
});

describe('the document', () => {
  const snake = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
  const strays = (schema: Schema, path: string): string[] => [
    ...(schema.properties !== undefined && schema.additionalProperties !== false && !openEnded(path)
      ? [`${path} lets other fields pass`]
      : []),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
      ...(snake.test(name) ? [] : [`${path}.${name} is not in snake case`]),
      ...((field.description ?? '') === '' ? [`${path}.${name} is not described`] : []),
      ...(path.startsWith('answer') && schema.required?.includes(name) !== true ? [`${path}.${name} may be missing`] : []),
      ...strays(field, `${path}.${name}`),
    ]),
    ...(schema.items === undefined ? [] : strays(schema.items, path)),
  ];

  it('describes every field of every body and answer, all in snake case, and lets no others pass', () => {
    for (const [route, { requestBody, responses, parameters = [] }] of operations) {
      const answers = Object.values(responses).flatMap(({ content = {} }) => Object.values(content).map(({ schema }) => schema));
      const bodies = Object.values(requestBody?.content ?? {}).map(({ schema }) => schema);
      const path = route.split(' ')[1] ?? '';
      expect([
        ...answers.flatMap((schema) => strays(schema, `answer ${path}`)),
        ...bodies.flatMap((schema) => strays(schema, `body ${path}`)),
        ...parameters.filter((one) => one.in !== 'header' && !snake.test(one.name)).map(({ name }) => `${route}: ${name}`),
        ...parameters.filter(({ description = '' }) => description === '').map(({ name }) => `${route}: ${name} is not described`),
      ]).toEqual([]);
    }
  });

  it('has one word for paging on all lists that have pages', () => {
    for (const [route, { parameters = [], responses }] of operations) {
      const paged = responses['200']?.content?.['application/json']?.schema.properties?.['next_cursor'] !== undefined;
      const names = parameters.map(({ name }) => name);
      expect([route, names.includes('limit'), names.includes('after')]).toEqual([route, paged, paged]);
    }
  });
});

describe('amounts and times', () => {
  it('are plain text: no zeros of the column, no exponent, UTC', async () => {
    const [stop, entry] = (await plane.ask('GET', '/v1/bots/1/orders')).body.items ?? [];
    expect(stop).toMatchObject({
      stop_price: '1.5',
      price: '1.4',
      state: 'intended',
      role: 'stop',
      decided_at: new Date(closeOf(6)).toISOString(),
    });
    expect(entry).toMatchObject({ executed_quote: '0.000000225', reserved_quote: '10050.5', signed_at: '2023-11-14T22:13:20.001Z' });
    expect((await plane.ask('GET', '/v1/bots/1/trades')).body.items?.[0]).toMatchObject({ price: '0.00000045', quantity_filled: '0.5' });
    expect((await plane.ask('GET', '/v1/bots/1/decisions')).body.items?.[0]).toMatchObject({ close: '0.00000045' });
    expect((await plane.ask('GET', '/v1/bots/1/state')).body['state_data']).toMatchObject({
      last_price: '0.00000046',
      day: { start_equity: '1000', equity: '1000.5', started_at: new Date(closeOf(0) + 1).toISOString() },
      closing: { opened_at: new Date(closeOf(5)).toISOString() },
    });
  });
});
