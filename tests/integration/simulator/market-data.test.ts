/** The book, trades and tickers: by REST, streams and the WebSocket API, held against prices, fills and klines of the same market. */
import { MainClient } from 'binance';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../e2e/support/processes.ts';
import type { Simulator } from '../../../simulator/simulator.ts';
import { RawClient, RawSocket, openSimulator, queryOf } from './raw-client.ts';

let simulator: Simulator;
let client: RawClient;
let rest: MainClient;
const open = async (change = {}): Promise<void> => {
  simulator = await openSimulator(change);
  client = new RawClient(simulator);
  rest = new MainClient({ baseUrl: simulator.restUrl, disableTimeSync: true });
};
afterEach(() => simulator.stop());

const symbol = 'BTCUSDT';
const get = async (path: string, values: Record<string, string | number> = { symbol }): Promise<Record<string, unknown>> =>
  (await client.send('GET', `/api/v3/${path}`, queryOf(values))).body;
const price = async (): Promise<number> => Number((await get('ticker/price'))['price']);

describe('the book', () => {
  it('holds what a market order takes, at the price at which it takes it', async () => {
    await open({ spreadTicks: 3, liquidity: '0.05' });
    for (let n = 0; n < 3; n += 1) {
      await simulator.step();
      const { asks, bids } = await rest.getOrderBook({ symbol });
      expect([asks[0]?.[1], bids[0]?.[1]]).toEqual(['0.05000000', '0.05000000']);
      const bought = await client.order({ quantity: '0.06' });
      expect(bought.body).toMatchObject({ status: 'EXPIRED', executedQty: asks[0]?.[1], fills: [{ price: asks[0]?.[0] }] });
      const sold = await client.order({ side: 'SELL', quantity: '0.05' });
      expect(sold.body).toMatchObject({ fills: [{ price: bids[0]?.[0] }] });
      expect((Number(asks[0]?.[0]) + Number(bids[0]?.[0])) / 2).toBeCloseTo(await price(), 6);
    }
  });

  it('is never empty, and offers the largest order where liquidity has no bound', async () => {
    await open();
    const { asks, bids, lastUpdateId } = await rest.getOrderBook({ symbol, limit: 5 });
    expect([asks, bids]).toEqual([[[expect.any(String), '1000000.00000000']], [[expect.any(String), '1000000.00000000']]]);
    expect(lastUpdateId).toBeGreaterThan(0);
    expect(await get('ticker/bookTicker')).toMatchObject({ bidPrice: bids[0]?.[0], bidQty: bids[0]?.[1], askPrice: asks[0]?.[0] });
  });

  it('shows what rests of accounts, and forgets it when it is cancelled', async () => {
    await open();
    await client.resting({ newClientOrderId: 'a' });
    await client.resting({ newClientOrderId: 'b' });
    expect((await rest.getOrderBook({ symbol })).bids[1]).toEqual(['20000.00000000', '0.02000000']);
    await client.signed('DELETE', '/api/v3/openOrders', { symbol });
    expect((await rest.getOrderBook({ symbol })).bids).toHaveLength(1);
  });
});

describe('trades', () => {
  it('of a candle add up to its volume, lie within it, and end at its close', async () => {
    await open();
    for (let n = 0; n < 3; n += 1) await simulator.step();
    const [candle] = await rest.getKlines({ symbol, interval: '1m', limit: 3 });
    if (candle === undefined) throw new Error('there is a candle');
    const [openTime, , high, low, close, volume, closeTime] = candle;
    const trades = (await rest.getAggregateTrades({ symbol, startTime: openTime, endTime: closeTime })).map(({ p, q }) => [
      Number(p),
      Number(q),
    ]);
    expect(trades.reduce((sum, [, quantity = 0]) => sum + quantity, 0)).toBeCloseTo(Number(volume), 7);
    expect(Math.max(...trades.map(([at = 0]) => at))).toBe(Number(high));
    expect(Math.min(...trades.map(([at = 0]) => at))).toBe(Number(low));
    expect(trades.at(-1)?.[0]).toBe(Number(close));
  });

  it('hold the fills of accounts under their ids, and the last one has the last price', async () => {
    await open();
    await simulator.step();
    const { fills } = (await client.order({ quantity: '0.123' })).body as { fills: { tradeId: number; price: string }[] };
    const trades = await rest.getRecentTrades({ symbol, limit: 2 });
    expect(trades.at(-1)).toMatchObject({ id: fills[0]?.tradeId, price: fills[0]?.price, qty: '0.12300000', isBuyerMaker: false });
    expect(Number(trades.at(-1)?.price)).toBe(await price());
    const ids = (await rest.getHistoricalTrades({ symbol, limit: 1_000 })).map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(await rest.getHistoricalTrades({ symbol, fromId: ids[3] ?? 0, limit: 1 })).toMatchObject([{ id: ids[3] }]);
  });
});

describe('tickers', () => {
  it('of 24 hours agree with the klines of that time', async () => {
    await open();
    for (let n = 0; n < 2; n += 1) await simulator.step();
    const told = (await rest.get24hrChangeStatistics({ symbol })) as unknown as Record<string, string>;
    const from = Math.floor((simulator.now() - 86_400_000) / 60_000) * 60_000;
    const rows = [
      ...(await rest.getKlines({ symbol, interval: '1m', startTime: from, limit: 1_000 })),
      ...(await rest.getKlines({ symbol, interval: '1m', startTime: from + 60_000_000, limit: 1_000 })),
    ];
    expect(rows).toHaveLength(1_441);
    expect(Number(told['openPrice'])).toBe(Number(rows[0]?.[1]));
    expect(Number(told['highPrice'])).toBe(Math.max(...rows.map((row) => Number(row[2]))));
    expect(Number(told['lowPrice'])).toBe(Math.min(...rows.map((row) => Number(row[3]))));
    expect(Number(told['volume'])).toBeCloseTo(
      rows.reduce((sum, row) => sum + Number(row[5]), 0),
      4,
    );
    expect(Number(told['lastPrice'])).toBe(await price());
    expect(Number(told['priceChange'])).toBeCloseTo(Number(told['lastPrice']) - Number(told['openPrice']), 8);
    expect(Object.keys(told)).toEqual([
      ...['symbol', 'priceChange', 'priceChangePercent', 'weightedAvgPrice', 'prevClosePrice', 'lastQty', 'bidPrice', 'bidQty'],
      ...['askPrice', 'askQty', 'openPrice', 'highPrice', 'lowPrice', 'lastPrice', 'volume', 'quoteVolume', 'openTime'],
      ...['closeTime', 'firstId', 'lastId', 'count'],
    ]);
  });

  it('are told of all symbols, of some, short, of a day and of a window', async () => {
    await open();
    const symbols = async (path: string, values: Record<string, string>): Promise<unknown> =>
      ((await get(path, values)) as unknown as { symbol: string }[]).map((ticker) => ticker.symbol);
    expect(await symbols('ticker/24hr', {})).toEqual(['BTCUSDT', 'ETHUSDT']);
    expect(await symbols('ticker', { symbols: '["ETHUSDT"]' })).toEqual(['ETHUSDT']);
    expect(Object.keys(await get('ticker/24hr', { symbol, type: 'MINI' }))).not.toContain('bidPrice');
    expect(await get('ticker', { symbol, windowSize: '4h' })).toMatchObject({ openTime: simulator.now() - 14_400_000 });
    expect(await get('ticker', { symbol, windowSize: '60m' })).toMatchObject({ code: -1102 });
    const midnight = Math.floor(simulator.now() / 86_400_000) * 86_400_000;
    expect(await get('ticker/tradingDay')).toMatchObject({ openTime: midnight });
  });

  it('of the average price lie among the prices of the last minutes', async () => {
    await open();
    for (let n = 0; n < 6; n += 1) await simulator.step();
    const trades = await rest.getAggregateTrades({ symbol, startTime: simulator.now() - 300_000 });
    const prices = trades.map(({ p }) => Number(p));
    const average = Number((await rest.getAvgPrice({ symbol })).price);
    expect(average).toBeGreaterThan(Math.min(...prices));
    expect(average).toBeLessThan(Math.max(...prices));
  });
});

it('klines for user interfaces are klines', async () => {
  await open();
  expect(await get('uiKlines', { symbol, interval: '1m', limit: 3 })).toEqual(await get('klines', { symbol, interval: '1m', limit: 3 }));
});

it('streams tell the same, and who follows the book by its changes has it', async () => {
  await open({ liquidity: '2' });
  const names = ['trade', 'aggTrade', 'bookTicker', 'depth', 'depth5@100ms', 'miniTicker', 'ticker', 'ticker_1h', 'avgPrice'];
  const socket = await RawSocket.open(
    `${simulator.streamUrl}/stream?streams=${names.map((name) => `btcusdt@${name}`).join('/')}/!miniTicker@arr`,
  );
  await client.resting();
  await simulator.step();
  const of = (name: string): Record<string, unknown>[] =>
    socket.frames.filter((frame) => frame['stream'] === name).map((frame) => frame['data'] as Record<string, unknown>);
  for (const name of names) await eventually(`${name} is told`, 5_000, async () => of(`btcusdt@${name}`).length > 0);
  const book = await rest.getOrderBook({ symbol, limit: 5 });
  const day = (await rest.get24hrChangeStatistics({ symbol })) as unknown as Record<string, string>;
  const levels = { b: new Map<string, string>(), a: new Map<string, string>() };
  let before: number | null = null;
  for (const change of of('btcusdt@depth')) {
    if (before !== null) expect(change['U']).toBe(before + 1);
    before = Number(change['u']);
    for (const side of ['b', 'a'] as const)
      for (const [at, quantity] of change[side] as [string, string][])
        if (Number(quantity) === 0) levels[side].delete(at);
        else levels[side].set(at, quantity);
  }
  expect([before, [...levels.a], new Map(levels.b)]).toEqual([book.lastUpdateId, book.asks, new Map(book.bids as [string, string][])]);
  expect(of('btcusdt@depth5@100ms').at(-1)).toEqual(book);
  expect(of('btcusdt@bookTicker').at(-1)).toMatchObject({ b: book.bids[0]?.[0], a: book.asks[0]?.[0], A: '2.00000000' });
  expect(of('btcusdt@trade').at(-1)).toMatchObject({ e: 'trade', p: day['lastPrice'], t: day['lastId'] });
  expect(of('btcusdt@ticker').at(-1)).toMatchObject({ e: '24hrTicker', c: day['lastPrice'], o: day['openPrice'], h: day['highPrice'] });
  expect(of('!miniTicker@arr').at(-1)).toMatchObject([{ e: '24hrMiniTicker' }]);
  expect(of('btcusdt@avgPrice').at(-1)).toMatchObject({ e: 'avgPrice', w: (await rest.getAvgPrice({ symbol })).price });
});

it('the WebSocket API answers them by their names there', async () => {
  await open();
  const api = await RawSocket.open(simulator.wsApiUrl);
  for (const method of [
    'depth',
    'trades.recent',
    'trades.historical',
    'trades.aggregate',
    'ticker',
    'ticker.24hr',
    'ticker.tradingDay',
    'ticker.book',
  ])
    expect([method, (await api.ask(method, { symbol }))['status']]).toEqual([method, 200]);
});

it.each([
  ['GET', '/api/v3/nowhere', 404, -1020],
  ['POST', '/api/v3/depth', 404, -1020],
  ['GET', '/', 404, -1020],
])('%s %s is answered by the exchange’s JSON error', async (method, path, status, code) => {
  await open();
  const answer = await client.send(method, path);
  expect([answer.status, answer.body['code'], answer.headers.get('content-type')]).toEqual([
    status,
    code,
    'application/json;charset=UTF-8',
  ]);
});
