/**
 * Where stops that rest execute, said from the candle alone: at the trigger when the candle trades through it, at its open when
 * it opens beyond. The prices in between are the simulator's own affair.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Fuel } from '../../../simulator/fuel.ts';
import { candleFuel } from '../../../simulator/recorded.ts';
import type { Simulator } from '../../../simulator/simulator.ts';
import { RawClient, openSimulator } from './raw-client.ts';

const minuteMs = 60_000;
const startMs = Date.UTC(2026, 0, 5);

interface Bar {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

function fuelOf(bars: readonly Bar[]): Fuel {
  const candles = bars.map((bar, index) => {
    const openTime = startMs + index * minuteMs;
    return { ...bar, openTime, closeTime: openTime + minuteMs - 1, volume: 1, closed: true };
  });
  return candleFuel('BTCUSDT', '1m', candles);
}

let simulator: Simulator;
let client: RawClient;
afterEach(() => simulator.stop());

async function open(bars: readonly Bar[], seed: number): Promise<void> {
  simulator = await openSimulator({ fuel: fuelOf(bars), seed });
  client = new RawClient(simulator);
}

async function stop(change: Record<string, string | number>): Promise<void> {
  const placed = await client.order({ type: 'STOP_LOSS', side: 'SELL', ...change });
  expect(placed.status).toBe(200);
}

const executions = (): string[] =>
  (simulator.ledger().accounts[0]?.trades ?? []).map((trade) => `${String(trade['side'])} ${Number(trade['price'])}`);

const calm: Bar = { open: 30_000, high: 30_000, low: 30_000, close: 30_000 };

/** Seeds give paths that go up first, and others that go down first. */
describe.each([1, 2, 3, 4, 5, 6])('with seed %i', (seed) => {
  it('a stop executes at its trigger, wherever in the candle that lies', async () => {
    await open([calm, { open: 30_000, high: 30_400, low: 29_000, close: 29_500 }, calm], seed);
    await simulator.step();
    for (const stopPrice of [29_993.37, 29_700, 29_511.01, 29_000]) await stop({ stopPrice });
    await stop({ stopPrice: 28_999.99 });
    await simulator.step();
    expect(executions().sort()).toEqual(['SELL 29000', 'SELL 29511.01', 'SELL 29700', 'SELL 29993.37']);
  });

  it('a stop that buys does the same above the market', async () => {
    await open([calm, { open: 30_000, high: 30_400, low: 29_000, close: 29_500 }, calm], seed);
    await simulator.step();
    for (const stopPrice of [30_001.5, 30_333.33, 30_400, 30_400.01]) await stop({ side: 'BUY', stopPrice });
    await simulator.step();
    expect(executions().sort()).toEqual(['BUY 30001.5', 'BUY 30333.33', 'BUY 30400']);
  });

  it('a stop with a limit executes although both lie between two points of the path', async () => {
    await open([calm, { open: 30_000, high: 30_000.5, low: 28_000, close: 29_500 }, calm], seed);
    await simulator.step();
    await stop({ type: 'STOP_LOSS_LIMIT', timeInForce: 'GTC', stopPrice: 29_100, price: 29_099.99 });
    await simulator.step();
    expect(executions()).toEqual(['SELL 29100']);
  });

  it('a candle that opens beyond the stop executes it at its open', async () => {
    await open([calm, { open: 29_400, high: 30_400, low: 29_000, close: 29_900 }, { ...calm, close: 29_900, low: 29_900 }], seed);
    await stop({ stopPrice: 29_700 });
    await simulator.step();
    expect(executions()).toEqual(['SELL 29400']);
  });
});
