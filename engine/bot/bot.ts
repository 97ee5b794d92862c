/**
 * One bot as an actor: its state machine, its session, and their ways to desk, market and rows. The supervisor takes it; it recovers
 * from its rows, waits for candles, runs, and lets go. An error in it ends this bot and nothing else.
 */
import { createActor } from 'xstate';
import type { Actor, SnapshotFrom } from 'xstate';
import type { TradingAccount } from '../exchanges/exchange.ts';
import type { AccountFacts } from '../orders/account-facts.ts';
import type { OrderDesk } from '../orders/order-desk.ts';
import type { BotLink, ProtectionNews } from '../orders/order-line.ts';
import type { MarketSeries, SeriesListener, SeriesSubscription } from '../market/market.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { hasTraded } from '../persistence/bot-rows.ts';
import type { BotConfigRow, BotRows } from '../persistence/bot-rows.ts';
import type { Checkpoint } from '../persistence/state-data.ts';
import type { DecidedClose, DecisionLedger } from '../persistence/decision-ledger.ts';
import type { Safety } from '../safety.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import { atMost } from '../time/waiting.ts';
import type { Candle } from '../trading/candle.ts';
import type { EntryBlock, StopKeeper, TradingCommand } from '../trading/events.ts';
import type { Instrument } from '../trading/instrument.ts';
import { pauseOf } from '../trading/pause.ts';
import { isFlat } from '../trading/position.ts';
import type { Exposure } from '../trading/protect.ts';
import { LateDecisions } from './late-decisions.ts';
import { botMachine } from './machine.ts';
import type { BotMachineEvent } from './machine.ts';
import { ProtectionWatch } from './protection-watch.ts';
import { recover } from './recovery.ts';
import { BotSession } from './session.ts';
import type { BotSettings } from './session.ts';
import { applicableRow, needsRestart, settingsOf } from './settings.ts';
import { StandingStop } from './standing-stop.ts';
import { StopLines, keptStopLine } from './stop-lines.ts';

export interface BotOptions {
  readonly botId: string;
  readonly epoch: number;
  readonly rows: BotRows;
  readonly installation: string;
  readonly safeMode: boolean;
  /** Why entries are closed from the start. */
  readonly blocks: readonly EntryBlock[];
  readonly account: TradingAccount;
  /** Null for a paper bot. */
  readonly facts: AccountFacts | null;
  readonly horizonMs: number;
  readonly desk: OrderDesk;
  /** Keeps what was decided on each closed candle. */
  readonly ledger: DecisionLedger;
  readonly market: MarketSeries;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly safety: Safety;
  readonly drainTimeoutMs: number;
  /** Who keeps the stops of live bots. */
  readonly stops: StopKeeper;
  /** Loads the instrument and answers how to read it from then on (filters change while a bot runs). */
  loadInstrument(symbol: string): Promise<() => Instrument>;
  leaseLeftMs(): number | null;
  /** What the kill switches that concern it ask for now; null when none does. */
  killBlock(): EntryBlock | null;
  onPrice(candle: Candle): void;
  onDirty(): void;
  /** The bot is over: `error` when it faulted, null when it was released; `fenced` when another owner has it. */
  onEnded(end: { readonly error: Error | null; readonly fenced: boolean }): void;
}

const drainPollMs = 50;
/** Recovery waits this long for the exchange to tell what rests there. */
const verifyPatienceMs = 2_000;

/** Keeps entries closed while a bot that was switched off still has a position or an order. */
export const leavingBlock: EntryBlock = {
  rule: 'leaving',
  reason: 'the bot is switched off; its position and its orders are looked after until they are over (close-position sells)',
};

export class Bot {
  readonly #options: BotOptions;
  readonly #actor: Actor<typeof botMachine>;
  /** The columns that it works with. */
  #row: BotConfigRow;
  #settings: BotSettings;
  #session: BotSession | null = null;
  #late: LateDecisions | null = null;
  #subscription: SeriesSubscription | null = null;
  #instrument: (() => Instrument) | null = null;
  #fenced = false;
  #leaving: boolean;
  readonly #watch: ProtectionWatch;
  readonly #standingStop = new StandingStop();
  readonly #stopLines = new StopLines();
  #withoutMarket = false;
  #checkpoint: Checkpoint | null = null;

  constructor(options: BotOptions) {
    this.#options = options;
    this.#leaving = options.blocks.includes(leavingBlock);
    this.#row = options.rows.config;
    this.#settings = settingsOf(this.#row, options.stops);
    this.#watch = new ProtectionWatch({
      clock: options.clock,
      metrics: options.metrics,
      onTick: () => this.#session?.tell({ type: 'time-passed', atMs: options.venueClock.now() }),
      // While an exit is under way nothing more has to be sold.
      ask: async (sinceMs) => this.#session?.state.exiting === null && options.desk.stopDenied(options.botId, sinceMs),
      onUnanswered: (error) =>
        options.log.error(
          { err: error, botId: options.botId, symbol: this.symbol },
          'no stop of a bot is known to rest, and the exchange does not answer whether one does: its position is kept, and asked about on',
        ),
      onOverdue: (exposure) => {
        const why =
          exposure === 'bare'
            ? 'the exchange has denied its stop in two rounds'
            : 'the price is beyond its stop, which the exchange does not execute';
        options.log.error({ botId: options.botId, symbol: this.symbol }, `a bot is not protected in time: ${why}; it is closed`);
        this.#session?.tell({ type: 'protection-overdue', atMs: options.venueClock.now() });
      },
    });
    this.#actor = createActor(botMachine, {
      input: {
        recover: (left) => this.#recover(left),
        warm: (left) => this.#warm(left),
        drain: () => this.#drain(),
        tellPhases: () => this.#session?.tellPhases(),
        safeMode: options.safeMode,
      },
    });
    this.#actor.subscribe({
      next: (snapshot) => this.#onSnapshot(snapshot),
      error: (error) => this.#end(error instanceof Error ? error : new Error(String(error))),
    });
  }

  start(): void {
    this.#actor.start();
    this.#send({ type: 'claimed' });
  }

  /** Settles what is in flight and lets go; `onEnded` tells when. */
  stop(): void {
    this.#session?.block({ rule: 'draining', reason: 'the bot is stopping' });
    this.#send({ type: 'stop' });
  }

  /**
   * It is switched off: nothing is entered and its strategy is not asked; stops, targets, the day's loss limit and commands work as
   * before. It is stopped when its rows say that no position and no open order is left, so that somebody looks after these until then.
   */
  leave(): void {
    this.#leaving = true;
    this.#session?.block(leavingBlock);
  }

  /** It holds nothing, and none of its orders is in flight, waits to be written or rests at the exchange. */
  get over(): boolean {
    return !this.exposed && this.#options.desk.over(this.#options.botId);
  }

  /** Has its status, with what its position is worth now, written. */
  publishStatus(): void {
    this.#options.onDirty();
  }

  /** Kill switches were set or released. */
  followKillSwitches(): void {
    const block = this.#options.killBlock();
    if (block === null) this.#session?.unblock('kill-switch');
    else this.#session?.block(block);
  }

  /** It shall run, or shall run again. */
  stay(): void {
    if (!this.#leaving) return;
    this.#leaving = false;
    this.#session?.unblock(leavingBlock.rule);
  }

  /** Somebody else has the bot: no further write or exchange call. */
  fence(): void {
    this.#fenced = true;
    this.#session?.close();
    this.#subscription?.close();
    this.#send({ type: 'fenced' });
  }

  get session(): BotSession | null {
    return this.#session;
  }

  /** To be written with its status; null when none is, or when it was. */
  get checkpoint(): Checkpoint | null {
    return this.#checkpoint;
  }

  /** Its checkpoint is in its row. */
  checkpointWritten(): void {
    this.#checkpoint = null;
  }

  get userId(): string {
    return this.#options.rows.config.userId;
  }

  /** True when its orders go to an exchange. */
  get live(): boolean {
    return this.#settings.mode === 'live';
  }

  get symbol(): string {
    return this.#settings.trading.symbol;
  }

  /** Name of the life-cycle state: claiming, recovering, warming, running, quarantined, draining, released or faulted. */
  get life(): string {
    const { value } = this.#actor.getSnapshot();
    return typeof value === 'string' ? value : (Object.keys(value)[0] ?? 'unknown');
  }

  get running(): boolean {
    return this.life === 'running' || this.life === 'quarantined';
  }

  /** True when it began while its symbol was not listed: it has no candles. */
  get withoutMarket(): boolean {
    return this.#withoutMarket;
  }

  /** It holds something, or has an order that is not over. */
  get exposed(): boolean {
    const { desk, botId } = this.#options;
    return !desk.idle(botId) || (this.#session !== null && this.#session.phase !== 'flat');
  }

  /** The newest close that the bot has decided on and dealt with; null while an order or stop that follows from it is under way. */
  get settledThroughMs(): number | null {
    const session = this.#session;
    if (session === null || !this.running || !this.#options.desk.idle(this.#options.botId)) return null;
    const { working, exiting, protection, lastDecidedMs } = session.state;
    const atRest = working === null && exiting === null && protection.operation === null && this.#watch.exposure !== 'bare';
    return atRest ? lastDecidedMs : null;
  }

  /**
   * Uses changed columns from the next decision on. A column that may not change while a position or an order is open waits (an entry may
   * have been decided just before the change arrived); some changes need the bot to be started again.
   */
  reconfigure(rows: BotRows): 'taken' | 'waits' | 'restart' {
    if (this.#session === null) return 'restart';
    const { desk, botId } = this.#options;
    const holding = this.#session.phase !== 'flat';
    const standing = { holding, ordersOpen: !desk.idle(botId), running: false, traded: hasTraded(rows) };
    const { row, waiting } = applicableRow(this.#row, rows.config, standing);
    const next = settingsOf(row, this.#options.stops);
    if (needsRestart(this.#settings, next)) return 'restart';
    const heard = this.#row.version === row.version;
    if (!heard) for (const { column, reason } of waiting) this.#options.log.warn({ botId, column, reason }, 'a changed column waits');
    this.#row = row;
    this.#settings = next;
    this.#session.reconfigure(next);
    return waiting.some(({ lasting }) => !lasting) ? 'waits' : 'taken';
  }

  async #recover(left: AbortSignal): Promise<void> {
    const { rows, clock, venueClock, metrics, desk, safeMode, safety } = this.#options;
    this.#instrument = await this.#options.loadInstrument(this.symbol);
    // It was stopped meanwhile: whoever takes it next looks after its orders.
    if (left.aborted) return;
    const instrument = this.#instrument();
    const { state: restored, checkpoint } = recover({
      botId: this.#options.botId,
      rows,
      config: this.#settings.trading,
      instrument,
      // Asked right before the session begins: from then on the bot hears of changes.
      killed: this.#options.killBlock(),
      blocks: this.#options.blocks,
      atMs: venueClock.now(),
      metrics,
    });
    const state = safety.positionCheck ? restored : { ...restored, working: null };
    const session = new BotSession({
      settings: this.#settings,
      state,
      clock,
      venueClock,
      metrics,
      safeMode,
      instrument: this.#instrument,
      carryOut: (command, triggeredAt) => this.#carryOut(command, triggeredAt),
      onPrice: (candle) => this.#options.onPrice(candle),
      onTradingPhase: (phase) => {
        this.#options.log.debug({ botId: this.#options.botId, symbol: this.symbol, phase }, `the bot is ${phase}`);
        this.#send({ type: 'trading-changed', phase });
      },
      onFeedPhase: (phase) => {
        this.#options.log.debug({ botId: this.#options.botId, symbol: this.symbol, feed: phase }, `the candles of the bot are ${phase}`);
        this.#send({ type: 'feed-changed', phase });
      },
      onExposure: (exposure) => this.#onExposure(exposure),
      onAllowance: (reason) => {
        this.#options.log.debug(
          { botId: this.#options.botId, symbol: this.symbol, reason },
          `entries are ${reason === null ? 'open' : 'closed'}`,
        );
        this.#send({ type: 'allowance-changed', reason });
      },
      onDirty: () => this.#options.onDirty(),
      onNotice: ({ topic, reason }) => this.#options.log.warn({ botId: this.#options.botId, symbol: this.symbol, topic }, reason),
      onVerdict: (close) => {
        this.#options.log.debug(closeLine(this.#options.botId, this.symbol, close), 'a closed candle was decided on');
        this.#options.ledger.record(close);
      },
      onFault: (error) => this.#send({ type: 'fault', error }),
    });
    this.#session = session;
    this.#checkpoint = checkpoint;
    const late = new LateDecisions({ session, clock, venueClock, subscription: () => this.#subscription });
    this.#late = late;
    if (safeMode)
      session.block({ rule: 'quarantined', reason: 'the bot crashed again and again; its position is managed, nothing new is opened' });
    // What happened at the exchange meanwhile is learnt before anything is decided; an exchange that does not answer is not waited for.
    desk.attach(this.#link(session, late, this.#instrument), rows.orders, rows.fills);
    await atMost(clock, verifyPatienceMs, desk.protectionVerified(this.#options.botId));
    session.tell({ type: 'time-passed', atMs: venueClock.now() });
  }

  #onExposure(exposure: Exposure): void {
    const { botId, log } = this.#options;
    if (exposure === 'disarmed' && this.#watch.exposure !== 'disarmed')
      log.error({ botId, symbol: this.symbol }, 'nothing protects the position of a bot: a kill switch keeps its stop down');
    this.#watch.changed(exposure);
  }

  #carryOut(command: TradingCommand, triggeredAt: number | null): void {
    const { desk, botId } = this.#options;
    switch (command.type) {
      case 'place-order':
        desk.place(botId, command, triggeredAt);
        return;
      case 'place-protection':
        this.#stopLines.asked();
        desk.protect(botId, command);
        return;
      case 'replace-protection':
        this.#standingStop.move();
        this.#stopLines.asked();
        desk.protect(botId, command);
        return;
      case 'cancel-protection':
        this.#standingStop.move();
        desk.unprotect(botId, command);
        return;
      default:
        command satisfies never;
    }
  }

  #link(session: BotSession, late: LateDecisions, instrument: () => Instrument): BotLink {
    const { botId, epoch, rows, account, facts, installation, horizonMs, venueClock } = this.#options;
    return {
      botId,
      userId: rows.config.userId,
      epoch,
      venue: rows.config.venue,
      mode: rows.config.mode,
      installation,
      account,
      facts,
      horizonMs,
      leaseLeftMs: () => this.#options.leaseLeftMs(),
      instrument,
      averagePrice: () => session.averagePrice,
      watchPrices: () => session.watchPrices(),
      holds: () => session.holds,
      restsWhenHolding: () => session.restsWhenHolding,
      mayTakeDown: () => session.mayTakeDown,
      onFills: (fills) => {
        for (const fill of fills) session.tell({ type: 'fill-received', fill, atMs: fill.atMs });
        this.#options.onDirty();
        // All fills of this answer are in: now the stop can follow the position. Fills of stops and targets are followed by news of their own.
        if (fills.every(({ role }) => role === 'stop' || role === 'target')) return;
        const newestMs = Math.max(...fills.map((fill) => fill.atMs));
        session.tell({ type: 'time-passed', atMs: Math.max(venueClock.now(), newestMs) });
      },
      onOrderEnded: (order) => {
        session.tell({ type: 'order-ended', ...order, atMs: venueClock.now() });
        if (order.role === 'entry' && session.holds) this.#tellKeptStop(session);
        // The entry never reached the exchange: its close is decided on again while it is fresh.
        if (order.role === 'entry' && order.outcome === 'never-placed') late.entryAgain(order.decisionMs);
        else if (order.role === 'exit' && order.outcome !== 'filled') late.exitAgain();
      },
      onLate: (reason) => session.block({ rule: 'held', reason }),
      onProtection: (news) => this.#onProtection(session, news),
      onFenced: () => this.fence(),
      onFault: (error) => this.#send({ type: 'fault', error }),
    };
  }

  /** Waits for candles as long as it takes: the status says what is missing, and the position is looked after meanwhile. */
  async #warm(left: AbortSignal): Promise<void> {
    const session = this.#session;
    if (session === null) throw new Error('a bot warms up after it has recovered');
    const { trading, strategy, parameters } = this.#settings;
    const listener: SeriesListener = session;
    if (this.#instrument?.().status === 'DELISTED') {
      this.#pauseWithoutMarket(session);
      return;
    }
    this.#subscription = await this.#options.market.subscribe(
      {
        symbol: trading.symbol,
        timeframe: trading.timeframe,
        needs: strategy.needs(parameters),
        warmUpCandles: strategy.warmUpCandles(parameters),
        exposed: this.exposed,
      },
      listener,
      left,
    );
    if (left.aborted) {
      this.#subscription.close();
      return;
    }
    session.onHealth(this.#subscription.health, this.#subscription.reason);
    this.#late?.onMissedCloses(this.#options.rows.lastExecutionMs ?? 0);
    this.#late?.onNewestClose();
  }

  /** It runs without candles; it is started again when the symbol trades (venue-watch.ts). */
  #pauseWithoutMarket(session: BotSession): void {
    this.#withoutMarket = true;
    const reason = pauseOf(session.instrument);
    if (reason !== null) session.block({ rule: 'symbol-not-trading', reason });
  }

  #tellKeptStop({ state, settings, instrument }: BotSession): void {
    const line = keptStopLine(state, settings.trading, instrument);
    if (line !== null) this.#options.log.info({ botId: this.#options.botId, symbol: this.symbol, ...line.fields }, line.text);
  }

  #onProtection(session: BotSession, news: ProtectionNews): void {
    const { log, botId, metrics, venueClock } = this.#options;
    const { refused } = news;
    const vanished = this.#standingStop.told(news);
    if (refused !== null) log.error({ botId, symbol: this.symbol, refused }, 'the exchange refused a protective order');
    session.tell({ type: 'protection-changed', ...news, atMs: venueClock.now() });
    const line = news.settled ? this.#stopLines.rests(news.resting, session.holds) : null;
    if (line !== null) log[line.level]({ botId, symbol: this.symbol, ...line.fields }, line.text);
    if (!vanished || isFlat(session.state, session.instrument, session.state.lastPrice)) return;
    metrics.reconcileDrift.inc({ kind: 'protection-vanished' });
    log.error(
      { botId, symbol: this.symbol },
      'the stop of a bot no longer rests at the exchange although its position is open; it is put up again',
    );
  }

  async #drain(): Promise<void> {
    const { desk, botId, drainTimeoutMs, log, clock } = this.#options;
    this.#subscription?.close();
    const deadline = clock.monotonic() + drainTimeoutMs;
    let settled = await desk.settle(botId, drainTimeoutMs);
    // A missing stop is placed, or the position sold, before the bot lets go: it may take a while until an engine takes it again.
    while (settled && this.#watch.exposure === 'bare' && clock.monotonic() < deadline) {
      await clock.sleep(drainPollMs);
      settled = await desk.settle(botId, Math.max(0, deadline - clock.monotonic()));
    }
    if (this.#watch.exposure === 'bare')
      log.error({ botId, symbol: this.symbol }, 'the bot leaves a position without its stop at the exchange');
    if (!settled) log.warn({ botId }, 'the bot leaves with an order whose fate is open; its next owner resolves it');
    await desk.detach(botId);
    this.#session?.close();
  }

  /** Late answers may reach a bot that is over. */
  #send(event: BotMachineEvent): void {
    if (this.#actor.getSnapshot().status === 'active') this.#actor.send(event);
  }

  #onSnapshot(snapshot: SnapshotFrom<typeof botMachine>): void {
    this.#options.onDirty();
    if (snapshot.status !== 'done') return;
    this.#end(snapshot.matches('faulted') ? (snapshot.context.error ?? new Error('unknown fault')) : null);
  }

  #end(error: Error | null): void {
    this.#late?.stop();
    this.#watch.stop();
    this.#subscription?.close();
    this.#session?.close();
    void this.#options.desk.detach(this.#options.botId).finally(() => this.#options.onEnded({ error, fenced: this.#fenced }));
  }
}

function closeLine(botId: string, symbol: string, { view, signal, verdict }: DecidedClose): Record<string, unknown> {
  const { outcome, rule, reason } = verdict;
  const { closeTime, close } = view.candle;
  return { botId, symbol, closeTime, close, signal: signal.action, signalReason: signal.reason, outcome, rule, reason };
}
