/** What `startFleet` builds over rows in memory, with a market that a test plays by hand. */
import { pino } from 'pino';
import { createMemoryCoordination } from '../../engine/coordination/memory.ts';
import type { CrashPoint } from '../../engine/crash-points.ts';
import type { TradingAccount } from '../../engine/exchanges/exchange.ts';
import { startFleet } from '../../engine/fleet.ts';
import type { Fleet } from '../../engine/fleet.ts';
import type { MarketSeries, SeriesHealth, SeriesListener, SeriesView } from '../../engine/market/market.ts';
import { SymbolDirectory } from '../../engine/market/symbols.ts';
import type { Log } from '../../engine/observe/log.ts';
import { createMetrics } from '../../engine/observe/metrics.ts';
import { noLedger } from '../../engine/persistence/decision-ledger.ts';
import { KillSwitches } from '../../engine/kill-switch/standing.ts';
import { systemClock as clock } from '../../engine/time/clock.ts';
import { defaultColumns } from '../../engine/trading/bot-columns.ts';
import type { TradingColumns } from '../../engine/trading/bot-columns.ts';
import { createMemoryCapitalStore } from '../simulation/memory-capital.ts';
import type { MemoryDatabase } from '../simulation/memory-database.ts';
import { atOnce, createMemoryBotStore, createMemoryOrderStore, createMemoryReconcileStore } from '../simulation/memory-stores.ts';
import { btc, d } from './trading/given.ts';

export const silent = pino({ level: 'silent' });
export const venueClock = { now: () => clock.now(), trusted: true, resync: async () => undefined };

export interface MemoryFleet {
  readonly fleet: Fleet;
  readonly killSwitches: KillSwitches;
  /** The bot whose series is joined next, or was joined last. */
  joined(): Promise<SeriesListener>;
  /** Series that are joined now. */
  readonly subscriptions: number;
}

export interface MemoryFleetOptions {
  readonly database: MemoryDatabase;
  readonly owner: string;
  /** Null where only paper bots run. */
  readonly account: TradingAccount | null;
  /** Series are warm from then on; rejects when there is no history. */
  readonly warm?: Promise<void>;
  /** How it is then; live when not given. */
  readonly health?: SeriesHealth;
  /** Closes that a bot has missed while nobody ran it. */
  readonly missed?: readonly SeriesView[];
  readonly reach?: (point: CrashPoint, killSwitches: KillSwitches) => void;
  readonly log?: Log;
}

export async function startMemoryFleet({
  database,
  owner,
  account,
  warm,
  health = 'live',
  missed = [],
  reach,
  log = silent,
}: MemoryFleetOptions): Promise<MemoryFleet> {
  const metrics = createMetrics();
  const coordination = createMemoryCoordination({ clock, owner, metrics });
  const nothing = async (): Promise<never> => Promise.reject(new Error('nobody asks for it here'));
  const marketData = { serverTime: nothing, instruments: async () => [btc], klines: nothing, price: nothing, prices: nothing };
  const symbols = new SymbolDirectory({ venue: 'simulated', marketData, cache: coordination.symbols, clock, log, random: () => 0 });
  await symbols.start();
  const joined = Promise.withResolvers<SeriesListener>();
  const subscriptions = new Set<SeriesListener>();
  const market: MarketSeries = {
    async subscribe(_request, listener) {
      subscriptions.add(listener);
      await warm;
      // When the bot runs.
      clock.soon(() => clock.soon(() => joined.resolve(listener)));
      return { health, reason: '', view: () => null, missedSince: () => missed, close: () => void subscriptions.delete(listener) };
    },
    stop: async () => undefined,
  };
  const stores = { database, holder: owner, travel: atOnce, endCommits: () => undefined, now: () => clock.now() };
  const killSwitches = new KillSwitches({ clock, log });
  const fleet = await startFleet({
    config: {
      venue: 'simulated',
      capacity: 10,
      claimPollMs: 50,
      lockTtlMs: 10_000,
      recvWindowMs: 3_000,
      neverPlacedHorizonMs: 60_000,
      auditIntervalMs: 30_000,
      drainTimeoutMs: 1_000,
      protectionCheckMs: 10_000,
      stops: 'engine',
      paper: { feePercent: 0.1, spreadPercent: 0, slippagePercent: 0 },
    },
    orders: createMemoryOrderStore(stores),
    bots: createMemoryBotStore(stores),
    reconciliation: createMemoryReconcileStore(stores),
    ledger: noLedger,
    capital: createMemoryCapitalStore({ ...stores, capital: database.capital }),
    coordination,
    venue: { clock: venueClock, symbols, market, account, feePrices: null, keyRefusal: () => null, stop: async () => symbols.stop() },
    installation: 'test',
    owner,
    clock,
    log,
    metrics,
    random: () => 0,
    reach: (point) => reach?.(point, killSwitches),
    killSwitches,
  });
  return {
    fleet,
    killSwitches,
    joined: () => joined.promise,
    get subscriptions() {
      return subscriptions.size;
    },
  };
}

/** A bot that trades the crosses of two averages with half of 1,000. */
export function addCrossBot(database: MemoryDatabase, mode: 'live' | 'paper', change: Partial<TradingColumns> = {}, id = '1'): void {
  const columns = { ...defaultColumns, name: 'b', symbol: 'BTCUSDT', timeframe: '1m', strategy: 'ema_cross' } as const;
  database.addBot({
    ...{ id, userId: '1', version: 1, mode, venue: 'simulated' },
    columns: { ...columns, initialCapital: d(1_000), positionSizePerc: 50, ...change },
  });
}

function candleOf(price: number) {
  const closeTime = Math.floor(clock.now());
  return { openTime: closeTime - 59_999, closeTime, open: price, high: price, low: price, close: price, volume: 1, closed: true };
}

/** A close at which the fast average crosses above the slow one. */
export function cross(bot: SeriesListener, price = 100): void {
  close(bot, { candle: candleOf(price), current: [2, 1], previous: [1, 2] });
}

/** The other way round: the strategy would leave. */
export function crossBack(bot: SeriesListener, price = 100): void {
  close(bot, { candle: candleOf(price), current: [1, 2], previous: [2, 1] });
}

/** The market goes on behind it: paper orders wait for the next candle's open. */
function close(bot: SeriesListener, view: SeriesView): void {
  bot.onClose(view, 0);
  move(bot, view.candle.close);
}

/** A price of the candle under way. */
export function move(bot: SeriesListener, price: number): void {
  const openTime = Math.floor(clock.now()) + 1;
  bot.onUpdate({ ...candleOf(price), openTime, closeTime: openTime + 59_999, closed: false });
}
