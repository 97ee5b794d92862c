/** The REST client against a server that misbehaves: one POST per order, reads repeated a little, silence kept. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryCoordination } from '../../../engine/coordination/memory.ts';
import { readKeyRights } from '../../../engine/exchanges/binance/key-rights.ts';
import { RequestGate } from '../../../engine/exchanges/request-gate.ts';
import { keyRefusal } from '../../../engine/accounts/key-check.ts';
import { budgetOf } from '../../../engine/venue.ts';
import { createBinanceMarketData } from '../../../engine/exchanges/binance/market-data.ts';
import { RestClient } from '../../../engine/exchanges/binance/rest.ts';
import { createSigner } from '../../../engine/exchanges/binance/signing.ts';
import { createBinanceSpotAccount } from '../../../engine/exchanges/binance/spot.ts';
import type { OrderRequest, TradingAccount } from '../../../engine/exchanges/exchange.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { Secret } from '../../../engine/secret.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import type { VenueClock } from '../../../engine/time/clock.ts';
import { d } from '../trading/given.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server;
let handler: Handler;
let requests: { method: string; url: string; body: string }[];
let rest: RestClient;
let account: TradingAccount;
let gate: RequestGate;
let blocked: { forMs: number; reason: string }[];
let grants: boolean[];
let venueMs: number;
let resyncs: number;

beforeEach(async () => {
  requests = [];
  blocked = [];
  grants = [];
  venueMs = 1_700_000_000_000;
  resyncs = 0;
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      requests.push({ method: request.method ?? '', url: request.url ?? '', body });
      handler(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const venueClock = {
    now: () => venueMs,
    trusted: true,
    resync: async () => {
      resyncs += 1;
      venueMs += 60_000;
    },
  };
  const shared = createMemoryCoordination({ clock: systemClock, owner: 'test' });
  const budget = budgetOf(shared, 'venue', 'test');
  gate = new RequestGate({
    budget: {
      ...budget,
      take: async () => ((grants.shift() ?? true) ? { granted: true } : { granted: false, retryAfterMs: 1, reason: 'full' }),
      async blockUntil(untilMs, reason) {
        blocked.push({ forMs: Math.round((untilMs - systemClock.now()) / 1_000) * 1_000, reason });
        await budget.blockUntil(untilMs, reason);
      },
    },
    clock: systemClock,
    venueClock,
    log: pino({ level: 'silent' }),
    metrics: createMetrics(),
  });
  rest = new RestClient({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clock: systemClock,
    venueClock,
    log: pino({ level: 'silent' }),
    metrics: createMetrics(),
    random: () => 0,
    signer: createSigner({ kind: 'hmac', apiKey: new Secret('key'), secret: new Secret('secret') }),
    gate,
  });
  account = createBinanceSpotAccount({
    name: 'test',
    rest,
    gate,
    metrics: createMetrics(),
    listen: () => ({ stop: async () => undefined }),
  });
});
afterEach(async () => {
  rest.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void => {
  response.writeHead(status, headers);
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
};
const order: OrderRequest = {
  symbol: 'BTCUSDT',
  clientOrderId: 'mine',
  side: 'BUY',
  type: 'MARKET',
  selfTradePrevention: 'EXPIRE_MAKER',
  quantity: d('0.00000001'),
};
const place = () => account.placeOrder(order, { timestampMs: 1_700_000_000_000, recvWindowMs: 3_000 }, null);
const placed = {
  symbol: 'BTCUSDT',
  orderId: 7,
  clientOrderId: 'mine',
  side: 'BUY',
  type: 'MARKET',
  status: 'FILLED',
  origQty: '0.5',
  executedQty: '0.5',
  cummulativeQuoteQty: '10000',
  transactTime: 5,
  fills: [{ price: '20000', qty: '0.5', commission: '0.0005', commissionAsset: 'BTC', tradeId: 3 }],
};

describe('an order', () => {
  it('is sent once, signed, with plain decimals and the times of its intent', async () => {
    handler = (_, response) => json(response, 200, placed);
    expect(await place()).toMatchObject({ kind: 'accepted', order: { orderId: '7' }, fills: [{ tradeId: '3' }] });
    expect(requests).toHaveLength(1);
    expect(requests[0]?.body).toMatch(
      /quantity=0\.00000001&newClientOrderId=mine&selfTradePreventionMode=EXPIRE_MAKER&newOrderRespType=FULL&recvWindow=3000&timestamp=1700000000000&signature=[0-9a-f]{64}$/,
    );
  });

  it.each<[string, Handler]>([
    ['whose connection breaks', (_, response) => void response.destroy()],
    ['that is answered with an error page', (_, response) => json(response, 502, '<html>')],
    ['that is answered with half a body', (_, response) => json(response, 200, '{"symbol":"BTC')],
    ['that is answered without an id', (_, response) => json(response, 200, { ...placed, orderId: undefined })],
    ['that is answered with a 503', (_, response) => json(response, 503, { code: -1008, msg: 'overloaded' })],
  ])('%s is unknown and never sent again', async (_, misbehave) => {
    handler = misbehave;
    expect(await place()).toMatchObject({ kind: 'unknown' });
    expect(requests).toHaveLength(1);
  });

  it.each(['a new connection', 'a free one'])('that was stopped while it waited for %s never leaves', async (wait) => {
    const waiting: ServerResponse[] = [];
    handler = (_, response) => void waiting.push(response);
    const first = wait === 'a free one' ? Array.from({ length: 64 }, place) : [];
    await expect.poll(() => waiting.length, { timeout: 10_000 }).toBe(first.length);
    let stopped = false;
    const signed = { timestampMs: 1_700_000_000_000, recvWindowMs: 3_000 };
    const overtaken = account.placeOrder({ ...order, clientOrderId: 'late' }, signed, () => !stopped);
    stopped = true;
    handler = (_, response) => json(response, 200, placed);
    for (const response of waiting) json(response, 200, placed);
    expect(await overtaken).toMatchObject({
      kind: 'unknown',
      refusal: { message: expect.stringContaining('stopped before it was sent') as string },
    });
    await Promise.all(first);
    expect(requests.filter(({ body }) => body.includes('late'))).toEqual([]);
  });

  it('that may leave is sent on a new connection and on a kept one', async () => {
    handler = (_, response) => json(response, 200, placed);
    for (let times = 0; times < 2; times += 1)
      expect(await account.placeOrder(order, { timestampMs: 1, recvWindowMs: 3_000 }, () => true)).toMatchObject({ kind: 'accepted' });
    expect(requests).toHaveLength(2);
  });

  it('that is refused carries what the exchange said', async () => {
    handler = (_, response) => json(response, 400, { code: -1013, msg: 'Filter failure: LOT_SIZE' });
    expect(await place()).toMatchObject({
      kind: 'rejected',
      refusal: { code: -1013, message: 'Filter failure: LOT_SIZE', class: 'filter' },
    });
  });

  it('is not sent while the exchange wants silence', async () => {
    handler = (_, response) => json(response, 429, { code: -1003, msg: 'Too much' }, { 'retry-after': '30' });
    expect(await place()).toMatchObject({ kind: 'rejected', refusal: { class: 'rate-limited', retryAfterMs: 30_000 } });
    expect(await place()).toMatchObject({ kind: 'rejected', refusal: { message: expect.stringContaining('asked for silence') as string } });
    expect(requests).toHaveLength(1);
    expect(blocked).toEqual([{ forMs: 30_000, reason: 'HTTP 429: Too much' }]);
  });
});

describe('the rights of a key', () => {
  const told = {
    ...{ ipRestrict: true, enableReading: true, enableSpotAndMarginTrading: true },
    ...{ enableWithdrawals: false, enableInternalTransfer: false, permitsUniversalTransfer: false },
    ...{ enableMargin: false, enableFutures: false, enableVanillaOptions: false },
  };
  const refusalFor = async (change: Record<string, unknown>): Promise<string | null> => {
    handler = (request, response) =>
      json(response, 200, request.url?.startsWith('/sapi') === true ? { ...told, ...change } : { canTrade: true, permissions: ['SPOT'] });
    return keyRefusal(await readKeyRights(rest, true, createMetrics()));
  };

  it('that are told in full and no more than needed pass', async () => {
    expect([await refusalFor({}), await refusalFor({ enablePortfolioMarginTrading: false })]).toEqual([null, null]);
  });

  it.each(Object.keys(told).filter((name) => name !== 'ipRestrict'))(
    'do not pass when %s is missing, odd or the other way round',
    async (name) => {
      const needed = name === 'enableReading' || name === 'enableSpotAndMarginTrading';
      for (const odd of [undefined, null, 'false', 'true', 0, 1, !needed === true])
        expect([odd, await refusalFor({ [name]: odd })]).toEqual([odd, expect.any(String)]);
    },
  );

  it('do not pass with portfolio margin', async () => {
    for (const odd of [true, 'false', null])
      expect(await refusalFor({ enablePortfolioMarginTrading: odd })).toContain('enablePortfolioMarginTrading');
  });
});

it.each([
  ['all', null, '/api/v3/exchangeInfo?'],
  ['some', ['BTCUSDT'], '/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%5D'],
])('the instruments are asked for %s', async (_, symbols, url) => {
  handler = (_request, response) => json(response, 200, { symbols: [], rateLimits: [] });
  const marketData = createBinanceMarketData(rest, gate, { now: () => venueMs, trusted: true } as VenueClock, createMetrics());
  await marketData.instruments(symbols);
  expect(requests.map((request) => request.url)).toEqual([url]);
});

describe('an answer that is too much', () => {
  /** Of this thread's own time: what others make it wait for on a busy machine does not count. */
  const usedMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  const longestTurnWhile = async (work: Promise<unknown>): Promise<number> => {
    let longest = 0;
    let last = usedMs();
    const timer = setInterval(() => {
      longest = Math.max(longest, usedMs() - last);
      last = usedMs();
    }, 1);
    await work.catch(() => undefined);
    clearInterval(timer);
    return Math.max(longest, usedMs() - last);
  };

  it.each([
    ['of small values', `[${'1,'.repeat(3_990_000)}1]`],
    ['of empty objects', `[${'{},'.repeat(2_600_000)}{}]`],
    ['of arrays in each other', '['.repeat(4_000_000) + ']'.repeat(4_000_000)],
  ])('is refused without parsing it: 8 MB %s', async (_, text) => {
    handler = (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    const symbols = createBinanceMarketData(rest, gate, { now: () => venueMs, trusted: true } as VenueClock, createMetrics()).instruments(
      null,
    );
    const orders = account.openOrders('BTCUSDT');
    // Parsing takes seconds; reading and counting take a tenth of one.
    expect(await longestTurnWhile(Promise.all([symbols, orders]))).toBeLessThan(1_000);
    await expect(symbols).rejects.toMatchObject({ refusal: { class: 'network', message: expect.stringContaining('parts') as string } });
    await expect(orders).rejects.toMatchObject({ refusal: { class: 'network', message: expect.stringContaining('bytes') as string } });
  });
});

describe('what the exchange says of its limits', () => {
  const limits = (entry = gate.reserve(1, 'entry'), exit = gate.reserve(1, 'exit')) => {
    if (entry.granted) entry.release();
    if (exit.granted) exit.release();
    return { entry: entry.granted, exit: exit.granted };
  };

  it.each([
    ['without a time', 429, { code: -1003, msg: 'Too much request weight used.' }, {}, 60_000],
    ['with a ban in its text', 418, { code: -1003, msg: `IP banned until ${1_700_000_000_000 + 90_000}. Please use` }, {}, 90_000],
    [
      'with both, the longer one',
      418,
      { code: -1003, msg: `IP banned until ${1_700_000_000_000 + 90_000}.` },
      { 'retry-after': '120' },
      120_000,
    ],
    ['as a page', 418, '<html>', { 'retry-after': '7' }, 7_000],
    ['for longer than any number', 429, { code: -1003, msg: 'Too much' }, { 'retry-after': '1e308' }, 60_000],
    ['for longer than any ban', 429, { code: -1003, msg: 'Too much' }, { 'retry-after': '259201' }, 60_000],
    ['for the longest ban', 418, { code: -1003, msg: 'Too much' }, { 'retry-after': '259200' }, 259_200_000],
    ['for no time', 429, { code: -1003, msg: 'Too much' }, { 'retry-after': '0' }, 60_000],
    ['for less than no time', 429, { code: -1003, msg: 'Too much' }, { 'retry-after': '-5' }, 60_000],
    ['for a nonsense', 429, { code: -1003, msg: 'Too much' }, { 'retry-after': 'soon' }, 60_000],
    ['until the year 2286', 418, { code: -1003, msg: 'IP banned until 9999999999999.' }, {}, 60_000],
  ] as const)('silences everything: a refusal %s', async (_, status, body, headers, forMs) => {
    handler = (_request, response) => json(response, status, body, headers);
    await expect(account.balances()).rejects.toMatchObject({ refusal: { httpStatus: status } });
    expect(blocked.map((block) => block.forMs)).toEqual([forMs]);
    expect(await place()).toMatchObject({ kind: 'rejected' });
    expect(await rest.send('DELETE', 'order', '/api/v3/order', {}, null)).toMatchObject({ status: 429 });
    expect(limits()).toEqual({ entry: false, exit: false });
    expect(requests).toHaveLength(1);
  });

  it('leaves the last part of the order limit to exits', async () => {
    gate.setLimits({ weightPerMinute: null, orders: [{ windowMs: 10_000, limit: 10 }] });
    handler = (_, response) => json(response, 200, placed, { 'X-MBX-ORDER-COUNT-10S': '7' });
    await place();
    expect(limits()).toEqual({ entry: true, exit: true });
    handler = (_, response) => json(response, 200, placed, { 'X-MBX-ORDER-COUNT-10S': '8' });
    await place();
    expect(limits()).toEqual({ entry: false, exit: true });
    expect(gate.reserve(1, 'entry')).toMatchObject({ reason: expect.stringContaining('8 of 10 per 10 s') as string });
    handler = (_, response) => json(response, 200, placed, { 'X-MBX-ORDER-COUNT-10S': '10' });
    await place();
    expect(limits()).toEqual({ entry: false, exit: false });
    venueMs += 10_000;
    expect(limits()).toEqual({ entry: true, exit: true });
  });

  it('after -1015 stops orders until the window ends, and nothing else', async () => {
    handler = (_, response) =>
      json(response, 429, { code: -1015, msg: 'Too many new orders; current limit is 100 orders per 10 SECOND.' }, { 'retry-after': '4' });
    expect(await place()).toMatchObject({ kind: 'rejected', refusal: { code: -1015 } });
    expect(limits()).toEqual({ entry: false, exit: false });
    handler = (_, response) => json(response, 200, []);
    await account.openOrders('BTCUSDT');
    expect(await rest.send('DELETE', 'order', '/api/v3/order', {}, null)).toMatchObject({ status: 200 });
    venueMs += 10_000;
    expect(limits()).toEqual({ entry: true, exit: true });
  });

  it('after -1015 for the day stops entries until midnight and lets exits try in the next short window', async () => {
    handler = (_, response) => json(response, 429, { code: -1015, msg: 'Too many new orders; current limit is 200000 orders per 1 DAY.' });
    await place();
    venueMs += 10_000;
    expect(limits()).toEqual({ entry: false, exit: true });
    venueMs += 86_400_000;
    expect(limits()).toEqual({ entry: true, exit: true });
  });
});

describe('a time that the exchange refuses', () => {
  const late = { code: -1021, msg: 'Timestamp for this request is outside of the recvWindow.' };

  it('is learnt anew before an order is told to be rejected, and the order is not sent again', async () => {
    handler = (_, response) => json(response, 400, late);
    expect(await place()).toMatchObject({ kind: 'rejected', refusal: { class: 'clock' } });
    expect([requests.length, resyncs]).toEqual([1, 1]);
  });

  it('costs a read one more try, signed with the new time', async () => {
    handler = (_, response) => (resyncs === 0 ? json(response, 400, late) : json(response, 200, []));
    await account.openOrders('BTCUSDT');
    expect(requests.map(({ url }) => /timestamp=(\d+)/.exec(url)?.[1])).toEqual(['1700000000000', '1700000060000']);
  });
});

it('a limit that the venue has not told is none: what other engines know of it counts', async () => {
  const limits: (number | null)[] = [];
  const shared = budgetOf(createMemoryCoordination({ clock: systemClock, owner: 'test' }), 'venue', 'test');
  const young = new RequestGate({
    budget: { ...shared, observe: (_used, limit) => void limits.push(limit) },
    clock: systemClock,
    venueClock: { now: () => venueMs },
    log: pino({ level: 'silent' }),
    metrics: createMetrics(),
  });
  const news = { usedWeight: 7_000, orderCounts: new Map<number, number>(), refusal: null };
  young.learn(news);
  young.setLimits({ weightPerMinute: 100_000, orders: [] });
  young.learn(news);
  expect(limits).toEqual([null, 100_000]);
});

describe('prices of several symbols', () => {
  it('are read with the weight that only exits may use; what is no price is left out, and what was not asked for', async () => {
    const asked: unknown[] = [];
    const told = [
      { symbol: 'BTCUSDT', price: '30000.10000000' },
      { symbol: 'ETHUSDT', price: '0.00000000' },
      { symbol: 'XRPUSDT', price: '0.5' },
      { symbol: 7, price: '1' },
    ];
    const reader = { read: async (request: object) => (asked.push(request), told) };
    const market = createBinanceMarketData(reader, gate, { now: () => venueMs, trusted: true, resync: async () => {} }, createMetrics());
    const prices = await market.prices(['BTCUSDT', 'ETHUSDT', 'GONEUSDT']);
    expect([...prices].map(([symbol, price]) => [symbol, price.toNumber()])).toEqual([['BTCUSDT', 30_000.1]]);
    expect(asked).toEqual([expect.objectContaining({ path: '/api/v3/ticker/price', query: {}, weight: 4, priority: 'exit' })]);
  });
});

describe('candles', () => {
  it('count as history, and as an exit where stops wait for them', async () => {
    const asked: string[] = [];
    const reader = { read: async ({ priority }: { readonly priority: string }) => (asked.push(priority), []) };
    const market = createBinanceMarketData(reader, gate, { now: () => venueMs, trusted: true, resync: async () => {} }, createMetrics());
    await market.klines({ symbol: 'BTCUSDT', timeframe: '1m' });
    await market.klines({ symbol: 'BTCUSDT', timeframe: '1m', forExits: true });
    expect(asked).toEqual(['history', 'exit']);
  });

  it('that end while their answer is under way are still forming in it', async () => {
    const endsMs = 1_700_000_099_999;
    let nowMs = endsMs;
    const reader = {
      read: async () => {
        nowMs = endsMs + 20_000;
        return [[endsMs - 59_999, '1', '1', '1', '1', '1', endsMs]];
      },
    };
    const market = createBinanceMarketData(reader, gate, { now: () => nowMs, trusted: true, resync: async () => {} }, createMetrics());
    const ask = async (): Promise<unknown> => (await market.klines({ symbol: 'BTCUSDT', timeframe: '1m' })).map(({ closed }) => closed);
    expect(await ask()).toEqual([false]);
    expect(await ask()).toEqual([true]);
  });
});

describe('the account', () => {
  it('is asked with the weight of an exit what became of orders, and with that of an audit for its history', async () => {
    const asked: string[] = [];
    vi.spyOn(rest, 'read').mockImplementation(async ({ what, priority }) => (asked.push(`${what} ${priority}`), []));
    await account.openOrders('BTCUSDT');
    await account.ordersSince('BTCUSDT', venueMs);
    await account.fillsOfOrder('BTCUSDT', '1');
    await account.fillsSince('BTCUSDT', null);
    await account.balances().catch(() => undefined);
    expect(asked).toEqual(['openOrders exit', 'allOrders exit', 'myTrades exit', 'myTrades audit', 'account audit']);
  });
});

describe('a read', () => {
  it('is repeated after a broken connection, a few times', async () => {
    handler = (_, response) => (requests.length < 3 ? void response.destroy() : json(response, 200, [placed]));
    expect(await account.openOrders('BTCUSDT')).toHaveLength(1);
    handler = (_, response) => void response.destroy();
    await expect(account.openOrders('BTCUSDT')).rejects.toMatchObject({ refusal: { class: 'network' } });
    expect(requests.length).toBe(6);
  });

  it('takes "does not exist" for absent, and nothing else', async () => {
    handler = (_, response) => json(response, 400, { code: -2013, msg: 'Order does not exist.' });
    expect(await account.order('BTCUSDT', 'mine')).toEqual({ kind: 'absent' });
    handler = (_, response) => json(response, 400, { code: -1121, msg: 'Invalid symbol.' });
    await expect(account.order('BTCUSDT', 'mine')).rejects.toMatchObject({ refusal: { code: -1121 } });
  });

  it('waits for request weight', async () => {
    grants = [false, false, true];
    handler = (_, response) => json(response, 200, []);
    await account.openOrders('BTCUSDT');
    expect([requests.length, grants.length]).toEqual([1, 0]);
  });

  it('of an answer that cannot be used says so', async () => {
    handler = (_, response) => json(response, 200, { surprise: true });
    await expect(account.openOrders('BTCUSDT')).rejects.toMatchObject({ refusal: { class: 'malformed-answer' } });
  });

  it('of a body without end is cut', async () => {
    handler = (_, response) => {
      response.writeHead(200);
      response.write('['.padEnd(9 * 1024 * 1024));
      response.end(']');
    };
    await expect(account.balances()).rejects.toMatchObject({ refusal: { class: 'network' } });
  });
});
