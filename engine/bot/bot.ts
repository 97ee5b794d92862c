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
import type { MarketSeries, SeriesSubscription } from '../market/market.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { hasTraded } from '../persistence/bot-rows.ts';
import type { BotConfigRow, BotRows } from '../persistence/bot-rows.ts';
import type { Checkpoint } from '../persistence/state-data.ts';
import type { DecisionLedger } from '../persistence/decision-ledger.ts';
import type { Safety } from '../safety.ts';
import type { Clock, Timer, VenueClock } from '../time/clock.ts';
import { atMost } from '../time/waiting.ts';
import type { Candle } from '../trading/candle.ts';
import type { EntryBlock, StopKeeper, TradingCommand } from '../trading/events.ts';
import type { Instrument } from '../trading/instrument.ts';
import { pauseOf } from '../trading/pause.ts';
import { isFlat } from '../trading/position.ts';
import { LateDecisions } from './late-decisions.ts';
import { botMachine } from './machine.ts';
import type { BotMachineEvent } from './machine.ts';
import { ProtectionWatch } from './protection-watch.ts';
import { recover } from './recovery.ts';
import { BotSession } from './session.ts';
import type { BotSettings } from './session.ts';
import { applicableRow, needsRestart, settingsOf } from './settings.ts';
import { StopNews, keptStopLine } from './stop-news.ts';

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

const drainPollMs = 20;
/** Recovery waits this long for the exchange to tell what rests there. */
const verifyPatienceMs = 2_000;

/** Keeps entries closed while a bot that was switched off still has a position or an order. */
export const leavingBlock: EntryBlock = {
  rule: 'leaving',
  reason: 'the bot is switched off; its position and its orders are looked after until they are over (close-position sells)',
};

export class Bot {
  readonly #options: BotOptions;
  readonly #log: Log;
  readonly #actor: Actor<typeof botMachine>;
  /** The columns that it works with. */
  #row: BotConfigRow;
  #settings: BotSettings;
  #session: BotSession | null = null;
  #late: LateDecisions | null = null;
  #fenced = false;
  #leaving: boolean;
  readonly #watch: ProtectionWatch;
  readonly #stopNews = new StopNews();
  #withoutMarket = false;
  #checkpoint: Checkpoint | null = null;

  constructor(options: BotOptions) {
    this.#options = options;
    this.#leaving = options.blocks.includes(leavingBlock);
    this.#row = options.rows.config;
    this.#settings = settingsOf(this.#row, options.stops);
    const { botId, clock, venueClock, metrics, desk } = options;
    this.#log = options.log.child({ botId, symbol: this.symbol });
    this.#watch = new ProtectionWatch({
      clock,
      metrics,
      log: this.#log,
      // While an exit is under way nothing more has to be sold.
      ask: async (sinceMs) => this.#session?.state.exiting === null && desk.stopDenied(botId, sinceMs),
      tell: (type) => this.#session?.tell({ type, atMs: venueClock.now() }),
    });
    this.#actor = createActor(botMachine, {
      clock: { setTimeout: (fire, delayMs) => clock.after(delayMs, fire), clearTimeout: (timer: Timer) => timer.cancel() },
      input: {
        recover: (left) => this.#recover(left),
        join: (left) => this.#join(left),
        begin: (candles) => this.#begin(candles),
        drain: (left) => this.#drain(left),
        drainLimitMs: options.drainTimeoutMs,
      },
    });
    this.#actor.subscribe({
      next: (snapshot) => this.#onSnapshot(snapshot),
      error: (error) => this.#end(error instanceof Error ? error : new Error(String(error))),
    });
  }

  start(): void {
    this.#actor.start();
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

  /** Name of the life-cycle state: recovering, warming, running (in safe mode: quarantined), draining, released or faulted. */
  get life(): string {
    const { value } = this.#actor.getSnapshot();
    const state = typeof value === 'string' ? value : value.listening;
    return state === 'running' && this.#options.safeMode ? 'quarantined' : state;
  }

  get running(): boolean {
    return this.#actor.getSnapshot().matches({ listening: 'running' });
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
    if (!heard) for (const { column, reason } of waiting) this.#log.warn({ column, reason }, 'a changed column waits');
    this.#row = row;
    this.#settings = next;
    this.#session.reconfigure(next);
    return waiting.some(({ lasting }) => !lasting) ? 'waits' : 'taken';
  }

  async #recover(left: AbortSignal): Promise<void> {
    const { rows, clock, venueClock, metrics, desk, safeMode, safety } = this.#options;
    const instrument = await this.#options.loadInstrument(this.symbol);
    // It was stopped meanwhile: whoever takes it next looks after its orders.
    if (left.aborted) return;
    const { state: restored, checkpoint } = recover({
      botId: this.#options.botId,
      rows,
      config: this.#settings.trading,
      instrument: instrument(),
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
      instrument,
      carryOut: (command, triggeredAt) => this.#carryOut(command, triggeredAt),
      log: this.#log,
      ledger: this.#options.ledger,
      onPrice: (candle) => this.#options.onPrice(candle),
      onExposure: (exposure) => this.#watch.changed(exposure),
      onDirty: () => this.#options.onDirty(),
      onFault: (error) => this.#send({ type: 'fault', error }),
    });
    this.#session = session;
    this.#checkpoint = checkpoint;
    const late = new LateDecisions({ session, clock, venueClock });
    this.#late = late;
    if (safeMode)
      session.block({ rule: 'quarantined', reason: 'the bot crashed again and again; its position is managed, nothing new is opened' });
    // What happened at the exchange meanwhile is learnt before anything is decided; an exchange that does not answer is not waited for.
    desk.attach(this.#link(session, late, instrument), rows.orders, rows.fills);
    await atMost(clock, verifyPatienceMs, desk.protectionVerified(this.#options.botId));
    session.tell({ type: 'time-passed', atMs: venueClock.now() });
  }

  #carryOut(command: TradingCommand, triggeredAt: number | null): void {
    const { desk, botId } = this.#options;
    if (command.type === 'place-order') {
      desk.place(botId, command, triggeredAt);
      return;
    }
    this.#stopNews.commanded(command.type);
    if (command.type === 'cancel-protection') desk.unprotect(botId, command);
    else desk.protect(botId, command);
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
  async #join(left: AbortSignal): Promise<SeriesSubscription | null> {
    const session = this.#session;
    if (session === null) throw new Error('a bot waits for candles after it has recovered');
    if (session.instrument.status === 'DELISTED') {
      this.#pauseWithoutMarket(session);
      return null;
    }
    const { trading, strategy, parameters } = this.#settings;
    const { symbol, timeframe } = trading;
    const [needs, warmUpCandles] = [strategy.needs(parameters), strategy.warmUpCandles(parameters)];
    return this.#options.market.subscribe({ symbol, timeframe, needs, warmUpCandles, exposed: this.exposed }, session, left);
  }

  #begin(candles: SeriesSubscription): void {
    this.#session?.onHealth(candles.health, candles.reason);
    this.#late?.begin(candles, this.#options.rows.lastExecutionMs ?? 0);
  }

  /** It runs without candles; it is started again when the symbol trades (venue-watch.ts). */
  #pauseWithoutMarket(session: BotSession): void {
    this.#withoutMarket = true;
    const reason = pauseOf(session.instrument);
    if (reason !== null) session.block({ rule: 'symbol-not-trading', reason });
  }

  #tellKeptStop({ state, settings, instrument }: BotSession): void {
    const line = keptStopLine(state, settings.trading, instrument);
    if (line !== null) this.#log.info(line.fields, line.text);
  }

  #onProtection(session: BotSession, news: ProtectionNews): void {
    const { metrics, venueClock } = this.#options;
    const { refused } = news;
    const vanished = this.#stopNews.vanished(news);
    if (refused !== null) this.#log.error({ refused }, 'the exchange refused a protective order');
    session.tell({ type: 'protection-changed', ...news, atMs: venueClock.now() });
    const line = news.settled ? this.#stopNews.line(news.resting, session.holds) : null;
    if (line !== null) this.#log[line.level](line.fields, line.text);
    if (!vanished || isFlat(session.state, session.instrument, session.state.lastPrice)) return;
    metrics.reconcileDrift.inc({ kind: 'protection-vanished' });
    this.#log.error('the stop of a bot no longer rests at the exchange although its position is open; it is put up again');
  }

  /** A missing stop is placed, or the position sold, before the bot lets go: it may take a while until an engine takes it again. */
  async #drain(left: AbortSignal): Promise<void> {
    const { desk, botId, clock } = this.#options;
    while (!desk.idle(botId) || this.#watch.exposure === 'bare') await clock.sleep(drainPollMs, left);
  }

  #tellLeft(): void {
    const { desk, botId } = this.#options;
    if (this.#watch.exposure === 'bare') this.#log.error('the bot leaves a position without its stop at the exchange');
    if (!desk.idle(botId)) this.#log.warn('the bot leaves with an order whose fate is open; its next owner resolves it');
  }

  /** Late answers may reach a bot that is over. */
  #send(event: BotMachineEvent): void {
    if (this.#actor.getSnapshot().status === 'active') this.#actor.send(event);
  }

  #onSnapshot(snapshot: SnapshotFrom<typeof botMachine>): void {
    this.#options.onDirty();
    if (snapshot.status !== 'done') return;
    const faulted = snapshot.matches('faulted');
    if (!faulted && !this.#fenced) this.#tellLeft();
    this.#end(faulted ? (snapshot.context.error ?? new Error('unknown fault')) : null);
  }

  #end(error: Error | null): void {
    this.#late?.stop();
    this.#watch.stop();
    this.#session?.close();
    void this.#options.desk.detach(this.#options.botId).finally(() => this.#options.onEnded({ error, fenced: this.#fenced }));
  }
}
