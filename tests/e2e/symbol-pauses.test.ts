/** A halted and a delisted symbol beside a trading one, in one engine: each bot says what it waits for, and the other trades. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { startEngineProcess } from './support/engine-process.ts';
import type { EngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';
import { startSimulatorProcess } from './support/simulator-process.ts';
import type { LedgerOrder, SimulatorProcess } from './support/simulator-process.ts';

const trading = 'BTCUSDT';
const halted = 'ETHUSDT';
const delisted = 'SOLUSDT';

/** No symbol has crossed on the candles before it: no bot trades before the first step. */
const start = '2026-01-05T00:15:00Z';

interface BotStatus {
  readonly is_running: boolean;
  readonly status_message: string | null;
  readonly last_execution: string | null;
}

let simulator: SimulatorProcess;
let engine: EngineProcess;
let engineEnv: Record<string, string>;
let dataDir: string;
let drop: () => Promise<void>;
const bots = new Map<string, string>();

beforeEach(async () => {
  const database = await freshDatabase();
  drop = database.drop;
  simulator = await startSimulatorProcess([
    ...['--fuel', 'generated', '--symbols', [trading, halted, delisted].join(','), '--timeframe', '1m'],
    ...['--pace', 'stepped', '--seed', '5', '--start', start],
  ]);
  dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-e2e-'));
  engineEnv = {
    DATABASE_URL: database.url,
    REDIS_URL: `${inject('redisUrl')}/6`,
    EVENKEEL_LOCK_TTL_MS: '5000',
    EVENKEEL_CLAIM_POLL_MS: '200',
    EVENKEEL_NEVER_PLACED_HORIZON_MS: '1000',
    ...simulator.env,
  };
  engine = await startEngineProcess(engineEnv, dataDir);
  for (const symbol of [trading, halted, delisted]) {
    const bot = await engine.createBot({
      ...{ name: symbol, symbol, timeframe: '1m', mode: 'live', strategy: 'ema_cross', ema_fast: 2, ema_slow: 5 },
      ...{ initial_capital: '10000', position_size_perc: 60, stop_loss_perc: 20 },
    });
    bots.set(symbol, bot.id);
  }
  await eventually('all bots run', 30_000, async () => (await engine.status()).botsRunning === 3);
});

afterEach(async () => {
  await engine.process.end('SIGTERM');
  await simulator.process.end('SIGTERM');
  await drop();
});

const statusOf = (symbol: string): Promise<BotStatus> => engine.ask<BotStatus>('GET', `/v1/bots/${bots.get(symbol) ?? ''}`);
const says = (symbol: string, text: RegExp): Promise<unknown> =>
  eventually(`${symbol} says ${text.source}`, 40_000, async () => {
    const { status_message: message } = await statusOf(symbol);
    return text.test(message ?? '') ? message : Promise.reject(new Error(message ?? 'nothing'));
  });
const ordersOf = async (symbol: string): Promise<readonly LedgerOrder[]> =>
  (await simulator.ledger()).orders.filter((order) => order.symbol === symbol);
const holds = async (symbol: string): Promise<boolean> =>
  (await ordersOf(symbol)).some(({ type, status }) => type === 'STOP_LOSS' && status === 'NEW');

/** Candles pass faster here than a reading that entries wait for is tried again. */
const stepsMax = 400;

/** Steps until it is so; a bot that trades decides on each close before the next. */
async function stepUntil(what: string, done: () => Promise<boolean>): Promise<void> {
  for (let steps = 0; steps < stepsMax; steps += 1) {
    if (await done()) return;
    await simulator.step();
    const closeMs = (await simulator.state()).nowMs - 1;
    await eventually(
      'the trading bot has decided',
      20_000,
      async () => Date.parse((await statusOf(trading)).last_execution ?? '') >= closeMs,
    );
  }
  throw new Error(
    `${what} did not come true within ${stepsMax} candles; the trading bot says: ${(await statusOf(trading)).status_message ?? ''}`,
  );
}

it('pauses the bots of a halted and of a delisted symbol by name, also after a restart, and lets the other trade', async () => {
  await engine.process.end('SIGTERM');
  await simulator.fault({ kind: 'symbol-status', symbol: halted, status: 'HALT' });
  await simulator.fault({ kind: 'symbol-status', symbol: delisted, status: 'DELISTED' });
  // The list of symbols in the cache is minutes old and says that both trade.
  engine = await startEngineProcess(engineEnv, dataDir);
  await eventually('all bots run', 60_000, async () => (await engine.status()).botsRunning === 3);
  await says(delisted, /paused: DELISTED/);

  const before = (await ordersOf(trading)).length;
  await stepUntil('the other bot trades', async () => (await ordersOf(trading)).length >= before + 3);
  await says(halted, /paused: HALT/);
  expect((await statusOf(delisted)).is_running).toBe(true);
  expect(await ordersOf(delisted)).toEqual([]);
  expect(await ordersOf(halted)).toEqual([]);

  await simulator.fault({ kind: 'symbol-status', symbol: halted, status: 'TRADING' });
  await eventually('the halted bot goes on', 60_000, async () => !/paused/.test((await statusOf(halted)).status_message ?? 'paused'));
  await stepUntil('it trades', async () => (await ordersOf(halted)).length > 0);
}, 240_000);

it('an exit of a halted symbol waits without a flood, its stop stays, and it is sold when the symbol trades again', async () => {
  await stepUntil('both hold', async () => (await holds(halted)) && (await holds(delisted)));
  await simulator.fault({ kind: 'symbol-status', symbol: halted, status: 'CANCEL_ONLY' });
  await simulator.fault({ kind: 'symbol-status', symbol: delisted, status: 'DELISTED' });
  await engine.ask('POST', `/v1/bots/${bots.get(halted) ?? ''}/commands`, { command: 'close-position' });
  await engine.ask('POST', `/v1/bots/${bots.get(delisted) ?? ''}/commands`, { command: 'close-position' });
  await says(halted, /paused: CANCEL_ONLY/);
  await says(delisted, /paused: DELISTED/);
  const sent = (await ordersOf(halted)).length;

  const before = (await ordersOf(trading)).length;
  await stepUntil('the other bot trades', async () => (await ordersOf(trading)).length >= before + 2);
  expect((await ordersOf(halted)).length).toBe(sent);
  expect((await engine.status()).botsRunning).toBe(3);

  await simulator.fault({ kind: 'symbol-status', symbol: halted, status: 'TRADING' });
  await eventually('the exit goes on', 60_000, async () =>
    (await ordersOf(halted)).some(({ side, type, status }) => side === 'SELL' && type === 'MARKET' && status === 'FILLED'),
  );
}, 240_000);
