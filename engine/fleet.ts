/** The bots of this process with everything they stand on: intents, order store, executor, audit, locks, supervisor. */
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Config } from './config.ts';
import type { Coordination } from './coordination/coordination.ts';
import { createPaperAccount } from './exchanges/paper.ts';
import { AccountAudit } from './execution/audit.ts';
import { Executor } from './execution/executor.ts';
import type { Log } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import { openIntentPool } from './persistence/intent-pool.ts';
import { createPostgresOrderStore } from './persistence/postgres-order-store.ts';
import { WishChannel } from './persistence/wish-channel.ts';
import { Leases } from './supervisor/leases.ts';
import { Quarantine } from './supervisor/quarantine.ts';
import { Supervisor } from './supervisor/supervisor.ts';
import type { Clock, Timer } from './time/clock.ts';
import type { ConnectedVenue } from './venue.ts';

export interface FleetOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly orm: MikroORM;
  readonly coordination: Coordination;
  readonly venue: ConnectedVenue;
  readonly installation: string;
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly random: () => number;
  /** The right to run alone was lost: the process must end. */
  onLostExclusive(): void;
}

export interface Fleet {
  readonly supervisor: Supervisor;
  readonly executor: Executor;
  /** Whether user data is subscribed; null without an account. */
  readonly streaming: boolean | null;
  /** Settles or leaves what is in flight, frees the locks. */
  stop(): Promise<void>;
}

const clockWatchMs = 1_000;
/** Of the ten seconds that a stop may take. */
const writeReserveMs = 1_000;

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { config, databaseUrl, orm, coordination, venue, owner, clock, log, metrics, random } = options;
  const pool = openIntentPool({
    url: databaseUrl,
    max: config.database.intentPoolMax,
    statementTimeoutMs: config.database.statementTimeoutMs,
    lockTimeoutMs: config.database.lockTimeoutMs,
    log,
  });
  const store = createPostgresOrderStore({ orm, pool, holder: owner, clock });
  const executor = new Executor({ store, clock, venueClock: venue.clock, log, metrics, recvWindowMs: config.recvWindowMs });
  const supervisor: Supervisor = new Supervisor({
    pool,
    owner,
    venue: config.venue,
    capacity: config.capacity,
    claimPollMs: config.claimPollMs,
    lockTtlMs: config.lockTtlMs,
    leases: new Leases({ coordination, clock, ttlMs: config.lockTtlMs }),
    quarantine: new Quarantine(random),
    clock,
    venueClock: venue.clock,
    log,
    metrics,
    async equip(botId, rows) {
      const { columns, mode } = rows.config;
      const loaded = await venue.symbols.load(columns.symbol);
      const shared = {
        installation: options.installation,
        executor,
        market: venue.market,
        drainTimeoutMs: Math.max(100, config.drainTimeoutMs - writeReserveMs),
        loadInstrument: async () => loaded,
      };
      if (mode === 'paper') {
        const account = createPaperAccount({
          botId,
          initialCapital: columns.initialCapital,
          fills: rows.fills,
          ...config.paper,
          venueClock: venue.clock,
          instrument: loaded,
        });
        return { ...shared, account, horizonMs: 0, onPrice: (candle) => account.onPrice(candle.close) };
      }
      if (venue.account === null)
        throw new Error('it is a live bot and this engine has no exchange key: set EVENKEEL_VENUE_API_KEY and its secret');
      return { ...shared, account: venue.account, horizonMs: config.neverPlacedHorizonMs, onPrice: () => undefined };
    },
  });
  const audit =
    venue.account === null
      ? null
      : new AccountAudit({
          account: venue.account,
          venue: config.venue,
          executor,
          store,
          clock,
          log,
          metrics,
          intervalMs: config.auditIntervalMs,
          exposedSymbols: () => exposedSymbols(supervisor),
        });
  const wishes = new WishChannel({
    url: databaseUrl,
    clock,
    log,
    exclusive: config.redisUrl === null,
    onWish: () => void supervisor.wake(),
    onLostExclusive: () => options.onLostExclusive(),
  });
  await wishes.start();
  // Subscribed before the first bot recovers: what happens meanwhile is not missed.
  audit?.start();
  await supervisor.start();
  const clockWatch = watchVenueClock(supervisor, venue, clock);
  return {
    supervisor,
    executor,
    get streaming() {
      return audit === null ? null : audit.streaming;
    },
    async stop() {
      clockWatch.cancel();
      await supervisor.drain(config.drainTimeoutMs);
      executor.stop();
      await audit?.stop();
      await wishes.stop();
      await pool.end();
    },
  };
}

function* exposedSymbols(supervisor: Supervisor): Iterable<string> {
  for (const { bot } of supervisor.entries()) if (bot.live && bot.exposed) yield bot.symbol;
}

/** Entries wait while the venue's time is in doubt: a candle could be stale and a signature late. */
function watchVenueClock(supervisor: Supervisor, venue: ConnectedVenue, clock: Clock): Timer {
  return clock.every(clockWatchMs, () => {
    for (const { bot } of supervisor.entries()) {
      if (venue.clock.trusted) bot.session?.unblock('clock-untrusted');
      else bot.session?.block({ rule: 'clock-untrusted', reason: "the exchange's time is not known well enough" });
    }
  });
}
