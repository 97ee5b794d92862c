/**
 * One engine that is kept running: a process on its host, started through the same `startFleet` as in production, started
 * again from the rows after whatever ended it.
 */
import { createMemoryCoordination } from '../../engine/coordination/memory.ts';
import type { MemoryStore } from '../../engine/coordination/memory.ts';
import { createOrderCounts } from '../../engine/coordination/order-budget.ts';
import { hearNews } from '../../engine/coordination/redis-budgets.ts';
import type { CrashPoint } from '../../engine/crash-points.ts';
import { RequestGate } from '../../engine/exchanges/request-gate.ts';
import { startFleet } from '../../engine/fleet.ts';
import type { Fleet, FleetConfig } from '../../engine/fleet.ts';
import { createMarketSeries } from '../../engine/market/series.ts';
import { SymbolDirectory } from '../../engine/market/symbols.ts';
import type { Metrics } from '../../engine/observe/metrics.ts';
import { noLedger } from '../../engine/persistence/decision-ledger.ts';
import type { Safety } from '../../engine/safety.ts';
import type { Instrument } from '../../engine/trading/instrument.ts';
import { KillSwitches } from '../../engine/kill-switch/standing.ts';
import { createMeasuredVenueClock } from '../../engine/time/venue-clock.ts';
import { budgetOf } from '../../engine/venue.ts';
import { createExchangeLink, venueName } from './exchange-link.ts';
import type { ExchangeLink, ExchangeLinkOptions } from './exchange-link.ts';
import type { Weather } from './faults.ts';
import { coordinationLink, databaseTravel, forgedNews } from './links.ts';
import type { Orphans } from './links.ts';
import type { MemoryDatabase } from './memory-database.ts';
import type { MemoryExchange } from './memory-exchange.ts';
import { createMemoryCapitalStore } from './memory-capital.ts';
import { createMemoryBotStore, createMemoryOrderStore, createMemoryReconcileStore } from './memory-stores.ts';
import type { SimulatedMigrations } from './migrations.ts';
import type { PriceFeed } from './price-feed.ts';
import { sameFilters } from './filter-changes.ts';
import type { Random } from './random.ts';
import { SimulatedProcess } from './scheduler.ts';
import type { Scheduler } from './scheduler.ts';
import { logInto } from './trace.ts';
import type { Trace } from './trace.ts';

export interface ReplicaOptions {
  readonly index: number;
  readonly scheduler: Scheduler;
  readonly weather: Weather;
  readonly random: Random;
  readonly trace: Trace;
  readonly database: MemoryDatabase;
  readonly orphans: Orphans;
  readonly migrations: SimulatedMigrations;
  readonly exchange: MemoryExchange;
  readonly feed: PriceFeed;
  readonly redis: MemoryStore;
  readonly bans: ExchangeLinkOptions['bans'];
  readonly metrics: Metrics;
  readonly safety: Safety;
  readonly protectionCheckMs: number;
  onCrashPoint(point: CrashPoint): void;
}

export const installation = 'sim1';

/** Production's values, the horizon and the audit scaled to the schedule: reads lag at most 9 s here. */
export const fleetConfig: Omit<FleetConfig, 'protectionCheckMs'> = {
  venue: venueName,
  capacity: 100,
  claimPollMs: 3_000,
  lockTtlMs: 10_000,
  recvWindowMs: 3_000,
  neverPlacedHorizonMs: 23_000,
  auditIntervalMs: 15_000,
  drainTimeoutMs: 8_000,
  stops: 'exchange',
  paper: { feePercent: 0.1, spreadPercent: 0, slippagePercent: 0 },
};

const bootRetryMs = 1_500;
const symbolsRetryMs = 2_000;
/** As in production; here the rows can always be read. */
const killSwitchPollMs = 500;

export class Replica {
  readonly index: number;
  readonly host = { skewMs: 0 };
  readonly #options: ReplicaOptions;
  #process: SimulatedProcess | null = null;
  #link: ExchangeLink | null = null;
  #gate: RequestGate | null = null;
  #fleet: Fleet | null = null;
  readonly #filtersReadAtMs = new Map<string, number>();
  #symbols: SymbolDirectory | null = null;
  #starts = 0;
  #hear: (which: number) => void = () => undefined;

  constructor(options: ReplicaOptions) {
    this.index = options.index;
    this.#options = options;
  }

  /** Null while it is not up. */
  get fleet(): Fleet | null {
    return this.#process?.alive === true ? this.#fleet : null;
  }

  get paused(): boolean {
    return this.#process?.paused === true;
  }

  /** Virtual time until which the venue wants silence, as far as this process knows. */
  get silentUntilMs(): number {
    const process = this.#process;
    const silence = this.#gate?.silenceRefusal() ?? null;
    return process === null || silence === null ? 0 : this.#options.scheduler.now + (silence.retryAfterMs ?? 0);
  }

  get awaitsCancel(): boolean {
    return this.#link?.awaitsCancel === true;
  }

  get owner(): string {
    return this.#process?.name ?? '';
  }

  start(): void {
    const { scheduler, trace } = this.#options;
    const process = new SimulatedProcess(`engine-${this.index}-${(this.#starts += 1)}`, scheduler, this.host);
    this.#process = process;
    this.#fleet = null;
    this.#symbols = null;
    trace.note(`${process.name} starts`);
    // An engine that cannot start ends, and its watcher starts it again.
    this.#boot(process).catch((error: unknown) => this.#die(process, bootRetryMs, `could not start: ${String(error)}`));
  }

  /** kill -9. */
  kill(restartMs: number, why: string): void {
    if (this.#process !== null) this.#die(this.#process, restartMs, why);
  }

  /** SIGSTOP, and SIGCONT later. */
  pause(forMs: number, why: string): void {
    const process = this.#process;
    if (process === null || !process.alive || process.paused) return;
    process.pause();
    this.#options.trace.note(`${process.name} is stopped (SIGSTOP) for ${forMs} ms: ${why}`);
    this.#options.scheduler.after(forMs, () => {
      if (process.alive) this.#options.trace.note(`${process.name} goes on (SIGCONT)`);
      process.resume();
    });
  }

  /** SIGTERM: it may tidy up before it ends. */
  stop(restartMs: number): void {
    const [process, fleet] = [this.#process, this.#fleet];
    if (process === null || !process.alive || fleet === null) return;
    this.#options.trace.note(`${process.name} is asked to stop (SIGTERM)`);
    process.run(() => void fleet.stop().then(() => this.#die(process, restartMs, 'stopped in order')));
    // What does not stop in time is killed.
    this.#options.scheduler.after(12_000, () => this.#die(process, restartMs, 'did not stop in time'));
  }

  /** The filters that it goes by. */
  instrument(symbol: string): Instrument | null {
    return this.#symbols?.find(symbol) ?? null;
  }

  /** Since when it goes by them, true time, when they have changed while it ran. */
  filtersReadAtMs(symbol: string): number {
    return this.#filtersReadAtMs.get(symbol) ?? Number.NEGATIVE_INFINITY;
  }

  /** Reads the filters of a symbol, again and again until they are told: as if its turn to do so came now. */
  readSymbol(symbol: string): void {
    const [process, symbols] = [this.#process, this.#symbols];
    // What is loaded after it sets the time of the next reading by what it told.
    const read = async (): Promise<void> => {
      await symbols?.refresh();
      await symbols?.load(symbol);
    };
    process?.run(() => void read().catch(() => process.after(symbolsRetryMs, () => this.readSymbol(symbol))));
  }

  /** The exchange has told it the filters: by its timer, or because it refused an order for their sake. */
  #noteRead(told: readonly Instrument[]): readonly Instrument[] {
    for (const instrument of told)
      if (!sameFilters(this.instrument(instrument.symbol), instrument))
        this.#filtersReadAtMs.set(instrument.symbol, this.#options.scheduler.wallMs);
    return told;
  }

  /** Somebody lies to it about the limits of its account. */
  hearForgedNews(which: number): void {
    this.#process?.run(() => this.#hear(which));
  }

  cutUserStream(forMs: number): void {
    this.#link?.cutUserStream(forMs);
  }

  /** For good: the schedule is over. */
  end(): void {
    this.#process?.kill();
  }

  #die(process: SimulatedProcess, restartMs: number, why: string): void {
    if (!process.alive || process !== this.#process) return;
    process.kill();
    this.#options.trace.note(`${process.name} is dead: ${why}`);
    this.#options.migrations.onDeath(process);
    this.#options.scheduler.after(restartMs, () => this.start());
  }

  #reach(process: SimulatedProcess, point: CrashPoint): void {
    // What is left of the turn in which a process died or was stopped changes nothing any more.
    if (!process.alive || process.paused) return;
    const { weather } = this.#options;
    const crash = weather.take('crash-point', this.index, (fault) => fault.point === point);
    if (crash !== null) {
      this.#options.onCrashPoint(point);
      this.#die(process, crash.value ?? 1_000, `crashed at ${point}`);
      return;
    }
    const pause = weather.take('pause-at', this.index, (fault) => fault.point === point);
    if (pause !== null) this.pause(pause.value ?? 1_000, `at ${point}`);
  }

  /** A slow host: what the exchange has taken is heard, or written, much later. */
  #onStopTaken(): void {
    const { weather, scheduler } = this.#options;
    const loop = weather.take('stall-after-stop');
    if (loop !== null) this.pause(loop.value ?? 0, 'its host is slow');
    const rows = weather.take('rows-stall-after-stop');
    if (rows !== null) weather.begin({ kind: 'database-slow', atMs: scheduler.now, forMs: rows.value ?? 0, value: rows.value ?? 0 });
  }

  async #boot(process: SimulatedProcess): Promise<void> {
    const {
      scheduler,
      weather,
      random,
      trace,
      database,
      orphans,
      migrations,
      exchange,
      feed,
      redis,
      bans,
      metrics,
      safety,
      protectionCheckMs,
      index,
    } = this.#options;
    const { clock } = process;
    const log = logInto(trace, process.name);
    const own = random.branch(process.name);
    const link = { process, replica: index, scheduler, weather, random: own };
    const reach = (point: CrashPoint): void => this.#reach(process, point);
    await migrations.run(process, reach);
    const counts = createOrderCounts(clock);
    const coordination = coordinationLink(
      createMemoryCoordination({ clock, owner: process.name, store: { ...redis, orderCounts: counts } }),
      link,
    );
    this.#hear = (which) => {
      for (const news of forgedNews(which, venueName, exchange.account, scheduler.wallMs))
        hearNews(news, { owner: process.name, budgets: redis.budgets, counts });
    };
    const venueClock = createMeasuredVenueClock({ clock, log, metrics, serverTime: () => wire.marketData.serverTime() });
    const gate = new RequestGate({ budget: budgetOf(coordination, venueName, exchange.account), clock, venueClock, log, metrics });
    const wire = createExchangeLink({ ...link, exchange, feed, gate, venueClock, bans, onStopTaken: () => this.#onStopTaken() });
    this.#link = wire;
    this.#gate = gate;
    await venueClock.start();
    const symbols = new SymbolDirectory({
      venue: venueName,
      marketData: {
        ...wire.marketData,
        instruments: async (only) => this.#noteRead(await wire.marketData.instruments(only)),
      },
      cache: coordination.symbols,
      clock,
      log,
      random: () => 0.5,
    });
    this.#symbols = symbols;
    await symbols.start();
    const market = createMarketSeries({
      marketData: wire.marketData,
      clock,
      venueClock,
      log,
      metrics,
      random: () => own.next(),
      openSocket: (handlers) => feed.open(process, index, handlers),
      onEventTime: (atMs) => venueClock.saw(atMs),
      limits: { keptCandles: feed.keptCandles },
    });
    const venue = {
      clock: venueClock,
      feePrices: null,
      keyRefusal: () => null,
      symbols,
      market,
      account: wire.account,
      async stop() {
        symbols.stop();
        venueClock.stop();
        await market.stop();
      },
    };
    const killSwitches = new KillSwitches({ clock, log });
    const readKillSwitches = (): void => killSwitches.setRows([...database.killSwitches.values()]);
    readKillSwitches();
    clock.every(killSwitchPollMs, readKillSwitches);
    const stores = {
      database,
      holder: process.name,
      travel: databaseTravel(link, orphans),
      endCommits: () => orphans.endCommits(process.name),
      now: () => scheduler.wallMs,
    };
    const fleet = await startFleet({
      config: { ...fleetConfig, protectionCheckMs },
      orders: createMemoryOrderStore(stores),
      bots: createMemoryBotStore(stores),
      reconciliation: createMemoryReconcileStore(stores),
      ledger: noLedger,
      capital: createMemoryCapitalStore({ ...stores, capital: database.capital }),
      coordination,
      venue,
      installation,
      owner: process.name,
      clock,
      log,
      metrics,
      random: () => own.next(),
      reach,
      killSwitches,
      safety,
    });
    if (process.alive) this.#fleet = fleet;
  }
}
