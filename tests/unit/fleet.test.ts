/** What `startFleet` builds, with a real socket to the exchange: the last question before an order leaves is asked of the kill switch. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, it } from 'vitest';
import { createMemoryCoordination } from '../../engine/coordination/memory.ts';
import { RestClient } from '../../engine/exchanges/binance/rest.ts';
import { createSigner } from '../../engine/exchanges/binance/signing.ts';
import { createBinanceSpotAccount } from '../../engine/exchanges/binance/spot.ts';
import { RequestGate } from '../../engine/exchanges/request-gate.ts';
import { startFleet } from '../../engine/fleet.ts';
import type { Fleet } from '../../engine/fleet.ts';
import type { MarketSeries, SeriesListener } from '../../engine/market/market.ts';
import { SymbolDirectory } from '../../engine/market/symbols.ts';
import { createMetrics } from '../../engine/observe/metrics.ts';
import { noLedger } from '../../engine/persistence/decision-ledger.ts';
import { Secret } from '../../engine/secret.ts';
import { KillSwitches } from '../../engine/supervisor/kill-switches.ts';
import { systemClock as clock } from '../../engine/time/clock.ts';
import { defaultColumns } from '../../engine/trading/resolve-config.ts';
import { budgetOf } from '../../engine/venue.ts';
import { createMemoryCapitalStore } from '../simulation/memory-capital.ts';
import { MemoryDatabase } from '../simulation/memory-database.ts';
import { atOnce, createMemoryBotStore, createMemoryOrderStore, createMemoryReconcileStore } from '../simulation/memory-stores.ts';
import { btc, d } from './trading/given.ts';

const log = pino({ level: 'silent' });
const venueClock = { now: () => clock.now(), trusted: true, resync: async () => undefined };

let server: Server;
let rest: RestClient;
let fleet: Fleet;
let orders: string[];
let lookedUp: number;

afterEach(async () => {
  await fleet.stop();
  rest.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** An exchange that has nothing to tell and answers no order; resolves with what tells the one live bot of its next close. */
async function started(onHandedOver: (switches: KillSwitches) => void): Promise<SeriesListener> {
  orders = [];
  lookedUp = 0;
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://exchange');
    if (request.method === 'POST') orders.push(pathname);
    else if (pathname === '/api/v3/account') response.end('{"balances":[{"asset":"USDT","free":"5000","locked":"0"}]}');
    else if (pathname !== '/api/v3/order') response.end('[]');
    else {
      lookedUp += 1;
      response.writeHead(400).end('{"code":-2013,"msg":"Order does not exist."}');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const metrics = createMetrics();
  const coordination = createMemoryCoordination({ clock, owner: 'me', metrics });
  const gate = new RequestGate({ budget: budgetOf(coordination, 'simulated', 'simulated'), clock, venueClock, log, metrics });
  rest = new RestClient({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ clock, venueClock, log, metrics, gate },
    random: () => 0,
    signer: createSigner({ kind: 'hmac', apiKey: new Secret('key'), secret: new Secret('secret') }),
  });
  const nothing = async (): Promise<never> => Promise.reject(new Error('nobody asks for it here'));
  const marketData = { serverTime: nothing, instruments: async () => [btc], klines: nothing, price: nothing };
  const symbols = new SymbolDirectory({ venue: 'simulated', marketData, cache: coordination.symbols, clock, log, random: () => 0 });
  await symbols.start();
  const joined = Promise.withResolvers<SeriesListener>();
  const market: MarketSeries = {
    async subscribe(_request, listener) {
      clock.soon(() => joined.resolve(listener));
      return { health: 'live', view: () => null, missedSince: () => [], close: () => undefined };
    },
    stop: async () => undefined,
  };
  const database = new MemoryDatabase();
  database.addBot({
    id: '1',
    userId: '1',
    version: 1,
    mode: 'live',
    venue: 'simulated',
    columns: {
      ...defaultColumns,
      name: 'b',
      symbol: 'BTCUSDT',
      timeframe: '1m',
      strategy: 'ema_cross',
      initialCapital: d(1_000),
      positionSizePerc: 50,
    },
  });
  // Compared with the exchange a moment ago: there is no history to read.
  const data = { comparedThroughMs: clock.now() };
  database.states.set('1', { botId: '1', holder: null, epoch: 0, running: false, message: '', data, lastExecutionMs: null });
  const stores = { database, holder: 'me', travel: atOnce, endCommits: () => undefined, now: () => clock.now() };
  const killSwitches = new KillSwitches({ clock, log, metrics });
  fleet = await startFleet({
    config: {
      venue: 'simulated',
      capacity: 10,
      claimPollMs: 1_000,
      lockTtlMs: 10_000,
      recvWindowMs: 3_000,
      neverPlacedHorizonMs: 60_000,
      auditIntervalMs: 30_000,
      drainTimeoutMs: 1_000,
      protectionCheckMs: 10_000,
      stops: 'engine',
      paper: { feePercent: 0.1, spreadPercent: 0, slippagePercent: 0 },
    },
    orders: createMemoryOrderStore(stores),
    bots: createMemoryBotStore(stores),
    reconciliation: createMemoryReconcileStore(stores),
    ledger: noLedger,
    capital: createMemoryCapitalStore({ ...stores, capital: database.capital }),
    coordination,
    venue: {
      clock: venueClock,
      symbols,
      market,
      account: createBinanceSpotAccount({ name: 'simulated', rest, gate, metrics, listen: () => ({ stop: async () => undefined }) }),
      feePrices: null,
      keyRefusal: () => null,
      stop: async () => symbols.stop(),
    },
    installation: 'test',
    owner: 'me',
    clock,
    log,
    metrics,
    random: () => 0,
    // Passed in the turn in which the request was made: it has no socket yet.
    reach: (point) => {
      if (point === 'CP4') onHandedOver(killSwitches);
    },
    killSwitches,
  });
  return joined.promise;
}

/** A close at which the fast average crosses above the slow one. */
function cross(bot: SeriesListener): void {
  const closeTime = Math.floor(clock.now());
  const candle = { openTime: closeTime - 59_999, closeTime, open: 100, high: 100, low: 100, close: 100, volume: 1, closed: true };
  bot.onClose({ candle, current: [2, 1], previous: [1, 2] });
}

it('sends what no kill switch stops', async () => {
  let handedOver = 0;
  cross(await started(() => (handedOver += 1)));
  await expect.poll(() => orders, { timeout: 15_000 }).toHaveLength(1);
  expect(handedOver).toBe(1);
});

it('keeps an entry that waits for its socket when a kill switch falls', async () => {
  let fell = false;
  const bot = await started((switches) => {
    fell = true;
    switches.setHere([{ scope: 'engine', subject: '', policy: 'leave', reason: 'what is this market doing', expiresAtMs: null }]);
  });
  cross(bot);
  await expect.poll(() => fell, { timeout: 15_000 }).toBe(true);
  // The request was given up: from then on the order is looked for.
  await expect.poll(() => lookedUp, { timeout: 15_000 }).toBeGreaterThan(0);
  expect(orders).toEqual([]);
});
