/** Candles by REST: bounded reads at once, pages put together, the newest row believed only when it is final. */
import { isSoundCandle } from '../exchanges/binance/streams.ts';
import type { KlineRequest, MarketData } from '../exchanges/exchange.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import { timeframeMs } from '../trading/candle.ts';
import type { Candle } from '../trading/candle.ts';
import { isSame } from './gaps.ts';
import type { MarketLimits } from './limits.ts';
import type { SeriesKey } from './market.ts';

export interface HistoryOptions {
  readonly marketData: MarketData;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly limits: MarketLimits;
  readonly metrics: Metrics;
}

/** Most rows that the venue answers at once. */
const pageSize = 1_000;

export class History {
  readonly #options: HistoryOptions;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  /** Closed candles from `startTime` on, oldest first, at most one page; unfinal newest rows are read twice. */
  async since(key: SeriesKey, startTime: number): Promise<readonly Candle[]> {
    return this.#final(() => this.#page(key, { startTime, limit: pageSize }));
  }

  /** The newest `count` closed candles up to now, oldest first; fewer when the venue has no more. `forExits`: a position's exits wait for them. */
  newest(key: SeriesKey, count: number, forExits: boolean): Promise<readonly Candle[]> {
    return this.#back(key, count, { forExits });
  }

  /** The `count` closed candles up to `endTime`, oldest first; fewer when the venue has no more. */
  upTo(key: SeriesKey, endTime: number, count: number): Promise<readonly Candle[]> {
    return this.#back(key, count, { endTime });
  }

  /** The newest candle that the venue knows of, closed or under way; null when it has none. */
  async latest(key: SeriesKey): Promise<Candle | null> {
    return (await this.#read(key, { limit: 1 })).at(-1) ?? null;
  }

  async #back(
    key: SeriesKey,
    count: number,
    range: { readonly endTime?: number; readonly forExits?: boolean },
  ): Promise<readonly Candle[]> {
    let candles = await this.#final(() => this.#page(key, { ...range, limit: Math.min(pageSize, count + 1) }));
    while (candles.length < count) {
      const first = candles[0];
      if (first === undefined) break;
      const older = await this.#page(key, { ...range, endTime: first.openTime - 1, limit: Math.min(pageSize, count - candles.length) });
      if (older.length === 0) break;
      candles = [...older, ...candles];
    }
    return candles.slice(-count);
  }

  /**
   * REST comes from a database that can lag the market: a row that closed a moment ago counts once two reads agree on it.
   * Rows behind which the venue's time has moved on are final.
   */
  async #final(read: () => Promise<readonly Candle[]>): Promise<readonly Candle[]> {
    const { clock, venueClock, limits } = this.#options;
    const askedAtMs = venueClock.now();
    const rows = await read();
    const last = rows.at(-1);
    if (last === undefined || askedAtMs - last.closeTime >= limits.settledAfterMs) return rows;
    await clock.sleep(limits.rereadAfterMs);
    const again = await read();
    const same = again.find((row) => row.openTime === last.openTime);
    return same !== undefined && isSame(same, last) ? rows : rows.slice(0, -1);
  }

  async #page(key: SeriesKey, range: Omit<KlineRequest, 'symbol' | 'timeframe'>): Promise<readonly Candle[]> {
    return (await this.#read(key, range)).filter((row) => row.closed);
  }

  async #read({ symbol, timeframe }: SeriesKey, range: Omit<KlineRequest, 'symbol' | 'timeframe'>): Promise<readonly Candle[]> {
    // An exit does not queue behind reads that wait for weight which only it may use.
    const queues = range.forExits !== true;
    if (queues) await this.#enter();
    try {
      const rows = await this.#options.marketData.klines({ symbol, timeframe, ...range });
      const sound = rows.filter((row) => isSoundCandle(row, timeframe));
      if (sound.length < rows.length) this.#options.metrics.marketGaps.inc({ kind: 'malformed-row' }, rows.length - sound.length);
      return sound;
    } finally {
      if (queues) this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running >= this.#options.limits.maxHistoryReads) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
  }

  /** Hands the place on to whoever waits. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}

/** The part behind the last hole: only contiguous candles may feed an indicator. */
export function contiguousTail(candles: readonly Candle[], key: SeriesKey): readonly Candle[] {
  const step = timeframeMs[key.timeframe];
  for (let index = candles.length - 1; index > 0; index -= 1) {
    if ((candles[index]?.openTime ?? 0) - (candles[index - 1]?.openTime ?? 0) !== step) return candles.slice(index);
  }
  return candles;
}
