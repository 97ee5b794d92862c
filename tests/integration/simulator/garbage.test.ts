/** Whatever a client sends, the exchange answers or hangs up, and goes on. */
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Simulator } from '../../../simulator/simulator.ts';
import { RawClient, RawSocket, hmac, key, openSimulator, queryOf } from './raw-client.ts';

let simulator: Simulator;
let client: RawClient;
const open = async (change = {}): Promise<void> => {
  simulator = await openSimulator(change);
  client = new RawClient(simulator);
};
afterEach(() => simulator.stop());

const lives = async (): Promise<void> => expect((await client.send('GET', '/api/v3/ping')).status).toBe(200);

describe('the exchange outlives', () => {
  it.each(['null', '7', '"text"', '[]', '{"method":{"toString":1}}', '{"method":"SUBSCRIBE","params":[null],"id":1}'])(
    'the stream message %s',
    async (message) => {
      await open();
      const stream = await RawSocket.open(`${simulator.streamUrl}/ws`);
      stream.socket.send(message);
      stream.socket.send(JSON.stringify({ method: 'LIST_SUBSCRIPTIONS', id: 9 }));
      await expect.poll(() => stream.frames.at(-1)).toEqual({ result: [], id: 9 });
      expect(stream.frames[0]).toMatchObject({ code: 2 });
    },
  );

  it.each(['null', '[]', '{"id":1,"method":"ticker.price","params":{"symbol":{"toString":1}}}', '{"id":1,"method":"constructor"}'])(
    'the WebSocket API message %s',
    async (message) => {
      await open();
      const api = await RawSocket.open(simulator.wsApiUrl);
      api.socket.send(message);
      await expect.poll(() => api.frames[0]?.['status']).toBe(400);
      await lives();
    },
  );

  it.each(['/ws/%E0%A4', '//', '/nowhere'])('an upgrade of %s', async (path) => {
    await open();
    const answered = new Promise<string>((resolve) => {
      const socket = connect(Number(new URL(simulator.restUrl).port), '127.0.0.1');
      socket.on('data', (data) => resolve(data.toString()));
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
    });
    expect(await answered).toMatch(/^HTTP\/1\.1 40[04]/);
    await lives();
  });

  it('a body that is too large', async () => {
    await open();
    const answer = await fetch(`${simulator.restUrl}/api/v3/order`, { method: 'POST', body: 'a'.repeat(200_000) }).catch(() => null);
    expect(answer?.status ?? 413).toBe(413);
    await lives();
  });
});

describe('a request is refused before anything is done when', () => {
  it('a cancel has a parameter that nobody knows', async () => {
    await open();
    const { body } = await client.resting();
    const cancelled = await client.signed('DELETE', '/api/v3/order', { symbol: 'BTCUSDT', orderId: Number(body['orderId']), luck: 7 });
    expect(cancelled.body['code']).toBe(-1104);
    expect((await client.signed('DELETE', '/api/v3/openOrders', { symbol: 'BTCUSDT', luck: 7 })).body['code']).toBe(-1104);
    expect(simulator.ledger().accounts[0]?.orders.map((order) => order['status'])).toEqual(['NEW']);
  });

  it('the weight is used up: an order gets its 429, not an unknown outcome', async () => {
    await open({ limits: { weightPerMinute: 30, ordersPer10s: 100, ordersPerDay: 1_000 } });
    for (let n = 0; n < 2; n += 1) await client.send('GET', '/api/v3/exchangeInfo');
    const refused = await client.order();
    expect([refused.status, refused.body['code'], Number(refused.headers.get('retry-after')) > 0]).toEqual([429, -1003, true]);
    expect(simulator.ledger().accounts[0]?.orders).toEqual([]);
  });

  it.each([
    ['a symbol in small letters', 'GET', '/api/v3/klines', { symbol: 'btcusdt', interval: '1m' }, -1100],
    ['klines without an interval', 'GET', '/api/v3/klines', { symbol: 'BTCUSDT' }, -1102],
    ['a limit of 0', 'GET', '/api/v3/klines', { symbol: 'BTCUSDT', interval: '1m', limit: 0 }, -1130],
  ])('%s', async (_, method, path, values, code) => {
    await open();
    const query = queryOf(values);
    expect((await client.send(method, path, query)).body['code']).toBe(code);
  });

  it.each([
    ['recvWindow is too long', { recvWindow: 60_001 }, -1131],
    ['recvWindow is no number', { recvWindow: '5s' }, -1100],
    ['recvWindow is written as a power', { recvWindow: '1e3' }, -1100],
    ['both ids are sent and differ', { orderId: 1, origClientOrderId: 'another' }, -2013],
  ])('%s', async (_, values, code) => {
    await open();
    await client.resting({ newClientOrderId: 'mine' });
    expect((await client.signed('GET', '/api/v3/order', { symbol: 'BTCUSDT', origClientOrderId: 'mine', ...values })).body['code']).toBe(
      code,
    );
  });

  it.each([
    ['ONLY_PARTIALLY_FILLED', -2011],
    ['ONLY_SOMETIMES', -1145],
  ])('a cancel is restricted to %s', async (cancelRestrictions, code) => {
    await open();
    await client.resting({ newClientOrderId: 'mine' });
    const cancel = (values: Record<string, string>) =>
      client.signed('DELETE', '/api/v3/order', { symbol: 'BTCUSDT', origClientOrderId: 'mine', ...values });
    expect((await cancel({ cancelRestrictions })).body['code']).toBe(code);
    expect((await cancel({ cancelRestrictions: 'ONLY_NEW', newClientOrderId: 'end' })).body).toMatchObject({
      status: 'CANCELED',
      origClientOrderId: 'mine',
      clientOrderId: 'end',
    });
  });

  it('trades are asked for by id and by time at once', async () => {
    await open();
    const trades = (values: Record<string, number>) => client.signed('GET', '/api/v3/myTrades', { symbol: 'BTCUSDT', ...values });
    expect((await trades({ fromId: 1, startTime: 0 })).body['code']).toBe(-1128);
    expect((await trades({ startTime: 0, endTime: 86_400_001 })).body['code']).toBe(-1127);
    expect((await trades({ orderId: 1, fromId: 1 })).body).toEqual([]);
  });

  it('its text was not percent-encoded before it was signed', async () => {
    await open();
    const body = `symbol=ＢＴＣ&timestamp=${simulator.now()}`;
    const post = async (payload: string) => {
      const answer = await fetch(`${simulator.restUrl}/api/v3/order`, {
        method: 'POST',
        headers: { 'x-mbx-apikey': key.apiKey },
        body: `${payload}&signature=${hmac(payload)}`,
      });
      return ((await answer.json()) as { code: number }).code;
    };
    expect(await post(body)).toBe(-1022);
    expect(await post(encodeURI(body))).toBe(-1121);
  });
});

describe('counts', () => {
  it('a successful order and cancel cost no weight, a failed one 1', async () => {
    await open();
    const weight = ({ headers }: { headers: Headers }) => headers.get('x-mbx-used-weight-1m');
    const resting = await client.resting();
    expect(weight(resting)).toBe('0');
    expect(weight(await client.order({ quantity: '0.0000001' }))).toBe('1');
    expect(weight(await client.signed('DELETE', '/api/v3/order', { symbol: 'BTCUSDT', orderId: Number(resting.body['orderId']) }))).toBe(
      '1',
    );
    expect(weight(await client.signed('DELETE', '/api/v3/order', { symbol: 'BTCUSDT', orderId: 1 }))).toBe('2');
    expect(weight(await client.signed('GET', '/api/v3/openOrders'))).toBe('82');
  });

  it('a fill takes the count back, however the order is answered', async () => {
    await open({ limits: { weightPerMinute: 6_000, ordersPer10s: 2, ordersPerDay: 1_000 } });
    const statuses: number[] = [];
    for (let n = 0; n < 4; n += 1) statuses.push((await client.order({ newOrderRespType: 'ACK' })).status);
    expect(statuses).toEqual([200, 200, 200, 200]);
  });

  it('microseconds are taken as a timestamp', async () => {
    await open({ startMs: 1_790_000_000_000 });
    expect((await client.signed('GET', '/api/v3/account', { timestamp: simulator.now() * 1_000 })).status).toBe(200);
  });
});

describe('generated history', () => {
  it('has an end, so that a year of days is not made up second by second', async () => {
    await open({ startMs: 1_790_000_000_000 });
    const ask = async (query: string) => (await client.send('GET', '/api/v3/klines', query)).body as unknown as number[][];
    const days = await ask('symbol=BTCUSDT&interval=1d&startTime=0&limit=2');
    expect(days[0]?.[0]).toBeGreaterThan(1_700_000_000_000);
    const hours = await ask(`symbol=BTCUSDT&interval=1h&startTime=${days[1]?.[0]}&limit=24`);
    expect(days[1]?.slice(1, 3)).toEqual([
      hours[0]?.[1],
      hours
        .map((hour) => String(hour[2]))
        .sort()
        .at(-1),
    ]);
  });
});
