/**
 * The market port that bots stand on: shared series of closed candles with indicator values, forming candles in
 * between, and the health of each series. Implemented by `series.ts` over `feed.ts`.
 */
import type { IndicatorNeed } from '../strategies/indicator.ts';
import type { Candle, Timeframe } from '../trading/candle.ts';

export interface SeriesKey {
  readonly symbol: string;
  readonly timeframe: Timeframe;
}

/**
 * `warming`: history is being loaded. `live`: contiguous and fed. `gapped`: closed candles are missing and could
 * not be fetched. `stale`: nothing arrived for longer than the stream should be silent.
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
  /** A candle closed. Each closed candle is delivered exactly once and in order, repaired ones included. */
  onClose(view: SeriesView): void;
  /** The forming candle changed. */
  onUpdate(candle: Candle): void;
  onHealth(health: SeriesHealth, reason: string): void;
}

export interface SeriesSubscription {
  readonly health: SeriesHealth;
  /** The view at the newest closed candle; null while warming. */
  view(): SeriesView | null;
  /** Views at the kept closes after `closeMs`, oldest first, the newest left out: what a bot that was away has missed. */
  missedSince(closeMs: number): Iterable<SeriesView>;
  close(): void;
}

export interface SeriesRequest extends SeriesKey {
  readonly needs: readonly IndicatorNeed[];
  /** Closed candles to load before the first delivery. */
  readonly warmUpCandles: number;
  /** The subscriber holds a position or has an order that is not over: its exits wait for the first delivery. */
  readonly exposed: boolean;
}

export interface MarketSeries {
  /**
   * Joins or opens the series and resolves once it is warm. `onClose` is called only for candles that close after
   * that; the newest closed one at that moment is in `view()`. Rejects with the cause when history cannot be had.
   */
  subscribe(request: SeriesRequest, listener: SeriesListener): Promise<SeriesSubscription>;
  stop(): Promise<void>;
}
