/** One run's world: a simulator, a database and one or two engines behind bad links, with live bots on one-second candles. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { account, startSimulatorProcess } from '../e2e/support/simulator-process.ts';
import type { SimulatorProcess } from '../e2e/support/simulator-process.ts';
import { eventually } from '../e2e/support/processes.ts';
import { newDatabase, onServer } from '../servers/new-database.ts';
import { Replica, startLinks } from './replica.ts';
import type { Servers } from './servers.ts';

export interface WorldOptions {
  readonly servers: Servers;
  readonly folder: string;
  readonly seed: number;
  readonly bots: number;
  /** Crash point per replica, null for none; its length is the number of replicas. */
  readonly crashAt: readonly (string | null)[];
  /** An unmigrated database: the first engine migrates it. */
  readonly unmigrated?: boolean;
  readonly pauseMs?: number;
  /** The second engine is a standby: it boots, and stands still until the first runs all bots, stands still itself, or takes too long. */
  readonly standby?: boolean;
  readonly engineEnv?: Readonly<Record<string, string>>;
  readonly simulatorArgs?: readonly string[];
  /** Columns of every bot that differ from the usual ones. */
  readonly botColumns?: Readonly<Record<string, unknown>>;
  onEvent(what: string): void;
}

/** Shorter than in production, so that a run sees several take-overs; a window of orders is what is left of it minus 2 s. */
export const lockTtlMs = 4_000;
const symbols = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'ADAUSDT', 'XRPUSDT'] as const;
const standbyAfterMs = 5_000;
/** So short that an average crosses every few candles. */
const averages = [
  [1, 2],
  [1, 3],
  [2, 3],
  [1, 4],
] as const;

export class World {
  readonly options: WorldOptions;
  readonly simulator: SimulatorProcess;
  readonly databaseName: string;
  readonly replicas: readonly Replica[];
  #databaseUp = true;
  #redisUp = true;
  #changing: Promise<void> = Promise.resolve();

  private constructor(options: WorldOptions, simulator: SimulatorProcess, databaseUrl: string, replicas: readonly Replica[]) {
    this.options = options;
    this.simulator = simulator;
    this.databaseName = new URL(databaseUrl).pathname.slice(1);
    this.replicas = replicas;
  }

  /** Starts everything and waits until the bots exist and all of them run. */
  static async start(options: WorldOptions): Promise<World> {
    const { servers, seed } = options;
    mkdirSync(options.folder, { recursive: true });
    const [database, simulator] = await Promise.all([
      newDatabase(servers.postgres.url, options.unmigrated === true ? 'empty' : 'migrated'),
      startSimulatorProcess([
        '--symbols',
        symbols.join(','),
        '--timeframe',
        '1s',
        '--seed',
        String(seed),
        '--orders-per-10s',
        '100000',
        ...(options.simulatorArgs ?? []),
      ]),
    ]);
    const redisUrl = `${servers.redis.url}/${seed % 15}`;
    const replicas = await Promise.all(
      options.crashAt.map(async (crashAt, index) => {
        const links = await startLinks({
          database: database.url,
          redis: redisUrl,
          rest: simulator.url,
          streams: simulator.url,
          user: simulator.url,
        });
        const {
          EVENKEEL_VENUE_REST_URL: rest = '',
          EVENKEEL_VENUE_STREAM_URL: streams = '',
          EVENKEEL_VENUE_WS_API_URL: user = '',
        } = simulator.env;
        return new Replica({
          name: `engine-${index + 1}`,
          env: {
            ...simulator.env,
            DATABASE_URL: links.database.through(database.url),
            REDIS_URL: links.redis.through(redisUrl),
            EVENKEEL_VENUE_REST_URL: links.rest.through(rest),
            EVENKEEL_VENUE_STREAM_URL: links.streams.through(streams),
            EVENKEEL_VENUE_WS_API_URL: links.user.through(user),
            EVENKEEL_LOCK_TTL_MS: String(lockTtlMs),
            EVENKEEL_CLAIM_POLL_MS: '200',
            EVENKEEL_RECV_WINDOW_MS: '800',
            EVENKEEL_NEVER_PLACED_HORIZON_MS: '1900',
            EVENKEEL_AUDIT_INTERVAL_MS: '1000',
            EVENKEEL_DB_STATEMENT_TIMEOUT_MS: '2000',
            EVENKEEL_DB_LOCK_TIMEOUT_MS: '1000',
            ...options.engineEnv,
          },
          links,
          // Shared: whichever engine is first writes the installation's token there.
          dataDir: join(options.folder, 'data'),
          crashAt,
          pauseMs: options.pauseMs ?? lockTtlMs * 1.1,
          startsByItself: index === 0 || options.standby !== true,
          onEvent: (what) => options.onEvent(what),
        });
      }),
    );
    const world = new World(options, simulator, database.url, replicas);
    try {
      await world.#createBots();
      return world;
    } catch (error) {
      world.keepLogs();
      await world.stop();
      throw error;
    }
  }

  /** Rows of the run's database, asked past every link. */
  async query<T extends object>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    const client = new Client({ connectionString: this.databaseUrl });
    await client.connect();
    try {
      return (await client.query<T>(sql, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  get databaseUrl(): string {
    return this.options.servers.postgres.url.replace(/\/[^/]*$/, `/${this.databaseName}`);
  }

  /** Down until `restoreDatabase`; false when it was down already. Faults may overlap: one change of the server at a time. */
  crashDatabase(): Promise<boolean> {
    return this.#change(async () => {
      const wasUp = this.#databaseUp;
      if (wasUp) await this.options.servers.postgres.crash();
      this.#databaseUp = false;
      return wasUp;
    });
  }

  restoreDatabase(): Promise<void> {
    return this.#change(async () => {
      if (this.#databaseUp) return;
      await this.options.servers.postgres.start();
      for (const { links } of this.replicas) links.database.retarget(this.databaseUrl);
      this.#databaseUp = true;
    });
  }

  /** Down until `restoreRedis`; false when it was down already. */
  killRedis(): Promise<boolean> {
    return this.#change(async () => {
      const wasUp = this.#redisUp;
      if (wasUp) await this.options.servers.redis.kill();
      this.#redisUp = false;
      return wasUp;
    });
  }

  restoreRedis(): Promise<void> {
    return this.#change(async () => {
      if (!this.#redisUp) await this.options.servers.redis.start();
      this.#redisUp = true;
    });
  }

  #change<T>(work: () => Promise<T>): Promise<T> {
    const change = this.#changing.then(work);
    this.#changing = change.then(
      () => undefined,
      () => undefined,
    ); // whoever asked for it hears of it; the next one is made all the same
    return change;
  }

  /** Everything in it is gone: locks, caches, budgets. False when it is down. */
  async flushRedis(): Promise<boolean> {
    if (!this.#redisUp) return false;
    const redis = new Redis(this.options.servers.redis.url, { maxRetriesPerRequest: 1 });
    redis.on('error', () => undefined); // it may be killed meanwhile: then it is empty anyway
    const flushed = await redis.flushall().then(
      () => true,
      () => false,
    );
    redis.disconnect();
    return flushed;
  }

  /** Ends every fault that lasts. */
  async calm(): Promise<void> {
    for (const { links } of this.replicas) for (const link of Object.values(links)) link.heal();
    await this.restoreDatabase();
    await this.restoreRedis();
    await this.simulator.clearFaults();
  }

  /** Writes what every process said, for a reader. */
  keepLogs(): void {
    const write = (name: string, text: string): void => writeFileSync(join(this.options.folder, `${name}.log`), text);
    write('simulator', this.simulator.process.output());
    for (const { name, processes } of this.replicas)
      processes.forEach((process, index) => write(`${name}-life-${index + 1}`, process.output()));
  }

  async stop(): Promise<void> {
    await this.calm();
    await Promise.all(this.replicas.map((replica) => replica.stop()));
    await this.simulator.process.end('SIGKILL');
    await onServer(this.databaseUrl, `drop database if exists ${this.databaseName} with (force)`);
  }

  /** True when the key's secret stands in anything that was printed. */
  get secretPrinted(): boolean {
    return this.replicas.some(({ processes }) => processes.some((process) => process.output().includes(account.secret)));
  }

  async #createBots(): Promise<void> {
    const { bots, seed, botColumns } = this.options;
    await eventually('an engine is ready or stands still', 120_000, async () =>
      this.replicas.some(({ engine, paused }) => engine !== null || paused),
    );
    if (this.replicas.every(({ engine }) => engine === null)) for (const replica of this.replicas) replica.start();
    await eventually('an engine is ready', 120_000, async () => this.replicas.some(({ engine }) => engine !== null));
    const release = await this.#holdStandby();
    await this.query(
      `insert into bot_configs (user_id, name, symbol, timeframe, is_active, initial_capital, position_size_perc, position_size_fixed,
         stop_loss_perc, take_profit_perc, trailing_stop_perc, trailing_stop_active, ema_fast, ema_slow, rsi_period, rsi_oversold, rsi_overbought,
         check_interval_seconds, strategy, ema_period, position_type, auto_transfer_funds, leverage, mode, venue, direction, margin_type, version,
         created_at, updated_at)
       select (select min(id) from users), b.name, b.symbol, coalesce(b.timeframe, '1s'), true, 10000, null, 500,
         0.03, case when b.trails then null else 0.03 end, 0.03, b.trails, b.ema_fast, b.ema_slow, 7, 35, 65, 1, 'ema_cross', 20,
         'spot', false, 1, 'live', 'simulated', 'long', 'isolated', 1, now(), now()
       from jsonb_to_recordset($1::jsonb) as b(name text, symbol text, timeframe text, ema_fast int, ema_slow int, trails boolean)`,
      [
        JSON.stringify(
          Array.from({ length: bots }, (_, index) => {
            const [fast, slow] = averages[(index + seed) % averages.length] ?? averages[0];
            const symbol = symbols[index % symbols.length];
            // Every third has a stop that is moved; the others have a stop and a target.
            return { name: `bot ${index + 1}`, symbol, ema_fast: fast, ema_slow: slow, trails: index % 3 === 0, ...botColumns };
          }),
        ),
      ],
    );
    const [first] = this.replicas;
    if (release !== null && first !== undefined) {
      // An engine that stops itself answers nothing: it is not waited for.
      await Promise.race([
        eventually('every bot runs', 40_000, async () => (await first.engine?.status())?.botsRunning === bots).catch(() => undefined),
        eventually('their engine stands still', 40_000, async () => first.paused).catch(() => undefined),
        sleep(standbyAfterMs),
      ]);
      release();
    }
    await eventually('every bot runs', 120_000, async () => (await this.botsRunning()) === bots);
  }

  /** Null without a standby, and where it was started because the first engine cannot go on alone. */
  async #holdStandby(): Promise<(() => void) | null> {
    const [, standby] = this.replicas;
    if (this.options.standby !== true || standby === undefined || standby.processes.length > 0) return null;
    standby.start();
    await eventually('the standby is ready', 120_000, async () => standby.engine !== null);
    return standby.hold();
  }

  /** Step size of each symbol: the exchange takes no order for less. */
  async stepSizes(): Promise<ReadonlyMap<string, string>> {
    const answer = await fetch(`${this.simulator.url}/api/v3/exchangeInfo`);
    const { symbols: told } = (await answer.json()) as {
      symbols: { symbol: string; filters: { filterType: string; stepSize?: string }[] }[];
    };
    return new Map(
      told.map(({ symbol, filters }) => [symbol, filters.find(({ filterType }) => filterType === 'LOT_SIZE')?.stepSize ?? '0']),
    );
  }

  /** Bots that run in the engines that answer. */
  async botsRunning(): Promise<number> {
    const statuses = await Promise.all(this.replicas.map(async ({ engine }) => (engine === null ? null : engine.status())));
    return statuses.reduce((sum, status) => sum + (status?.botsRunning ?? 0), 0);
  }
}
