/** A replay over candles that the test writes itself: a market that falls, then rises, so that one bot enters at a known close. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { createHmac } from 'node:crypto';
import { freshDatabase } from '../../servers/database.ts';
import { startEngineProcess } from './engine-process.ts';
import { eventually } from './processes.ts';
import { account, startSimulatorProcess } from './simulator-process.ts';
import type { LedgerOrder } from './simulator-process.ts';
import { settled, standsAt } from './replay.ts';
import type { Replay } from './replay.ts';

const minuteMs = 60_000;
const firstOpenMs = 1_714_953_600_000;
const fallingCandles = 120;
export const entryPrice = 30_000;

/** One candle as its open, high, low and close. */
export type Ohlc = readonly [open: number, high: number, low: number, close: number];

export interface Crafted extends Replay {
  readonly botId: string;
  end(): Promise<void>;
}

export interface CraftedOptions {
  /** Candles after the entry at the open of the first of them, which should be `entryPrice`. */
  readonly after: readonly Ohlc[];
  readonly columns?: Readonly<Record<string, unknown>>;
  readonly engineEnv?: Readonly<Record<string, string>>;
  readonly simulatorArgs?: readonly string[];
}

/** Everything up to the close at which the bot enters; the next step makes it enter. */
export async function beginCrafted(options: CraftedOptions): Promise<Crafted> {
  const database = await freshDatabase();
  const simulator = await startSimulatorProcess([
    ...['--fuel', `recorded:${writeCandles(options.after)}`, '--symbols', 'BTCUSDT', '--timeframe', '1m'],
    ...['--pace', 'stepped', '--history', String(fallingCandles), ...(options.simulatorArgs ?? [])],
  ]);
  const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-e2e-'));
  const engineEnv = {
    DATABASE_URL: database.url,
    // One Redis for all: locks carry the installation's code.
    REDIS_URL: `${inject('redisUrl')}/6`,
    EVENKEEL_LOCK_TTL_MS: '2000',
    EVENKEEL_CLAIM_POLL_MS: '200',
    EVENKEEL_NEVER_PLACED_HORIZON_MS: '1000',
    EVENKEEL_AUDIT_INTERVAL_MS: '1000',
    ...simulator.env,
  };
  const engine = await startEngineProcess({ ...engineEnv, ...options.engineEnv }, dataDir);
  const bot = await engine.createBot({
    name: 'crafted',
    symbol: 'BTCUSDT',
    timeframe: '1m',
    mode: 'live',
    strategy: 'ema_cross',
    ema_fast: 2,
    ema_slow: 5,
    initial_capital: '10000',
    position_size_perc: 60,
    ...options.columns,
  });
  const { nowMs: startMs } = await simulator.state();
  const replay: Crafted = {
    simulator,
    databaseUrl: database.url,
    engineEnv,
    dataDir,
    startMs,
    bots: new Map([['crafted', bot.id]]),
    engine,
    botId: bot.id,
    async end() {
      await replay.engine.process.end('SIGTERM');
      await simulator.process.end('SIGTERM');
      await database.drop();
    },
  };
  await settled(replay, await standsAt(replay));
  return replay;
}

function writeCandles(after: readonly Ohlc[]): string {
  const falling = Array.from({ length: fallingCandles }, (_, index): Ohlc => {
    const open = entryPrice - 100 + (fallingCandles - index);
    return [open, open, open - 1, open - 1];
  });
  const rise: Ohlc = [entryPrice - 100, entryPrice, entryPrice - 100, entryPrice];
  const last = after.at(-1)?.[3] ?? entryPrice;
  const calm = Array.from({ length: 20 }, (): Ohlc => [last, last, last, last]);
  const lines = [...falling, rise, ...after, ...calm].map((candle, index) => [firstOpenMs + index * minuteMs, ...candle, 1].join(','));
  const path = join(mkdtempSync(join(tmpdir(), 'evenkeel-candles-')), 'BTCUSDT-1m.csv');
  writeFileSync(path, ['open_time,open,high,low,close,volume', ...lines].join('\n'));
  return path;
}

export async function openOrders(replay: Replay): Promise<readonly LedgerOrder[]> {
  return (await replay.simulator.ledger()).orders.filter(({ status }) => status === 'NEW' || status === 'PARTIALLY_FILLED');
}

/** What the account holds of the coin. */
export async function heldCoins(replay: Replay): Promise<{ free: string; locked: string }> {
  const { balances } = await replay.simulator.ledger();
  return balances.find(({ asset }) => asset === 'BTC') ?? { free: '0', locked: '0' };
}

/** Waits until stops (and targets) rest for whatever the account holds, and answers them by type. */
export function protectedBy(replay: Replay, types: readonly string[], timeoutMs = 5_000): Promise<ReadonlyMap<string, LedgerOrder>> {
  return eventually(`${types.join(' and ')} rest`, timeoutMs, async () => {
    const open = await openOrders(replay);
    const found = open.map((order) => order.type).sort();
    return JSON.stringify(found) === JSON.stringify([...types].sort()) ? new Map(open.map((order) => [order.type, order])) : null;
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${replay.engine.process.output().slice(-20_000)}`);
  });
}

/** A request to the exchange that somebody else makes with the same account's key. */
export async function asStranger(
  replay: Replay,
  method: string,
  path: string,
  parameters: Readonly<Record<string, string>>,
): Promise<unknown> {
  const { nowMs } = await replay.simulator.state();
  const query = new URLSearchParams({ ...parameters, recvWindow: '60000', timestamp: String(nowMs) }).toString();
  const signature = createHmac('sha256', account.secret).update(query).digest('hex');
  const answer = await fetch(`${replay.simulator.url}${path}?${query}&signature=${signature}`, {
    method,
    headers: { 'x-mbx-apikey': account.apiKey },
  });
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}
