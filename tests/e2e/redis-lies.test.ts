/** What Redis holds, tells or refuses decides nothing about money: real engines on a Redis that somebody else writes to. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { startRedis } from '../servers/redis.ts';
import type { TestRedis } from '../servers/redis.ts';
import { startEngineProcess } from './support/engine-process.ts';
import type { EngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';
import { startSimulatorProcess } from './support/simulator-process.ts';
import type { SimulatorProcess } from './support/simulator-process.ts';

const symbols = ['BTCUSDT', 'ETHUSDT'] as const;
const stepsMax = 400;

let redis: TestRedis;
let admin: Redis;
let simulator: SimulatorProcess;
let engine: EngineProcess;
let env: Record<string, string>;
let dataDir: string;
let drop: () => Promise<void>;
const bots = new Map<string, string>();

interface Status {
  readonly status_message: string | null;
  readonly last_execution: string | null;
}

beforeAll(async () => {
  const database = await freshDatabase();
  drop = database.drop;
  redis = await startRedis({ own: true });
  admin = new Redis(redis.url);
  admin.on('error', () => undefined);
  simulator = await startSimulatorProcess([
    ...['--fuel', 'generated', '--symbols', symbols.join(','), '--timeframe', '1m'],
    ...['--pace', 'stepped', '--seed', '5', '--start', '2026-01-05T00:15:00Z'],
  ]);
  dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-e2e-'));
  env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    EVENKEEL_LOCK_TTL_MS: '2000',
    EVENKEEL_CLAIM_POLL_MS: '200',
    EVENKEEL_NEVER_PLACED_HORIZON_MS: '1000',
    ...simulator.env,
  };
  engine = await startEngineProcess(env, dataDir);
  for (const symbol of symbols) {
    const bot = await engine.createBot({
      ...{ name: symbol, symbol, timeframe: '1m', mode: 'live', strategy: 'ema_cross', ema_fast: 2, ema_slow: 5 },
      ...{ initial_capital: '10000', position_size_perc: 40, stop_loss_perc: 20, take_profit_perc: 30 },
    });
    bots.set(symbol, bot.id);
  }
  await bothRun();
});

afterAll(async () => {
  await engine.process.end('SIGTERM');
  await simulator.process.end('SIGTERM');
  admin.disconnect();
  await redis.stop();
  await drop();
});

const bothRun = (): Promise<unknown> => eventually('both bots run', 60_000, async () => (await engine.status()).botsRunning === 2);
const statusOf = (symbol: string): Promise<Status> => engine.ask<Status>('GET', `/v1/bots/${bots.get(symbol) ?? ''}`);
const ready = async (): Promise<{ status: number; text: string }> => {
  const url = /Metrics: (http:\S+)\/metrics/.exec(engine.process.output())?.[1] ?? '';
  const answer = await fetch(`${url}/readyz`);
  return { status: answer.status, text: await answer.text() };
};
/** Ids of the orders that rest for each symbol. */
const resting = async (): Promise<readonly (readonly string[])[]> => {
  const { orders } = await simulator.ledger();
  return symbols.map((symbol) => orders.filter((one) => one.symbol === symbol && one.status === 'NEW').map((one) => one.clientOrderId));
};
/** How often the symbol was sold at the market. */
const sales = async (symbol: string): Promise<number> =>
  (await simulator.ledger()).orders.filter((one) => one.symbol === symbol && one.side === 'SELL' && one.type === 'MARKET').length;

/** Steps until stop and target rest for the named symbols. */
async function hold(...names: readonly string[]): Promise<void> {
  for (let steps = 0; steps < stepsMax; steps += 1) {
    const rests = await resting();
    if (names.every((name) => rests[symbols.findIndex((symbol) => symbol === name)]?.length === 2)) return;
    await simulator.step();
    const closeMs = (await simulator.state()).nowMs - 1;
    await eventually('the bots have decided', 30_000, async () =>
      (await Promise.all(symbols.map(statusOf))).every((status) => Date.parse(status.last_execution ?? '') >= closeMs),
    );
    await eventually('nothing is in flight', 30_000, async () => ((await engine.status()).settledThroughMs ?? 0) >= closeMs);
  }
  throw new Error(`no position within ${stepsMax} candles`);
}

async function closes(symbol: string): Promise<void> {
  const before = await sales(symbol);
  await engine.ask('POST', `/v1/bots/${bots.get(symbol) ?? ''}/commands`, { command: 'close-position' });
  await eventually(`${symbol} is sold`, 60_000, async () => (await sales(symbol)) > before);
  const [btc = [], eth = []] = await resting();
  expect(symbol === 'BTCUSDT' ? btc : eth).toEqual([]);
}

describe('positions', () => {
  it('keep their stops and targets when an engine starts on filters that are not the exchange’s', async () => {
    await hold(...symbols);
    const before = await resting();
    await engine.process.end('SIGKILL');
    for (const key of await admin.keys('evenkeel:*:symbols:*:spot:*')) {
      if ((await admin.type(key)) !== 'string') continue;
      const entry = JSON.parse((await admin.get(key)) ?? '') as { value: { lot: { step: string }; price: { tick: string } }[] };
      for (const instrument of entry.value) {
        instrument.lot.step = '1';
        instrument.price.tick = '1000';
      }
      await admin.set(key, JSON.stringify(entry));
    }
    engine = await startEngineProcess(env, dataDir);
    await bothRun();
    await hold(...symbols);
    expect(await resting()).toEqual(before);
    expect(engine.process.output()).toContain('the cached list of symbols is not what the exchange says');
  });

  it('are sold when that is asked for, whatever others tell of limits, and no message ends the engine', async () => {
    const channels = (await admin.pubsub('CHANNELS', 'evenkeel:*budget-news')) as string[];
    expect(channels).toHaveLength(1);
    const publish = (news: object): Promise<number> => admin.publish(channels[0] ?? '', JSON.stringify({ from: 'x', ...news }));
    const at = (await simulator.state()).nowMs;
    for (let one = 0; one < 65; one += 1) await publish({ kind: 'silence', venue: `made up ${one}`, leftMs: 1_000, reason: 'x' });
    await admin.publish(channels[0] ?? '', '{"kind":"silence","from":"x","venue":"simulated","leftMs":1e300,"reason":"x"}');
    const windows = [0, 1, 2, 3].map((later) => [10_000, Math.floor(at / 10_000) + later, 1e9, at + later * 10_000]);
    await publish({ kind: 'orders', venue: 'simulated', account: 'simulated', orders: { inFlight: 1e9, windows, pause: null } });
    await closes('BTCUSDT');
    expect((await engine.status()).botsRunning).toBe(2);
  });

  it('stay with their engine, and are sold when that is asked for, while a stranger’s name lies in their locks', async () => {
    await hold('BTCUSDT');
    const [lock = ''] = await admin.keys(`evenkeel:*:lock:bot:${bots.get('BTCUSDT') ?? ''}`);
    await admin.set(lock, 'somebody', 'PX', 250_000);
    await eventually('that is noticed', 20_000, async () => /the lock of a bot is somebody else/.test(engine.process.output()));
    await closes('BTCUSDT');
    expect((await engine.status()).botsRunning).toBe(2);
    expect(await admin.get(lock)).toBe('somebody');
    await admin.del(lock);
  });

  it('are sold when that is asked for while Redis answers and takes no writes', async () => {
    await hold('ETHUSDT');
    await admin.config('SET', 'maxmemory', '1');
    await eventually('that is noticed', 10_000, async () => /takes no writes since .*OOM/.test((await ready()).text));
    // Longer than the locks live.
    const noticedAt = performance.now();
    await eventually('the locks have run out', 10_000, async () => performance.now() - noticedAt > 2_500);
    await closes('ETHUSDT');
    expect((await ready()).status).toBe(503);
    await admin.config('SET', 'maxmemory', '0');
    await eventually('that is over', 10_000, async () => (await ready()).status === 200);
  });
});

it('says why no bot runs when Redis is not there at the start, and starts them when it comes', async () => {
  await engine.process.end('SIGTERM');
  await redis.kill();
  engine = await startEngineProcess(env, dataDir);
  await eventually('the bots say it', 20_000, async () =>
    (await Promise.all(symbols.map(statusOf))).every(({ status_message: message }) =>
      /^waits to be started: Redis does not answer since .*ECONNREFUSED/.test(message ?? ''),
    ),
  );
  expect(engine.process.output()).toMatch(/No bot starts: Redis does not answer since/);
  expect(await ready()).toMatchObject({ status: 503, text: expect.stringContaining('Redis does not answer since') as string });
  expect((await engine.status()).coordination).toMatchObject({ kind: 'redis', reachable: false });
  await redis.start();
  await bothRun();
  expect((await ready()).status).toBe(200);
  const lines = engine.process.output().match(/"msg":"Redis [^"]*/g) ?? [];
  expect(lines.map((line) => line.slice(7, 28))).toEqual(['Redis does not answer', 'Redis is back: it tak']);
});
