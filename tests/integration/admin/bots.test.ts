import { recordOne } from '../../../engine/persistence/order-store.ts';
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditHash } from '../../../engine/persistence/audit-log.ts';
import { claimBots, releaseBots } from '../../../engine/persistence/claim-bots.ts';
import { commitIntents } from '../../../engine/persistence/commit-intents.ts';
import { createPostgresOrderStore } from '../../../engine/persistence/postgres-order-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { btc, d } from '../../unit/trading/given.ts';
import { holder, intent } from '../persistence/given.ts';
import { goodBot, openPlane } from './given.ts';
import type { Plane } from './given.ts';

let plane: Plane;
beforeAll(async () => {
  plane = await openPlane({ liveRefusal: 'this engine has no exchange key' });
});
afterAll(() => plane.close());

const create = async (change: Record<string, unknown> = {}): Promise<string> =>
  String((await plane.ask('POST', '/v1/bots', { ...goodBot, ...change })).body['id']);

describe('a bot', () => {
  it('is created with its columns, read back, listed and audited', async () => {
    const made = await plane.ask('POST', '/v1/bots', { ...goodBot, stop_loss_perc: 2.5, custom_ema_fast: 3 });
    expect([made.status, made.headers['location']]).toEqual([201, `/v1/bots/${String(made.body['id'])}`]);
    const read = await plane.ask('GET', `/v1/bots/${String(made.body['id'])}`);
    expect(read.body).toMatchObject({
      name: 'calm',
      initial_capital: '1000.5',
      position_size_perc: 25,
      stop_loss_perc: 2.5,
      custom_ema_fast: 3,
      ema_slow: 26,
      mode: 'paper',
      venue: 'simulated',
      is_active: false,
      is_running: false,
      version: 1,
    });
    expect(read.headers['etag']).toBe('"1"');
    const listed = await plane.ask('GET', '/v1/bots?limit=500');
    expect(listed.body.items?.map((bot) => bot['id'])).toContain(made.body['id']);
    const { rows } = await plane.rows.pool.query<{ action: string; subject: string }>(
      'select action, subject from audit_log order by id desc limit 1',
    );
    expect(rows[0]).toEqual({ action: 'create-bot', subject: `bot:${String(made.body['id'])}` });
  });

  it('is listed page by page', async () => {
    const first = await plane.ask('GET', '/v1/bots?limit=2');
    expect([first.body.items?.length, first.body['next_cursor']]).toEqual([2, '2']);
    expect((await plane.ask('GET', '/v1/bots?limit=2&after=2')).body.items?.[0]?.['id']).toBe('3');
  });

  it.each([
    ['symbol', { symbol: 'NOSUCHCOIN' }, 422],
    ['stop_loss_perc', { stop_loss_perc: 500 }, 422],
    ['take_profit_perc', { take_profit_perc: -1 }, 422],
    ['position_size_perc', { position_size_perc: 0 }, 422],
    ['timeframe', { timeframe: '7m' }, 422],
    ['strategy', { strategy: 'astrology' }, 422],
    ['initial_capital', { initial_capital: '-5' }, 422],
    ['initial_capital', { initial_capital: '0' }, 422],
    ['initial_capital', { initial_capital: 'a lot' }, 422],
    ['position_size_fixed', { position_size_fixed: '1e5' }, 422],
    ['ema_fast', { ema_fast: 26 }, 422],
    ['custom_ema_fast', { custom_ema_fast: 300 }, 422],
    ['ema_slow', { ema_slow: 26.5 }, 422],
    ['rsi_oversold', { rsi_oversold: 80 }, 422],
    ['max_daily_trades', { max_daily_trades: 0 }, 422],
    ['cooldown_after_loss_minutes', { cooldown_after_loss_minutes: 0 }, 422],
    ['stop_guard_stops', { stop_guard_stops: null, stop_guard_window_minutes: 60, stop_guard_pause_minutes: 60 }, 422],
    ['trailing_stop_perc', { trailing_stop_active: true }, 422],
    ['trailing_stop_active', { trailing_stop_perc: 2 }, 422],
    ['trailing_stop_active', { custom_trailing_stop: 2, trailing_stop_active: false }, 422],
    ['stop_loss_perc', { stop_loss_perc: 100 }, 422],
    ['leverage', { leverage: 5 }, 422],
    ['margin_type', { margin_type: 'crossed' }, 422],
    ['transfer_amount', { transfer_amount: '10' }, 422],
    ['auto_transfer_funds', { auto_transfer_funds: true }, 422],
    ['initial_capital', { initial_capital: '5' }, 422],
    ['position_size_fixed', { position_size_fixed: '4.99' }, 422],
    ['mode', { mode: 'live', confirm_name: 'calm' }, 422],
    ['venue', { venue: 'binance' }, 422],
    ['position_type', { position_type: 'futures' }, 422],
    ['direction', { direction: 'short' }, 422],
    ['check_interval_seconds', { check_interval_seconds: 0 }, 422],
    ['name', { name: '' }, 400],
    ['ema_fast', { ema_fast: 'fast' }, 400],
    ['lucky_number', { lucky_number: 7 }, 400],
    ['mode', { mode: 'demo' }, 400],
    ['is_active', { is_active: 'yes' }, 400],
    ['leverage', { leverage: 1000 }, 422],
  ])('with a bad %s is refused by name and writes nothing: %j', async (field, change, status) => {
    const before = await plane.written();
    const answer = await plane.ask('POST', '/v1/bots', { ...goodBot, ...change });
    expect([answer.status, answer.headers['content-type']]).toEqual([status, 'application/problem+json; charset=utf-8']);
    expect(answer.body.errors?.map((error) => error.field)).toEqual([field]);
    expect(answer.body).toMatchObject({ status, instance: '/v1/bots', request_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string });
    expect(await plane.written()).toEqual(before);
  });

  it('with several problems hears of all of them at once', async () => {
    const answer = await plane.ask('POST', '/v1/bots', { ...goodBot, symbol: 'X', timeframe: '7m', stop_loss_perc: 500 });
    expect(answer.body.errors?.map((error) => error.field).sort()).toEqual(['stop_loss_perc', 'symbol', 'timeframe']);
  });

  it.each([
    ['BTCUSD', 'simulated does not list "BTCUSD"; did you mean BTCUSDT?'],
    ['btcusdt', 'simulated does not list "btcusdt"; did you mean BTCUSDT?'],
    ['SOLEUR', 'simulated does not list "SOLEUR"; GET /v1/symbols tells what it lists'],
  ])('in a symbol that is not listed hears of the one that was meant: %s', async (symbol, detail) => {
    expect((await plane.ask('POST', '/v1/bots', { ...goodBot, symbol })).body.errors).toMatchObject([{ field: 'symbol', detail }]);
  });

  it('has its protections as they were written, and hears which columns of one are missing', async () => {
    const protections = {
      cooldown_after_loss_minutes: 15,
      stop_guard_stops: 2,
      stop_guard_window_minutes: 120,
      stop_guard_pause_minutes: 60,
      low_profit_trades: 3,
      low_profit_window_minutes: 240,
      low_profit_min_perc: -0.5,
      low_profit_pause_minutes: 180,
    };
    const made = await plane.ask('POST', '/v1/bots', { ...goodBot, ...protections });
    expect(made.body).toMatchObject(protections);
    const url = `/v1/bots/${String(made.body['id'])}`;
    const partly = await plane.ask('PATCH', url, { low_profit_trades: null, low_profit_min_perc: null });
    expect([partly.status, partly.body.errors?.map((error) => error.field)]).toEqual([422, ['low_profit_trades', 'low_profit_min_perc']]);
    const { rows } = await plane.rows.pool.query('select * from bot_configs where id = $1', [made.body['id']]);
    expect(rows[0]).toMatchObject({ ...protections, low_profit_min_perc: '-0.5' });
  });

  it('is changed only by whoever read its present version', async () => {
    const id = await create();
    expect((await plane.ask('PATCH', `/v1/bots/${id}`, { stop_loss_perc: 3, version: 1 })).body).toMatchObject({
      stop_loss_perc: 3,
      version: 2,
    });
    expect((await plane.ask('PATCH', `/v1/bots/${id}`, { stop_loss_perc: 4, version: 1 })).status).toBe(412);
    expect((await plane.ask('PATCH', `/v1/bots/${id}`, { stop_loss_perc: 4 }, { 'if-match': '"1"' })).status).toBe(412);
    expect((await plane.ask('PATCH', `/v1/bots/${id}`, { stop_loss_perc: null }, { 'if-match': '"2"' })).body).toMatchObject({
      stop_loss_perc: null,
      version: 3,
    });
    expect((await plane.ask('PATCH', `/v1/bots/${id}`, { stop_loss_perc: 500 })).status).toBe(422);
    expect((await plane.ask('PATCH', `/v1/bots/${id}`, { id: '7' })).status).toBe(400);
    expect((await plane.ask('PATCH', `/v1/bots/${id}`, {})).status).toBe(400);
  });

  it('is deleted only when it is stopped, and is gone then', async () => {
    const id = await create({ is_active: true });
    expect((await plane.ask('DELETE', `/v1/bots/${id}`)).status).toBe(409);
    await plane.ask('POST', `/v1/bots/${id}/commands`, { command: 'stop' });
    expect((await plane.ask('DELETE', `/v1/bots/${id}`)).status).toBe(204);
    for (const [method, url] of [
      ['GET', `/v1/bots/${id}`],
      ['GET', `/v1/bots/${id}/state`],
      ['PATCH', `/v1/bots/${id}`],
      ['DELETE', `/v1/bots/${id}`],
    ] as const)
      expect((await plane.ask(method, url, method === 'PATCH' ? { name: 'again' } : undefined)).status).toBe(404);
  });

  it('is not deleted while the fate of one of its orders is open', async () => {
    const id = await create();
    await claimBots(plane.rows.pool, holder, [id]);
    await commitIntents(plane.rows.pool, holder, [{ ...intent(plane.rows.userId), botId: id, clientOrderId: `ektest-${id}-a-1` }]);
    await releaseBots(plane.rows.pool, holder, [{ botId: id, message: 'stopped' }]);
    expect((await plane.ask('DELETE', `/v1/bots/${id}`)).status).toBe(409);
    await plane.rows.pool.query(`update orders set state = 'never-placed' where bot_config_id = $1`, [id]);
    expect((await plane.ask('DELETE', `/v1/bots/${id}`)).status).toBe(204);
  });

  it('of somebody else does not exist', async () => {
    const id = await create();
    const stranger = { authorization: `Bearer ${plane.otherToken}` };
    for (const [method, url, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { name: 'mine' }],
      ['DELETE', '', undefined],
      ['POST', '/commands', { command: 'start' }],
      ['GET', '/commands', undefined],
      ['GET', '/trades', undefined],
      ['GET', '/orders', undefined],
      ['GET', '/state', undefined],
    ] as const)
      expect((await plane.ask(method, `/v1/bots/${id}${url}`, body, stranger)).status).toBe(404);
    expect((await plane.ask('GET', '/v1/bots', undefined, stranger)).body.items).toEqual([]);
  });
});

describe('a command', () => {
  it('starts and stops by changing the wish', async () => {
    const id = await create();
    const started = await plane.ask('POST', `/v1/bots/${id}/commands`, { command: 'start', reason: 'go' });
    expect([started.status, started.body['command'], started.body['reason']]).toEqual([202, 'start', 'go']);
    expect((await plane.ask('GET', `/v1/bots/${id}`)).body['is_active']).toBe(true);
    await plane.ask('POST', `/v1/bots/${id}/commands`, { command: 'stop' });
    expect((await plane.ask('GET', `/v1/bots/${id}`)).body['is_active']).toBe(false);
  });

  it('waits as a row for the engine that runs the bot', async () => {
    const id = await create();
    await plane.ask('POST', `/v1/bots/${id}/commands`, { command: 'start' });
    const paused = await plane.ask('POST', `/v1/bots/${id}/commands`, { command: 'pause-entries' });
    expect((await plane.ask('GET', `/v1/bots/${id}/commands/${String(paused.body['id'])}`)).body).toMatchObject({
      fate: 'pending',
      handled_at: null,
      outcome: null,
    });
  });

  it.each(['pause-entries', 'resume'])('%s to a bot that is off is refused with what to do, and leaves nothing behind', async (command) => {
    const id = await create();
    const refused = await plane.ask('POST', `/v1/bots/${id}/commands`, { command });
    expect([refused.status, refused.body['detail']]).toEqual([409, expect.stringContaining('start it first')]);
    expect((await plane.ask('GET', `/v1/bots/${id}/commands`)).body.items).toEqual([]);
  });

  it('to close is taken for a bot that is off, for five minutes, and the list tells what became of each', async () => {
    const id = await create();
    const command = async (name: string) => (await plane.ask('POST', `/v1/bots/${id}/commands`, { command: name })).body;
    const close = await command('close-position');
    expect(close).toMatchObject({ fate: 'pending' });
    expect(Date.parse(String(close['expires_at'])) - Date.parse(String(close['created_at']))).toBe(300_000);
    await command('start');
    await command('pause-entries');
    await command('resume');
    await command('stop');
    await plane.rows.pool.query("update bot_commands set expires_at = now() where id = $1 and command = 'close-position'", [close['id']]);
    const fates = async (query = ''): Promise<unknown> =>
      (await plane.ask('GET', `/v1/bots/${id}/commands${query}`)).body.items?.map((one) => [one['command'], one['fate']]);
    const expected = [
      ['stop', 'done'],
      ['resume', 'refused'],
      ['pause-entries', 'refused'],
      ['start', 'done'],
      ['close-position', 'expired'],
    ];
    expect(await fates()).toEqual(expected);
    const first = await plane.ask('GET', `/v1/bots/${id}/commands?limit=2`);
    expect(await fates(`?limit=3&after=${String(first.body['next_cursor'])}`)).toEqual(expected.slice(2));
    expect((await plane.ask('GET', `/v1/bots/${id}/commands/${String(close['id'])}`)).body).toMatchObject({
      fate: 'expired',
      outcome: expect.stringContaining('in time') as string,
    });
  });

  it('with the same Idempotency-Key acts once', async () => {
    const id = await create();
    const key = { 'idempotency-key': 'once' };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => plane.ask('POST', `/v1/bots/${id}/commands`, { command: 'close-position' }, key)),
    );
    expect(new Set(answers.map((answer) => answer.body['id'])).size).toBe(1);
    expect((await plane.ask('POST', `/v1/bots/${id}/commands`, { command: 'start' }, key)).status).toBe(422);
  });

  it.each([
    [{ command: 'explode' }, 'command'],
    [{}, 'command'],
    [{ command: 'start', force: true }, 'force'],
  ])('%j is refused by name', async (body, field) => {
    const answer = await plane.ask('POST', `/v1/bots/1/commands`, body);
    expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([400, field]);
  });
});

describe('history', () => {
  it('shows trades, orders and state of what was executed', async () => {
    await claimBots(plane.rows.pool, holder, ['1']);
    await commitIntents(plane.rows.pool, holder, [intent(plane.rows.userId)]);
    const store = createPostgresOrderStore({ orm: plane.rows.orm, pool: plane.rows.pool, holder, clock: systemClock });
    const fill = {
      tradeId: '1',
      price: d('20000.10'),
      quantity: d('0.5'),
      commission: d('0.0005'),
      commissionAsset: 'BTC',
      isMaker: false,
      atMs: 1_700_000_000_500,
    };
    await recordOne(store, {
      botId: '1',
      epoch: 1,
      clientOrderId: 'ektest-1-a-1',
      instrument: btc,
      state: 'filled',
      exchangeOrderId: '77',
      executedQuantity: d('0.5'),
      executedQuote: null,
      fills: [fill],
      source: 'ack',
      proof: {},
    });
    expect((await plane.ask('GET', '/v1/bots/1/trades')).body.items).toMatchObject([
      {
        binance_order_id: '77',
        side: 'BUY',
        price: '20000.1',
        quantity_filled: '0.5',
        commission_amount: '0.0005',
        timestamp: '2023-11-14T22:13:20.500Z',
      },
    ]);
    expect((await plane.ask('GET', '/v1/bots/1/orders')).body.items).toMatchObject([
      { client_order_id: 'ektest-1-a-1', state: 'filled', role: 'entry', quantity: '0.5' },
    ]);
    expect((await plane.ask('GET', '/v1/bots/1/state')).body).toMatchObject({
      is_running: true,
      lock_epoch: '1',
      state_data: { position: { quantity: '0.4995' } },
    });
  });

  it('of a bot that never ran is empty, not missing', async () => {
    const id = await create();
    expect((await plane.ask('GET', `/v1/bots/${id}/trades`)).body).toEqual({ items: [], next_cursor: null });
    expect((await plane.ask('GET', `/v1/bots/${id}/state`)).body).toMatchObject({
      is_running: false,
      status_message: 'the bot has never run',
    });
  });
});

describe('the audit log', () => {
  it('is a chain that shows when a row was changed', async () => {
    await create();
    const { rows } = await plane.rows.pool.query<{
      at: Date;
      actor: string;
      action: string;
      subject: string;
      detail: unknown;
      request_id: string;
      previous_hash: string | null;
      hash: string;
    }>('select * from audit_log order by id');
    let previous: string | null = null;
    for (const row of rows) {
      expect(row.previous_hash).toBe(previous);
      expect(auditHash({ ...row, requestId: row.request_id, previousHash: row.previous_hash })).toBe(row.hash);
      previous = row.hash;
    }
    const [row] = rows;
    if (row !== undefined)
      expect(auditHash({ ...row, actor: 'somebody else', requestId: row.request_id, previousHash: row.previous_hash })).not.toBe(row.hash);
  });
});

describe('the door', () => {
  it.each([
    ['no token', {}, 401],
    ['a wrong token', { authorization: `Bearer ek_${'0'.repeat(43)}` }, 401],
    ['a token of another shape', { authorization: 'Basic abc' }, 401],
    ['a foreign host name', { host: 'evil.example' }, 421],
    ['a foreign origin', { origin: 'https://evil.example' }, 403],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }, 403],
  ])('stays shut for %s', async (_, headers, status) => {
    const answer = await plane.admin.app.inject({
      method: 'GET',
      url: '/v1/bots',
      headers: { host: '127.0.0.1', ...(status === 401 ? {} : { authorization: `Bearer ${plane.token}` }), ...headers },
    });
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([status, 'application/problem+json; charset=utf-8']);
  });

  it.each([
    ['no token', undefined, 'Bearer realm="evenkeel"'],
    ['a wrong token', `Bearer ek_${'0'.repeat(43)}`, 'Bearer realm="evenkeel", error="invalid_token"'],
  ])('tells whoever comes with %s how to authenticate', async (_, authorization, challenge) => {
    for (const url of ['/v1/bots', '/v1/nothing']) {
      const headers = { host: '127.0.0.1', ...(authorization === undefined ? {} : { authorization }) };
      const answer = await plane.admin.app.inject({ method: 'GET', url, headers });
      expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([401, challenge]);
    }
  });

  it.each([
    ['GET', '/v1/bots?limit=0', undefined, 'limit', 'does not take "0". Rows per page, a whole number from 1 to 500; 100 when absent.'],
    ['GET', '/v1/bots?limit=501', undefined, 'limit', 'does not take "501". Rows per page, a whole number from 1 to 500; 100 when absent.'],
    ['GET', '/v1/bots?limit=5&limit=6', undefined, 'limit', 'is given more than once'],
    ['GET', '/v1/bots?after=x', undefined, 'after', 'does not take "x". The next_cursor of the page before.'],
    ['GET', '/v1/bots?limt=5', undefined, 'limt', 'is not known here; did you mean limit?'],
    ['GET', '/v1/bots?cursor=5', undefined, 'cursor', 'is not known here; the query takes limit, after'],
    ['GET', '/v1/status?verbose=1', undefined, 'verbose', 'is not known here; the query takes none'],
    ['POST', '/v1/bots/1/commands?force=1', { command: 'stop' }, 'force', 'is not known here; the query takes none'],
    ['GET', '/v1/bots/one', undefined, 'id', 'does not take "one". Bot id, a whole number above 0.'],
    ['POST', '/v1/bots', { ...goodBot, stop_loss: 2 }, 'stop_loss', 'is not known here; did you mean stop_loss_perc?'],
    ['PATCH', '/v1/bots/1', { stopLossPerc: 2 }, 'stopLossPerc', 'is not known here; did you mean stop_loss_perc?'],
    ['PATCH', '/v1/bots/1', { lucky_number: 2 }, 'lucky_number', 'is not known here'],
    [
      'POST',
      '/v1/bots/1/commands',
      { command: 'close_position' },
      'command',
      'must be one of start, stop, pause-entries, resume, close-position; did you mean close-position?',
    ],
    ['POST', '/v1/bots/1/commands', {}, 'command', 'is missing'],
    ['PATCH', '/v1/bots/1', {}, '', 'has no field'],
    ['PATCH', '/v1/bots/1', { initial_capital: true }, 'initial_capital', 'must be number or string'],
    ['POST', '/v1/bots/1/commands', { command: 'stop', why: 'x' }, 'why', 'is not known here; the body takes command, reason'],
    [
      'POST',
      '/v1/kill-switch',
      { scope: 'user', policy: 'leave', reason: 'x', expiresAt: 'x' },
      'expiresAt',
      'is not known here; did you mean expires_at?',
    ],
  ] as const)('explains what is wrong with %s %s %j', async (method, url, body, field, detail) => {
    const answer = await plane.ask(method, url, body);
    expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json; charset=utf-8']);
    expect(answer.body.errors).toEqual([expect.objectContaining({ field, detail })]);
    expect(answer.body['detail']).toContain(detail);
  });

  it('tells the first fifty of many unknown fields', async () => {
    const body = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [n.toString(36), 1]));
    const answer = await plane.ask('POST', '/v1/bots', body);
    expect([answer.status, answer.body.errors?.length]).toEqual([400, 50]);
  });

  it('slows down whoever guesses', async () => {
    const guess = () =>
      plane.admin.app.inject({
        method: 'GET',
        url: '/v1/bots',
        remoteAddress: '127.0.0.9',
        headers: { host: '127.0.0.1', authorization: 'Bearer ek_guess' },
      });
    const statuses: number[] = [];
    for (let n = 0; n < 13; n += 1) statuses.push((await guess()).statusCode);
    expect(statuses.slice(-2)).toEqual([429, 429]);
    expect((await plane.ask('GET', '/v1/bots')).status).toBe(200);
    // The owner of a valid token at the same address is not locked out: it may be the hand that stops a bot.
    const owner = await plane.admin.app.inject({
      method: 'GET',
      url: '/v1/bots',
      remoteAddress: '127.0.0.9',
      headers: { host: '127.0.0.1', authorization: `Bearer ${plane.token}` },
    });
    expect(owner.statusCode).toBe(200);
  });

  it('keeps tokens as hashes only', async () => {
    const { rows } = await plane.rows.pool.query<{ token_hash: string }>('select token_hash from api_tokens');
    expect(rows.map((row) => row.token_hash)).toContain(createHash('sha256').update(plane.token).digest('hex'));
    expect(JSON.stringify((await plane.rows.pool.query('select * from api_tokens')).rows)).not.toContain(plane.token);
  });

  it.each([
    ['broken JSON', '{"name": ', 400, 'invalid-json'],
    ['an empty body', '', 400, 'invalid-json'],
    ['a prototype in disguise', '{"__proto__": {"admin": true}}', 400, 'invalid-json'],
    ['70 KiB', JSON.stringify({ ...goodBot, name: 'x'.repeat(70 * 1024) }), 413, 'body-too-large'],
    ['a list', '[]', 400, 'invalid-request'],
  ])('refuses %s', async (_, body, status, code) => {
    const before = await plane.written();
    const answer = await plane.ask('POST', '/v1/bots', body);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
    expect(await plane.written()).toEqual(before);
  });

  it('refuses other content types and methods, and unknown addresses', async () => {
    expect((await plane.ask('POST', '/v1/bots', JSON.stringify(goodBot), { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await plane.ask('DELETE', '/v1/bots')).status).toBe(405);
    const wrongMethod = await plane.ask('POST', '/v1/bots/1');
    expect([wrongMethod.status, wrongMethod.headers['allow']]).toEqual([405, 'GET, HEAD, PATCH, DELETE']);
    expect((await plane.ask('GET', '/v1/nothing')).status).toBe(404);
    expect((await plane.ask('GET', '/v1/bots/one')).status).toBe(400);
    expect((await plane.ask('GET', '/v1/bots?limit=0')).status).toBe(400);
  });

  it.each([
    ['GET', '/v1/bots/9999999999999999999', undefined, 'id'],
    ['GET', '/v1/bots/9999999999999999999/trades', undefined, 'id'],
    ['DELETE', '/v1/bots/9999999999999999999', undefined, 'id'],
    ['GET', '/v1/bots/1/commands/9999999999999999999', undefined, 'command_id'],
    ['GET', '/v1/bots?after=9999999999999999999', undefined, 'after'],
    ['GET', '/v1/bots/1/orders?after=9999999999999999999', undefined, 'after'],
    ['POST', '/v1/bots', { ...goodBot, name: 'a\0b' }, 'name'],
    ['POST', '/v1/bots', { ...goodBot, name: '\ud800' }, 'name'],
    ['PATCH', '/v1/bots/1', { name: 'a\0b' }, 'name'],
    ['POST', '/v1/bots/1/commands', { command: 'pause-entries', reason: 'a\0b' }, 'reason'],
  ] as const)('refuses by name what the database cannot hold: %s %s %j', async (method, url, body, field) => {
    const before = await plane.written();
    const answer = await plane.ask(method, url, body);
    expect([answer.status, answer.body.errors?.map((error) => error.field)]).toEqual([400, [field]]);
    expect(await plane.written()).toEqual(before);
  });

  it.each(['/v1/bots/%ff', `/v1/bots/${'1'.repeat(200)}`])('answers an address that cannot be read with a problem: %s', async (url) => {
    const answer = await plane.ask('GET', url);
    expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json; charset=utf-8']);
  });

  it.each([true, false])('lets a client that sends 10 MB at once read the refusal (announced: %s)', async (announced) => {
    const body = Buffer.alloc(10 * 1024 * 1024, ' ');
    const status = await new Promise((resolve, reject) => {
      const outgoing = request(
        `${plane.urls.adminUrl}/v1/bots`,
        {
          method: 'POST',
          headers: {
            authorization: `Bearer ${plane.token}`,
            'content-type': 'application/json',
            ...(announced ? { 'content-length': body.length } : {}),
          },
        },
        (answer) => void answer.resume().on('end', () => resolve(answer.statusCode)),
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
    expect(status).toBe(413);
  });

  it('answers any nonsense with a 4xx problem and writes nothing', async () => {
    const before = await plane.written();
    const text = fc
      .oneof(
        fc.json(),
        fc.string(),
        fc.constant('{"a":'.repeat(50)),
        fc.dictionary(fc.constantFrom(...Object.keys(goodBot), 'id', 'constructor'), fc.anything()).map((value) => JSON.stringify(value)),
      )
      .map(senseless);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('POST' as const, 'PATCH' as const),
        fc.constantFrom('/v1/bots', '/v1/bots/1', '/v1/bots/1/commands', '/v1/bots/9999999999999999999'),
        text,
        async (method, url, body) => {
          const answer = await plane.ask(method, url, body);
          expect(answer.status).toBeGreaterThanOrEqual(400);
          expect(answer.status).toBeLessThan(500);
          expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
        },
      ),
      { numRuns: 300 },
    );
    expect(await plane.written()).toEqual(before);
  });
});

/** A body that was drawn, with a field that no route knows where it is an object: it cannot make sense by chance. */
function senseless(body: string | undefined): string {
  try {
    const value: unknown = JSON.parse(body ?? '');
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? JSON.stringify({ ...value, 'no column': 1 })
      : (body ?? '');
  } catch {
    return body ?? '';
  }
}

describe('the routes', () => {
  it('all declare a scope, a schema and their answers, and stand in the OpenAPI document', async () => {
    const document = (await plane.ask('GET', '/v1/openapi.json')).body as unknown as {
      openapi: string;
      paths: Record<string, Record<string, { summary?: string; responses: Record<string, { content?: Record<string, unknown> }> }>>;
    };
    expect(document.openapi).toBe('3.1.0');
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, route]) => ({ name: `${method} ${path}`, route })),
    );
    expect(routes.map(({ name }) => name).sort()).toEqual(
      [
        'delete /v1/bots/{id}',
        'get /v1/accounts/{account}/limits',
        'put /v1/accounts/{account}/limits',
        'get /v1/bots',
        'get /v1/bots/{id}',
        'get /v1/bots/{id}/commands/{command_id}',
        'get /v1/bots/{id}/decisions',
        'get /v1/bots/{id}/explain',
        'get /v1/bots/{id}/orders',
        'get /v1/bots/{id}/state',
        'get /v1/bots/{id}/trades',
        'delete /v1/kill-switch/{id}',
        'get /v1/kill-switch',
        'post /v1/kill-switch',
        'get /v1/openapi.json',
        'get /v1/status',
        'get /v1/strategies',
        'get /v1/strategies/{name}/schema',
        'get /v1/symbols',
        'get /v1/trades',
        'patch /v1/bots/{id}',
        'post /v1/bots',
        'get /v1/bots/{id}/commands',
        'post /v1/bots/{id}/commands',
      ].sort(),
    );
    for (const { route } of routes) {
      expect(route.summary).toBeTruthy();
      for (const status of ['4XX', '5XX'])
        expect(Object.keys(route.responses[status]?.content ?? {})).toEqual(['application/problem+json']);
    }
  });

  it('refuse a token without their scope', async () => {
    await plane.rows.pool.query(`update api_tokens set scopes = '{read}' where user_id <> $1`, [plane.rows.userId]);
    const reader = { authorization: `Bearer ${plane.otherToken}` };
    expect((await plane.ask('GET', '/v1/bots', undefined, reader)).status).toBe(200);
    expect((await plane.ask('POST', '/v1/bots', goodBot, reader)).status).toBe(403);
  });

  it('tell symbols, strategies and status', async () => {
    expect((await plane.ask('GET', '/v1/symbols')).body).toMatchObject({
      items: [{ symbol: 'BTCUSDT', tick_size: '0.01', step_size: '0.00001' }, { symbol: 'ETHUSDT' }],
      cache: { spot: { hits: 3, misses: 1, last_refresh: '2023-11-14T22:13:20.000Z' } },
    });
    expect((await plane.ask('GET', '/v1/strategies')).body.items?.map((strategy) => strategy['name'])).toEqual([
      'ema_cross',
      'rsi',
      'ema_rsi',
      'ema_trend_rsi',
      'macd_adx',
      'bollinger_reversion',
    ]);
    expect((await plane.ask('GET', '/v1/status')).body).toMatchObject({ venue: 'simulated', coordination: { kind: 'memory' } });
  });
});

describe('the second listener', () => {
  it('serves probes and metrics without a token, and nothing else', async () => {
    const { metricsUrl } = plane.urls;
    const get = async (path: string): Promise<[number, string]> => {
      const answer = await fetch(`${metricsUrl}${path}`);
      return [answer.status, await answer.text()];
    };
    expect((await get('/livez'))[0]).toBe(200);
    expect(await get('/readyz')).toEqual([503, JSON.stringify({ status: 'failing', problems: ['the database does not answer'] })]);
    expect((await get('/startupz'))[0]).toBe(200);
    expect((await get('/metrics'))[1]).toContain('evenkeel_orders_unknown_state 0');
    expect((await get('/v1/bots'))[0]).toBe(404);
  });
});
