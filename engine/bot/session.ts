/**
 * The hot path of one bot: market and order events in, the pure core's decision, commands out. A plain object, because
 * an actor message per candle would cost more than the decision.
 */
import type { Decimal } from 'decimal.js';
import type { SeriesHealth, SeriesListener, SeriesView } from '../market/market.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { DecisionLedger } from '../persistence/decision-ledger.ts';
import type { DecisionSettings } from '../persistence/decision-store.ts';
import type { Strategy, StrategyParameters, Signal } from '../strategies/strategy.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import type { Candle } from '../trading/candle.ts';
import { withCapital } from '../trading/day.ts';
import { decide } from '../trading/decide.ts';
import type { DayNotice, Decision, EntryBlock, TradingCommand, TradingConfig, TradingEvent } from '../trading/events.ts';
import type { PriceBounds } from '../trading/filters.ts';
import type { Instrument } from '../trading/instrument.ts';
import { equityAt } from '../trading/pnl.ts';
import { isFlat } from '../trading/position.ts';
import { exposureOf, filterNote, hasStop, mayTakeDown, restingOrders, stopKeeper } from '../trading/protect.ts';
import type { Exposure, RestingOrders } from '../trading/protect.ts';
import { RecentPrices, averageSpanMs } from '../trading/recent-prices.ts';
import type { PriceWatch } from '../trading/recent-prices.ts';
import type { TradingState } from '../trading/state.ts';
import { verdictOf } from '../trading/verdict.ts';
import type { Judged, Silenced, Verdict } from '../trading/verdict.ts';

type TradingPhase = 'flat' | 'entering' | 'holding' | 'exiting';
type FeedPhase = 'live' | 'gapped' | 'stale';

/** What a bot is made of, as its row says. Replaced as a whole when the row changes. */
export interface BotSettings {
  readonly trading: TradingConfig;
  readonly strategy: Strategy;
  readonly parameters: StrategyParameters;
  readonly mode: 'live' | 'paper';
  /** The same, as the decision ledger names it. */
  readonly recordedAs: DecisionSettings;
}

export interface SessionOptions {
  readonly settings: BotSettings;
  readonly state: TradingState;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly metrics: Metrics;
  /** Names the bot and its symbol in every line. */
  readonly log: Log;
  /** Keeps what was decided on each closed candle. */
  readonly ledger: DecisionLedger;
  /** The strategy is not asked: stops and requested exits still work. For bots that crash again and again. */
  readonly safeMode: boolean;
  instrument(): Instrument;
  carryOut(command: TradingCommand, triggeredAt: number | null): void;
  /** Each candle that the session sees, forming or closed: paper accounts fill by them. */
  onPrice(candle: Candle): void;
  /** Whether the position's stop rests at the exchange. */
  onExposure(exposure: Exposure): void;
  /** Something that its status row shows has changed: message, day, blocks. */
  onDirty(): void;
  onFault(error: Error): void;
}

/** So late after its close an entry may still be made: a share of the candle's length, and at least so many ms. */
const lateEntryShare = 0.1;
const lateEntryMinMs = 5_000;

const inSafeMode = {
  rule: 'quarantined',
  signal: { action: 'hold', reason: 'safe mode after repeated crashes: the strategy is not asked' },
} as const;
const whileLeaving = { rule: 'leaving', signal: { action: 'hold', reason: 'the bot is switched off: the strategy is not asked' } } as const;
const missedSignal: Signal = { action: 'hold', reason: 'the bot was away at this close' };
const staleSignal: Signal = { action: 'hold', reason: 'the newest close was too old to enter on; waiting for the next one' };

export class BotSession implements SeriesListener {
  readonly #options: SessionOptions;
  #settings: BotSettings;
  #state: TradingState;
  #phase: TradingPhase = 'flat';
  #feed: FeedPhase = 'live';
  #allowance: string | null = null;
  #message = 'waiting for the first candle to close';
  #lastDecisionAtMs: number | null = null;
  #closed = false;
  readonly #recentPrices: RecentPrices;
  /** As it was when the bot followed it last. */
  #followed: Instrument;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#state = options.state;
    this.#recentPrices = new RecentPrices(averageSpanMs(options.instrument()));
    this.#followed = options.instrument();
    this.#report();
    if (this.#allowance !== null) this.#message = `${this.#allowance}; ${this.#message}`;
  }

  get state(): TradingState {
    return this.#state;
  }
  /** The strategy is not asked. */
  get silenced(): boolean {
    return this.#silencing !== null;
  }
  get settings(): BotSettings {
    return this.#settings;
  }
  get instrument(): Instrument {
    return this.#options.instrument();
  }
  /** Budget and everything gained or lost, at the last price, quote. */
  get equity(): Decimal {
    return equityAt(this.#state, this.#settings.trading, this.#state.lastPrice);
  }
  /** When the last price was looked at, venue time, ms; null while it is the one that the rows had. */
  get lastPriceAtMs(): number | null {
    return this.#state.lastCheckMs === 0 ? null : this.#state.lastCheckMs;
  }
  get phase(): TradingPhase {
    return this.#phase;
  }
  get feed(): FeedPhase {
    return this.#feed;
  }
  get allowance(): string | null {
    return this.#allowance;
  }
  /** Bounds of the average price that the exchange's filters judge by; null before the first price. */
  get averagePrice(): PriceBounds | null {
    return this.#recentPrices.bounds(this.#options.venueClock.now());
  }
  /** The prices from now on; null while the market is not heard. */
  watchPrices(): PriceWatch | null {
    return this.#feed === 'live' ? this.#recentPrices.watch() : null;
  }
  get holds(): boolean {
    return !isFlat(this.#state, this.#options.instrument(), this.#state.lastPrice);
  }
  /** What protects the position may be taken down now. */
  get mayTakeDown(): boolean {
    return mayTakeDown(this.#state, this.#settings.trading, this.#options.instrument());
  }
  /** What rests at the exchange while the bot has a position. */
  get restsWhenHolding(): RestingOrders {
    return restingOrders(this.#settings.trading, this.#options.instrument());
  }
  /** Why the bot did what it did, or did nothing, last. */
  get message(): string {
    const note = filterNote(this.#state, this.#settings.trading, this.#options.instrument());
    return this.#message + this.#keeperNote() + (note === null || this.#message.includes(note) ? '' : `; ${note}`);
  }
  get lastDecisionAtMs(): number | null {
    return this.#lastDecisionAtMs;
  }

  /** No entry is made on a close that is too old (it was missing, or is from before a restart); exits, stops and the day's loss are judged. */
  onClose(view: SeriesView, receivedAt: number): void {
    this.#options.onPrice(view.candle);
    this.#recentPrices.saw(view.candle, view.candle.closeTime, averageSpanMs(this.#options.instrument()));
    this.#guard(() => {
      const before = this.#state;
      const silence = this.#silencing;
      const asked = silence?.signal ?? this.#settings.strategy.signal(view, this.#settings.parameters);
      const stale = asked.action === 'enter-long' && !this.#fresh(view.candle);
      const signal = stale ? staleSignal : asked;
      const decision = this.#decide({ type: 'candle-closed', candle: view.candle, signal, atMs: view.candle.closeTime }, receivedAt);
      // While nothing happens the status still says what keeps entries closed.
      if (decision.reason === null) this.#say(this.#allowance === null ? signal.reason : `${this.#allowance}; ${signal.reason}`);
      this.#lastDecisionAtMs = view.candle.closeTime;
      this.#options.onDirty();
      this.#options.metrics.barToDecision.observe((this.#options.clock.monotonic() - receivedAt) / 1000);
      this.#judge(view, asked, { before, signal, decision, silenced: stale ? 'stale-close' : (silence?.rule ?? null) });
    });
  }

  /**
   * A close that passed while nobody ran the bot. A paper bot has no orders at an exchange, so its stops and targets are judged
   * afterwards, candle by candle, and so are the strategy's exits; missed entries are not made.
   */
  onMissedClose(view: SeriesView): void {
    const { candle } = view;
    this.#options.onPrice(candle);
    this.#guard(() => {
      const asked = this.#silencing?.signal ?? this.#settings.strategy.signal(view, this.#settings.parameters);
      const at = new Date(candle.closeTime + 1).toISOString();
      const signal: Signal =
        asked.action === 'exit' ? { ...asked, reason: `${asked.reason} at ${at}, while the bot was away` } : missedSignal;
      this.#decide({ type: 'candle-closed', candle, signal, atMs: candle.closeTime }, null);
    });
  }

  /** Why the strategy is not asked; null when it is. Stops are kept all the same. */
  get #silencing(): { readonly rule: Silenced; readonly signal: Signal } | null {
    if (this.#options.safeMode) return inSafeMode;
    return this.#state.blocks.some((block) => block.rule === 'leaving') ? whileLeaving : null;
  }

  /** For the counters and the ledger; nothing is decided any more. */
  #judge(view: SeriesView, signal: Signal, judged: Omit<Judged, 'instrument' | 'price'>): void {
    const verdict = verdictOf({ ...judged, instrument: this.#options.instrument(), price: view.candle.close });
    const { metrics, log, ledger } = this.#options;
    metrics.verdicts.inc({ action: verdict.outcome, rule: verdict.rule ?? 'none' });
    log.debug(closeFields(view, signal, verdict), 'a closed candle was decided on');
    ledger.record({ settings: this.#settings.recordedAs, view, signal, verdict });
  }

  #fresh({ openTime, closeTime }: Candle): boolean {
    const lengthMs = closeTime + 1 - openTime;
    return this.#options.venueClock.now() - closeTime <= Math.max(lateEntryMinMs, lengthMs * lateEntryShare);
  }

  onUpdate(candle: Candle): void {
    this.#options.onPrice(candle);
    this.#recentPrices.saw(candle, this.#options.venueClock.now(), averageSpanMs(this.#options.instrument()));
    this.#guard(() => this.#decide({ type: 'price-moved', candle, atMs: this.#options.venueClock.now() }, this.#options.clock.monotonic()));
  }

  onHealth(health: SeriesHealth, reason: string): void {
    const atMs = this.#options.venueClock.now();
    const phase: FeedPhase = health === 'gapped' ? 'gapped' : health === 'live' ? 'live' : 'stale';
    this.#guard(() => {
      for (const rule of ['series-gapped', 'series-stale'] as const) {
        const blocked = (phase === 'gapped' && rule === 'series-gapped') || (phase === 'stale' && rule === 'series-stale');
        this.#decide(
          blocked ? { type: 'entries-blocked', block: { rule, reason }, atMs } : { type: 'entries-unblocked', rule, atMs },
          null,
        );
      }
    });
    if (phase === this.#feed) return;
    this.#feed = phase;
    this.#recentPrices.missed();
    this.#options.log.debug({ feed: phase }, `the candles of the bot are ${phase}`);
  }

  /** Everything that is not market data: fills, ended orders, blocks, requests. */
  tell(event: TradingEvent): void {
    this.#guard(() => this.#decide(event, null));
  }

  block(block: EntryBlock): void {
    this.tell({ type: 'entries-blocked', block, atMs: this.#options.venueClock.now() });
  }

  unblock(rule: EntryBlock['rule']): void {
    if (!this.#state.blocks.some((block) => block.rule === rule)) return;
    this.tell({ type: 'entries-unblocked', rule, atMs: this.#options.venueClock.now() });
  }

  /** What the symbol's filters kept from being sold or protected is tried when they are others: the next price may be long in coming. */
  followInstrument(): void {
    const instrument = this.#options.instrument();
    if (instrument === this.#followed) return;
    this.#followed = instrument;
    this.tell({ type: 'time-passed', atMs: this.#options.venueClock.now() });
  }

  /** Changed settings apply from the next decision on. */
  reconfigure(settings: BotSettings): void {
    const before = this.#settings.trading.initialCapital;
    this.#state = { ...this.#state, day: withCapital(this.#state.day, before, settings.trading.initialCapital) };
    this.#settings = settings;
    this.#options.onDirty();
  }

  /** No event has an effect any more. */
  close(): void {
    this.#closed = true;
  }

  #guard(work: () => void): void {
    if (this.#closed) return;
    try {
      work();
    } catch (error) {
      this.#options.metrics.decisionFailures.inc({ reason: error instanceof Error ? error.name : 'unknown' });
      this.#closed = true;
      this.#options.onFault(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #decide(event: TradingEvent, triggeredAt: number | null): Decision {
    const before = this.#state;
    const decision = decide(before, event, this.#settings.trading, this.#options.instrument());
    this.#state = decision.state;
    for (const command of decision.commands) {
      const action = command.type === 'place-order' ? command.role : command.type;
      this.#options.metrics.decisions.inc({ action, mode: this.#settings.mode });
      this.#options.carryOut(command, triggeredAt);
    }
    if (decision.blockedBy !== null) this.#options.metrics.riskBlocks.inc({ rule: decision.blockedBy });
    if (decision.reason !== null) this.#say(decision.reason);
    if (decision.state !== before) {
      this.#report();
      const best =
        event.type === 'candle-closed' &&
        this.#settings.trading.trailingStopActive &&
        !Object.is(decision.state.bestPrice, before.bestPrice);
      if (decision.state.notices !== before.notices) this.#tellNotices(before.notices);
      if (best || decision.state.day !== before.day || decision.state.blocks !== before.blocks) this.#options.onDirty();
    }
    return decision;
  }

  #tellNotices(known: readonly DayNotice[]): void {
    for (const notice of this.#state.notices) {
      if (known.includes(notice)) continue;
      this.#options.metrics.dayNotices.inc({ topic: notice.topic });
      this.#options.log.warn({ topic: notice.topic }, notice.reason);
    }
    this.#options.onDirty();
  }

  #say(message: string): void {
    if (message === this.#message) return;
    this.#message = message;
    this.#options.onDirty();
  }

  /** For the status: stops should rest at the exchange, but the symbol offers no stop orders. */
  #keeperNote(): string {
    const { trading } = this.#settings;
    const instrument = this.#options.instrument();
    if (!hasStop(trading) || trading.stops === 'engine' || stopKeeper(trading, instrument) === 'exchange') return '';
    return `; ${instrument.symbol} offers no stop orders: the engine keeps the stop, and nothing protects the position while it is down`;
  }

  #report(): void {
    const state = this.#state;
    const phase: TradingPhase =
      state.working?.role === 'entry'
        ? 'entering'
        : state.exiting !== null || state.working?.role === 'exit'
          ? 'exiting'
          : isFlat(state, this.#options.instrument(), state.lastPrice)
            ? 'flat'
            : 'holding';
    if (phase !== this.#phase) {
      this.#phase = phase;
      this.#options.log.debug({ phase }, `the bot is ${phase}`);
      this.#options.onDirty();
    }
    this.#options.onExposure(exposureOf(state, this.#settings.trading, this.#options.instrument()));
    const allowance = state.blocks[0]?.reason ?? null;
    if (allowance !== this.#allowance) {
      this.#allowance = allowance;
      this.#options.log.debug({ reason: allowance }, `entries are ${allowance === null ? 'open' : 'closed'}`);
    }
  }
}

function closeFields({ candle: { closeTime, close } }: SeriesView, signal: Signal, { outcome, rule, reason }: Verdict): object {
  return { closeTime, close, signal: signal.action, signalReason: signal.reason, outcome, rule, reason };
}
