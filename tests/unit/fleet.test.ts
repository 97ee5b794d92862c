/** What `startFleet` builds, with a real socket to the exchange: the last question before an order leaves is asked of the kill switch. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createMemoryCoordination } from '../../engine/coordination/memory.ts';
import { RestClient } from '../../engine/exchanges/binance/rest.ts';
import { createSigner } from '../../engine/exchanges/binance/signing.ts';
import { createBinanceSpotAccount } from '../../engine/exchanges/binance/spot.ts';
import { RequestGate } from '../../engine/exchanges/request-gate.ts';
import type { Fleet } from '../../engine/fleet.ts';
import type { SeriesListener } from '../../engine/market/market.ts';
import { createMetrics } from '../../engine/observe/metrics.ts';
import { Secret } from '../../engine/secret.ts';
import type { KillSwitches } from '../../engine/kill-switch/standing.ts';
import { systemClock as clock } from '../../engine/time/clock.ts';
import { budgetOf } from '../../engine/venue.ts';
import { MemoryDatabase } from '../simulation/memory-database.ts';
import { addCrossBot, cross, silent as log, startMemoryFleet, venueClock } from './memory-fleet.ts';

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
  const budget = budgetOf(createMemoryCoordination({ clock, owner: 'me', metrics }), 'simulated', 'simulated');
  const gate = new RequestGate({ budget, clock, venueClock, log, metrics });
  rest = new RestClient({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ clock, venueClock, log, metrics, gate },
    random: () => 0,
    signer: createSigner({ kind: 'hmac', apiKey: new Secret('key'), secret: new Secret('secret') }),
  });
  const database = new MemoryDatabase();
  addCrossBot(database, 'live');
  // Compared with the exchange a moment ago: there is no history to read.
  const data = { comparedThroughMs: clock.now() };
  database.states.set('1', { botId: '1', holder: null, epoch: 0, running: false, message: '', data, lastExecutionMs: null });
  const memory = await startMemoryFleet({
    database,
    owner: 'me',
    account: createBinanceSpotAccount({ name: 'simulated', rest, gate, metrics, listen: () => ({ stop: async () => undefined }) }),
    // Passed in the turn in which the request was made: it has no socket yet.
    reach: (point, switches) => {
      if (point === 'CP4') onHandedOver(switches);
    },
  });
  fleet = memory.fleet;
  return memory.joined();
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
