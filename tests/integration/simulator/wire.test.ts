/** The simulator's wire, asked with plain HTTP and sockets: signatures, times, limits, streams, lists, faults. */
import { createHmac } from 'node:crypto';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { systemClock } from '../../../engine/time/clock.ts';
import { generatedFuel } from '../../../simulator/generator.ts';
import { startSimulator } from '../../../simulator/simulator.ts';
import type { Simulator, SimulatorOptions } from '../../../simulator/simulator.ts';
import { eventually } from '../../e2e/support/processes.ts';

const key = { apiKey: 'key', secret: 'secret' };
let simulator: Simulator;

async function open(change: Partial<SimulatorOptions> = {}): Promise<void> {
  simulator = await startSimulator({
    clock: systemClock,
    log: pino({ level: 'silent' }),
    port: 0,
    controlPort: 0,
    fuel: generatedFuel({ seed: 5, symbols: ['BTCUSDT', 'ETHUSDT'], baseTimeframe: '1m' }),
    pace: { kind: 'stepped' },
    seed: 5,
    accounts: [{ name: 'a', apiKey: key.apiKey, secret: { kind: 'hmac', secret: key.secret }, deposits: { USDT: '10000', BTC: '1' } }],
    ...change,
  });
}
afterEach(() => simulator.stop());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function send(method: string, path: string, query: string, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(`${simulator.restUrl}${path}${query === '' ? '' : `?${query}`}`, { method, headers });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
}

/** A signed request; `change` sees the query before it is signed. */
function signed(
  method: string,
  path: string,
  parameters: Record<string, string | number>,
  change: { timestamp?: number; secret?: string; apiKey?: string } = {},
): Promise<Answer> {
  const query = new URLSearchParams({
    ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)])),
    timestamp: String(change.timestamp ?? simulator.now()),
  }).toString();
  const signature = createHmac('sha256', change.secret ?? key.secret)
    .update(query)
    .digest('hex');
  return send(method, path, `${query}&signature=${signature}`, { 'x-mbx-apikey': change.apiKey ?? key.apiKey });
}

const buy = (change: Record<string, string | number> = {}) => ({
  symbol: 'BTCUSDT',
  side: 'BUY',
  type: 'MARKET',
  quantity: '0.01',
  ...change,
});
const price = (): number => Number(simulator.ledger().accounts[0]?.trades.at(-1)?.['price'] ?? 0);

it('keeps an idle connection for a minute, so that a client that slept finds it open as at a real exchange', async () => {
  await open();
  expect((await send('GET', '/api/v3/ping', '')).headers.get('keep-alive')).toBe('timeout=65');
});

describe('signed requests', () => {
  it.each([
    ['a wrong secret', { secret: 'other' }, 400, -1022],
    ['an unknown key', { apiKey: 'nobody' }, 401, -2015],
    ['a timestamp from the future', { timestamp: 5_000 }, 400, -1021],
    ['a timestamp that is too old', { timestamp: -6_000 }, 400, -1021],
  ])('with %s are refused', async (_, change, status, code) => {
    await open();
    const timestamp = 'timestamp' in change ? { timestamp: simulator.now() + change.timestamp } : {};
    const answer = await signed('POST', '/api/v3/order', buy(), { ...change, ...timestamp });
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
    expect(simulator.ledger().accounts[0]?.orders).toEqual([]);
  });

  it.each([
    ['an unknown symbol', { symbol: 'NOPE' }, -1121],
    ['an unknown parameter', { luck: '7' }, -1104],
    ['no quantity', { quantity: '' }, -1102],
    ['a side that does not exist', { side: 'HOLD' }, -1117],
    ['an id with spaces', { newClientOrderId: 'a b' }, -1100],
    ['a number in words', { quantity: 'one' }, -1100],
    ['too many decimals', { quantity: '0.123456789' }, -1111],
    ['a quantity off the grid', { quantity: '0.000001' }, -1013],
  ])('with %s are refused by code', async (_, change, code) => {
    await open();
    expect((await signed('POST', '/api/v3/order', buy(change))).body['code']).toBe(code);
  });

  it('are answered as ACK, RESULT or FULL', async () => {
    await open();
    const answer = async (kind: string) => Object.keys((await signed('POST', '/api/v3/order', buy({ newOrderRespType: kind }))).body);
    expect(await answer('ACK')).toEqual(['symbol', 'orderId', 'orderListId', 'clientOrderId', 'transactTime']);
    expect(await answer('RESULT')).not.toContain('fills');
    expect(await answer('FULL')).toContain('fills');
  });
});

describe('limits', () => {
  it('count weight in headers, answer 429 with Retry-After, and ban who goes on', async () => {
    await open({ limits: { weightPerMinute: 60, ordersPer10s: 100, ordersPerDay: 1_000 } });
    expect((await send('GET', '/api/v3/exchangeInfo', '')).headers.get('x-mbx-used-weight-1m')).toBe('20');
    for (let n = 0; n < 2; n += 1) await send('GET', '/api/v3/exchangeInfo', '');
    const over = await send('GET', '/api/v3/exchangeInfo', '');
    expect([over.status, over.body['code'], Number(over.headers.get('retry-after')) > 0]).toEqual([429, -1003, true]);
    const statuses: number[] = [];
    for (let n = 0; n < 6; n += 1) statuses.push((await send('GET', '/api/v3/ping', '')).status);
    expect(statuses.at(-1)).toBe(418);
  });

  it('count orders that do not fill, and refuse more than allowed', async () => {
    await open({ limits: { weightPerMinute: 6_000, ordersPer10s: 2, ordersPerDay: 1_000 } });
    const rest = () => signed('POST', '/api/v3/order', buy({ type: 'LIMIT', timeInForce: 'GTC', price: '20000' }));
    expect((await rest()).headers.get('x-mbx-order-count-10s')).toBe('1');
    await rest();
    const third = await rest();
    expect([third.status, third.body['code']]).toEqual([429, -1015]);
    expect((await signed('POST', '/api/v3/order', buy())).status).toBe(429);
  });
});

describe('a stepped market', () => {
  it('has its price at the next open when the close is told, so that an answer to the close fills there', async () => {
    await open();
    const socket = new WebSocket(`${simulator.streamUrl}/ws/btcusdt@kline_1m`);
    const frames: { E: number; k: Record<string, unknown> }[] = [];
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as never));
    await new Promise((resolve) => socket.once('open', resolve));
    await simulator.step();
    const closed = await eventually('the close came', 5_000, async () => frames.find((frame) => frame.k['x'] === true));
    expect(closed.E).toBe(Number(closed.k['T']) + 1);
    await signed('POST', '/api/v3/order', buy());
    const rows = (await send('GET', '/api/v3/klines', 'symbol=BTCUSDT&interval=1m&limit=2')).body as unknown as unknown[][];
    expect(price()).toBe(Number(rows.at(-1)?.[1]));
    expect([rows[0]?.[0], rows[0]?.[2], rows[0]?.[3], rows[0]?.[4]]).toEqual([closed.k['t'], closed.k['h'], closed.k['l'], closed.k['c']]);
    expect(frames.some((frame) => frame.k['x'] === false)).toBe(true);
    socket.terminate();
  });

  it('is the same for the same seed, wherever it is begun', async () => {
    const [a, b] = [
      generatedFuel({ seed: 9, symbols: ['BTCUSDT'], baseTimeframe: '1m' }),
      generatedFuel({ seed: 9, symbols: ['BTCUSDT'], baseTimeframe: '1m' }),
    ];
    const times = [600_000, 60_000, 120_000];
    expect(times.map((time) => a.candle('BTCUSDT', time))).toEqual(times.map((time) => b.candle('BTCUSDT', time)));
    expect(a.candle('BTCUSDT', 60_000)?.close).toBe(a.candle('BTCUSDT', 120_000)?.open);
    expect(generatedFuel({ seed: 10, symbols: ['BTCUSDT'], baseTimeframe: '1m' }).candle('BTCUSDT', 60_000)).not.toEqual(
      a.candle('BTCUSDT', 60_000),
    );
    await open();
  });

  it('answers longer candles as the sum of shorter ones', async () => {
    await open();
    await simulator.step(7);
    const five = (await send('GET', '/api/v3/klines', 'symbol=BTCUSDT&interval=5m&limit=2')).body as unknown as [
      number,
      string,
      string,
      string,
      string,
    ][];
    const [openTime, first, high, low, close] = five[0] ?? [0, '', '', '', ''];
    const ones = (await send('GET', '/api/v3/klines', `symbol=BTCUSDT&interval=1m&startTime=${openTime}&limit=5`)).body as unknown as [
      number,
      string,
      string,
      string,
      string,
    ][];
    expect([first, close]).toEqual([ones[0]?.[1], ones[4]?.[4]]);
    expect([Number(high), Number(low)]).toEqual([
      Math.max(...ones.map((row) => Number(row[2]))),
      Math.min(...ones.map((row) => Number(row[3]))),
    ]);
    expect((await send('GET', '/api/v3/klines', 'symbol=BTCUSDT&interval=1s')).body['code']).toBe(-1120);
  });
});

describe('streams', () => {
  it('answer control messages and stay mute on names that do not exist', async () => {
    await open();
    const socket = new WebSocket(`${simulator.streamUrl}/stream?streams=btcusdt@bookTicker`);
    const frames: Record<string, unknown>[] = [];
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as Record<string, unknown>));
    await new Promise((resolve) => socket.once('open', resolve));
    const ask = async (message: unknown): Promise<Record<string, unknown>> => {
      const before = frames.length;
      socket.send(typeof message === 'string' ? message : JSON.stringify(message));
      return eventually('an answer', 5_000, async () => frames.slice(before).find((frame) => frame['stream'] === undefined));
    };
    expect(await ask({ method: 'SUBSCRIBE', params: ['ethusdt@trade', 'ethusdt@aggTrade', 'misspelt@stream'], id: 1 })).toEqual({
      result: null,
      id: 1,
    });
    expect(await ask({ method: 'LIST_SUBSCRIPTIONS', id: 2 })).toEqual({
      result: ['btcusdt@bookTicker', 'ethusdt@trade', 'ethusdt@aggTrade', 'misspelt@stream'],
      id: 2,
    });
    expect(await ask('{nonsense')).toMatchObject({ code: 3 });
    expect(await ask({ method: 'DANCE', id: 4 })).toMatchObject({ code: 2, id: 4 });
    await simulator.step();
    await eventually('both streams spoke', 5_000, async () =>
      ['btcusdt@bookTicker', 'ethusdt@trade', 'ethusdt@aggTrade'].every((name) => frames.some((frame) => frame['stream'] === name)),
    );
    expect(frames.some((frame) => frame['stream'] === 'misspelt@stream')).toBe(false);
    socket.terminate();
  });

  it('end for a client that talks too much', async () => {
    await open();
    const socket = new WebSocket(`${simulator.streamUrl}/ws`);
    await new Promise((resolve) => socket.once('open', resolve));
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    for (let n = 0; n < 20; n += 1) socket.send(JSON.stringify({ method: 'LIST_SUBSCRIPTIONS', id: n }));
    expect(await closed).toBe(1008);
  });
});

describe('order lists and replacements', () => {
  it('place and cancel an OCO as one', async () => {
    await open();
    await signed('POST', '/api/v3/order', buy());
    const at = price();
    const placed = await signed('POST', '/api/v3/orderList/oco', {
      symbol: 'BTCUSDT',
      side: 'SELL',
      quantity: '0.5',
      aboveType: 'LIMIT_MAKER',
      abovePrice: (at * 1.2).toFixed(2),
      belowType: 'STOP_LOSS_LIMIT',
      belowStopPrice: (at * 0.8).toFixed(2),
      belowPrice: (at * 0.79).toFixed(2),
      belowTimeInForce: 'GTC',
    });
    expect(placed.body).toMatchObject({ contingencyType: 'OCO', listOrderStatus: 'EXECUTING' });
    expect((await signed('GET', '/api/v3/openOrders', { symbol: 'BTCUSDT' })).body).toHaveLength(2);
    const cancelled = await signed('DELETE', '/api/v3/orderList', { symbol: 'BTCUSDT', orderListId: Number(placed.body['orderListId']) });
    expect(cancelled.body['listOrderStatus']).toBe('ALL_DONE');
    expect((await signed('GET', '/api/v3/openOrders', { symbol: 'BTCUSDT' })).body).toHaveLength(0);
  });

  it('cancel and replace, and tell which half failed', async () => {
    await open();
    const resting = await signed('POST', '/api/v3/order', buy({ type: 'LIMIT', timeInForce: 'GTC', price: '20000' }));
    const replace = (cancelOrderId: number, mode: string) =>
      signed('POST', '/api/v3/order/cancelReplace', {
        ...buy({ type: 'LIMIT', timeInForce: 'GTC', price: '20500' }),
        cancelReplaceMode: mode,
        cancelOrderId,
      });
    expect((await replace(Number(resting.body['orderId']), 'STOP_ON_FAILURE')).body).toMatchObject({
      cancelResult: 'SUCCESS',
      newOrderResult: 'SUCCESS',
    });
    const failed = await replace(999, 'STOP_ON_FAILURE');
    expect([failed.status, failed.body['code']]).toEqual([400, -2022]);
    const partial = await replace(999, 'ALLOW_FAILURE');
    expect([partial.status, partial.body['code'], (partial.body['data'] as Record<string, unknown>)['newOrderResult']]).toEqual([
      409,
      -2021,
      'SUCCESS',
    ]);
  });
});

describe('faults', () => {
  const fault = (body: unknown) =>
    fetch(`${simulator.controlUrl ?? ''}/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('lose an answer without losing the order', async () => {
    await open();
    await fault({ kind: 'order-answer-lost' });
    await expect(signed('POST', '/api/v3/order', buy({ newClientOrderId: 'lost' }))).rejects.toThrow();
    expect(simulator.ledger().accounts[0]?.orders).toMatchObject([{ clientOrderId: 'lost', status: 'FILLED' }]);
    expect((await signed('GET', '/api/v3/order', { symbol: 'BTCUSDT', origClientOrderId: 'lost' })).body['status']).toBe('FILLED');
  });

  it('answer 5xx with and without executing', async () => {
    await open();
    for (const executed of [true, false]) {
      await fault({ kind: 'order-5xx', executed });
      expect((await signed('POST', '/api/v3/order', buy({ newClientOrderId: `is-${String(executed)}` }))).status).toBeGreaterThanOrEqual(
        500,
      );
    }
    expect(simulator.ledger().accounts[0]?.orders.map((order) => order['clientOrderId'])).toEqual(['is-true']);
  });

  it('let reads lag behind the books', async () => {
    await open();
    await fault({ kind: 'reads-lag', ms: 30_000 });
    await signed('POST', '/api/v3/order', buy({ newClientOrderId: 'young' }));
    const look = () => signed('GET', '/api/v3/order', { symbol: 'BTCUSDT', origClientOrderId: 'young' });
    expect((await look()).body['code']).toBe(-2013);
    await simulator.step();
    expect((await look()).body['status']).toBe('FILLED');
  });

  it.each([
    [{ kind: 'gremlins' }, 'kind'],
    [{ kind: 'order-delay' }, 'ms'],
    [{ kind: 'symbol-status', symbol: 'NOPE' }, 'symbol'],
    [{ kind: 'drop-sockets', which: 'some' }, 'which'],
  ])('%j is refused by name', async (body, field) => {
    await open();
    const answer = await fault(body);
    expect([answer.status, ((await answer.json()) as { error: string }).error.startsWith(`${field}:`)]).toEqual([400, true]);
  });
});
