/** The bots of this process and what they need: desk, audit, locks, supervisor. All ports are arguments, so the simulation starts the same code. */
import type { Config } from './config.ts';
import type { Reach } from './crash-points.ts';
import type { Coordination } from './coordination/coordination.ts';
import { Account } from './accounts/account.ts';
import type { Claimed } from './accounts/take-over.ts';
import { createPaperAccount, isPaperTrade } from './exchanges/paper.ts';
import { withSymbolRefusals } from './exchanges/symbol-refusals.ts';
import type { Log } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import { OrderDesk } from './orders/order-desk.ts';
import type { BotRows, BotStore } from './persistence/bot-store.ts';
import type { CapitalStore } from './persistence/capital-store.ts';
import type { DecisionLedger } from './persistence/decision-ledger.ts';
import type { OrderStore } from './persistence/order-store.ts';
import type { ReconcileStore } from './persistence/reconcile-store.ts';
import { fullSafety } from './safety.ts';
import type { Safety } from './safety.ts';
import type { KillSwitches } from './kill-switch/standing.ts';
import type { LetGo } from './supervisor/bot-lines.ts';
import type { ClaimedBot } from './supervisor/claims.ts';
import { Leases } from './supervisor/leases.ts';
import { Quarantine } from './supervisor/quarantine.ts';
import { RunningBots } from './supervisor/running-bots.ts';
import { Supervisor } from './supervisor/supervisor.ts';
import type { Equipment } from './supervisor/supervisor.ts';
import { tellOfVenue } from './supervisor/venue-watch.ts';
import type { Clock } from './time/clock.ts';
import type { EntryBlock } from './trading/events.ts';
import type { ConnectedVenue } from './venue.ts';

/** What of the configuration concerns bots. */
export type FleetConfig = Pick<
  Config,
  | 'venue'
  | 'capacity'
  | 'claimPollMs'
  | 'lockTtlMs'
  | 'recvWindowMs'
  | 'neverPlacedHorizonMs'
  | 'auditIntervalMs'
  | 'drainTimeoutMs'
  | 'paper'
  | 'stops'
  | 'protectionCheckMs'
>;

export interface FleetOptions {
  readonly config: FleetConfig;
  readonly orders: OrderStore;
  readonly bots: BotStore;
  readonly reconciliation: ReconcileStore;
  readonly ledger: DecisionLedger;
  readonly capital: CapitalStore;
  readonly coordination: Coordination;
  readonly venue: ConnectedVenue;
  readonly installation: string;
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly random: () => number;
  readonly reach: Reach;
  readonly killSwitches: KillSwitches;
  /** All safety elements are on, unless the simulation switches one off. */
  readonly safety?: Safety;
}

export interface Fleet {
  readonly supervisor: Supervisor;
  readonly desk: OrderDesk;
  /** Whether user data is subscribed; null without an account. */
  readonly streaming: boolean | null;
  /** Settles or leaves what is in flight, frees the locks; answers what is left. */
  stop(): Promise<LetGo>;
}

const watchMs = 1_000;
/** Kept for writing rows, of the time that a stop may take. */
const writeReserveMs = 1_000;

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { config, venue, coordination, owner, clock, log, metrics, random, reach, killSwitches, safety = fullSafety } = options;
  const bots = new RunningBots(log);
  const desk = new OrderDesk({
    store: options.orders,
    clock,
    venueClock: venue.clock,
    log,
    metrics,
    recvWindowMs: config.recvWindowMs,
    reach,
    safety,
    entriesStopped: (bot) => killSwitches.blockOf(bot)?.reason ?? null,
  });
  const account = createAccount({ ...options, safety }, bots, desk);
  const supervisor = new Supervisor({
    store: options.bots,
    bots,
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
    reach,
    async prepare(claimed) {
      if (account === null) return { changed: new Set(), blocks: new Map() };
      const listed = await withInstruments(claimed, venue);
      return account.prepare(
        listed,
        claimed.map(({ botId }) => botId),
      );
    },
    // Bots are not taken without the exchange's own filters, nor while locks cannot be written.
    hindrance: () =>
      coordination.outage ?? (venue.symbols.confirmed ? null : 'the exchange has not told its symbols and their filters yet'),
    lift: (botId, epoch) => options.reconciliation.hold([{ botId, epoch, reason: null }]),
    equip: (botId, rows) => equip({ ...options, safety }, desk, account, botId, rows),
  });
  killSwitches.onChange = () => {
    for (const { bot } of bots.values()) bot.followKillSwitches();
  };
  await account?.start();
  await venue.symbols.confirm();
  await supervisor.start();
  const protectionCheck = clock.every(config.protectionCheckMs, () => void desk.verifyProtection());
  const venueWatch = clock.every(watchMs, () => tellOfVenue(bots, venue));
  return {
    supervisor,
    desk,
    get streaming() {
      return account === null ? null : account.streaming;
    },
    async stop() {
      venueWatch.cancel();
      account?.leave();
      protectionCheck.cancel();
      const left = await supervisor.drain(config.drainTimeoutMs);
      desk.stop();
      await account?.stop();
      return left;
    },
  };
}

/** The account behind the environment's key; null where there is none. */
function createAccount(options: FleetOptions & { readonly safety: Safety }, bots: RunningBots, desk: OrderDesk): Account | null {
  const { venue, config, reconciliation, clock } = options;
  if (venue.account === null) return null;
  return new Account({
    ...options,
    // When an order is refused because of its symbol, the symbol's filters and status are read again.
    trading: withSymbolRefusals(venue.account, clock, (symbol) => venue.symbols.recheck(symbol)),
    venue: config.venue,
    bots: bots.onAccount((symbol) => venue.symbols.find(symbol)),
    desk,
    rows: reconciliation,
    feePrices: venue.feePrices,
    venueClock: venue.clock,
    auditIntervalMs: config.auditIntervalMs,
    instrument: (symbol) => venue.symbols.find(symbol),
    keyRefusal: () => venue.keyRefusal(),
  });
}

/** What a bot needs beyond what the supervisor has. A paper bot gets an account of its own. */
async function equip(
  options: FleetOptions & { readonly safety: Safety },
  desk: OrderDesk,
  shared: Account | null,
  botId: string,
  rows: BotRows,
): Promise<Equipment> {
  const { config, venue, clock, killSwitches, safety, installation, ledger } = options;
  const { columns, mode } = rows.config;
  if (rows.fills.some(({ tradeId }) => isPaperTrade(tradeId) !== (mode === 'paper')))
    throw new Error(`it is a ${mode} bot and has traded in the other mode: its money would be mixed; create another bot`);
  const loaded = await venue.symbols.load(columns.symbol);
  const common = {
    installation,
    desk,
    ledger,
    market: venue.market,
    safety,
    stops: config.stops,
    drainTimeoutMs: Math.max(100, config.drainTimeoutMs - writeReserveMs),
    loadInstrument: async () => loaded,
  };
  const killBlockAt = (account: string) => (): EntryBlock | null => killSwitches.blockOf({ botId, userId: rows.config.userId, account });
  if (mode === 'paper') {
    const account = createPaperAccount({
      botId,
      initialCapital: columns.initialCapital,
      fills: rows.fills,
      ...config.paper,
      clock,
      venueClock: venue.clock,
      instrument: loaded,
    });
    const killBlock = killBlockAt(account.name);
    return { ...common, account, facts: null, horizonMs: 0, killBlock, onPrice: (candle) => account.onCandle(candle) };
  }
  if (shared === null) throw new Error('it is a live bot and this engine has no exchange key: set EVENKEEL_VENUE_API_KEY and its secret');
  shared.follow(loaded().quoteAsset);
  const { trading, facts } = shared;
  const killBlock = killBlockAt(trading.name);
  return { ...common, account: trading, facts, horizonMs: config.neverPlacedHorizonMs, killBlock, onPrice: () => undefined };
}

/** Bots of symbols that the exchange does not list are left out: it answers nothing about them, and the others must not wait. */
async function withInstruments(claimed: readonly ClaimedBot[], venue: ConnectedVenue): Promise<readonly Claimed[]> {
  const found = await Promise.all(
    claimed.map(async ({ botId, epoch, rows }) => {
      const { symbol } = rows.config.columns;
      return venue.symbols.load(symbol).then(
        (instrument) => (instrument().status === 'DELISTED' ? [] : [{ botId, epoch, symbol, instrument }]),
        () => [],
      );
    }),
  );
  return found.flat();
}
