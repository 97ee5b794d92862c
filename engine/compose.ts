/**
 * The composition root: configuration in, a running engine out. Starts from the bottom (data stores, venue) to the top
 * (bots, admin plane) and stops in the opposite order, the database last. What was started is stopped again when a later
 * part cannot start.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { collectDefaultMetrics } from 'prom-client';
import { createAdmin } from '../admin/server.ts';
import { tokenPath, writeToken } from '../admin/token-file.ts';
import { ensureFirstToken } from '../admin/tokens.ts';
import type { EngineStatus } from '../admin/ports.ts';
import type { Config, VenueUrls } from './config.ts';
import { reachNothing } from './crash-points.ts';
import type { Reach } from './crash-points.ts';
import { createMemoryCoordination } from './coordination/memory.ts';
import { createRedisCoordination } from './coordination/redis.ts';
import { startDatabase, startExchange } from './embedded.ts';
import { startFleet } from './fleet.ts';
import type { Fleet } from './fleet.ts';
import type { LetGo } from './supervisor/bot-lines.ts';
import { startKillSwitches } from './kill-switch/control.ts';
import type { KillFile } from './kill-switch/file.ts';
import type { Log } from './observe/log.ts';
import { createMetrics } from './observe/metrics.ts';
import type { Metrics } from './observe/metrics.ts';
import { BufferedLedger } from './persistence/decision-ledger.ts';
import { ensureOwner, seedDemoBots } from './persistence/first-start.ts';
import { migrateDatabase } from './database/migrate.ts';
import { openPool } from './database/pools.ts';
import { openDatabase } from './database/orm.ts';
import { boundOutbox } from './persistence/outbox-age.ts';
import { createPostgresBotStore } from './persistence/postgres-bot-store.ts';
import { createPostgresDecisionStore } from './persistence/postgres-decision-store.ts';
import { createPostgresCapitalStore } from './persistence/postgres-capital-store.ts';
import { createPostgresOrderStore } from './persistence/postgres-order-store.ts';
import { createPostgresReconcileStore } from './persistence/postgres-reconcile-store.ts';
import { WishChannel } from './database/wish-channel.ts';
import { systemClock } from './time/clock.ts';
import { unlessAborted } from './time/waiting.ts';
import { connectVenue } from './venue.ts';
import type { ConnectedVenue } from './venue.ts';

export interface EngineOptions {
  readonly config: Config;
  readonly log: Log;
  /** Made before the engine, so that a signal during the start works. */
  readonly killFile: KillFile;
  readonly metrics?: Metrics;
  /** Ends the start early: what was started is stopped, and `startEngine` throws the signal's reason. */
  readonly interrupt?: AbortSignal;
  /** Hears of crash points; nobody by default. */
  readonly reach?: Reach;
  /** The process must end: it may not go on trading. */
  onFatal(reason: string): void;
}

export interface RunningEngine {
  readonly adminUrl: string;
  readonly metricsUrl: string;
  /** File with the first API token; null when another engine of this installation wrote it elsewhere. */
  readonly tokenPath: string | null;
  readonly fleet: Fleet | null;
  readonly venue: ConnectedVenue;
  /** Why bots that shall run do not start now; null when nothing stands in their way. */
  hindrance(): string | null;
  /** Answers what its bots leave; null when it runs none. */
  stop(): Promise<LetGo | null>;
}

/** A supervisor whose last round is older than this is stuck. */
const heartbeatMaxMs = 60_000;
const decisionPoolMax = 2;

export async function startEngine(options: EngineOptions): Promise<RunningEngine> {
  const { config, log, killFile, interrupt, reach = reachNothing } = options;
  const metrics = options.metrics ?? createMetrics();
  collectDefaultMetrics({ register: metrics.registry });
  const clock = systemClock;
  const random = (): number => randomInt(2 ** 32) / 2 ** 32;
  const stops: (() => Promise<void>)[] = [];
  let stopping = false;
  let left: LetGo | null = null;
  const stop = async (): Promise<LetGo | null> => {
    stopping = true;
    for (let end = stops.pop(); end !== undefined; end = stops.pop()) await end();
    return left;
  };
  const keep = <T extends { stop(): Promise<void> }>(part: T): T => {
    stops.push(() => part.stop());
    return part;
  };
  try {
    const databaseUrl = config.databaseUrl?.reveal() ?? keep(await startDatabase(config, log)).url;
    const orm = await openDatabase({ database: { url: databaseUrl, ...config.database }, clock, log, ...(interrupt && { interrupt }) });
    stops.push(() => orm.close(true));
    const { schemaVersion, installation } = await migrateDatabase(orm, {
      url: databaseUrl,
      clock,
      log,
      logSql: config.database.logSql,
      reach,
      ...(interrupt && { interrupt }),
      randomBelow: randomInt,
    });
    const now = new Date(clock.now());
    const { userId, created } = await ensureOwner(orm, now);
    if (created && config.databaseUrl === null && config.venue === 'simulated' && config.venueUrls === null)
      await seedDemoBots(orm, userId, now);
    const ownersTokenPath = await firstToken(config, orm, userId);

    const owner = `${hostname().slice(0, 60)}-${process.pid}-${randomBytes(6).toString('hex')}`;
    const coordination =
      config.redisUrl === null
        ? createMemoryCoordination({ clock, owner, metrics })
        : createRedisCoordination({ url: config.redisUrl.reveal(), keyPrefix: `evenkeel:${installation}:`, owner, clock, log, metrics });
    stops.push(() => coordination.close());
    const urls: VenueUrls = config.venueUrls ?? keep(await startExchange(config, log));
    const venue = keep(await unlessAborted(interrupt, connectVenue({ config, urls, coordination, clock, log, metrics, random })));

    const decisionPool = openPool('decisions', { ...config.database, url: databaseUrl, max: decisionPoolMax, log });
    stops.push(() => decisionPool.end());
    const decisions = createPostgresDecisionStore(decisionPool);

    const kill =
      config.role === 'admin'
        ? null
        : keep(
            await startKillSwitches({
              url: databaseUrl,
              logSql: config.database.logSql,
              file: killFile,
              clock,
              log,
              metrics,
              orm,
            }),
          );
    interrupt?.throwIfAborted();
    const startedAtMs = clock.now();
    let started = false;
    let fleet: Fleet | null = null;
    const admin = await createAdmin({
      orm,
      clock,
      log,
      metrics,
      listen: { admin: config.admin, metrics: config.metrics, trustedNetwork: config.trustedNetwork },
      venue: config.venue,
      killSwitch: kill,
      liveRefusal: () => venue.keyRefusal(),
      symbols: {
        list: () => venue.symbols.list(),
        // Delisted symbols are kept for the bots that have them; no new bot gets one.
        find: async (symbol) => venue.symbols.list().find((listed) => listed.symbol === symbol && listed.status !== 'DELISTED') ?? null,
        cacheStats: async () => ({ spot: await venue.symbols.cacheStats() }),
      },
      decisions: { store: decisions, keptMs: config.decisionsKeptMs, venueNowMs: () => venue.clock.now() },
      engine: {
        status: () => status(),
        live: () => {
          const late = fleet !== null && clock.monotonic() - fleet.supervisor.lastRoundAt > heartbeatMaxMs;
          return { ok: !late, problems: late ? [`the supervisor has not beaten for more than ${heartbeatMaxMs / 1_000} s`] : [] };
        },
        async ready() {
          const problems = stopping ? ['the engine is stopping'] : started ? [] : ['the engine is still starting'];
          if (!(await orm.isConnected())) problems.push('the database does not answer');
          // Without locks no bot can be taken; those that run here go on.
          if (kill !== null && coordination.outage !== null) problems.push(coordination.outage);
          return { ok: problems.length === 0, problems };
        },
        started: () => started,
        ownerOf: (botId) => fleet?.supervisor.bot(botId)?.userId ?? null,
        heardPrice(botId) {
          const session = fleet?.supervisor.bot(botId)?.session ?? null;
          return session === null || session.lastPriceAtMs === null
            ? null
            : { price: session.state.lastPrice, atMs: session.lastPriceAtMs };
        },
      },
    });
    const status = (): EngineStatus => ({
      version,
      node: process.version,
      role: config.role,
      owner,
      venue: config.venue,
      schemaVersion,
      startedAt: new Date(startedAtMs).toISOString(),
      uptimeSeconds: Math.round((clock.now() - startedAtMs) / 1_000),
      botsRunning: fleet === null ? 0 : [...fleet.supervisor.entries()].filter(({ bot }) => bot.running).length,
      botsWished: fleet?.supervisor.wished ?? 0,
      openOrders: fleet?.desk.openOrders ?? 0,
      settledThroughMs: fleet === null ? null : settledThrough(fleet),
      venueTimeMs: venue.clock.now(),
      coordination: {
        kind: config.redisUrl === null ? 'memory' : 'redis',
        reachable: coordination.reachable,
        outage: coordination.outage,
      },
      userStream: fleet?.streaming ?? null,
      killSwitches: kill?.switches.counts() ?? null,
    });
    metrics.buildInfo.set({ version, commit: config.commit, node: process.version }, 1);
    // The listeners open before bots trade, so that a port that is taken is found first; they close after the bots have stopped.
    stops.push(() => admin.stop());
    const { adminUrl, metricsUrl } = await admin.start();
    if (kill !== null) {
      const pool = openPool('intents', { ...config.database, url: databaseUrl, max: config.database.intentPoolMax, log });
      stops.push(() => pool.end());
      const wishes = new WishChannel({
        url: databaseUrl,
        clock,
        log,
        exclusive: config.redisUrl === null,
        logSql: config.database.logSql,
        onWish: () => {
          kill.onTold();
          void fleet?.supervisor.wake();
        },
        onLostExclusive: () => options.onFatal('another engine has taken the database over'),
      });
      stops.push(() => wishes.stop());
      await wishes.start();
      const orders = createPostgresOrderStore({ orm, pool, holder: owner, clock });
      const bots = createPostgresBotStore({ pool, holder: owner, clock });
      const reconciliation = createPostgresReconcileStore({ pool, holder: owner, clock });
      const ledger = keep(
        new BufferedLedger({ store: decisions, clock, venueClock: venue.clock, log, metrics, keptMs: config.decisionsKeptMs }),
      );
      ledger.start();
      keep(boundOutbox({ pool: decisionPool, clock, log, metrics }));
      const trading = await startFleet({
        config,
        orders,
        bots,
        reconciliation,
        ledger,
        capital: createPostgresCapitalStore({ pool, clock }),
        coordination,
        venue,
        installation,
        owner,
        clock,
        log,
        metrics,
        random,
        reach,
        killSwitches: kill.switches,
      });
      stops.push(async () => {
        left = await trading.stop();
      });
      fleet = trading;
    }
    started = true;
    log.info({ adminUrl, metricsUrl, owner, schemaVersion, venue: config.venue, role: config.role }, 'the engine runs');
    return {
      adminUrl,
      metricsUrl,
      tokenPath: ownersTokenPath,
      fleet,
      venue,
      hindrance: () => (fleet === null ? null : coordination.outage),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

/** The newest close that all bots here have dealt with; null while one of them is still at work on its newest one. */
function settledThrough(fleet: Fleet): number | null {
  let through: number | null = null;
  for (const { bot } of fleet.supervisor.entries()) {
    // Its symbol has no closes to deal with.
    if (bot.withoutMarket) continue;
    const settled = bot.settledThroughMs;
    if (settled === null) return null;
    through = through === null ? settled : Math.min(through, settled);
  }
  return through;
}

/** Written beside the data at the first start of an installation, readable by its owner only. */
async function firstToken(config: Config, orm: Parameters<typeof ensureFirstToken>[0], userId: string): Promise<string | null> {
  const path = tokenPath(config.dataDir);
  await ensureFirstToken(orm, {
    userId,
    clock: systemClock,
    write: (token) => writeToken(config.dataDir, token),
  });
  return existsSync(path) ? path : null;
}
