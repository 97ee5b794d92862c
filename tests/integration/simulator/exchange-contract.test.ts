/**
 * The exchange in memory, on which simulations trade, keeps what the simulator promises over its wire: each case runs
 * against both, through the exchange port, the simulator behind the engine's own adapter over HTTP and web sockets.
 */
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryStore, createMemoryCoordination } from '../../../engine/coordination/memory.ts';
import { createBinanceMarketData } from '../../../engine/exchanges/binance/market-data.ts';
import { RestClient } from '../../../engine/exchanges/binance/rest.ts';
import { createSigner } from '../../../engine/exchanges/binance/signing.ts';
import { createBinanceSpotAccount } from '../../../engine/exchanges/binance/spot.ts';
import { combinedStreamUrl, controlMessage, klineStream, parseStreamFrame } from '../../../engine/exchanges/binance/streams.ts';
import type { StreamFrame } from '../../../engine/exchanges/binance/streams.ts';
import { listenToUserData } from '../../../engine/exchanges/binance/user-stream.ts';
import { ConnectLimiter } from '../../../engine/exchanges/connect-limiter.ts';
import type { MarketData, OrderRequest, TradingAccount, UserEvent } from '../../../engine/exchanges/exchange.ts';
import { RequestGate } from '../../../engine/exchanges/request-gate.ts';
import { ExchangeSocket } from '../../../engine/exchanges/socket.ts';
import type { StreamSocket } from '../../../engine/exchanges/socket.ts';
import type { SocketHandlers } from '../../../engine/market/link.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { Secret } from '../../../engine/secret.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { timeframeMs } from '../../../engine/trading/candle.ts';
import { budgetOf } from '../../../engine/venue.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import { generatedFuel } from '../../../simulator/generator.ts';
import { instrumentOf } from '../../../simulator/instruments.ts';
import { startSimulator } from '../../../simulator/simulator.ts';
import { createExchangeLink } from '../../simulation/exchange-link.ts';
import { Weather } from '../../simulation/faults.ts';
import { MemoryExchange } from '../../simulation/memory-exchange.ts';
import { PriceFeed } from '../../simulation/price-feed.ts';
import { Random } from '../../simulation/random.ts';
import { Scheduler, SimulatedProcess, epochMs } from '../../simulation/scheduler.ts';
import { d } from '../../unit/trading/given.ts';

interface Backend {
  readonly account: TradingAccount;
  readonly marketData: MarketData;
  /** The venue's time. */
  now(): number;
  openMarketSocket(handlers: SocketHandlers): StreamSocket;
  /** Resolves once it holds; lets time pass meanwhile. */
  until(what: string, holds: () => boolean): Promise<void>;
  /** Lets time pass until the answer is here. */
  answer<T>(asked: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const symbol = 'BTCUSDT';
const log = pino({ level: 'silent' });
const deposits = { USDT: '100000', BTC: '1' };

async function overWire(): Promise<Backend> {
  const simulator = await startSimulator({
    clock: systemClock,
    log,
    port: 0,
    controlPort: null,
    fuel: generatedFuel({ seed: 3, symbols: [symbol], baseTimeframe: '1s' }),
    pace: { kind: 'real' },
    seed: 3,
    accounts: [{ name: 'account', apiKey: 'key', secret: { kind: 'hmac', secret: 'secret' }, deposits }],
  });
  const venueClock = { now: () => simulator.now(), trusted: true, resync: () => Promise.resolve() };
  const signer = createSigner({ apiKey: new Secret('key'), kind: 'hmac', secret: new Secret('secret') });
  const metrics = createMetrics();
  const random = (): number => 0.5;
  const coordination = createMemoryCoordination({ clock: systemClock, owner: 'engine', store: createMemoryStore(systemClock) });
  const budget = budgetOf(coordination, 'simulated', 'account');
  const gate = new RequestGate({ budget, clock: systemClock, venueClock, log, metrics });
  const rest = new RestClient({ baseUrl: simulator.restUrl, clock: systemClock, venueClock, log, metrics, gate, random, signer });
  const connectLimiter = new ConnectLimiter({ clock: systemClock });
  const socket = (name: string, url: string) => (handlers: SocketHandlers) =>
    new ExchangeSocket({ name, url: () => url, clock: systemClock, log, metrics, connectLimiter, random, ...handlers });
  return {
    account: createBinanceSpotAccount({
      name: 'account',
      rest,
      gate,
      metrics,
      listen: (listener) =>
        listenToUserData(
          { signer, clock: systemClock, venueClock, gate, log, metrics, openSocket: socket('user', simulator.wsApiUrl) },
          listener,
        ),
    }),
    marketData: createBinanceMarketData(rest, gate, venueClock, metrics),
    now: () => simulator.now(),
    openMarketSocket: socket('market', combinedStreamUrl(simulator.streamUrl)),
    async until(what, holds) {
      const deadline = systemClock.monotonic() + 10_000;
      while (!holds()) {
        if (systemClock.monotonic() > deadline) throw new Error(`${what}: not within 10 s`);
        await systemClock.sleep(20);
      }
    },
    answer: (asked) => asked,
    async close() {
      rest.close();
      await simulator.stop();
    },
  };
}

async function inMemory(): Promise<Backend> {
  const scheduler = new Scheduler();
  const now = (): number => epochMs + scheduler.now;
  const exchange = new MemoryExchange({
    account: 'account',
    instruments: [instrumentOf(symbol)],
    fees: { maker: d('0.001'), taker: d('0.001'), asset: 'received' },
    deposits: { USDT: d(deposits.USDT), BTC: d(deposits.BTC) },
    now,
    staleForMs: () => 0,
    thinShare: () => null,
  });
  const weather = new Weather(() => scheduler.now);
  const random = new Random(1);
  const feed = new PriceFeed(
    { symbols: [{ symbol, base: 30_000 }], restless: false, minutes: 30 },
    { scheduler, weather, random, exchange },
  );
  feed.start();
  const process = new SimulatedProcess('engine', scheduler, { skewMs: 0 });
  const { clock } = process;
  const coordination = createMemoryCoordination({ clock, owner: 'engine', store: createMemoryStore(clock) });
  const venueClock = { now, trusted: true, resync: () => Promise.resolve() };
  const gate = new RequestGate({ budget: budgetOf(coordination, 'binance', 'account'), clock, venueClock, log, metrics: createMetrics() });
  const bans = { untilMs: 0, brokenBy: null };
  const world = { process, replica: 0, scheduler, weather, random, exchange, feed, gate, venueClock, bans };
  const link = createExchangeLink({ ...world, onStopTaken: () => undefined });
  const pass = (): Promise<void> => scheduler.run(scheduler.now + 100);
  return {
    ...link,
    now,
    openMarketSocket: (handlers) => feed.open(process, 0, handlers),
    async until(what, holds) {
      const deadline = scheduler.now + 120_000;
      while (!holds()) {
        if (scheduler.now > deadline) throw new Error(`${what}: not within two virtual minutes`);
        await pass();
      }
    },
    async answer(asked) {
      let settled = false;
      const done = (): void => {
        settled = true;
      };
      asked.then(done, done);
      while (!settled) await pass();
      return asked;
    },
    close: async () => undefined,
  };
}

const backends: readonly [string, () => Promise<Backend>][] = [
  ['memory', inMemory],
  ["the simulator's wire", overWire],
];

/** Amounts as text, and sets in order. */
const inText = (instrument: Instrument | undefined): unknown =>
  JSON.parse(JSON.stringify({ ...instrument, orderTypes: [...(instrument?.orderTypes ?? [])].sort() }));

describe.each(backends)('an exchange over %s', (_, open) => {
  let venue: Backend;
  let stop: () => Promise<void> = async () => undefined;
  const events: UserEvent[] = [];

  beforeAll(async () => {
    venue = await open();
    let subscribed = false;
    const stream = venue.account.listen({
      onEvent: (event) => events.push(event),
      onSubscribed: () => {
        subscribed = true;
      },
      onLost: () => undefined,
    });
    stop = () => stream.stop();
    await venue.until('user data is subscribed', () => subscribed);
  });
  afterAll(async () => {
    await stop();
    await venue.close();
  });

  const order = (clientOrderId: string, change: Partial<OrderRequest> = {}): OrderRequest => ({
    symbol,
    clientOrderId,
    side: 'BUY',
    type: 'MARKET',
    quantity: d('0.01'),
    selfTradePrevention: 'EXPIRE_TAKER',
    ...change,
  });
  const place = (request: OrderRequest, change: { ageMs?: number; windowMs?: number } = {}) =>
    venue.answer(
      venue.account.placeOrder(
        request,
        { timestampMs: Math.floor(venue.now()) - (change.ageMs ?? 0), recvWindowMs: change.windowMs ?? 3_000 },
        null,
      ),
    );
  const holds = async (asset: string) =>
    (await venue.answer(venue.account.balances())).find((balance) => balance.asset === asset)?.free.toFixed();

  it('fills a market order at once and tells it in the same numbers by every path', async () => {
    const baseBefore = d((await holds('BTC')) ?? 0);
    const placed = await place(order('market-1'));
    if (placed.kind !== 'accepted') throw new Error(JSON.stringify(placed));
    const [fill] = placed.fills;
    expect([placed.order.status, placed.order.clientOrderId, placed.fills.length]).toEqual(['FILLED', 'market-1', 1]);
    expect([fill?.quantity.toFixed(), fill?.commission.toFixed(), fill?.commissionAsset, fill?.clientOrderId]).toEqual([
      '0.01',
      '0.00001',
      'BTC',
      'market-1',
    ]);
    const looked = await venue.answer(venue.account.order(symbol, 'market-1'));
    expect(looked.kind === 'found' && [looked.order.orderId, looked.order.status, looked.order.executedQuantity.toFixed()]).toEqual([
      placed.order.orderId,
      'FILLED',
      '0.01',
    ]);
    const history = await venue.answer(venue.account.fillsOfOrder(symbol, placed.order.orderId));
    expect(history.map((one) => [one.tradeId, one.price.toFixed(), one.quantity.toFixed(), one.clientOrderId])).toEqual([
      [fill?.tradeId, fill?.price.toFixed(), '0.01', null],
    ]);
    expect((await venue.answer(venue.account.fillsSince(symbol, fill?.tradeId ?? ''))).map((one) => one.tradeId)).toContain(fill?.tradeId);
    expect(
      d((await holds('BTC')) ?? 0)
        .minus(baseBefore)
        .toFixed(),
    ).toBe('0.00999');
    const told = (event: UserEvent): boolean =>
      event.type === 'order-updated' && event.order.clientOrderId === 'market-1' && event.fill !== null;
    await venue.until('the user stream tells it', () => events.some(told));
    const event = events.find(told);
    if (event?.type !== 'order-updated') throw new Error('no such event');
    expect([event.order.status, event.fill?.tradeId, event.fill?.price.toFixed(), event.fill?.commission.toFixed()]).toEqual([
      'FILLED',
      fill?.tradeId,
      fill?.price.toFixed(),
      '0.00001',
    ]);
  });

  it('lists orders by time and fills by number, oldest first', async () => {
    const startedAt = Math.floor(venue.now());
    const ids: string[] = [];
    for (const id of ['list-1', 'list-2', 'list-3']) {
      const placed = await place(order(id));
      if (placed.kind === 'accepted') ids.push(placed.fills[0]?.tradeId ?? '');
    }
    const listed = await venue.answer(venue.account.ordersSince(symbol, startedAt));
    expect(listed.map((one) => one.clientOrderId)).toEqual(['list-1', 'list-2', 'list-3']);
    expect((await venue.answer(venue.account.fillsSince(symbol, ids[1] ?? ''))).map((one) => one.tradeId)).toEqual(ids.slice(1));
    expect(await venue.answer(venue.account.openOrders(symbol))).toEqual([]);
  });

  it('knows no order that was never placed', async () => {
    expect(await venue.answer(venue.account.order(symbol, 'never'))).toEqual({ kind: 'absent' });
  });

  it.each([
    ['older than its window', { ageMs: 3_500 }],
    ['older than a shorter window', { ageMs: 700, windowMs: 200 }],
    ['from the future', { ageMs: -1_500 }],
  ])('refuses what is %s, and places nothing', async (name, change) => {
    const placed = await place(order(`late-${name.length}`), change);
    expect(placed).toMatchObject({ kind: 'rejected', refusal: { code: -1021, class: 'clock' } });
    expect(await venue.answer(venue.account.order(symbol, `late-${name.length}`))).toEqual({ kind: 'absent' });
  });

  it('takes what is within its window, and an id again once its order is over', async () => {
    expect((await place(order('again'), { ageMs: 1_000 })).kind).toBe('accepted');
    expect((await place(order('again'))).kind).toBe('accepted');
  });

  it.each([
    ['a lot off the grid', { quantity: d('0.000001') }, -1013, 'filter'],
    ['coins that are not there', { side: 'SELL', quantity: d(50) }, -2010, 'insufficient-balance'],
  ] as const)('refuses %s with the reason', async (_name, change, code, kind) => {
    expect(await place(order('refused', change))).toMatchObject({ kind: 'rejected', refusal: { code, class: kind } });
  });

  const signed = () => ({ timestampMs: Math.floor(venue.now()), recvWindowMs: 3_000 });
  const near = async (factor: number) => (await venue.answer(venue.marketData.price(symbol))).times(factor).toDecimalPlaces(2);
  const openIds = async () => (await venue.answer(venue.account.openOrders(symbol))).map((one) => one.clientOrderId).sort();
  const stopOrder = async (clientOrderId: string, factor = 0.8) =>
    order(clientOrderId, { side: 'SELL', type: 'STOP_LOSS', stopPrice: await near(factor) });
  const statusOf = async (clientOrderId: string) => {
    const looked = await venue.answer(venue.account.order(symbol, clientOrderId));
    return looked.kind === 'found' ? [looked.order.clientOrderId, looked.order.status] : looked.kind;
  };

  it('keeps two orders that cancel one another, and takes both down with either', async () => {
    const request = {
      symbol,
      side: 'SELL' as const,
      quantity: d('0.01'),
      selfTradePrevention: 'EXPIRE_MAKER' as const,
      above: { clientOrderId: 'pair-target', type: 'LIMIT_MAKER' as const, price: await near(1.3) },
      below: { clientOrderId: 'pair-stop', type: 'STOP_LOSS' as const, stopPrice: await near(0.8) },
    };
    const placed = await venue.answer(venue.account.placeOco(request, signed()));
    if (placed.kind !== 'accepted') throw new Error(JSON.stringify(placed));
    expect(placed.orders.map((one) => [one.clientOrderId, one.status]).sort()).toEqual([
      ['pair-stop', 'NEW'],
      ['pair-target', 'NEW'],
    ]);
    expect(await openIds()).toEqual(['pair-stop', 'pair-target']);
    expect((await venue.answer(venue.account.openOrders(null))).map((one) => one.clientOrderId).sort()).toEqual([
      'pair-stop',
      'pair-target',
    ]);
    const first = placed.orders.map((one) => one.orderId).sort()[0] ?? '';
    expect((await venue.answer(venue.account.ordersFrom(symbol, first))).map((one) => one.clientOrderId).sort()).toEqual([
      'pair-stop',
      'pair-target',
    ]);
    const misplaced = {
      ...request,
      above: { ...request.above, clientOrderId: 'no-target' },
      below: { ...request.below, clientOrderId: 'no-stop', stopPrice: await near(1.1) },
    };
    expect(await venue.answer(venue.account.placeOco(misplaced, signed()))).toMatchObject({
      kind: 'rejected',
    });
    const cancelled = await venue.answer(venue.account.cancelOrder(symbol, 'pair-stop', signed()));
    if (cancelled.kind !== 'cancelled') throw new Error(JSON.stringify(cancelled));
    expect(cancelled.orders.map((one) => [one.clientOrderId, one.status])).toEqual([['pair-stop', 'CANCELED']]);
    expect([await openIds(), await statusOf('pair-target')]).toEqual([[], ['pair-target', 'CANCELED']]);
    const gone = (event: UserEvent): boolean =>
      event.type === 'order-updated' && event.order.clientOrderId === 'pair-target' && event.order.status === 'CANCELED';
    await venue.until('the user stream tells the cancel', () => events.some(gone));
  });

  it('refuses to cancel what is not open, and what is asked too late', async () => {
    expect(await venue.answer(venue.account.cancelOrder(symbol, 'pair-stop', signed()))).toMatchObject({
      kind: 'refused',
      refusal: { code: -2011, class: 'not-found' },
    });
    const late = { ...signed(), timestampMs: Math.floor(venue.now()) - 4_000 };
    expect(await venue.answer(venue.account.cancelOrder(symbol, 'pair-stop', late))).toMatchObject({
      kind: 'refused',
      refusal: { class: 'clock' },
    });
  });

  it('puts an order in the place of another, and nothing in the place of none', async () => {
    expect((await place(await stopOrder('old-stop'))).kind).toBe('accepted');
    const replaced = await venue.answer(venue.account.replaceOrder('old-stop', await stopOrder('new-stop', 0.85), signed()));
    expect(replaced).toMatchObject({
      cancel: { kind: 'cancelled', orders: [{ clientOrderId: 'old-stop', status: 'CANCELED' }] },
      place: { kind: 'accepted', order: { clientOrderId: 'new-stop', status: 'NEW' } },
    });
    expect(await venue.answer(venue.account.replaceOrder('old-stop', await stopOrder('newer-stop'), signed()))).toMatchObject({
      cancel: { kind: 'refused', refusal: { class: 'not-found' } },
      place: { kind: 'not-attempted' },
    });
    expect([await openIds(), await statusOf('newer-stop')]).toEqual([['new-stop'], 'absent']);
    const tooMuch = { ...(await stopOrder('huge-stop')), quantity: d(50) };
    expect(await venue.answer(venue.account.replaceOrder('new-stop', tooMuch, signed()))).toMatchObject({
      cancel: { kind: 'cancelled' },
      place: { kind: 'rejected', refusal: { code: -2010, class: 'insufficient-balance' } },
    });
    expect([await openIds(), await statusOf('new-stop')]).toEqual([[], ['new-stop', 'CANCELED']]);
  });

  it('has room for an order', () => {
    const room = venue.account.reserveOrder('protect');
    expect(room.granted).toBe(true);
    if (room.granted) room.release();
  });

  it('tells its time, its symbols and its candles', async () => {
    expect(Math.abs((await venue.answer(venue.marketData.serverTime())) - venue.now())).toBeLessThan(2_000);
    const [instrument] = await venue.answer(venue.marketData.instruments(null));
    expect(inText(instrument)).toEqual(inText(instrumentOf(symbol)));
    const rows = await venue.answer(venue.marketData.klines({ symbol, timeframe: '1m', limit: 12 }));
    expect(rows).toHaveLength(12);
    for (const [index, row] of rows.entries()) {
      expect(row.openTime - (rows[0]?.openTime ?? 0)).toBe(index * timeframeMs['1m']);
      expect(row.closed).toBe(row.closeTime < venue.now());
    }
    const from = rows[4]?.openTime ?? 0;
    const some = await venue.answer(venue.marketData.klines({ symbol, timeframe: '1m', startTime: from, limit: 3 }));
    expect(some.map((row) => [row.openTime, row.close])).toEqual(rows.slice(4, 7).map((row) => [row.openTime, row.close]));
    const before = await venue.answer(venue.marketData.klines({ symbol, timeframe: '1m', endTime: from - 1, limit: 2 }));
    expect(before.map((row) => row.openTime)).toEqual(rows.slice(2, 4).map((row) => row.openTime));
  });

  it('streams the forming candle once it is subscribed', async () => {
    const frames: StreamFrame[] = [];
    const socket: StreamSocket = venue.openMarketSocket({
      onOpen: () => socket.send(controlMessage('SUBSCRIBE', [klineStream(symbol, '1m')], 7)),
      onMessage: (text) => frames.push(parseStreamFrame(text)),
      onClose: () => undefined,
    });
    socket.start();
    await venue.until('a candle is told', () => frames.some((frame) => frame.kind === 'kline'));
    expect(frames[0]).toEqual({ kind: 'acknowledged', id: 7 });
    expect(frames.find((frame) => frame.kind === 'kline')).toMatchObject({ symbol, timeframe: '1m', stream: klineStream(symbol, '1m') });
    await socket.stop();
  });
});
