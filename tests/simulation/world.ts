/** One schedule, played: the world is made from the seed, the storm comes from the list of faults, then there is calm, then judgement. */
import { Decimal } from 'decimal.js';
import { createMemoryStore } from '../../engine/coordination/memory.ts';
import type { CrashPoint } from '../../engine/crash-points.ts';
import { createMetrics } from '../../engine/observe/metrics.ts';
import { fullSafety } from '../../engine/safety.ts';
import type { Safety } from '../../engine/safety.ts';
import { systemClock } from '../../engine/time/clock.ts';
import { botsOf, depositsOf, feesOf, instrumentsOf, poisonBot, symbolsOf } from './bots.ts';
import { Weather } from './faults.ts';
import type { Fault, FaultKind } from './faults.ts';
import { isReadAtOnce } from './filter-changes.ts';
import { Invariants } from './invariants.ts';
import type { Violation } from './watched.ts';
import { Orphans } from './links.ts';
import { MemoryDatabase } from './memory-database.ts';
import { MemoryExchange } from './memory-exchange.ts';
import { SimulatedMigrations } from './migrations.ts';
import { PriceFeed, pointMs } from './price-feed.ts';
import { Random } from './random.ts';
import { Replica } from './replica.ts';
import { calmFromMs, calmMs, replicasOf } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { Scheduler, epochMs } from './scheduler.ts';
import { Trace } from './trace.ts';
import { Users } from './users.ts';

export interface PlayOptions {
  readonly safety?: Safety;
  /** Keep what happened as lines. */
  readonly readable?: boolean;
  /** One more bot, which crashes its actor whenever it is started. */
  readonly poison?: boolean;
}

export interface Outcome {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly hash: string;
  readonly trace: readonly string[];
  readonly orders: number;
  /** Which bot traded which way at which price point, in order. */
  readonly decisions: readonly string[];
  readonly fills: number;
  readonly events: number;
  /** Faults that had an effect, by kind. */
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly crashPoints: ReadonlyMap<CrashPoint, number>;
}

const promptChecks = { protectionCheckMs: 5_000, checkIntervalSeconds: 1 } as const;
/** The day's loss after which a bot ends: after a trade or two in a restless market. */
const [calmLossPerc, restlessLossPerc] = [0.6, 0.3];
const rareChecks = { protectionCheckMs: 60_000, checkIntervalSeconds: 50 } as const;

/** One registry for all schedules, and a silent one: nobody looks at what they count. */
const metrics = createMetrics();
const nothing = (): void => undefined;
for (const metric of metrics.registry.getMetricsAsArray())
  Object.assign(metric, { inc: nothing, dec: nothing, set: nothing, observe: nothing, follow: () => nothing });
const account = 'account';
/** What a price sets off (a stop executes, its rows follow) is over after so long. The judge waits for such a pause, for a while. */
const settleMs = 2_000;
const settleMaxMs = 60_000;
/** Engines read filters on a timer of minutes: here it happens to be due so long after they changed. */
const filtersReadAfterMs = 1_000;
const foreign = { clientOrderId: 'web_somebody', quantity: new Decimal('0.2') };

export async function play(
  schedule: Schedule,
  { safety = fullSafety, readable = false, poison = false }: PlayOptions = {},
): Promise<Outcome> {
  const random = new Random(schedule.seed);
  const stormMs = calmFromMs(schedule);
  const scheduler = new Scheduler(epochMs - (schedule.toMidnightMs ?? 0));
  const trace = new Trace(scheduler, readable);
  const weather = new Weather(() => scheduler.now);
  const now = (): number => scheduler.wallMs;
  const paths = symbolsOf(random.branch('symbols'));
  const deposits = depositsOf(random.branch('money'));
  const exchange = new MemoryExchange({
    account,
    instruments: instrumentsOf(paths),
    fees: feesOf(random.branch('fees')),
    deposits,
    now,
    staleForMs: () => weather.take('reads-stale')?.value ?? 0,
    thinShare: () => weather.take('thin-resting')?.value ?? null,
  });
  const feed = new PriceFeed(
    {
      symbols: paths,
      minutes: Math.ceil((stormMs + calmMs + settleMaxMs) / 60_000),
      restless: schedule.restless === true,
      mixed: schedule.mixed === true,
    },
    { scheduler, weather, random: random.branch('market'), exchange },
  );
  feed.start();
  const foreignOrder = { ...foreign, symbol: paths[0]?.symbol ?? '' };
  placeForeign(exchange, foreignOrder);

  const database = new MemoryDatabase(safety);
  const { protectionCheckMs, checkIntervalSeconds } = schedule.rareChecks === true ? rareChecks : promptChecks;
  const lossPerc = schedule.restless === true ? restlessLossPerc : calmLossPerc;
  const bots = botsOf(random.branch('bots'), paths, { ...schedule, checkIntervalSeconds, lossPerc });
  for (const row of poison ? [...bots, poisonBot(bots)] : bots) database.addBot(row);
  const bans = { untilMs: 0, brokenBy: null };
  const crashPoints = new Map<CrashPoint, number>();
  const clock = { now, monotonic: () => scheduler.now };
  const redis = createMemoryStore({ ...unusedClock, ...clock });
  const migrations = new SimulatedMigrations(['first', 'second']);
  const shared = { scheduler, trace, weather, database, orphans: new Orphans(), exchange, feed, bans, protectionCheckMs };
  const replicas = Array.from(
    { length: replicasOf(schedule.seed) },
    (_, index) =>
      new Replica({
        ...shared,
        index,
        random: random.branch(`replica ${index}`),
        migrations,
        redis,
        metrics,
        safety,
        onCrashPoint: (point) => void crashPoints.set(point, (crashPoints.get(point) ?? 0) + 1),
      }),
  );
  const users = new Users(database, scheduler);
  const invariants = new Invariants({ ...shared, replicas, users, deposits, foreignOrder });
  database.watch = invariants;
  exchange.watch = invariants;
  const onUnhandled = (error: unknown): void => invariants.onUnhandled(error);
  process.on('unhandledRejection', onUnhandled);
  try {
    for (const replica of replicas) replica.start();
    for (const fault of schedule.faults)
      scheduler.after(fault.atMs, () => {
        trace.note(`fault: ${JSON.stringify(fault)}`);
        strike(fault, { weather, scheduler, replicas, feed, redis, exchange, users, stormMs });
      });
    await scheduler.run(stormMs);
    trace.note('calm');
    weather.clear();
    users.comeToRest();
    const endMs = stormMs + calmMs;
    await scheduler.run(endMs);
    for (
      let untilMs = feed.lastMovedMs + settleMs;
      untilMs > scheduler.now && untilMs < endMs + settleMaxMs;
      untilMs = feed.lastMovedMs + settleMs
    )
      await scheduler.run(untilMs);
    invariants.atRest();
  } finally {
    for (const replica of replicas) replica.end();
    // Rejections are told when the tick queue has run empty.
    await new Promise<void>((resolve) => systemClock.soon(resolve));
    process.off('unhandledRejection', onUnhandled);
  }
  trace.note(`${scheduler.fired} events, ${database.orders.size} orders, ${database.fills.length} fills`);
  return {
    seed: schedule.seed,
    violations: invariants.violations,
    hash: trace.hash,
    trace: trace.lines ?? [],
    orders: invariants.ledger.accepted.length,
    decisions: [...database.orders.values()]
      .map(({ intent }) => `${intent.botId} ${intent.side} ${Math.floor(intent.decisionMs / pointMs)}`)
      .sort(),
    fills: database.fills.length,
    events: scheduler.fired,
    faults: weather.hits,
    crashPoints,
  };
}

/** The shared store asks for the time only. */
const unusedClock = {
  after: neverAsked,
  every: neverAsked,
  soon: neverAsked,
  sleep: neverAsked,
};

function neverAsked(): never {
  throw new Error('the store of coordination sets no timers');
}

/** Somebody else trades on the account too: an order that rests far away, in front of everything. */
function placeForeign(
  exchange: MemoryExchange,
  { symbol, clientOrderId, quantity }: { symbol: string; clientOrderId: string; quantity: Decimal },
): void {
  const price = exchange.matching.lastTick(symbol)?.price.times(2).toDecimalPlaces(2);
  if (price === undefined) return;
  const placed = exchange.matching.place(
    exchange.account,
    { symbol, side: 'SELL', type: 'LIMIT', timeInForce: 'GTC', clientOrderId, quantity, price },
    exchange.now(),
  );
  if (!placed.ok) throw new Error(`the foreign order was refused: ${placed.refusal.message}`);
}

interface Struck {
  readonly weather: Weather;
  readonly scheduler: Scheduler;
  readonly replicas: readonly Replica[];
  readonly feed: PriceFeed;
  readonly redis: ReturnType<typeof createMemoryStore>;
  readonly exchange: MemoryExchange;
  readonly users: Users;
  readonly stormMs: number;
}

function strike(fault: Fault, struck: Struck): void {
  const { weather, scheduler, replicas, feed, redis, exchange, users } = struck;
  const replica = replicas[fault.replica ?? 0];
  const value = fault.value ?? 0;
  /** There is nothing yet that it could concern. */
  const again = (): void => {
    if (scheduler.now < struck.stormMs) scheduler.after(4_000, () => strike(fault, struck));
  };
  switch (fault.kind) {
    case 'kill':
      weather.count(fault.kind);
      replica?.kill(value, 'kill -9');
      return;
    case 'stop':
      weather.count(fault.kind);
      replica?.stop(value);
      return;
    case 'pause':
      weather.count(fault.kind);
      replica?.pause(fault.forMs ?? 0, 'SIGSTOP');
      return;
    case 'clock-jump':
      weather.count(fault.kind);
      if (replica !== undefined) replica.host.skewMs = value;
      return;
    case 'redis-flush':
      weather.count(fault.kind);
      redis.locks.clear();
      return;
    case 'user-cut':
      weather.count(fault.kind);
      replica?.cutUserStream(fault.forMs ?? 0);
      return;
    case 'news-forged':
      weather.count(fault.kind);
      replica?.hearForgedNews(value);
      return;
    case 'market-cut':
      weather.count(fault.kind);
      feed.cut(fault.replica, fault.forMs ?? 0);
      return;
    case 'stranger':
      if (exchange.cancelAsStranger()) weather.count(fault.kind);
      else again();
      return;
    case 'ask-tighten':
      if (users.tighten(value)) weather.count(fault.kind);
      else again();
      return;
    case 'symbol-halt':
      weather.count(fault.kind);
      for (const { symbol } of exchange.instruments) {
        exchange.matching.setStatus(symbol, 'HALT');
        scheduler.after(fault.forMs ?? 0, () => exchange.matching.setStatus(symbol, 'TRADING'));
      }
      return;
    case 'foreign-flood':
      if (exchange.flood(symbolOf(fault, exchange), Math.floor(value))) weather.count(fault.kind);
      else again();
      return;
    case 'filters-change': {
      weather.count(fault.kind);
      const symbol = symbolOf(fault, exchange);
      // Unread on top of another change, engines would go by filters that are in force no more.
      const readAtOnce = isReadAtOnce(value) || exchange.filters.changed(symbol);
      const changeBack = exchange.changeFilters(symbol, value);
      const read = (): void => void scheduler.after(filtersReadAfterMs, () => replicas.forEach((each) => each.readSymbol(symbol)));
      if (readAtOnce) read();
      scheduler.after(fault.forMs ?? 0, () => {
        changeBack();
        read();
      });
      return;
    }
    case 'ask-stop':
    case 'ask-pause':
    case 'ask-close':
    case 'ask-change':
      weather.count(fault.kind);
      users.ask(fault.kind, fault.bot ?? 0, value);
      return;
    default:
      weather.begin(fault);
  }
}

function symbolOf({ symbol = 0 }: Fault, { instruments }: MemoryExchange): string {
  const named = instruments[symbol % instruments.length];
  if (named === undefined) throw new RangeError('the exchange lists nothing');
  return named.symbol;
}
