/**
 * Paper bots in real processes against a calculation from the candles alone. The engine is killed again and again: in the moment
 * of a close (what was decided has no price yet), and for a few candles. `EVENKEEL_E2E_PAPER_CANDLES` sets how many are played.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { generatedFuel } from '../../simulator/generator.ts';
import { freshDatabase } from '../servers/database.ts';
import { startEngineProcess } from './support/engine-process.ts';
import type { EngineProcess } from './support/engine-process.ts';
import type { PlainCandle } from './support/naive-ema-cross.ts';
import { naivePaper } from './support/naive-paper.ts';
import type { PaperTrade } from './support/naive-paper.ts';
import { eventually } from './support/processes.ts';
import { startSimulatorProcess } from './support/simulator-process.ts';
import type { SimulatorProcess } from './support/simulator-process.ts';

const candleCount = Number(process.env['EVENKEEL_E2E_PAPER_CANDLES'] ?? 150);
const minuteMs = 60_000;
const seed = 11;
const history = 700;
const columns = {
  symbol: 'BTCUSDT',
  timeframe: '1m',
  mode: 'paper',
  strategy: 'ema_cross',
  position_size_perc: 60,
  ema_fast: 3,
  ema_slow: 8,
};

/** A check interval of a candle: what happened inside is judged when it has closed, as the calculation does. */
const bots = [
  { name: 'signals', stop: null, target: null, trailing: null },
  { name: 'stop and target', stop: 0.12, target: 0.2, trailing: null },
  { name: 'trailing', stop: 0.3, target: null, trailing: 0.15 },
] as const;

let simulator: SimulatorProcess;
let engine: EngineProcess;
let database: Awaited<ReturnType<typeof freshDatabase>>;
let engineEnv: Record<string, string>;
let startMs: number;
let dataDir: string;
const ids = new Map<string, string>();
/** By number of the candle since the start: closes at which no engine ran. */
const away = new Set<number>();

beforeAll(async () => {
  database = await freshDatabase();
  simulator = await startSimulatorProcess([
    ...['--symbols', 'BTCUSDT', '--timeframe', '1m', '--pace', 'stepped', '--seed', String(seed)],
    ...['--fuel', 'generated', '--start', '2026-01-05T00:00Z'],
  ]);
  dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-e2e-'));
  engineEnv = {
    DATABASE_URL: database.url,
    REDIS_URL: `${inject('redisUrl')}/1`,
    // A close's order has a receive window of what is left of the lock: short locks starve it on a busy host.
    EVENKEEL_LOCK_TTL_MS: '6000',
    EVENKEEL_CLAIM_POLL_MS: '200',
    ...simulator.env,
  };
  engine = await startEngineProcess(engineEnv, dataDir);
  for (const { name, stop, target, trailing } of bots) {
    const stops = {
      ...(stop === null ? {} : { stop_loss_perc: stop }),
      ...(target === null ? {} : { take_profit_perc: target }),
      ...(trailing === null ? {} : { trailing_stop_perc: trailing, trailing_stop_active: true }),
    };
    const bot = await engine.createBot({ name, ...columns, initial_capital: '10000', check_interval_seconds: 60, ...stops });
    ids.set(name, bot.id);
  }
  startMs = (await simulator.state()).nowMs;
  await settled(startMs - 1);
});

afterAll(async () => {
  await engine.process.end('SIGTERM');
  await simulator.process.end('SIGTERM');
  await database.drop();
});

function settled(closeMs: number): Promise<unknown> {
  return eventually(`paper bots settled through ${new Date(closeMs).toISOString()}`, 60_000, async () => {
    const status = await engine.status();
    return status.botsRunning === bots.length && status.settledThroughMs !== null && status.settledThroughMs >= closeMs;
  });
}

async function drive(): Promise<void> {
  for (let index = 0; index < candleCount; index += 1) {
    await simulator.step();
    const killed = index % 17 === 16 || index % 41 === 40;
    if (killed) {
      await engine.process.end('SIGKILL');
      // Every other time a few candles pass meanwhile; the newest of them is decided on.
      for (let missed = index % 41 === 40 ? 3 : 0; missed > 0 && index < candleCount - 1; missed -= 1) {
        away.add(index);
        await simulator.step();
        index += 1;
      }
      engine = await startEngineProcess(engineEnv, dataDir);
    }
    await settled(startMs + (index + 1) * minuteMs - 1);
  }
}

async function stored(name: string): Promise<PaperTrade[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<'side' | 'price' | 'quantity' | 'commission' | 'decided', string>>(
      `select t.side, trim_scale(t.price)::text as price, trim_scale(t.quantity_filled)::text as quantity,
              trim_scale(t.commission_amount)::text as commission, o.decision_ms::text as decided
       from trades t join orders o on o.id = t.order_id where t.bot_config_id = $1 order by t.id`,
      [ids.get(name)],
    );
    return rows.map(({ side, price, quantity, commission, decided }) => ({
      side: side === 'BUY' ? 'BUY' : 'SELL',
      price,
      quantity,
      commission,
      decidedAtMs: Number(decided),
    }));
  } finally {
    await client.end();
  }
}

/** Why a trade was not made. */
async function explained(name: string, { side, decidedAtMs }: PaperTrade): Promise<unknown> {
  const index = (decidedAtMs + 1 - startMs) / minuteMs - 1;
  const told = await engine.ask('GET', `/v1/bots/${ids.get(name) ?? ''}/explain?at=${new Date(decidedAtMs).toISOString()}`);
  return { side, index, told };
}

function candles(): PlainCandle[] {
  const fuel = generatedFuel({ seed, symbols: ['BTCUSDT'], baseTimeframe: '1m' });
  return Array.from({ length: history + candleCount + 2 }, (_, index) => {
    const candle = fuel.candle('BTCUSDT', startMs + (index - history) * minuteMs);
    if (candle === null) throw new Error('the generator has every candle');
    const { openTime, open, high, low, close, volume } = candle;
    return {
      openTime,
      open: String(open),
      high: String(high),
      low: String(low),
      close: String(close),
      volume: String(volume),
    };
  });
}

describe(`three paper bots over ${candleCount} candles`, () => {
  it(
    'make the trades that follow from the candles, killed or not',
    async () => {
      await drive();
      const played = candles();
      for (const { name, stop, target, trailing } of bots) {
        const expected = naivePaper({
          candles: played,
          from: history - 1,
          to: history + candleCount,
          away: new Set([...away].map((index) => history + index)),
          fast: columns.ema_fast,
          slow: columns.ema_slow,
          capital: 10_000,
          sizePercent: columns.position_size_perc,
          stop,
          target,
          trailing,
        });
        const made = await stored(name);
        const [missing] = expected.filter(({ decidedAtMs }) => !made.some((trade) => trade.decidedAtMs === decidedAtMs));
        expect([name, missing === undefined ? null : await explained(name, missing)]).toEqual([name, null]);
        expect(made).toEqual(expected);
        expect([name, expected.length >= candleCount / 25]).toEqual([name, true]);
      }
    },
    candleCount * 2_000 + 240_000,
  );
});
