/** The fault script: each fault changes what the wire says, never what the books hold. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Simulator } from '../../../simulator/simulator.ts';
import { RawClient, RawSocket, openSimulator } from './raw-client.ts';
import type { Frame } from './raw-client.ts';

let simulator: Simulator;
let client: RawClient;
const open = async (): Promise<void> => {
  simulator = await openSimulator();
  client = new RawClient(simulator);
};
afterEach(() => simulator.stop());

const statuses = () => simulator.ledger().accounts[0]?.orders.map((order) => order['status']);

async function subscribed(): Promise<RawSocket> {
  const user = await RawSocket.open(simulator.wsApiUrl);
  expect((await user.askSigned('userDataStream.subscribe.signature', {}, simulator.now()))['result']).toEqual({ subscriptionId: 0 });
  return user;
}

describe('an answer that is lost', () => {
  it.each([
    [true, ['CANCELED']],
    [false, ['NEW']],
  ])('to a cancel, executed %s', async (executed, expected) => {
    await open();
    await client.fault({ kind: 'order-answer-lost', action: 'cancel', executed });
    const { body } = await client.resting();
    await expect(client.signed('DELETE', '/api/v3/order', { symbol: 'BTCUSDT', orderId: Number(body['orderId']) })).rejects.toThrow();
    expect(statuses()).toEqual(expected);
  });

  it.each([
    [true, ['CANCELED', 'NEW']],
    [false, ['NEW']],
  ])('to a cancelReplace, executed %s', async (executed, expected) => {
    await open();
    await client.fault({ kind: 'order-answer-lost', action: 'cancel-replace', executed });
    const { body } = await client.resting();
    const replace = client.signed('POST', '/api/v3/order/cancelReplace', {
      symbol: 'BTCUSDT',
      side: 'BUY',
      type: 'LIMIT',
      timeInForce: 'GTC',
      quantity: '0.01',
      price: '20500',
      cancelReplaceMode: 'STOP_ON_FAILURE',
      cancelOrderId: Number(body['orderId']),
    });
    await expect(replace).rejects.toThrow();
    expect(statuses()).toEqual(expected);
  });

  it('to an order on the WebSocket API closes the connection', async () => {
    await open();
    const api = await RawSocket.open(simulator.wsApiUrl);
    await client.fault({ kind: 'order-answer-lost' });
    const closed = new Promise((resolve) => api.socket.once('close', resolve));
    void api
      .askSigned('order.place', { symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: '0.01' }, simulator.now())
      .catch(() => null);
    await closed;
    expect(statuses()).toEqual(['FILLED']);
  });

  it('to the third order of one symbol only', async () => {
    await open();
    await client.fault({ kind: 'order-5xx', executed: true, symbol: 'BTCUSDT', skip: 1 });
    const answers = [await client.resting(), await client.resting({ symbol: 'ETHUSDT', price: '1500' }), await client.resting()];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 504]);
  });
});

describe('an order that is late', () => {
  it('before the books is refused once its recvWindow is over, and never executed', async () => {
    await open();
    await client.fault({ kind: 'order-delay', ms: 100 });
    const late = client.order({ recvWindow: 5_000 });
    await expect.poll(async () => await (await fetch(`${simulator.controlUrl ?? ''}/faults`)).json()).toEqual([]);
    await simulator.step();
    expect((await late).body['code']).toBe(-1021);
    expect(statuses()).toEqual([]);
  });

  it('in its answer only is in the books meanwhile', async () => {
    await open();
    await client.fault({ kind: 'order-delay', ms: 100, executed: true });
    const late = client.order();
    await expect.poll(statuses).toEqual(['FILLED']);
    expect((await late).body['status']).toBe('FILLED');
  });
});

describe('reads that lag', () => {
  it('show orders, histories and trades as they were', async () => {
    await open();
    const { body } = await client.resting({ newClientOrderId: 'old' });
    await simulator.step(2);
    await client.signed('DELETE', '/api/v3/order', { symbol: 'BTCUSDT', orderId: Number(body['orderId']) });
    await client.order({ newClientOrderId: 'young' });
    const ids = async (path: string, name: string) =>
      ((await client.signed('GET', path, { symbol: 'BTCUSDT' })).body as unknown as Frame[]).map((row) => row[name]);
    expect(await ids('/api/v3/openOrders', 'orderId')).toEqual([]);
    await client.fault({ kind: 'reads-lag', ms: 60_000 });
    expect(await ids('/api/v3/openOrders', 'clientOrderId')).toEqual(['old']);
    expect(await ids('/api/v3/allOrders', 'status')).toEqual(['NEW']);
    expect(await ids('/api/v3/myTrades', 'id')).toEqual([]);
    expect((await client.signed('GET', '/api/v3/order', { symbol: 'BTCUSDT', origClientOrderId: 'young' })).body['code']).toBe(-2013);
    await simulator.step(1);
    expect(await ids('/api/v3/openOrders', 'orderId')).toEqual([]);
    expect(await ids('/api/v3/allOrders', 'status')).toEqual(['CANCELED', 'FILLED']);
    expect(await ids('/api/v3/myTrades', 'id')).toHaveLength(1);
  });

  it('or answer 5xx, all of them or one endpoint', async () => {
    await open();
    await client.fault({ kind: 'read-5xx', path: '/api/v3/openOrders', status: 502 });
    expect((await client.signed('GET', '/api/v3/account')).status).toBe(200);
    expect((await client.signed('GET', '/api/v3/openOrders', { symbol: 'BTCUSDT' })).status).toBe(502);
    expect((await client.signed('GET', '/api/v3/openOrders', { symbol: 'BTCUSDT' })).status).toBe(200);
  });
});

describe('user events', () => {
  it('tell REJECTED of a replacement that was refused when the old order had been cancelled', async () => {
    await open();
    const user = await subscribed();
    const resting = await client.resting();
    const replaced = await client.signed('POST', '/api/v3/order/cancelReplace', {
      symbol: 'BTCUSDT',
      side: 'BUY',
      type: 'STOP_LOSS',
      quantity: '0.01',
      stopPrice: '1',
      newClientOrderId: 'refused',
      cancelReplaceMode: 'STOP_ON_FAILURE',
      cancelOrderId: Number(resting.body['orderId']),
    });
    expect([replaced.status, replaced.body['code']]).toEqual([409, -2021]);
    await expect.poll(() => user.events('executionReport').map((event) => event['x'])).toEqual(['NEW', 'CANCELED', 'REJECTED']);
    const [report] = user.events('executionReport').slice(-1);
    expect(report).toMatchObject({ X: 'REJECTED', c: 'refused', C: '', i: -1, r: 'STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY' });
    expect((await client.signed('GET', '/api/v3/order', { symbol: 'BTCUSDT', origClientOrderId: 'refused' })).body['code']).toBe(-2013);
  });

  it.each([
    ['drop', {}, ['NEW']],
    ['double', {}, ['NEW', 'TRADE', 'TRADE']],
    ['delay', { ms: 30 }, ['NEW', 'TRADE']],
  ])('%s', async (how, more, expected) => {
    await open();
    const user = await subscribed();
    await client.fault({ kind: 'user-event', how, ...more, execution: 'TRADE' });
    await client.order();
    await expect.poll(() => user.events('outboundAccountPosition')).toHaveLength(1);
    await expect.poll(() => user.events('executionReport').map((event) => event['x'])).toEqual(expected);
    const order = user.frames.flatMap((frame) => ((frame['event'] ?? {}) as Frame)['e'] ?? []);
    if (how === 'delay') expect(order.at(-1)).toBe('executionReport');
  });

  it('reordered', async () => {
    await open();
    const user = await subscribed();
    await client.fault({ kind: 'user-event', how: 'reorder', event: 'executionReport' });
    await client.order();
    await expect.poll(() => user.events('executionReport').map((event) => event['x'])).toEqual(['TRADE', 'NEW']);
  });
});

describe('connections', () => {
  it('half-open: neither data nor pongs nor a close, and new ones work', async () => {
    await open();
    const [user, stream] = [await subscribed(), await RawSocket.open(`${simulator.streamUrl}/ws/btcusdt@kline_1m`)];
    let [pongs, closes] = [0, 0];
    for (const { socket } of [user, stream]) {
      socket.on('pong', () => (pongs += 1));
      socket.on('close', () => (closes += 1));
    }
    await client.fault({ kind: 'half-open' });
    for (const { socket } of [user, stream]) socket.ping();
    const fresh = await RawSocket.open(`${simulator.streamUrl}/ws/btcusdt@kline_1m`);
    await simulator.step();
    await client.order();
    await expect.poll(() => fresh.frames.length).toBeGreaterThan(0);
    expect([pongs, closes, stream.frames.length, user.events('executionReport').length]).toEqual([0, 0, 0, 0]);
    await client.clearFaults();
    await expect.poll(() => closes).toBe(2);
    expect(fresh.socket.readyState).toBe(fresh.socket.OPEN);
  });

  it('of a banned address are answered 418 until the ban is over', async () => {
    await open();
    await client.fault({ kind: 'http-418', seconds: 60 });
    const banned = await client.order();
    expect([banned.status, banned.body['code'], banned.headers.get('retry-after')]).toEqual([418, -1003, '60']);
    expect(String(banned.body['msg'])).toContain(`banned until ${simulator.now() + 60_000}`);
    await simulator.step();
    expect((await client.order()).status).toBe(200);
  });
});

describe('the venue itself', () => {
  it('changes the filters of a symbol', async () => {
    await open();
    expect((await client.fault({ kind: 'change-filters', symbol: 'BTCUSDT', filters: { stepSize: '0.1', minQty: '0.1' } })).status).toBe(
      200,
    );
    expect((await client.order()).body['msg']).toBe('Filter failure: LOT_SIZE');
    const info = (await client.send('GET', '/api/v3/exchangeInfo', 'symbol=BTCUSDT')).body['symbols'] as { filters: Frame[] }[];
    expect(info[0]?.filters.find((filter) => filter['filterType'] === 'LOT_SIZE')).toMatchObject({
      minQty: '0.10000000',
      stepSize: '0.10000000',
    });
  });

  it.each([
    [5_001, 'outside of the recvWindow'],
    [-1_000, "ahead of the server's time"],
  ])('has its clock off by %s ms', async (ms, text) => {
    await open();
    await client.fault({ kind: 'clock-offset', ms });
    expect((await client.send('GET', '/api/v3/time')).body['serverTime']).toBe(simulator.now() + ms);
    const refused = await client.order();
    expect([refused.body['code'], refused.body['msg']]).toEqual([-1021, expect.stringContaining(text)]);
    expect((await client.order({ timestamp: simulator.now() + ms })).status).toBe(200);
    await client.clearFaults();
    expect((await client.order()).status).toBe(200);
  });
});

describe('the control port', () => {
  it('tells every fault and action, and takes each by its kind', async () => {
    await open();
    const told = (await (await fetch(simulator.controlUrl ?? '')).json()) as { faults: Frame; actions: Frame };
    for (const kind of [...Object.keys(told.faults), ...Object.keys(told.actions)])
      expect((await client.fault({ kind, nonsense: 1 })).error).not.toContain('kind:');
  });

  it.each([
    [{ kind: 'order-delay', ms: '3' }, 'ms'],
    [{ kind: 'order-answer-lost', action: 'dance' }, 'action'],
    [{ kind: 'reads-lag', ms: 3, luck: 7 }, 'luck'],
    [{ kind: 'user-event', how: 'delay' }, 'ms'],
    [{ kind: 'change-filters', symbol: 'BTCUSDT', filters: { tick: 1 } }, 'filters.tick'],
    [{ kind: 'clock-offset' }, 'ms'],
    [{ kind: 'http-418', seconds: 0 }, 'seconds'],
    [{ kind: 'half-open', which: 'some' }, 'which'],
  ])('refuses %j by name', async (body, field) => {
    await open();
    const answer = await client.fault(body);
    expect([answer.status, answer.error.split(':')[0]]).toEqual([400, field]);
  });
});
