/** The bots of this process and what they need: executor, audit, locks, supervisor. All ports are arguments, so the simulation starts the same code. */
import type { Config } from './config.ts';
import type { Reach } from './crash-points.ts';
import type { Coordination } from './coordination/coordination.ts';
import { createPaperAccount, isPaperTrade } from './exchanges/paper.ts';
import type { TradingAccount } from './exchanges/exchange.ts';
import { withSymbolRefusals } from './exchanges/symbol-refusals.ts';
import { AccountAudit } from './execution/audit.ts';
import { CapitalWatch } from './execution/capital-watch.ts';
import { DriftWatch } from './execution/drift.ts';
import { AccountReconciler } from './execution/reconcile.ts';
import { TakeOver } from './execution/take-over.ts';
import type { Claimed, RunningBot } from './execution/take-over.ts';
import { Executor } from './execution/executor.ts';
import { OpenOrders } from './execution/open-orders.ts';
import type { Log } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import type { BotStore } from './persistence/bot-store.ts';
import type { DecisionLedger } from './persistence/decision-ledger.ts';
import type { CapitalStore } from './persistence/capital-store.ts';
import type { OrderStore } from './persistence/order-store.ts';
import type { ReconcileStore } from './persistence/reconcile-store.ts';
import { fullSafety } from './safety.ts';
import type { Safety } from './safety.ts';
import type { KillSwitches } from './kill-switch/standing.ts';
import type { LetGo } from './supervisor/bot-lines.ts';
import type { ClaimedBot } from './supervisor/claims.ts';
import { Leases } from './supervisor/leases.ts';
import { Quarantine } from './supervisor/quarantine.ts';
import { Supervisor } from './supervisor/supervisor.ts';
import { keyBlock, tellOfVenue } from './supervisor/venue-watch.ts';
import type { Clock } from './time/clock.ts';
import type { EntryBlock } from './trading/events.ts';
import type { Instrument } from './trading/instrument.ts';
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
  readonly executor: Executor;
  /** Whether user data is subscribed; null without an account. */
  readonly streaming: boolean | null;
  /** Settles or leaves what is in flight, frees the locks; answers what is left. */
  stop(): Promise<LetGo>;
}

const watchMs = 1_000;
/** Kept for writing rows, of the time that a stop may take. */
const writeReserveMs = 1_000;

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { config, orders, bots, coordination, owner, clock, log, metrics, random, reach, safety = fullSafety } = options;
  const venue: ConnectedVenue = { ...options.venue, account: watchedAccount(options) };
  const openOrders = venue.account === null ? null : new OpenOrders({ account: venue.account, clock, log });
  const executor: Executor = new Executor({
    store: orders,
    clock,
    venueClock: venue.clock,
    log,
    metrics,
    recvWindowMs: config.recvWindowMs,
    reach,
    safety,
    openOrders,
    feePrices: venue.feePrices,
    entriesStopped: (bot) => options.killSwitches.blockOf(bot)?.reason ?? null,
    onStrayOrder: (symbol) => void takeOver?.searchSymbol(symbol),
  });
  const takeOver =
    venue.account === null ? null : createTakeOver({ ...options, venue }, venue.account, () => runningBots(supervisor, venue));
  const capital =
    venue.account === null
      ? null
      : new CapitalWatch({
          account: venue.account,
          venue: config.venue,
          store: options.capital,
          clock,
          venueClock: venue.clock,
          log,
          assets: () => quoteAssets(supervisor, venue),
          publishResults: () => supervisor.publishResults(),
        });
  const supervisor: Supervisor = new Supervisor({
    store: bots,
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
    prepare: async (claimed) => {
      if (takeOver === null) return { changed: new Set(), blocks: new Map() };
      const bots = await withInstruments(claimed, venue);
      const [{ changed, blocks }] = await Promise.all([
        takeOver.prepare(bots),
        capital?.ready(bots.map((bot) => bot.instrument().quoteAsset)),
      ]);
      const key = keyBlock(venue);
      return { changed, blocks: key === null ? blocks : new Map(claimed.map(({ botId }) => [botId, [...(blocks.get(botId) ?? []), key]])) };
    },
    // Bots are not taken without the exchange's own filters, nor while locks cannot be written.
    hindrance: () =>
      coordination.outage ?? (venue.symbols.confirmed ? null : 'the exchange has not told its symbols and their filters yet'),
    lift: (botId, epoch) => options.reconciliation.hold([{ botId, epoch, reason: null }]),
    async equip(botId, rows) {
      const { columns, mode } = rows.config;
      if (rows.fills.some(({ tradeId }) => isPaperTrade(tradeId) !== (mode === 'paper')))
        throw new Error(`it is a ${mode} bot and has traded in the other mode: its money would be mixed; create another bot`);
      const loaded = await venue.symbols.load(columns.symbol);
      const shared = {
        installation: options.installation,
        executor,
        ledger: options.ledger,
        market: venue.market,
        safety,
        stops: config.stops,
        drainTimeoutMs: Math.max(100, config.drainTimeoutMs - writeReserveMs),
        loadInstrument: async () => loaded,
      };
      const killBlockAt = (account: string) => (): EntryBlock | null =>
        options.killSwitches.blockOf({ botId, userId: rows.config.userId, account });
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
        return { ...shared, account, horizonMs: 0, killBlock, onPrice: (candle) => account.onCandle(candle) };
      }
      if (venue.account === null)
        throw new Error('it is a live bot and this engine has no exchange key: set EVENKEEL_VENUE_API_KEY and its secret');
      venue.feePrices?.follow(loaded().quoteAsset);
      const killBlock = killBlockAt(venue.account.name);
      return { ...shared, account: venue.account, horizonMs: config.neverPlacedHorizonMs, killBlock, onPrice: () => undefined };
    },
  });
  const audit =
    venue.account === null
      ? null
      : new AccountAudit({
          account: venue.account,
          venue: config.venue,
          executor,
          store: orders,
          clock,
          log,
          metrics,
          reach,
          safety,
          intervalMs: config.auditIntervalMs,
          exposedSymbols: () => exposedSymbols(supervisor, venue),
          onBalancesChanged: () => capital?.changed(),
          openOrders,
          onUnknownTrades: (symbol) => void takeOver?.searchSymbol(symbol),
        });
  // Subscribed before the first bot recovers: what happens meanwhile is not missed.
  audit?.start();
  takeOver?.start();
  capital?.start();
  options.killSwitches.onChange = () => {
    for (const { bot } of supervisor.entries()) bot.followKillSwitches();
  };
  await openOrders?.start();
  await venue.symbols.confirm();
  await supervisor.start();
  const protectionCheck = clock.every(config.protectionCheckMs, () => void executor.verifyProtection());
  const venueWatch = clock.every(watchMs, () => tellOfVenue(supervisor, venue));
  return {
    supervisor,
    executor,
    get streaming() {
      return audit === null ? null : audit.streaming;
    },
    async stop() {
      venueWatch.cancel();
      openOrders?.stop();
      takeOver?.leave();
      protectionCheck.cancel();
      const left = await supervisor.drain(config.drainTimeoutMs);
      executor.stop();
      await takeOver?.stop();
      await capital?.stop();
      await audit?.stop();
      return left;
    },
  };
}

function createTakeOver(
  { config, orders, reconciliation, venue, installation, clock, log, metrics, reach }: FleetOptions,
  account: TradingAccount,
  running: () => Iterable<RunningBot>,
): TakeOver {
  const instrument = (symbol: string): Instrument | null => venue.symbols.find(symbol);
  const shared = { account, venue: config.venue, rows: reconciliation, log, metrics };
  return new TakeOver({
    reconciler: new AccountReconciler({ ...shared, installation, orders, venueClock: venue.clock, reach, feePrices: venue.feePrices }),
    drift: new DriftWatch({ ...shared, clock, instrument }),
    rows: reconciliation,
    clock,
    log,
    driftIntervalMs: config.auditIntervalMs,
    running,
  });
}

/** The venue's account; when an order is refused because of its symbol, the symbol's filters and status are read again. */
function watchedAccount({ venue, clock }: FleetOptions): TradingAccount | null {
  return venue.account === null ? null : withSymbolRefusals(venue.account, clock, (symbol) => venue.symbols.recheck(symbol));
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

function* runningBots(supervisor: Supervisor, venue: ConnectedVenue): Iterable<RunningBot> {
  for (const { botId, epoch, bot } of supervisor.entries()) {
    const instrument = venue.symbols.find(bot.symbol);
    if (!bot.live || instrument === null || instrument.status === 'DELISTED') continue;
    yield {
      botId,
      epoch,
      symbol: bot.symbol,
      exposed: bot.exposed,
      instrument: () => venue.symbols.find(bot.symbol) ?? instrument,
      block: (block) => bot.session?.block(block),
      unblock: (rule) => bot.session?.unblock(rule),
      rebuild: (reason) => supervisor.rebuild(botId, reason),
    };
  }
}

function* quoteAssets(supervisor: Supervisor, venue: ConnectedVenue): Iterable<string> {
  for (const { bot } of supervisor.entries()) {
    const instrument = bot.live ? venue.symbols.find(bot.symbol) : null;
    if (instrument !== null) yield instrument.quoteAsset;
  }
}

function* exposedSymbols(supervisor: Supervisor, venue: ConnectedVenue): Iterable<string> {
  for (const { bot } of supervisor.entries())
    if (bot.live && bot.exposed && venue.symbols.find(bot.symbol)?.status !== 'DELISTED') yield bot.symbol;
}
