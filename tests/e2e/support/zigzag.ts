/** A market that goes up and down with every candle, and a bot that enters at every other close, behind links that can be made bad. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { FaultProxy } from '../../chaos/proxy.ts';
import { freshDatabase } from '../../servers/database.ts';
import { startEngineProcess } from './engine-process.ts';
import type { EngineProcess } from './engine-process.ts';
import { eventually } from './processes.ts';
import { startSimulatorProcess } from './simulator-process.ts';
import type { SimulatorProcess } from './simulator-process.ts';

/** Short enough that an order signed at one close is not too late at the next. */
export const candleMs = 1_000;
const firstOpenMs = 1_714_953_600_000;
const history = 50;
const candles = 20_000;
const stepEveryMs = 150;

/** It enters at every other close, and leaves at the others. */
export const zigzagBot = {
  symbol: 'BTCUSDT',
  timeframe: '1s',
  mode: 'live',
  strategy: 'ema_cross',
  ema_fast: 1,
  ema_slow: 2,
  initial_capital: '10000',
  position_size_fixed: '100',
};

export interface Zigzag {
  readonly simulator: SimulatorProcess;
  readonly links: { readonly database: FaultProxy; readonly redis: FaultProxy; readonly exchange: FaultProxy };
  /** Past the links. */
  readonly databaseUrl: string;
  readonly killFile: string;
  readonly botId: string;
  engine: EngineProcess;
  /** Entries that the exchange has accepted so far. */
  entries(): Promise<number>;
  /** Starts the engine again on the same rows and the same data folder; the market waits for it. */
  restart(): Promise<void>;
  end(): Promise<void>;
}

export async function beginZigzag(redisUrl: string = `${inject('redisUrl')}/9`): Promise<Zigzag> {
  const database = await freshDatabase();
  const simulator = await startSimulatorProcess([
    ...['--fuel', `recorded:${writeCandles()}`, '--symbols', 'BTCUSDT', '--timeframe', '1s'],
    ...['--pace', 'stepped', '--history', String(history)],
  ]);
  const links = {
    database: await FaultProxy.start('database', database.url),
    redis: await FaultProxy.start('redis', redisUrl),
    exchange: await FaultProxy.start('exchange', simulator.url),
  };
  const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-e2e-'));
  const env = {
    DATABASE_URL: links.database.through(database.url),
    REDIS_URL: links.redis.through(redisUrl),
    EVENKEEL_LOCK_TTL_MS: '5000',
    EVENKEEL_CLAIM_POLL_MS: '200',
    EVENKEEL_NEVER_PLACED_HORIZON_MS: '1000',
    EVENKEEL_LOG_LEVEL: 'warn',
    ...simulator.env,
    ...Object.fromEntries(
      Object.entries(simulator.env)
        .filter(([name]) => name.endsWith('_URL'))
        .map(([name, url]) => [name, links.exchange.through(url)]),
    ),
  };
  const engine = await startEngineProcess(env, dataDir);
  const bot = await engine.createBot({ ...zigzagBot, name: 'zigzag' });
  let stepping = true;
  let paused = false;
  const market = (async (): Promise<void> => {
    while (stepping) {
      if (!paused) await simulator.step();
      await new Promise((resolve) => setTimeout(resolve, stepEveryMs));
    }
  })();
  const zigzag: Zigzag = {
    simulator,
    links,
    databaseUrl: database.url,
    killFile: join(dataDir, 'kill-switch'),
    botId: bot.id,
    engine,
    entries: async () => (await simulator.ledger()).orders.filter(({ side }) => side === 'BUY').length,
    async restart() {
      // No real market moves a day in two seconds while an engine warms up.
      paused = true;
      zigzag.engine = await startEngineProcess(env, dataDir);
      await eventually('the bot runs again', 60_000, async () => (await zigzag.engine.status()).settledThroughMs !== null).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}\n${zigzag.engine.process.output().slice(-20_000)}`);
        },
      );
      paused = false;
    },
    async end() {
      stepping = false;
      await market;
      await zigzag.engine.process.end('SIGTERM');
      await simulator.process.end('SIGTERM');
      for (const link of Object.values(links)) await link.stop();
      await database.drop();
    },
  };
  return zigzag;
}

/** Waits until the bot has entered `more` times from now on. */
export async function entersAgain(zigzag: Zigzag, more = 3, timeoutMs = 60_000): Promise<void> {
  const before = await zigzag.entries();
  await eventually('the bot enters', timeoutMs, async () => (await zigzag.entries()) >= before + more).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${zigzag.engine.process.output().slice(-8_000)}`);
  });
}

/** When the last entry of the next `forMs` was accepted, in ms from now; 0 when there is none. */
export async function lastEntryWithin(zigzag: Zigzag, forMs: number): Promise<number> {
  const startedAt = performance.now();
  let seen = await zigzag.entries();
  let lastAt = 0;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    const count = await zigzag.entries();
    const elapsed = performance.now() - startedAt;
    // Seen after it was accepted: that only makes it later.
    if (count > seen) lastAt = elapsed;
    seen = count;
    if (elapsed >= forMs) return lastAt;
  }
}

export function writeCandles(): string {
  const lines = Array.from({ length: history + candles }, (_, index) => {
    const [open, close] = index % 2 === 0 ? [29_900, 30_000] : [30_000, 29_900];
    return [firstOpenMs + index * candleMs, open, Math.max(open, close), Math.min(open, close), close, 1].join(',');
  });
  const path = join(mkdtempSync(join(tmpdir(), 'evenkeel-candles-')), 'BTCUSDT-1s.csv');
  writeFileSync(path, ['open_time,open,high,low,close,volume', ...lines].join('\n'));
  return path;
}
