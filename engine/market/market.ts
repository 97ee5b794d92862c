/**
 * The market port that bots stand on: shared series of closed candles with indicator values, forming candles in
 * between, and the health of each series. Implemented by `series.ts` over `feed.ts`.
 */
import type { IndicatorNeed } from '../indicators/need.ts';
import type { Candle, Timeframe } from '../trading/candle.ts';

export interface SeriesKey {
  readonly symbol: string;
  readonly timeframe: Timeframe;
}

/**
 * `warming`: history is being loaded. `live`: contiguous and fed. `gapped`: closed candles are missing and could not be fetched,
 * or fewer stand behind a hole than the subscriber's warm-up. `stale`: nothing arrived for longer than the stream should be
 * silent, or what arrives is not a valid candle.
 */
export type SeriesHealth = 'warming' | 'live' | 'gapped' | 'stale';

/** Values after the newest closed candle and after the one before, all outputs of the subscriber's first need, then of the second, and so on. NaN while warming. */
export interface SeriesView {
  readonly candle: Candle;
  readonly current: ArrayLike<number>;
  readonly previous: ArrayLike<number>;
}

/** Called synchronously, in candle order, one subscriber after the other. Must not throw; a throw is reported and isolated. */
export interface SeriesListener {
  /**
   * A candle closed. Each closed candle is delivered exactly once and in order, repaired ones included. `receivedAt`: when the message that
   * told it came, monotonic; the same for all subscribers, so that what is measured from it shows the wait behind the others.
   */
  onClose(view: SeriesView, receivedAt: number): void;
  /** The forming candle changed. While candles cannot be had, it has the last price only. */
  onUpdate(candle: Candle): void;
  onHealth(health: SeriesHealth, reason: string): void;
}

export interface SeriesSubscription {
  readonly health: SeriesHealth;
  /** Why it is so. */
  readonly reason: string;
  /** The view at the newest closed candle; null while warming. */
  view(): SeriesView | null;
  /** Views at the kept closes after `closeMs`, oldest first, the newest left out: what a bot that was away has missed. */
  missedSince(closeMs: number): Iterable<SeriesView>;
  close(): void;
}

export interface SeriesRequest extends SeriesKey {
  readonly needs: readonly IndicatorNeed[];
  /** Closed candles to load before the first delivery; behind a hole in the venue's history so many must stand before it is live. */
  readonly warmUpCandles: number;
  /** The subscriber holds a position or has an order that is not over: its exits wait for the first delivery. */
  readonly exposed: boolean;
}

export interface MarketSeries {
  /**
   * Joins or opens the series and resolves once it is warm, however long that takes: until then the listener hears why it is not
   * (`onHealth`), and prices. `onClose` is called only for candles that close after that; the newest closed one at that moment is
   * in `view()`. Rejects when `signal` is aborted, and when the market is stopped.
   */
  subscribe(request: SeriesRequest, listener: SeriesListener, signal?: AbortSignal): Promise<SeriesSubscription>;
  stop(): Promise<void>;
}
