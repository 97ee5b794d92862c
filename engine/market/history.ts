/** Candles by REST: few reads at a time, pages joined up to the last hole, the newest row used only when it is final. */
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

/** What lies before the first candle: older ones, none (the symbol was listed then), or a hole: candles are missing or cannot be used. */
export type Before = 'more' | 'nothing' | 'hole';

/** Closed candles without a hole between them, oldest first. */
export interface Past {
  readonly candles: readonly Candle[];
  readonly before: Before;
}

/** The newest that REST tells is no candle. */
export class UnsoundRow extends Error {
  constructor({ symbol, timeframe }: SeriesKey) {
    super(`REST tells a candle of ${symbol} ${timeframe} that cannot be used`);
    this.name = 'UnsoundRow';
  }
}

interface Rows {
  readonly sound: readonly Candle[];
  /** Rows that were left out. */
  readonly unsound: number;
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
    return (await this.#final(() => this.#page(key, { startTime, limit: pageSize }))).sound;
  }

  /** The newest `count` closed candles up to now; fewer when there are no more without a hole. `forExits`: a position's exits wait for them. */
  newest(key: SeriesKey, count: number, forExits: boolean): Promise<Past> {
    return this.#back(key, count, { forExits });
  }

  /** The `count` closed candles that end where the one that opens at `openTime` begins; fewer when there are no more without a hole. */
  async upTo(key: SeriesKey, openTime: number, count: number): Promise<Past> {
    const past = await this.#back(key, count, { endTime: openTime - 1 });
    const last = past.candles.at(-1);
    return last === undefined || last.closeTime + 1 === openTime ? past : { candles: [], before: 'hole' };
  }

  /** The newest candle that the venue knows of, closed or under way; null when it has none. Throws `UnsoundRow`. */
  async latest(key: SeriesKey): Promise<Candle | null> {
    const { sound, unsound } = await this.#read(key, { limit: 1 });
    if (unsound > 0) throw new UnsoundRow(key);
    return sound.at(-1) ?? null;
  }

  async #back(key: SeriesKey, count: number, range: { readonly endTime?: number; readonly forExits?: boolean }): Promise<Past> {
    let page = await this.#final(() => this.#page(key, { ...range, limit: Math.min(pageSize, count + 1) }));
    let candles = contiguousTail(page.sound, key);
    let whole = candles.length === page.sound.length;
    while (whole && candles.length < count) {
      const [first] = candles;
      if (first === undefined || page.sound.length === 0) return { candles, before: page.unsound > 0 ? 'hole' : 'nothing' };
      page = await this.#page(key, { ...range, endTime: first.openTime - 1, limit: Math.min(pageSize, count - candles.length) });
      const longer = contiguousTail([...page.sound, ...candles], key);
      whole = longer.length === page.sound.length + candles.length;
      candles = longer;
    }
    return candles.length > count || whole ? { candles: candles.slice(-count), before: 'more' } : { candles, before: 'hole' };
  }

  /**
   * REST can lag the market: a row that closed a moment ago counts when two reads agree on it. Older rows are final.
   */
  async #final(read: () => Promise<Rows>): Promise<Rows> {
    const { clock, venueClock, limits } = this.#options;
    const askedAtMs = venueClock.now();
    const rows = await read();
    const last = rows.sound.at(-1);
    if (last === undefined || askedAtMs - last.closeTime >= limits.settledAfterMs) return rows;
    await clock.sleep(limits.rereadAfterMs);
    const again = await read();
    const same = again.sound.find((row) => row.openTime === last.openTime);
    return same !== undefined && isSame(same, last) ? rows : { ...rows, sound: rows.sound.slice(0, -1) };
  }

  async #page(key: SeriesKey, range: Omit<KlineRequest, 'symbol' | 'timeframe'>): Promise<Rows> {
    const { sound, unsound } = await this.#read(key, range);
    return { sound: sound.filter((row) => row.closed), unsound };
  }

  async #read({ symbol, timeframe }: SeriesKey, range: Omit<KlineRequest, 'symbol' | 'timeframe'>): Promise<Rows> {
    // A read that an exit waits for does not queue: the reads before it may wait for request weight that it does not need to wait for.
    const queues = range.forExits !== true;
    if (queues) await this.#enter();
    try {
      const rows = await this.#options.marketData.klines({ symbol, timeframe, ...range });
      const sound = rows.filter((row) => isSoundCandle(row, timeframe));
      const unsound = rows.length - sound.length;
      if (unsound > 0) this.#options.metrics.marketGaps.inc({ kind: 'malformed-row' }, unsound);
      return { sound, unsound };
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
function contiguousTail(candles: readonly Candle[], key: SeriesKey): readonly Candle[] {
  const step = timeframeMs[key.timeframe];
  for (let index = candles.length - 1; index > 0; index -= 1) {
    if ((candles[index]?.openTime ?? 0) - (candles[index - 1]?.openTime ?? 0) !== step) return candles.slice(index);
  }
  return candles;
}
