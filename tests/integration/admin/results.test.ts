/** What bots have brought: each bot's profit and position at the last price, trades over all bots, and the history of deleted ones. */
import { recordOne } from '../../../engine/persistence/order-store.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimBots, releaseBots } from '../../../engine/persistence/claim-bots.ts';
import { commitIntents } from '../../../engine/persistence/commit-intents.ts';
import { createPostgresOrderStore } from '../../../engine/persistence/postgres-order-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { closeOf, decision, settingsOfBot } from '../../unit/persistence/given-decisions.ts';
import { btc, d } from '../../unit/trading/given.ts';
import { holder, intent } from '../persistence/given.ts';
import { goodBot, openPlane } from './given.ts';
import type { Plane } from './given.ts';

let plane: Plane;
beforeAll(async () => {
  plane = await openPlane();
});
afterAll(() => plane.close());

const startMs = Date.parse('2024-05-06T12:00:00Z');
const at = (minute: number): number => startMs + minute * 60_000;
const iso = (ms: number): string => new Date(ms).toISOString();

const create = async (change: Record<string, unknown> = {}): Promise<string> =>
  String((await plane.ask('POST', '/v1/bots', { ...goodBot, ...change })).body['id']);

let orders = 0;
/** One order of the bot, filled at once; the fee is in quote, so that quantities stay as they are. */
async function trade(botId: string, side: 'BUY' | 'SELL', quantity: string, price: string, minute: number, fee = '0'): Promise<void> {
  const { pool, orm, userId } = plane.rows;
  const [claimed] = await claimBots(pool, holder, [botId]);
  const epoch = Number(
    (await pool.query<{ n: string }>('select lock_epoch as n from bot_state where bot_config_id = $1', [botId])).rows[0]?.n,
  );
  expect(claimed).toBeDefined();
  orders += 1;
  const clientOrderId = `ektest-${botId}-${orders}-1`;
  const role = side === 'BUY' ? 'entry' : 'exit';
  await commitIntents(pool, holder, [
    intent(userId, { botId, epoch, clientOrderId, role, side, quantity: d(quantity), decisionMs: at(minute) }),
  ]);
  const store = createPostgresOrderStore({ orm, pool, holder, clock: systemClock });
  await recordOne(store, {
    ...{ botId, epoch, clientOrderId, instrument: btc, state: 'filled', exchangeOrderId: String(1_000 + orders) },
    ...{ executedQuantity: d(quantity), executedQuote: null, source: 'ack', proof: {} },
    fills: [
      {
        ...{ tradeId: String(orders), price: d(price), quantity: d(quantity), commission: d(fee), commissionAsset: 'USDT' },
        ...{ isMaker: false, atMs: at(minute) },
      },
    ],
  });
  await releaseBots(pool, holder, [{ botId, message: 'stopped' }]);
}

const wrote = (botId: string, data: Record<string, unknown>): Promise<unknown> =>
  plane.rows.pool.query('update bot_state set state_data = state_data || $2 where bot_config_id = $1', [botId, JSON.stringify(data)]);
const bot = async (id: string) => (await plane.ask('GET', `/v1/bots/${id}`)).body;

describe('a bot shows what it has brought', () => {
  it('before it ever ran: nothing, and no price', async () => {
    expect(await bot(await create())).toMatchObject({
      ...{ position_quantity: '0', entry_price: null, last_price: null, last_price_at: null, unrealized_pnl: '0', realized_pnl: '0' },
    });
  });

  it('while it holds: average entry, and what it would gain at the last price less entry fees', async () => {
    const id = await create();
    await trade(id, 'BUY', '0.1', '20000', 0, '2');
    await trade(id, 'BUY', '0.2', '20300', 1, '4');
    expect(await bot(id)).toMatchObject({ position_quantity: '0.3', entry_price: '20200', last_price: null, unrealized_pnl: null });
    // As another engine wrote it.
    await wrote(id, { lastPrice: 20_100, lastPriceAtMs: at(2) });
    expect(await bot(id)).toMatchObject({ last_price: '20100', last_price_at: iso(at(2)), unrealized_pnl: '-36', realized_pnl: '0' });
    // The engine behind this address knows it better.
    plane.heard.set(id, { price: 20_400.5, atMs: at(3) });
    expect(await bot(id)).toMatchObject({ last_price: '20400.5', last_price_at: iso(at(3)), unrealized_pnl: '54.15' });
    expect((await plane.ask('GET', '/v1/bots')).body.items?.find((one) => one['id'] === id)).toEqual(await bot(id));
  });

  it('when it is flat again: what its trades add up to, and dust apart', async () => {
    const id = await create();
    await trade(id, 'BUY', '0.3', '20000', 0, '6');
    await trade(id, 'SELL', '0.29999', '20100', 1, '3');
    await wrote(id, { lastPrice: 20_500 });
    const { rows } = await plane.rows.pool.query<{ sum: string }>('select sum(realized_pnl) from trades where bot_config_id = $1', [id]);
    expect(await bot(id)).toMatchObject({
      ...{ position_quantity: '0', dust_quantity: '0.00001', entry_price: null, last_price: '20500', unrealized_pnl: '0' },
      ...{ last_price_at: null, realized_pnl: d(rows[0]?.sum ?? 0).toFixed() },
    });
    expect(Number(rows[0]?.sum)).toBeCloseTo(21, 2);
  });

  it('with an average that has no end: cut to twelve digits, and without an exponent where it is tiny', async () => {
    const id = await create();
    await trade(id, 'BUY', '0.1', '0.00000045', 0);
    await trade(id, 'BUY', '0.2', '0.00000046', 1);
    await wrote(id, { lastPrice: 4.7e-7, lastPriceAtMs: at(2) });
    // Dust at once, as far as the rows go: the position is made one here.
    await plane.rows.pool.query(
      `update bot_state set state_data = jsonb_set(state_data, '{position,openedAtMs}', '1') where bot_config_id = $1`,
      [id],
    );
    expect(await bot(id)).toMatchObject({
      ...{ entry_price: '0.000000456666666667', last_price: '0.00000047', unrealized_pnl: '0.000000004' },
    });
  });
});

describe('trades over all bots', () => {
  const told = async (query: string): Promise<unknown> =>
    (await plane.ask('GET', `/v1/trades${query}`)).body.items?.map((one) => [one['bot_name'], one['side'], one['timestamp']]);
  const ids: string[] = [];
  let expected: readonly (readonly [string, string, string])[] = [];

  beforeAll(async () => {
    await plane.rows.pool.query('delete from trades');
    for (const name of ['kept', 'deleted']) ids.push(await create({ name }));
    const [kept = '', deleted = ''] = ids;
    await trade(kept, 'BUY', '0.1', '20000', 10);
    await trade(deleted, 'BUY', '0.1', '20000', 11);
    await trade(deleted, 'SELL', '0.1', '20100', 12);
    await trade(kept, 'SELL', '0.1', '20100', 13);
    await plane.decisions.append([decision(1, { settings: settingsOfBot(deleted) })]);
    expect((await plane.ask('DELETE', `/v1/bots/${deleted}`)).status).toBe(204);
    expected = [
      ['kept', 'SELL', iso(at(13))],
      ['deleted', 'SELL', iso(at(12))],
      ['deleted', 'BUY', iso(at(11))],
      ['kept', 'BUY', iso(at(10))],
    ];
  });

  it('are told newest first, those of deleted bots among them', async () => {
    expect(await told('')).toEqual(expected);
  });

  it('are told page by page', async () => {
    const pages: unknown[] = [];
    for (let after: unknown = ''; typeof after === 'string'; ) {
      const answer: Awaited<ReturnType<Plane['ask']>> = await plane.ask(
        'GET',
        `/v1/trades?limit=3${after === '' ? '' : `&after=${after}`}`,
      );
      pages.push(answer.body.items?.map((one) => one['timestamp']));
      after = answer.body['next_cursor'];
    }
    expect(pages).toEqual([expected.slice(0, 3).map(([, , time]) => time), expected.slice(3).map(([, , time]) => time)]);
  });

  it('are told between two times, both included, of one bot, in one symbol', async () => {
    expect(await told(`?from=${iso(at(11))}&to=${at(12)}`)).toEqual(expected.slice(1, 3));
    expect(await told(`?from=${at(11) + 1}`)).toEqual(expected.slice(0, 2));
    expect(await told(`?to=${at(12) - 1}`)).toEqual(expected.slice(2));
    expect(await told(`?bot_config_id=${ids[1] ?? ''}`)).toEqual(expected.slice(1, 3));
    expect(await told('?symbol=BTCUSDT')).toEqual(expected);
    expect(await told('?symbol=ETHUSDT')).toEqual([]);
    expect((await plane.ask('GET', `/v1/bots/${ids[0] ?? ''}/trades?from=${at(11)}`)).body.items).toMatchObject([
      { timestamp: iso(at(13)) },
    ]);
  });

  it.each(['?to=1969-01-01T00:00:00Z', '?from=0000-01-01T00:00:00Z&to=0001-01-01T00:00:00Z', '?from=8640000000000000'])(
    'are none in a time that no trade can have: %s',
    async (query) => {
      expect(await told(query)).toEqual([]);
    },
  );

  it.each([
    ['from', `?from=yesterday`],
    ['from', `?from=${at(2)}&to=${at(1)}`],
    ['bot_config_id', '?bot_config_id=mine'],
    ['limit', '?limit=0'],
    ['bot', '?bot=1'],
  ])('are refused with the name of a bad %s: %s', async (field, query) => {
    const answer = await plane.ask('GET', `/v1/trades${query}`);
    expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([400, field]);
  });

  it("are nobody else's", async () => {
    const stranger = { authorization: `Bearer ${plane.otherToken}` };
    expect((await plane.ask('GET', '/v1/trades', undefined, stranger)).body.items).toEqual([]);
    expect((await plane.ask('GET', `/v1/trades?bot_config_id=${ids[0] ?? ''}`, undefined, stranger)).body.items).toEqual([]);
  });
});

describe('a deleted bot', () => {
  it('is gone, and its history stays readable by its owner alone', async () => {
    const { rows } = await plane.rows.pool.query<{ id: string }>("select id from bot_configs where name = 'deleted'");
    const url = `/v1/bots/${rows[0]?.id ?? ''}`;
    for (const gone of [url, `${url}/state`]) {
      const { status, body } = await plane.ask('GET', gone);
      expect([status, body['detail']]).toEqual([
        404,
        expect.stringContaining('was deleted; its trades, orders, decisions and commands stay readable'),
      ]);
    }
    expect((await plane.ask('GET', url, undefined, { authorization: `Bearer ${plane.otherToken}` })).body['detail']).toMatch(
      /^there is no bot \d+$/,
    );
    for (const [what, count] of [
      ['trades', 2],
      ['orders', 2],
      ['decisions', 1],
      ['commands', 0],
    ] as const) {
      const { status, body } = await plane.ask('GET', `${url}/${what}`);
      expect([what, status, body.items?.length]).toEqual([what, 200, count]);
      const stranger = { authorization: `Bearer ${plane.otherToken}` };
      expect([what, (await plane.ask('GET', `${url}/${what}`, undefined, stranger)).status]).toEqual([what, 404]);
    }
    expect((await plane.ask('GET', `${url}/explain?at=${closeOf(1)}`)).body).toMatchObject({ decision: { close_time: iso(closeOf(1)) } });
    expect((await plane.ask('POST', `${url}/commands`, { command: 'start' })).status).toBe(404);
  });
});
