/** A halted and a delisted symbol beside a trading one, in one engine: each bot says what it waits for, and the other trades. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
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

/** Candles pass faster here than a reading that entries wait for is tried again. */
const stepsMax = 400;

/** Three bots that run, and have not traded. */
interface Given {
  readonly simulator: SimulatorProcess;
  engine: EngineProcess;
  readonly start: () => Promise<void>;
  readonly statusOf: (symbol: string) => Promise<BotStatus>;
  readonly says: (symbol: string, text: RegExp) => Promise<unknown>;
  readonly ordersOf: (symbol: string) => Promise<readonly LedgerOrder[]>;
  readonly holds: (symbol: string) => Promise<boolean>;
  readonly closePosition: (symbol: string) => Promise<unknown>;
  /** Steps until it is so; a bot that trades decides on each close before the next. */
  readonly stepUntil: (what: string, done: () => Promise<boolean>) => Promise<void>;
  readonly end: () => Promise<void>;
}

async function begin(): Promise<Given> {
  const database = await freshDatabase();
  const simulator = await startSimulatorProcess([
    ...['--fuel', 'generated', '--symbols', [trading, halted, delisted].join(','), '--timeframe', '1m'],
    ...['--pace', 'stepped', '--seed', '5', '--start', start],
  ]);
  const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-e2e-'));
  const engineEnv = {
    DATABASE_URL: database.url,
    REDIS_URL: `${inject('redisUrl')}/6`,
    EVENKEEL_LOCK_TTL_MS: '5000',
    EVENKEEL_CLAIM_POLL_MS: '200',
    EVENKEEL_NEVER_PLACED_HORIZON_MS: '1000',
    ...simulator.env,
  };
  const bots = new Map<string, string>();
  const given: Given = {
    simulator,
    engine: await startEngineProcess(engineEnv, dataDir),
    async start() {
      given.engine = await startEngineProcess(engineEnv, dataDir);
    },
    statusOf: (symbol) => given.engine.ask<BotStatus>('GET', `/v1/bots/${bots.get(symbol) ?? ''}`),
    says: (symbol, text) =>
      eventually(`${symbol} says ${text.source}`, 40_000, async () => {
        const { status_message: message } = await given.statusOf(symbol);
        return text.test(message ?? '') ? message : Promise.reject(new Error(message ?? 'nothing'));
      }),
    ordersOf: async (symbol) => (await simulator.ledger()).orders.filter((order) => order.symbol === symbol),
    holds: async (symbol) => (await given.ordersOf(symbol)).some(({ type, status }) => type === 'STOP_LOSS' && status === 'NEW'),
    closePosition: (symbol) => given.engine.ask('POST', `/v1/bots/${bots.get(symbol) ?? ''}/commands`, { command: 'close-position' }),
    async stepUntil(what, done) {
      for (let steps = 0; steps < stepsMax; steps += 1) {
        if (await done()) return;
        await simulator.step();
        const closeMs = (await simulator.state()).nowMs - 1;
        await eventually(
          'the trading bot has decided',
          20_000,
          async () => Date.parse((await given.statusOf(trading)).last_execution ?? '') >= closeMs,
        );
      }
      throw new Error(
        `${what} did not come true within ${stepsMax} candles; the trading bot says: ${(await given.statusOf(trading)).status_message ?? ''}`,
      );
    },
    async end() {
      await given.engine.process.end('SIGTERM');
      await simulator.process.end('SIGTERM');
      await database.drop();
    },
  };
  for (const symbol of [trading, halted, delisted]) {
    const bot = await given.engine.createBot({
      ...{ name: symbol, symbol, timeframe: '1m', mode: 'live', strategy: 'ema_cross', ema_fast: 2, ema_slow: 5 },
      ...{ initial_capital: '10000', position_size_perc: 60, stop_loss_perc: 20 },
    });
    bots.set(symbol, bot.id);
  }
  await eventually('all bots run', 30_000, async () => (await given.engine.status()).botsRunning === 3);
  return given;
}

// Both wait for half a minute until a status is read again: at the same time.
it.concurrent(
  'pauses the bots of a halted and of a delisted symbol by name, also after a restart, and lets the other trade',
  async ({ onTestFinished }) => {
    const given = await begin();
    onTestFinished(() => given.end());
    const { simulator, statusOf, says, ordersOf, stepUntil } = given;
    await given.engine.process.end('SIGTERM');
    await simulator.fault({ kind: 'symbol-status', symbol: halted, status: 'HALT' });
    await simulator.fault({ kind: 'symbol-status', symbol: delisted, status: 'DELISTED' });
    // The list of symbols in the cache is minutes old and says that both trade.
    await given.start();
    await eventually('all bots run', 60_000, async () => (await given.engine.status()).botsRunning === 3);
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
  },
);

it.concurrent(
  'an exit of a halted symbol waits without a flood, its stop stays, and it is sold when the symbol trades again',
  async ({ onTestFinished }) => {
    const given = await begin();
    onTestFinished(() => given.end());
    const { simulator, says, ordersOf, holds, closePosition, stepUntil } = given;
    await stepUntil('both hold', async () => (await holds(halted)) && (await holds(delisted)));
    await simulator.fault({ kind: 'symbol-status', symbol: halted, status: 'CANCEL_ONLY' });
    await simulator.fault({ kind: 'symbol-status', symbol: delisted, status: 'DELISTED' });
    await closePosition(halted);
    await closePosition(delisted);
    await says(halted, /paused: CANCEL_ONLY/);
    await says(delisted, /paused: DELISTED/);
    const sent = (await ordersOf(halted)).length;

    const before = (await ordersOf(trading)).length;
    await stepUntil('the other bot trades', async () => (await ordersOf(trading)).length >= before + 2);
    expect((await ordersOf(halted)).length).toBe(sent);
    expect((await given.engine.status()).botsRunning).toBe(3);

    await simulator.fault({ kind: 'symbol-status', symbol: halted, status: 'TRADING' });
    await eventually('the exit goes on', 60_000, async () =>
      (await ordersOf(halted)).some(({ side, type, status }) => side === 'SELL' && type === 'MARKET' && status === 'FILLED'),
    );
  },
);
