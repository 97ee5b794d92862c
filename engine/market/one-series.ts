/**
 * One series: candles in order from stream and REST, indicator values computed once per close, handed to every bot on it in
 * a plain pass. When the stream was interrupted, the missing candles are fetched, and each closed one is delivered once. Prices
 * reach the bots also while candles cannot be had, because stops and the day's loss limit need them.
 */
import type { KlineFrame } from '../exchanges/binance/streams.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import { Turns, atMost, unlessAborted } from '../time/waiting.ts';
import { timeframeMs } from '../trading/candle.ts';
import type { Candle } from '../trading/candle.ts';
import type { Feed } from './feed.ts';
import { CandleSequence } from './gaps.ts';
import { UnsoundRow } from './history.ts';
import type { History } from './history.ts';
import { IndicatorBoard } from './indicator-board.ts';
import type { Panel } from './indicator-board.ts';
import type { MarketLimits } from './limits.ts';
import type { SeriesHealth, SeriesKey, SeriesListener, SeriesRequest, SeriesSubscription } from './market.ts';

export interface OneSeriesOptions {
  readonly key: SeriesKey;
  readonly feed: Feed;
  readonly history: History;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: MarketLimits;
  /** The last subscriber left. */
  onEmpty(): void;
}

interface Subscriber {
  readonly listener: SeriesListener;
  readonly panel: Panel;
  readonly warmUpCandles: number;
  /** What it was told last. */
  told: Condition;
}

interface Condition {
  readonly health: SeriesHealth;
  readonly reason: string;
}

const loading: Condition = { health: 'warming', reason: 'history is being loaded' };

export class OneSeries {
  readonly #options: OneSeriesOptions;
  readonly #stepMs: number;
  readonly #sequence: CandleSequence;
  readonly #board = new IndicatorBoard();
  readonly #subscribers = new Set<Subscriber>();
  readonly #stream: ReturnType<Feed['subscribe']>;
  /** Listeners whose history is still being loaded: they get prices, and the reason why it takes so long. */
  readonly #joining = new Set<Pick<Subscriber, 'listener'>>();
  /** By whether exits wait for it. */
  readonly #openings = new Map<boolean, Promise<void>>();
  readonly #deepening = new Turns();
  #repairing = false;
  /** Ends the wait before the next read of a repair: a later candle has closed, and REST can tell whether the due one exists. */
  #readSoon: () => void = () => undefined;
  #closed = false;
  #condition = loading;
  #subscribed = false;
  /** What is wrong with the venue's candles since the last valid one; null while they are valid. */
  #unsound: string | null = null;
  #lastUnsoundAt = Number.NEGATIVE_INFINITY;
  /** Subscribed (again) since the last read began: that read may not know what was missed before. */
  #unread = false;
  #lastFrameAt: number;
  /** Of the frame whose candle is offered now; null while none is. */
  #offeredFrameAt: number | null = null;
  #lastPriceAt: number;
  #checkedAt: number;
  #quietChecks = 0;

  constructor(options: OneSeriesOptions) {
    this.#options = options;
    this.#stepMs = timeframeMs[options.key.timeframe];
    this.#lastFrameAt = this.#checkedAt = this.#lastPriceAt = options.clock.monotonic();
    this.#sequence = new CandleSequence(this.#stepMs, options.limits.maxBufferedCandles, {
      onClosed: (candle) => this.#onClosed(candle),
      onForming: (candle) => this.#onForming(candle),
    });
    this.#stream = options.feed.subscribe(options.key.symbol, options.key.timeframe, {
      onFrame: (frame, receivedAt) => this.#onFrame(frame, receivedAt),
      onUnsound: (problem, price) => this.#onUnsound(problem, price),
      onSubscribed: () => this.#onSubscribed(),
      onInterrupted: (reason) => {
        this.#subscribed = false;
        this.#options.metrics.marketGaps.inc({ kind: 'interrupted' });
        if (this.health === 'live') this.#setHealth('stale', `the market stream is interrupted: ${reason}`);
      },
    });
  }

  get symbol(): string {
    return this.#options.key.symbol;
  }

  get health(): SeriesHealth {
    return this.#condition.health;
  }

  /** Somebody listens, and neither stream nor REST has told a price for a while. */
  get wantsPrice(): boolean {
    const { clock, limits } = this.#options;
    return !this.#closed && this.health !== 'live' && clock.monotonic() - this.#lastPriceAt >= limits.restPriceEveryMs;
  }

  async subscribe(request: SeriesRequest, listener: SeriesListener, signal?: AbortSignal): Promise<SeriesSubscription> {
    const joining = { listener };
    this.#joining.add(joining);
    const { health, reason } = this.#condition;
    if (health === 'warming' && this.#condition !== loading) this.#tell(() => listener.onHealth(health, reason));
    try {
      await unlessAborted(signal, this.#warm(request, listener, signal));
    } catch (error) {
      this.#joining.delete(joining);
      this.#leaveIfEmpty();
      throw error;
    }
    this.#joining.delete(joining);
    const { warmUpCandles } = request;
    const told = this.#conditionFor(warmUpCandles);
    const subscriber: Subscriber = { listener, panel: this.#board.panel(request.needs), warmUpCandles, told };
    this.#subscribers.add(subscriber);
    const current = (): Condition => this.#conditionFor(warmUpCandles);
    return {
      get health() {
        return current().health;
      },
      get reason() {
        return current().reason;
      },
      view: () => subscriber.panel.view(this.#board.newest),
      missedSince: (closeMs) => this.#board.replay(request.needs, closeMs),
      close: () => {
        if (!this.#subscribers.delete(subscriber)) return;
        this.#board.release(subscriber.panel);
        this.#leaveIfEmpty();
      },
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stream.close();
  }

  /** Looks for silence: a stream that sends nothing for long is compared with REST, to tell a quiet market from a dead stream. */
  watch(): void {
    const { clock, limits, key } = this.#options;
    if (this.#closed || this.#isWarming() || this.#repairing || !this.#subscribed) return;
    const silentAfterMs =
      (key.timeframe === '1s' ? limits.silentAfterMs1s : limits.silentAfterMs) * Math.min(limits.silentBackoffMax, 2 ** this.#quietChecks);
    const now = clock.monotonic();
    if (now - Math.max(this.#lastFrameAt, this.#checkedAt) < silentAfterMs) return;
    this.#checkedAt = now;
    void this.#crossCheck();
  }

  /** Waits for candles: a bot must not fail because the exchange is away or the symbol is too new. */
  async #open(request: SeriesRequest): Promise<void> {
    for (let round = 0; this.#isWarming(); round += 1) {
      if (this.#closed) throw new Error('the series was closed before its history was there');
      const problem = await this.#load(request);
      if (problem === null || !this.#isWarming()) return;
      this.#setHealth('warming', problem);
      await this.#options.clock.sleep(this.#waitMs(round));
    }
  }

  /** Answers why there is no history yet. */
  async #load({ warmUpCandles, exposed }: SeriesRequest): Promise<string | null> {
    const { history, key, limits } = this.#options;
    const count = Math.max(limits.keptCandles, Math.min(warmUpCandles, limits.maxWarmUpCandles));
    try {
      this.#unread = false;
      const past = await history.newest(key, count, exposed);
      // Another opening may have loaded the series meanwhile.
      if (!this.#isWarming()) return null;
      const newest = past.candles.at(-1);
      if (newest === undefined)
        return past.before === 'hole'
          ? `no candle that the exchange tells of ${key.symbol} ${key.timeframe} can be used`
          : `${key.symbol} has no closed ${key.timeframe} candle yet: waiting for the first`;
      this.#board.keep(count);
      this.#board.load(past);
      this.#sequence.startAt(newest.openTime + this.#stepMs);
      this.#setHealth(this.#subscribed ? 'live' : 'stale', 'history is loaded');
      this.#repairIfNeeded();
      return null;
    } catch (error) {
      return this.#isWarming() ? this.#unreadable(error) : null;
    }
  }

  #isWarming(): boolean {
    return this.health === 'warming';
  }

  #waitMs(round: number): number {
    const { repairWaitsMs, gappedRetryMs, gappedRetryMaxMs } = this.#options.limits;
    return repairWaitsMs[round] ?? Math.min(gappedRetryMaxMs, gappedRetryMs * 2 ** Math.min(10, round - repairWaitsMs.length));
  }

  /** Opens once, whoever joins first, and once more for the first exposed subscriber: the other opening may wait for weight. */
  #opened(request: SeriesRequest): Promise<void> {
    const { exposed } = request;
    const underWay = this.#openings.get(true) ?? this.#openings.get(exposed);
    if (underWay !== undefined) return underWay;
    const opening = this.#open(request).catch((error: unknown) => {
      this.#openings.delete(exposed);
      throw error;
    });
    this.#openings.set(exposed, opening);
    return opening;
  }

  /** Loads older candles, one load at a time: two at once would add the same candles twice. */
  async #warm(request: SeriesRequest, listener: SeriesListener, signal: AbortSignal | undefined): Promise<void> {
    if (this.#isWarming()) await this.#opened(request);
    for (let round = 0; !this.#closed && signal?.aborted !== true; round += 1) {
      const problem = await this.#deepening.take(() => this.#deepen(request.warmUpCandles));
      if (problem === null) return;
      this.#tell(() => listener.onHealth('warming', problem));
      await this.#options.clock.sleep(this.#waitMs(round));
    }
    throw new Error('the series was closed before its history was there');
  }

  /** Loads what a subscriber needs beyond what is kept; the venue may have less. Answers why it could not. */
  async #deepen(warmUpCandles: number): Promise<string | null> {
    const { history, key } = this.#options;
    const first = this.#board.oldest;
    const wanted = Math.min(warmUpCandles, this.#options.limits.maxWarmUpCandles);
    this.#board.keep(wanted);
    const missing = wanted - this.#board.count;
    if (first === null || missing <= 0 || this.#board.before !== 'more') return null;
    try {
      const older = await history.upTo(key, first.openTime, missing);
      // A hole was jumped over meanwhile: what is kept begins behind it.
      if (this.#board.oldest === first) this.#board.prepend(older);
      return null;
    } catch (error) {
      return this.#unreadable(error);
    }
  }

  /** Logs the error and answers the text for the status. */
  #unreadable(error: unknown): string {
    const { key, log } = this.#options;
    log.warn({ err: error }, 'the history of a series could not be loaded; trying again');
    return `the candles of ${key.symbol} ${key.timeframe} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }

  #leaveIfEmpty(): void {
    if (this.#subscribers.size > 0 || this.#joining.size > 0) return;
    this.close();
    this.#options.onEmpty();
  }

  #onFrame(frame: KlineFrame, receivedAt: number): void {
    this.#lastFrameAt = receivedAt;
    this.#quietChecks = 0;
    this.#unsound = null;
    this.#offeredFrameAt = receivedAt;
    const offered = this.#sequence.offer(frame.candle, frame.eventTimeMs);
    this.#offeredFrameAt = null;
    if (offered === 'held' && frame.candle.closed) this.#readSoon();
    this.#repairIfNeeded();
    // It was called stale while it was silent, or told no candles; now it speaks.
    if (this.health === 'stale' && this.#subscribed && !this.#repairing) this.#settleHealth();
  }

  /** Not a valid candle, and no sign that the stream works: closes are read by REST as if it were silent. Its price is used. */
  #onUnsound(problem: string, price: number | null): void {
    this.#unsound ??= problem;
    this.#lastUnsoundAt = this.#options.clock.monotonic();
    if (this.health === 'live') this.#settleHealth();
    if (price !== null) this.onPrice(price, this.#options.venueClock.now());
  }

  /** A price without a candle. */
  onPrice(price: number, atMs: number): void {
    const openTime = Math.floor(atMs / this.#stepMs) * this.#stepMs;
    const closeTime = openTime + this.#stepMs - 1;
    this.#onForming({ openTime, closeTime, open: price, high: price, low: price, close: price, volume: 0, closed: false });
  }

  #onSubscribed(): void {
    this.#subscribed = this.#unread = true;
    this.#lastFrameAt = this.#options.clock.monotonic();
    this.#repairIfNeeded();
  }

  #repairIfNeeded(): void {
    if (!this.#isWarming() && (this.#sequence.gapped || this.#unread)) void this.#repair();
  }

  /** Fetches what is missing until the sequence is whole. One repair at a time. */
  async #repair(): Promise<void> {
    if (this.#repairing || this.#closed) return;
    this.#repairing = true;
    const { clock, limits, log, metrics } = this.#options;
    try {
      let holes = 0;
      for (let round = 0; !this.#closed; round += 1) {
        const before = this.#sequence.nextOpenTime;
        const rows = await this.#readMissing();
        if (rows !== null && !this.#sequence.gapped && !this.#unread) {
          if (round > 0 || this.#sequence.nextOpenTime > before) metrics.marketGaps.inc({ kind: 'repaired' });
          break;
        }
        // REST has later candles but not the one that is due: perhaps none exists.
        holes = rows !== null && rows > 0 && this.#sequence.nextOpenTime === before ? holes + 1 : 0;
        // A new candle was found missing: the waits begin again.
        if (holes === 1) round = 0;
        if (holes >= limits.holeReads) {
          this.#jumpOverHole();
          if (!this.#sequence.gapped) break;
          holes = 0;
        }
        if (round === limits.repairWaitsMs.length) {
          log.error(
            { missingFrom: new Date(this.#sequence.nextOpenTime).toISOString() },
            'missing candles cannot be fetched; entries of the bots on this series wait',
          );
          metrics.marketGaps.inc({ kind: 'open' });
          this.#sequence.passForming = true;
          this.#setHealth(
            'gapped',
            `candles from ${new Date(this.#sequence.nextOpenTime).toISOString()} on are missing and cannot be fetched`,
          );
        }
        // A long outage is read page by page: a read that brings candles is no failure.
        if (this.#sequence.nextOpenTime > before) round = 0;
        const news = new Promise<void>((resolve) => (this.#readSoon = resolve));
        await atMost(clock, this.#waitMs(round), news);
      }
      this.#sequence.passForming = false;
      this.#settleHealth();
    } finally {
      this.#repairing = false;
    }
    // Something may have gone missing while the last read was under way.
    this.#repairIfNeeded();
  }

  /** Offers what REST has from the due candle on; answers how many rows it had, null when it could not be read. */
  async #readMissing(): Promise<number | null> {
    const { history, key, log, metrics } = this.#options;
    this.#unread = false;
    try {
      const rows = await history.since(key, this.#sequence.nextOpenTime);
      for (const row of rows) if (this.#sequence.offerClosed(row) === 'closed') metrics.candlesBackfilled.inc();
      return rows.length;
    } catch (error) {
      log.warn({ err: error }, 'missing candles could not be read; trying again');
      return null;
    }
  }

  /** The venue has no such candle: goes on after the hole with new indicators. */
  #jumpOverHole(): void {
    const next = this.#sequence.firstHeldOpenTime;
    if (next === null) return;
    this.#options.log.error(
      { from: new Date(this.#sequence.nextOpenTime).toISOString(), to: new Date(next).toISOString() },
      'the venue has a hole in its history; indicators start anew behind it',
    );
    this.#options.metrics.marketGaps.inc({ kind: 'hole' });
    this.#board.reset();
    this.#sequence.startAt(next);
  }

  #settleHealth(): void {
    if (this.#closed || this.#isWarming()) return;
    if (!this.#subscribed) this.#setHealth('stale', 'the market stream is interrupted');
    else if (this.#unsound !== null) this.#setHealth('stale', `what the exchange tells is no candle (${this.#unsound})`);
    else this.#setHealth('live', 'candles are contiguous');
  }

  /** The stream was silent: asks REST whether there were trades that the stream did not send. */
  async #crossCheck(): Promise<void> {
    const { history, key, clock, limits, log } = this.#options;
    const framesBefore = this.#lastFrameAt;
    const speaks = clock.monotonic() - this.#lastUnsoundAt < limits.silentAfterMs;
    try {
      const latest = await history.latest(key);
      if (latest === null || !this.#untold(latest)) {
        if (this.#lastFrameAt !== framesBefore || this.#closed) return;
        this.#quietChecks += 1;
        if (!speaks) this.#unsound = null;
        this.#settleHealth();
        return;
      }
    } catch (error) {
      if (this.#lastFrameAt !== framesBefore || this.#closed) return;
      log.warn({ err: error }, 'a silent stream could not be compared with REST');
      if (error instanceof UnsoundRow) this.#unsound ??= error.message;
      if (this.#unsound !== null) this.#settleHealth();
      else this.#setHealth('stale', 'the market stream is silent and REST does not answer');
      return;
    }
    // The stream may send them in a moment.
    await clock.sleep(limits.untoldMs);
    if (this.#lastFrameAt !== framesBefore || this.#closed || this.#repairing) return;
    if (speaks) {
      // The stream works and sends no valid candles: they are read by REST.
      void this.#repair();
      return;
    }
    log.warn(
      { silentMs: Math.round(clock.monotonic() - framesBefore) },
      'the market stream is connected but mute; the socket is dialled anew',
    );
    this.#options.metrics.marketGaps.inc({ kind: 'mute' });
    this.#setHealth('stale', 'the market stream is connected but tells nothing');
    this.#stream.restart('mute stream');
    void this.#repair();
  }

  /** A candle went by, or was traded in, and the stream said nothing of it. */
  #untold(latest: Candle): boolean {
    const due = this.#sequence.nextOpenTime;
    const heard = this.#sequence.forming;
    if (latest.closed || latest.openTime !== due) return latest.openTime >= due;
    return latest.volume > (heard?.openTime === due ? heard.volume : 0);
  }

  #onClosed(candle: Candle): void {
    this.#board.next(candle);
    if (this.#board.before === 'hole') this.#tellHealth();
    const receivedAt = this.#offeredFrameAt ?? this.#options.clock.monotonic();
    for (const subscriber of this.#subscribers) {
      const view = subscriber.panel.view(candle);
      if (view !== null) this.#tell(() => subscriber.listener.onClose(view, receivedAt));
    }
  }

  #onForming(candle: Candle): void {
    this.#lastPriceAt = this.#options.clock.monotonic();
    for (const { listener } of [...this.#joining, ...this.#subscribers]) this.#tell(() => listener.onUpdate(candle));
  }

  #setHealth(health: SeriesHealth, reason: string): void {
    if (health === this.#condition.health && reason === this.#condition.reason) return;
    this.#condition = { health, reason };
    this.#tellHealth();
  }

  #tellHealth(): void {
    if (this.#isWarming()) {
      const { health, reason } = this.#condition;
      for (const { listener } of this.#joining) this.#tell(() => listener.onHealth(health, reason));
    }
    for (const subscriber of this.#subscribers) {
      const { health, reason } = this.#conditionFor(subscriber.warmUpCandles);
      if (health === subscriber.told.health && reason === subscriber.told.reason) continue;
      subscriber.told = { health, reason };
      this.#tell(() => subscriber.listener.onHealth(health, reason));
    }
  }

  /**
   * Behind a hole in the venue's history the indicators begin anew, whether the engine ran through it or was started behind it:
   * whoever enters on them waits until as many candles stand behind it as its warm-up asks for.
   */
  #conditionFor(warmUpCandles: number): Condition {
    const board = this.#board;
    if (this.health !== 'live' || board.before !== 'hole' || board.count >= warmUpCandles) return this.#condition;
    const first = board.oldest?.openTime ?? this.#sequence.nextOpenTime;
    const [from, until] = [first, first + warmUpCandles * this.#stepMs].map((at) => new Date(at).toISOString());
    return {
      health: 'gapped',
      reason: `the exchange has a hole in its candles before ${from}; entries wait for ${warmUpCandles} candles behind it, until ${until}`,
    };
  }

  /** An error of one listener does not reach the others. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#options.log.error({ err: error }, 'a listener of a series threw; the others go on');
    }
  }
}
