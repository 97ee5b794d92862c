/** One replay: a simulator over recorded candles, an engine with four bots, and a driver that steps candle by candle. */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Decimal as Standard } from 'decimal.js';
import pg from 'pg';
import { generatedFuel } from '../../../simulator/generator.ts';
import { startEngineProcess } from './engine-process.ts';
import type { EngineProcess } from './engine-process.ts';
import { naiveEmaCross } from './naive-ema-cross.ts';
import type { NaiveTrade, PlainCandle } from './naive-ema-cross.ts';
import { eventually } from './processes.ts';
import { startSimulatorProcess } from './simulator-process.ts';
import type { SimulatorProcess } from './simulator-process.ts';

const Decimal = Standard.clone({ precision: 60 });

/** A gzipped CSV as the simulator takes it; one that lies beside the repository is used when none is named. */
const recordedPath =
  process.env['EVENKEEL_E2E_RECORDING'] ??
  fileURLToPath(new URL('../../../../shared/data/BTCUSDT-1m-2023-03-01_11.csv.gz', import.meta.url));
export const hasRecording = existsSync(recordedPath) && process.env['EVENKEEL_E2E_FUEL'] !== 'generated';

/** Candles that are past when the replay begins: enough to warm up the slowest of the four bots. */
const historyCandles = 700;
const minuteMs = 60_000;
const seed = 11;

/** What a simulator replays: the recording where it is present, else a market that is the same on every run. */
export const replayedMarket = [
  ...['--symbols', 'BTCUSDT', '--timeframe', '1m', '--pace', 'stepped', '--seed', String(seed)],
  ...(hasRecording
    ? ['--fuel', `recorded:${recordedPath}`, '--history', String(historyCandles)]
    : ['--fuel', 'generated', '--start', '2026-01-05T00:00Z']),
];
/** An order may be received while its lock lasts: a shorter one starves orders on a busy machine. */
export const lockTtlMs = 5_000;

export const botColumns = {
  symbol: 'BTCUSDT',
  timeframe: '1m',
  mode: 'live',
  initial_capital: '10000',
  position_size_perc: 60,
  ema_fast: 5,
  ema_slow: 13,
  ema_period: 50,
  rsi_period: 14,
  rsi_oversold: 35,
  rsi_overbought: 65,
};

export interface Replay {
  readonly simulator: SimulatorProcess;
  readonly databaseUrl: string;
  readonly engineEnv: Readonly<Record<string, string>>;
  readonly dataDir: string;
  /** Venue time at which the replay began: the open of its first candle. */
  readonly startMs: number;
  /** Ids of the four bots by strategy. */
  readonly bots: ReadonlyMap<string, string>;
  engine: EngineProcess;
}

export interface ReplayOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly engineEnv?: Readonly<Record<string, string>>;
  readonly simulatorArgs?: readonly string[];
}

/** Starts everything and waits until all four bots have decided on the last candle of the history. */
export async function beginReplay(options: ReplayOptions): Promise<Replay> {
  const simulator = await startSimulatorProcess([...replayedMarket, ...(options.simulatorArgs ?? [])]);
  const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-e2e-'));
  const engineEnv = {
    DATABASE_URL: options.databaseUrl,
    REDIS_URL: options.redisUrl,
    EVENKEEL_LOCK_TTL_MS: String(lockTtlMs),
    EVENKEEL_CLAIM_POLL_MS: '200',
    EVENKEEL_NEVER_PLACED_HORIZON_MS: '1000',
    ...simulator.env,
    ...options.engineEnv,
  };
  const engine = await startEngineProcess(engineEnv, dataDir);
  const bots = new Map<string, string>();
  for (const strategy of ['ema_cross', 'rsi', 'ema_rsi', 'ema_trend_rsi']) {
    const stops =
      strategy === 'ema_cross' ? {} : { stop_loss_perc: 1, take_profit_perc: 1.5, trailing_stop_perc: 0.8, trailing_stop_active: true };
    const bot = await engine.createBot({ name: strategy, strategy, ...botColumns, ...stops });
    bots.set(strategy, bot.id);
  }
  const { nowMs: startMs } = await simulator.state();
  const replay: Replay = { simulator, databaseUrl: options.databaseUrl, engineEnv, dataDir, startMs, bots, engine };
  await settled(replay, await standsAt(replay));
  return replay;
}

/** Close time of the newest closed candle of the stepped venue. */
export async function standsAt(replay: Replay): Promise<number> {
  return (await replay.simulator.state()).nowMs - 1;
}

/** Waits until every bot has decided on the close at `closeMs` and nothing is in flight. */
export async function settled(replay: Replay, closeMs: number, timeoutMs = 30_000): Promise<void> {
  await eventually(`bots settled through ${new Date(closeMs).toISOString()}`, timeoutMs, async () => {
    const status = await replay.engine.status();
    return status.botsRunning === replay.bots.size && status.settledThroughMs !== null && status.settledThroughMs >= closeMs;
  }).catch(async (error: unknown) => {
    const status = await replay.engine.status().then(
      (told) => JSON.stringify(told),
      (problem: unknown) => String(problem),
    );
    throw new Error(`${String(error)}\nstatus: ${status}\n${replay.engine.process.output().slice(-60_000)}`);
  });
}

/** Steps `candles` candles, each one only when all bots have dealt with the one before. `onStep` may disturb. */
export async function drive(replay: Replay, candles: number, onStep?: (index: number) => Promise<void>): Promise<void> {
  let closeMs = await standsAt(replay);
  for (let index = 0; index < candles; index += 1) {
    const disturbance = onStep?.(index);
    await replay.simulator.step();
    closeMs += minuteMs;
    await disturbance;
    await settled(replay, closeMs);
  }
}

export async function endReplay(replay: Replay): Promise<void> {
  await replay.engine.process.end('SIGTERM');
  await replay.simulator.process.end('SIGTERM');
}

async function connected<T>(replay: Replay, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: replay.databaseUrl });
  await client.connect();
  try {
    return await ask(client);
  } finally {
    await client.end();
  }
}

const plain = (value: string): string => new Decimal(value).toFixed();

/** The trades of the `ema_cross` bot as the database has them. */
export async function storedTrades(replay: Replay): Promise<NaiveTrade[]> {
  const { rows } = await connected(replay, (db) =>
    db.query<Record<string, string>>(
      `select t.side, t.price::text, t.quantity_filled::text as quantity, t.quote_quantity_filled::text as quote, t.commission_amount::text as commission,
            t.commission_asset as "commissionAsset", t.pnl::text, t.realized_pnl::text as "realizedPnl", o.decision_ms::text as "decidedAtMs"
     from trades t join orders o on o.id = t.order_id where t.bot_config_id = $1 order by t.id`,
      [replay.bots.get('ema_cross')],
    ),
  );
  return rows.map((row) => ({
    side: row['side'] === 'BUY' ? 'BUY' : 'SELL',
    price: plain(row['price'] ?? ''),
    quantity: plain(row['quantity'] ?? ''),
    quote: plain(row['quote'] ?? ''),
    commission: plain(row['commission'] ?? ''),
    commissionAsset: row['commissionAsset'] ?? '',
    pnl: plain(row['pnl'] ?? ''),
    realizedPnl: plain(row['realizedPnl'] ?? ''),
    decidedAtMs: Number(row['decidedAtMs']),
  }));
}

/** What the naive calculation says the `ema_cross` bot must do over `driven` candles; known before they are driven. */
export function predictedTrades(replay: Replay, driven: number): readonly NaiveTrade[] {
  const { candles, history } = replayedCandles(replay, driven);
  return naiveEmaCross({
    candles,
    firstDecision: history - 1,
    endDecision: history + driven,
    fast: botColumns.ema_fast,
    slow: botColumns.ema_slow,
    capital: botColumns.initial_capital,
    sizePercent: botColumns.position_size_perc,
    stepSize: '0.00001',
    minNotional: '5',
    fee: '0.001',
    base: 'BTC',
    quote: 'USDT',
  });
}

/** The candles behind a replay; `history` of them are past when it begins. */
function replayedCandles(replay: Replay, driven: number): { readonly candles: readonly PlainCandle[]; readonly history: number } {
  if (hasRecording) return { candles: readRecording(), history: historyCandles };
  const fuel = generatedFuel({ seed, symbols: ['BTCUSDT'], baseTimeframe: '1m' });
  const candles: PlainCandle[] = [];
  for (let index = -historyCandles; index <= driven; index += 1) {
    const candle = fuel.candle('BTCUSDT', replay.startMs + index * minuteMs);
    if (candle === null) throw new Error('the generator has every candle');
    candles.push({
      openTime: candle.openTime,
      open: String(candle.open),
      high: String(candle.high),
      low: String(candle.low),
      close: String(candle.close),
      volume: String(candle.volume),
    });
  }
  return { candles, history: historyCandles };
}

function readRecording(): PlainCandle[] {
  const [, ...lines] = gunzipSync(readFileSync(recordedPath)).toString().trim().split('\n');
  return lines.map((line) => {
    const [openTime = '', open = '', high = '', low = '', close = '', volume = ''] = line.split(',');
    return { openTime: Number(openTime), open, high, low, close, volume };
  });
}

export interface Difference {
  /** Trades that only one side has, as `symbol tradeId clientOrderId side price quantity commission asset`. */
  readonly onlyInLedger: readonly string[];
  readonly onlyInDatabase: readonly string[];
  /** Exchange orders without an intent row. */
  readonly ordersWithoutIntent: readonly string[];
  /** Orders in the database that are not over, but for stops and targets that rest at the exchange. */
  readonly unresolved: readonly string[];
  /** Orders that are open at the exchange and not in the database, and bots whose resting stops or targets exceed their position. */
  readonly protectionThatDiffers: readonly string[];
  /** Bots whose fold of fills is not what `bot_state` holds, or not what the ledger's trades add up to. */
  readonly positionsThatDiffer: readonly string[];
}

/** On one connection: each costs the server a process. */
function storedRows(replay: Replay) {
  return connected(replay, async (db) => {
    const fills = await db.query<Record<string, string>>(
      `select symbol, exchange_trade_id, client_order_id, side, price::text, quantity::text, commission_amount::text, commission_asset, bot_config_id::text from fills`,
    );
    const orders = await db.query<{ id: string; state: string; role: string; bot: string }>(
      'select client_order_id as id, state, role, bot_config_id::text as bot from orders',
    );
    const states = await db.query<{ id: string; quantity: string | null }>(
      `select bot_config_id::text as id, state_data->'position'->>'quantity' as quantity from bot_state`,
    );
    return { fills: fills.rows, orders: orders.rows, states: states.rows };
  });
}

/** Compares the database with the exchange's true ledger, per execution and per bot. */
export async function compareWithLedger(replay: Replay): Promise<Difference> {
  const ledger = await replay.simulator.ledger();
  const { fills, orders, states } = await storedRows(replay);
  const row = (symbol = '', tradeId = '', id = '', side = '', price = '', quantity = '', commission = '', asset = ''): string =>
    [symbol, tradeId, id, side, plain(price), plain(quantity), plain(commission), asset].join(' ');
  const told = new Set(
    ledger.trades.map((t) => row(t.symbol, t.tradeId, t.clientOrderId, t.side, t.price, t.quantity, t.commission, t.commissionAsset)),
  );
  const stored = fills.map((f) =>
    row(
      f['symbol'],
      f['exchange_trade_id'],
      f['client_order_id'],
      f['side'],
      f['price'],
      f['quantity'],
      f['commission_amount'],
      f['commission_asset'],
    ),
  );
  const storedSet = new Set(stored);
  const intents = new Set(orders.map((order) => order.id));
  const botOf = new Map(fills.map((fill) => [fill['client_order_id'] ?? '', fill['bot_config_id'] ?? '']));
  const held = new Map<string, Standard>();
  for (const trade of ledger.trades) {
    const bot = botOf.get(trade.clientOrderId) ?? 'nobody';
    const sign = trade.side === 'BUY' ? 1 : -1;
    const fee = trade.commissionAsset === 'BTC' ? trade.commission : '0';
    held.set(bot, (held.get(bot) ?? new Decimal(0)).plus(new Decimal(trade.quantity).times(sign)).minus(fee));
  }
  const openAtExchange = new Map(
    ledger.orders.filter(({ status }) => status === 'NEW' || status === 'PARTIALLY_FILLED').map((order) => [order.clientOrderId, order]),
  );
  const rests = (order: { id: string; state: string; role: string }): boolean =>
    order.state === 'accepted' && (order.role === 'stop' || order.role === 'target') && openAtExchange.has(order.id);
  const resting = new Map<string, Standard>();
  for (const order of orders.filter(rests)) {
    const { quantity = '0', executedQuantity = '0' } = openAtExchange.get(order.id) ?? {};
    const key = `${order.bot} ${order.role}`;
    resting.set(key, (resting.get(key) ?? new Decimal(0)).plus(quantity).minus(executedQuantity));
  }
  const overInRows = new Set(orders.filter((order) => !rests(order)).map((order) => order.id));
  return {
    onlyInLedger: [...told].filter((trade) => !storedSet.has(trade)),
    onlyInDatabase: stored.filter((trade) => !told.has(trade)),
    ordersWithoutIntent: ledger.orders.map((order) => order.clientOrderId).filter((id) => !intents.has(id)),
    protectionThatDiffers: [
      ...[...openAtExchange.keys()].filter((id) => overInRows.has(id)).map((id) => `${id} is open at the exchange only`),
      ...[...resting]
        .filter(([key, quantity]) => quantity.gt(held.get(key.split(' ')[0] ?? '') ?? 0))
        .map(([key, quantity]) => `bot ${key}: ${quantity.toFixed()} rest, which is more than it holds`),
    ],
    unresolved: orders
      .filter((order) => ['intended', 'unknown', 'accepted'].includes(order.state) && !rests(order))
      .map((order) => `${order.id} ${order.state}`),
    positionsThatDiffer: states
      .filter((state) => !new Decimal(state.quantity ?? 0).eq(held.get(state.id) ?? 0))
      .map(
        (state) => `bot ${state.id}: bot_state ${state.quantity ?? 'nothing'}, ledger ${(held.get(state.id) ?? new Decimal(0)).toFixed()}`,
      ),
  };
}

export const noDifference: Difference = {
  onlyInLedger: [],
  onlyInDatabase: [],
  ordersWithoutIntent: [],
  protectionThatDiffers: [],
  unresolved: [],
  positionsThatDiffer: [],
};
