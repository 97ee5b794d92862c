/**
 * One series: candles in order from stream and REST, indicator values computed once per close, handed to every bot on it in
 * a plain pass. Whatever interrupts the stream, the missing candles are fetched and each closed one is delivered once.
 */
import type { KlineFrame } from '../exchanges/binance/streams.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import { timeframeMs } from '../trading/candle.ts';
import type { Candle } from '../trading/candle.ts';
import type { Feed } from './feed.ts';
import { CandleSequence } from './gaps.ts';
import { contiguousTail } from './history.ts';
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
  onHealth(): void;
  /** The last subscriber left. */
  onEmpty(): void;
}

interface Subscriber {
  readonly listener: SeriesListener;
  readonly panel: Panel;
}

export class OneSeries {
  readonly #options: OneSeriesOptions;
  readonly #stepMs: number;
  readonly #sequence: CandleSequence;
  readonly #board = new IndicatorBoard();
  readonly #subscribers = new Set<Subscriber>();
  readonly #stream: ReturnType<Feed['subscribe']>;
  #joining = 0;
  /** By whether exits wait for it. */
  readonly #openings = new Map<boolean, Promise<void>>();
  #deepening: Promise<void> = Promise.resolve();
  #repairing = false;
  #closed = false;
  #health: SeriesHealth = 'warming';
  #reason = 'history is being loaded';
  #subscribed = false;
  /** Subscribed (again) since the last read began: that read may not know what was missed before. */
  #unread = false;
  /** After a hole: closed candles still needed before the indicators can be trusted again. */
  #needed = 0;
  #lastFrameAt: number;
  #checkedAt: number;
  #quietChecks = 0;

  constructor(options: OneSeriesOptions) {
    this.#options = options;
    this.#stepMs = timeframeMs[options.key.timeframe];
    this.#lastFrameAt = this.#checkedAt = options.clock.monotonic();
    this.#sequence = new CandleSequence(this.#stepMs, options.limits.maxBufferedCandles, {
      onClosed: (candle) => this.#onClosed(candle),
      onForming: (candle) => this.#onForming(candle),
    });
    this.#stream = options.feed.subscribe(options.key.symbol, options.key.timeframe, {
      onFrame: (frame) => this.#onFrame(frame),
      onSubscribed: () => this.#onSubscribed(),
      onInterrupted: (reason) => {
        this.#subscribed = false;
        this.#options.metrics.marketGaps.inc({ kind: 'interrupted' });
        if (this.#health === 'live') this.#setHealth('stale', `the market stream is interrupted: ${reason}`);
      },
    });
  }

  get health(): SeriesHealth {
    return this.#health;
  }

  async subscribe(request: SeriesRequest, listener: SeriesListener): Promise<SeriesSubscription> {
    this.#joining += 1;
    try {
      await this.#warm(request);
    } catch (error) {
      this.#joining -= 1;
      this.#leaveIfEmpty();
      throw error;
    }
    this.#joining -= 1;
    const subscriber: Subscriber = { listener, panel: this.#board.panel(request.needs) };
    this.#subscribers.add(subscriber);
    const current = (): SeriesHealth => this.#health;
    return {
      get health() {
        return current();
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

  /** Looks for silence: a stream that says nothing for long is compared with REST, which tells quiet from mute. */
  watch(): void {
    const { clock, limits, key } = this.#options;
    if (this.#closed || this.#health === 'warming' || this.#repairing || !this.#subscribed) return;
    const silentAfterMs =
      (key.timeframe === '1s' ? limits.silentAfterMs1s : limits.silentAfterMs) * Math.min(limits.silentBackoffMax, 2 ** this.#quietChecks);
    const now = clock.monotonic();
    if (now - Math.max(this.#lastFrameAt, this.#checkedAt) < silentAfterMs) return;
    this.#checkedAt = now;
    void this.#crossCheck();
  }

  async #open({ warmUpCandles, exposed }: SeriesRequest): Promise<void> {
    const { history, key, limits, log } = this.#options;
    for (let attempt = 1; this.#isWarming(); attempt += 1) {
      try {
        this.#unread = false;
        const candles = contiguousTail(await history.newest(key, Math.max(limits.keptCandles, warmUpCandles), exposed), key);
        if (!this.#isWarming()) return;
        const newest = candles.at(-1);
        if (newest === undefined) throw new Error(`the venue has no closed candles of ${key.symbol} ${key.timeframe}`);
        this.#board.load(candles);
        this.#sequence.startAt(newest.openTime + this.#stepMs);
        this.#setHealth(this.#subscribed ? 'live' : 'stale', 'history is loaded');
        this.#repairIfNeeded();
        return;
      } catch (error) {
        if (!this.#isWarming()) return;
        if (attempt >= limits.warmUpTries || this.#closed) throw error;
        log.warn({ err: error, attempt }, 'the history of a series could not be loaded; trying again');
        await this.#options.clock.sleep(limits.repairWaitsMs[attempt] ?? 1_000);
      }
    }
  }

  /** Another opening may have loaded the series meanwhile. */
  #isWarming(): boolean {
    return this.#health === 'warming';
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

  /** Deepens one at a time: two at once would put the same candles before the same first one. */
  async #warm(request: SeriesRequest): Promise<void> {
    if (this.#isWarming()) await this.#opened(request);
    const { warmUpCandles } = request;
    const deepened = this.#deepening.then(() => this.#deepen(warmUpCandles));
    this.#deepening = deepened.catch(() => undefined);
    await deepened;
  }

  /** Loads what a subscriber needs beyond what is kept; the venue may have less. */
  async #deepen(warmUpCandles: number): Promise<void> {
    const { history, key } = this.#options;
    const first = this.#board.oldest;
    const missing = Math.min(warmUpCandles, this.#options.limits.maxWarmUpCandles) - this.#board.count;
    if (first === null || missing <= 0 || this.#board.complete) return;
    const older = await history.upTo(key, first.openTime - 1, missing);
    // A hole was jumped over meanwhile: what is kept begins behind it.
    if (this.#board.oldest !== first) return;
    const contiguous = contiguousTail([...older, first], key).slice(0, -1);
    this.#board.prepend(contiguous, contiguous.length < missing);
  }

  #leaveIfEmpty(): void {
    if (this.#subscribers.size > 0 || this.#joining > 0) return;
    this.close();
    this.#options.onEmpty();
  }

  #onFrame(frame: KlineFrame): void {
    this.#lastFrameAt = this.#options.clock.monotonic();
    this.#quietChecks = 0;
    this.#sequence.offer(frame.candle, frame.eventTimeMs);
    this.#repairIfNeeded();
    // It was called stale while it was silent; now it speaks.
    if (this.#health === 'stale' && this.#subscribed && !this.#repairing) this.#settleHealth();
  }

  #onSubscribed(): void {
    this.#subscribed = this.#unread = true;
    this.#lastFrameAt = this.#options.clock.monotonic();
    this.#repairIfNeeded();
  }

  #repairIfNeeded(): void {
    if (this.#health !== 'warming' && (this.#sequence.gapped || this.#unread)) void this.#repair();
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
        // A long outage is read page by page; what brings candles is no failure.
        if (this.#sequence.nextOpenTime > before) round = 0;
        await clock.sleep(
          limits.repairWaitsMs[round] ??
            Math.min(limits.gappedRetryMaxMs, limits.gappedRetryMs * 2 ** Math.min(10, round - limits.repairWaitsMs.length)),
        );
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

  /** The venue has no such candle: go on behind the hole with indicators that know nothing from before it. */
  #jumpOverHole(): void {
    const next = this.#sequence.firstHeldOpenTime;
    if (next === null) return;
    this.#options.log.error(
      { from: new Date(this.#sequence.nextOpenTime).toISOString(), to: new Date(next).toISOString() },
      'the venue has a hole in its history; indicators start anew behind it',
    );
    this.#options.metrics.marketGaps.inc({ kind: 'hole' });
    this.#needed = Math.max(this.#board.longestWarmUp, 1);
    this.#board.reset();
    this.#sequence.startAt(next);
  }

  #settleHealth(): void {
    if (this.#closed || this.#health === 'warming') return;
    if (this.#needed > 0)
      this.#setHealth('gapped', `the venue has a hole in its history; ${this.#needed} more candles are needed behind it`);
    else if (this.#subscribed) this.#setHealth('live', 'candles are contiguous');
    else this.#setHealth('stale', 'the market stream is interrupted');
  }

  /** The stream was silent: does REST know of trades that it did not tell? */
  async #crossCheck(): Promise<void> {
    const { history, key, clock, limits, log } = this.#options;
    const framesBefore = this.#lastFrameAt;
    try {
      const latest = await history.latest(key);
      if (latest === null || !this.#untold(latest)) {
        if (this.#lastFrameAt !== framesBefore || this.#closed) return;
        this.#quietChecks += 1;
        this.#settleHealth();
        return;
      }
    } catch (error) {
      log.warn({ err: error }, 'a silent stream could not be compared with REST');
      this.#setHealth('stale', 'the market stream is silent and REST does not answer');
      return;
    }
    // It may be about to tell.
    await clock.sleep(limits.untoldMs);
    if (this.#lastFrameAt !== framesBefore || this.#closed || this.#repairing) return;
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
    if (this.#needed > 0) {
      this.#needed -= 1;
      if (this.#needed === 0) this.#settleHealth();
    }
    for (const subscriber of this.#subscribers) {
      const view = subscriber.panel.view(candle);
      if (view !== null) this.#tell(() => subscriber.listener.onClose(view));
    }
  }

  #onForming(candle: Candle): void {
    for (const { listener } of this.#subscribers) this.#tell(() => listener.onUpdate(candle));
  }

  #setHealth(health: SeriesHealth, reason: string): void {
    if (health === this.#health && reason === this.#reason) return;
    const changed = health !== this.#health;
    this.#health = health;
    this.#reason = reason;
    if (changed) this.#options.onHealth();
    for (const { listener } of this.#subscribers) this.#tell(() => listener.onHealth(health, reason));
  }

  /** One bot's error is its own. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#options.log.error({ err: error }, 'a listener of a series threw; the others go on');
    }
  }
}
