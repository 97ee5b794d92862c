/** The WebSocket API as a stranger uses it: sessions, order methods, lists, user events and their shapes. */
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { generatedFuel } from '../../../simulator/generator.ts';
import type { Simulator } from '../../../simulator/simulator.ts';
import { RawClient, RawSocket, openSimulator } from './raw-client.ts';
import type { Frame } from './raw-client.ts';

let simulator: Simulator;
let client: RawClient;
const open = async (change = {}): Promise<RawSocket> => {
  simulator = await openSimulator(change);
  client = new RawClient(simulator);
  return RawSocket.open(simulator.wsApiUrl);
};
afterEach(() => simulator.stop());

const market = { symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: '0.01' };

describe('order methods', () => {
  it('place, query and cancel, and count as over REST', async () => {
    const api = await open({ limits: { weightPerMinute: 6_000, ordersPer10s: 2, ordersPerDay: 1_000 } });
    const limit = { ...market, type: 'LIMIT', timeInForce: 'GTC', price: '20000', newClientOrderId: 'mine' };
    const ask = (method: string, params: Frame) => api.askSigned(method, params, simulator.now());
    const placed = await ask('order.place', limit);
    expect(placed).toMatchObject({ status: 200, result: { status: 'NEW', clientOrderId: 'mine' } });
    expect(placed['rateLimits']).toMatchObject([
      { rateLimitType: 'ORDERS', interval: 'SECOND', count: 1 },
      { rateLimitType: 'ORDERS', interval: 'DAY', count: 1 },
      { rateLimitType: 'REQUEST_WEIGHT' },
    ]);
    expect(await ask('v3/order.status', { symbol: 'BTCUSDT', origClientOrderId: 'mine' })).toMatchObject({ result: { status: 'NEW' } });
    expect(await ask('order.cancel', { symbol: 'BTCUSDT', origClientOrderId: 'mine' })).toMatchObject({ result: { status: 'CANCELED' } });
    for (let n = 0; n < 3; n += 1) expect(await ask('order.place', market)).toMatchObject({ status: 200, result: { status: 'FILLED' } });
    expect(await ask('order.place', { ...market, quantity: '0.0000001' })).toMatchObject({ status: 400, error: { code: -1013 } });
    await ask('order.place', { ...limit, newClientOrderId: 'second' });
    expect(await ask('order.place', limit)).toMatchObject({
      status: 429,
      error: { code: -1015, data: { retryAfter: expect.any(Number) as number } },
    });
    expect(await ask('order.test', { ...market, returnRateLimits: false })).not.toHaveProperty('rateLimits');
  });

  it('the faults of orders hold for them too', async () => {
    const api = await open();
    await client.fault({ kind: 'order-5xx', executed: true });
    expect(await api.askSigned('order.place', market, simulator.now())).toMatchObject({ status: 504, error: { code: -1007 } });
    expect(simulator.ledger().accounts[0]?.orders).toMatchObject([{ status: 'FILLED' }]);
  });

  it('lists are placed, queried by either id, told and cancelled', async () => {
    const api = await open();
    await api.askSigned('userDataStream.subscribe.signature', {}, simulator.now());
    const oco = {
      symbol: 'BTCUSDT',
      side: 'SELL',
      quantity: '0.5',
      aboveType: 'LIMIT_MAKER',
      abovePrice: '60000',
      aboveClientOrderId: 'target',
      belowType: 'STOP_LOSS',
      belowStopPrice: '15000',
      belowClientOrderId: 'stop',
      listClientOrderId: 'pair',
    };
    const placed = await api.askSigned('orderList.place.oco', oco, simulator.now());
    expect(placed).toMatchObject({ status: 200, result: { contingencyType: 'OCO', listClientOrderId: 'pair' } });
    expect((await client.signed('GET', '/api/v3/orderList', { origClientOrderId: 'pair' })).body).toMatchObject({
      listOrderStatus: 'EXECUTING',
    });
    expect(await api.askSigned('openOrderLists.status', {}, simulator.now())).toMatchObject({ result: [{ listClientOrderId: 'pair' }] });
    const cancelled = await client.signed('DELETE', '/api/v3/orderList', { symbol: 'BTCUSDT', listClientOrderId: 'pair' });
    expect(cancelled.body).toMatchObject({ listStatusType: 'ALL_DONE', orderReports: [{ status: 'CANCELED' }, { status: 'CANCELED' }] });
    await expect.poll(() => api.events('listStatus').map((event) => event['l'])).toEqual(['EXEC_STARTED', 'ALL_DONE']);
    expect(api.events('listStatus')[0]?.['O']).toEqual([
      { s: 'BTCUSDT', i: expect.any(Number) as number, c: 'stop' },
      { s: 'BTCUSDT', i: expect.any(Number) as number, c: 'target' },
    ]);
    expect((await client.signed('GET', '/api/v3/orderList', { orderListId: 99 })).body['code']).toBe(-2018);
    expect((await client.signed('GET', '/api/v3/orderList')).body['code']).toBe(-1102);
  });
});

describe('a session', () => {
  it('logs on with Ed25519, then needs a timestamp only', async () => {
    const pair = generateKeyPairSync('ed25519');
    const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const api = await open({
      accounts: [{ name: 'e', apiKey: 'ed', secret: { kind: 'ed25519', publicKeyPem: pem }, deposits: { USDT: '10000' } }],
    });
    expect(await api.ask('userDataStream.subscribe')).toMatchObject({ status: 401, error: { code: -2015 } });
    const timestamp = simulator.now();
    const signature = sign(
      null,
      Buffer.from(`apiKey=ed&timestamp=${timestamp}`),
      createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })),
    );
    expect(await api.ask('session.logon', { apiKey: 'ed', timestamp, signature: 'AAAA' })).toMatchObject({ error: { code: -1022 } });
    expect(await api.ask('session.logon', { apiKey: 'ed', timestamp, signature: signature.toString('base64') })).toMatchObject({
      result: { apiKey: 'ed', authorizedSince: timestamp, userDataStream: false },
    });
    expect(await api.ask('userDataStream.subscribe')).toMatchObject({ result: { subscriptionId: 0 } });
    expect(await api.ask('userDataStream.subscribe')).toMatchObject({ error: { code: -2035 } });
    expect(await api.ask('order.place', { ...market, timestamp })).toMatchObject({ result: { status: 'FILLED' } });
    expect(await api.ask('order.place', market)).toMatchObject({ error: { code: -1102 } });
    await expect.poll(() => api.events('outboundAccountPosition')).toHaveLength(1);
    expect(await api.ask('session.logout')).toMatchObject({ result: { apiKey: null } });
    expect(await api.ask('order.place', { ...market, timestamp })).toMatchObject({ error: { code: -1102 } });
  });

  it('is not for HMAC keys', async () => {
    const api = await open();
    expect(await api.askSigned('session.logon', {}, simulator.now())).toMatchObject({ error: { code: -4056 } });
  });
});

describe('the published examples of signatures', () => {
  const published = {
    apiKey: 'vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A',
    secret: 'NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j',
  };
  const account = { name: 'p', apiKey: published.apiKey, secret: { kind: 'hmac', secret: published.secret }, deposits: { BTC: '1' } };

  it.each([
    ['LTCBTC', 'LTCBTC', 'c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71', -1013],
    ['in capitals', 'LTCBTC', 'C8DB56825AE71D6D79447849E617115F4A920FA2ACDCAB2B053C4B2838BD6B71', -1013],
    ['not ASCII', encodeURIComponent('１２３４５６'), 'e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3', -1121],
    ['wrong', 'LTCBTC', 'c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b72', -1022],
  ])('%s passes as far as its order does', async (_, symbol, signature, code) => {
    await open({
      accounts: [account],
      fuel: generatedFuel({ seed: 5, symbols: ['LTCBTC'], baseTimeframe: '1s' }),
      startMs: 1_499_827_319_559,
    });
    const body = `symbol=${symbol}&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559`;
    for (const inQuery of [true, false]) {
      const sent = `${body}&signature=${signature}`;
      const answer = await fetch(`${simulator.restUrl}/api/v3/order${inQuery ? `?${sent}` : ''}`, {
        method: 'POST',
        headers: { 'x-mbx-apikey': published.apiKey },
        ...(inQuery ? {} : { body: sent }),
      });
      expect(((await answer.json()) as Frame)['code']).toBe(code);
    }
  });

  it('split between query and body, without a separator in what is signed', async () => {
    await open({
      accounts: [account],
      fuel: generatedFuel({ seed: 5, symbols: ['LTCBTC'], baseTimeframe: '1s' }),
      startMs: 1_499_827_319_559,
    });
    const answer = await fetch(`${simulator.restUrl}/api/v3/order?symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC`, {
      method: 'POST',
      headers: { 'x-mbx-apikey': published.apiKey },
      body: 'quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559&signature=0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77',
    });
    expect(((await answer.json()) as Frame)['code']).toBe(-1013);
  });
});
