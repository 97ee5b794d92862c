/**
 * `npm run bench`: how fast a closed candle becomes an order on the wire, and how many decisions a second one process makes,
 * for 1,000 bots on 50 symbols against the simulator (its own process), on a real PostgreSQL. Prints what it did.
 * BENCH_BOTS, BENCH_SYMBOLS and BENCH_CANDLES change the size.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { startEngine } from '../engine/compose.ts';
import { readConfig } from '../engine/config.ts';
import { createLog } from '../engine/observe/log.ts';
import { createMetrics } from '../engine/observe/metrics.ts';
import { startEmbeddedPostgres } from '../engine/database/embedded-postgres.ts';
import { KillFile } from '../engine/kill-switch/file.ts';
import { KillSwitches } from '../engine/kill-switch/standing.ts';
import { systemClock } from '../engine/time/clock.ts';

const help = `How fast a closed candle becomes an order on the wire, and how many decisions a second one process makes: an engine with live bots
against a simulator of its own process, on a real PostgreSQL. Takes a minute or two and leaves nothing behind.

Examples
  npm run bench
  BENCH_BOTS=200 BENCH_SYMBOLS=10 BENCH_CANDLES=30 npm run bench

Environment
  BENCH_BOTS      how many bots (default 1000)
  BENCH_SYMBOLS   on how many symbols (default 50)
  BENCH_CANDLES   how many candles are played (default 120)
`;
const argument = process.argv[2];
if (argument !== undefined) {
  const asked = argument === '--help' || argument === '-h';
  (asked ? process.stdout : process.stderr).write(asked ? help : `"${argument}" is not understood; see --help.\n`);
  process.exit(asked ? 0 : 2);
}

const bots = Number(process.env['BENCH_BOTS'] ?? 1_000);
const symbolCount = Number(process.env['BENCH_SYMBOLS'] ?? 50);
const candles = Number(process.env['BENCH_CANDLES'] ?? 120);
const key = { apiKey: 'bench', secret: 'bench' };
const symbols = Array.from({ length: symbolCount }, (_, index) => `SIM${String(index + 1).padStart(3, '0')}USDT`);

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'));
const log = createLog({ level: 'error' });
const postgres = await startEmbeddedPostgres({ dataDir: folder, clock: systemClock, log });
const simulator = await startSimulatorProcess();
const metrics = createMetrics();
const barToOrderMs = record(metrics.barToOrder);
const barToDecisionMs = record(metrics.barToDecision);

const streams = simulator.url.replace('http', 'ws');
const engine = await startEngine({
  config: readConfig({
    DATABASE_URL: postgres.url,
    EVENKEEL_DATA_DIR: folder,
    EVENKEEL_LOG_LEVEL: 'error',
    EVENKEEL_ADMIN_PORT: '0',
    EVENKEEL_METRICS_PORT: '0',
    EVENKEEL_VENUE_REST_URL: simulator.url,
    EVENKEEL_VENUE_STREAM_URL: streams,
    EVENKEEL_VENUE_WS_API_URL: `${streams}/ws-api/v3`,
    EVENKEEL_VENUE_API_KEY: key.apiKey,
    EVENKEEL_VENUE_API_SECRET: key.secret,
  }),
  log,
  killFile: new KillFile({
    path: join(folder, 'kill-switch'),
    standing: new KillSwitches({ clock: systemClock, log }),
    clock: systemClock,
    log,
  }),
  metrics,
  onFatal(reason) {
    throw new Error(reason);
  },
});

const startedAt = performance.now();
await insertBots();
await engine.fleet?.supervisor.wake();
await until('all bots run and have decided on the newest close', async () => settledThrough() >= (await simulatorNow()) - 1);
const readyMs = performance.now() - startedAt;

barToOrderMs.length = 0;
barToDecisionMs.length = 0;
let busyMs = 0;
const cpuBefore = process.cpuUsage();
for (let candle = 0; candle < candles; candle += 1) {
  const steppedAt = performance.now();
  await simulator.step();
  const closeMs = (await simulatorNow()) - 1;
  await until('the close is dealt with', async () => settledThrough() >= closeMs);
  busyMs += performance.now() - steppedAt;
}

const cpu = process.cpuUsage(cpuBefore);
const cpuMs = (cpu.user + cpu.system) / 1_000;
const decisions = barToDecisionMs.length;
print(
  'machine',
  `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, PostgreSQL embedded, simulator in its own process`,
);
print('bots', `${bots} on ${symbolCount} symbols, ${candles} closes each, four strategies, live mode`);
print('start to all bots warm and decided', `${readyMs.toFixed(0)} ms`);
print(
  'closed candle received to order handed to the socket',
  `p50 ${quantile(barToOrderMs, 0.5)} ms, p99 ${quantile(barToOrderMs, 0.99)} ms (${barToOrderMs.length} orders; many at one close share one commit)`,
);
print(
  'closed candle received to decided',
  `p50 ${quantile(barToDecisionMs, 0.5)} ms, p99 ${quantile(barToDecisionMs, 0.99)} ms (the wait behind other bots of the message included)`,
);
print(
  'decisions per second, everything included',
  `${Math.round((decisions / busyMs) * 1_000)} (frames, series, orders, fills, rows; the next close waits for all of it)`,
);
print(
  'CPU of the engine per close',
  `${(cpuMs / candles).toFixed(1)} ms of one core, ${(cpuMs / barToOrderMs.length).toFixed(2)} ms per order (${bots} bots; its share in asking whether a close is over included)`,
);
print(
  'resident memory',
  `${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB, ${(process.memoryUsage.rss() / bots / 1e3).toFixed(0)} kB per bot in all`,
);

await engine.stop();
simulator.stop();
await postgres.stop();
rmSync(folder, { recursive: true, force: true });
process.exit(0);

function print(what: string, value: string): void {
  process.stdout.write(`${what}: ${value}\n`);
}

/** Keeps every observation of a histogram: its buckets are too coarse for a report. */
function record(histogram: { observe(value: number): void }): number[] {
  const values: number[] = [];
  const observe = histogram.observe.bind(histogram);
  histogram.observe = (seconds: number) => {
    values.push(seconds * 1_000);
    observe(seconds);
  };
  return values;
}

function quantile(values: readonly number[], share: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(3);
}

function settledThrough(): number {
  let through = Number.POSITIVE_INFINITY;
  let count = 0;
  for (const { bot } of engine.fleet?.supervisor.entries() ?? []) {
    count += 1;
    through = Math.min(through, bot.settledThroughMs ?? Number.NEGATIVE_INFINITY);
  }
  return count === bots ? through : Number.NEGATIVE_INFINITY;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come true within 120 s`);
    await systemClock.sleep(5);
  }
}

async function insertBots(): Promise<void> {
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(
    `insert into bot_configs (user_id, name, symbol, timeframe, is_active, initial_capital, position_size_perc, trailing_stop_active, stop_loss_perc,
       ema_fast, ema_slow, rsi_period, rsi_oversold, rsi_overbought, check_interval_seconds, strategy, ema_period, position_type, auto_transfer_funds,
       leverage, mode, venue, direction, margin_type, version, created_at, updated_at)
     select (select min(id) from users), 'bench ' || n, ($1::text[])[1 + n % $2], '1m', true, 1000, 50, false, 2, 5 + n % 3, 13 + n % 5, 14, 35, 65, 1,
       (array['ema_cross', 'rsi', 'ema_rsi', 'ema_trend_rsi'])[1 + n % 4], 50, 'spot', false, 1, 'live', 'simulated', 'long', 'isolated', 1, now(), now()
     from generate_series(0, $3 - 1) n`,
    [symbols, symbolCount, bots],
  );
  await client.end();
}

async function startSimulatorProcess() {
  const child = spawn(
    process.execPath,
    [
      'simulator/main.ts',
      '--port',
      '0',
      '--control-port',
      '0',
      '--symbols',
      symbols.join(','),
      '--timeframe',
      '1m',
      '--pace',
      'stepped',
      '--orders-per-10s',
      '1000000',
      '--account',
      `bench:${key.apiKey}:${key.secret}:USDT=100000000`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  process.on('exit', () => child.kill('SIGKILL'));
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()));
    child.once('exit', (code) => reject(new Error(`the simulator ended with ${code}`)));
  });
  const [, url = '', control = ''] = /ready: (\S+) \(control (\S+)\)/.exec(line) ?? [];
  return {
    url,
    control,
    async step() {
      await fetch(`${control}/step`, { method: 'POST' });
    },
    stop: () => child.kill('SIGTERM'),
  };
}

async function simulatorNow(): Promise<number> {
  return ((await (await fetch(`${simulator.control}/state`)).json()) as { nowMs: number }).nowMs;
}
