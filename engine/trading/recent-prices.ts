/**
 * Bounds of the average price that the venue judges market orders by (NOTIONAL) and limits their prices with (PERCENT_PRICE): an
 * average of the last minutes lies between the lowest and the highest price of those minutes. Only the extremes of two
 * alternating spans are kept: together they cover the last one to two spans, so the bounds are never too narrow.
 */
import { Decimal } from 'decimal.js';
import type { Candle } from './candle.ts';
import type { PriceBounds } from './filters.ts';
import type { Instrument } from './instrument.ts';
import type { PriceRange } from './stops.ts';

/** What the venue's average has seen and we have not (prices between two updates) moves it less than this share. */
export const unseenShare = 0.001;
/** While fewer minutes are known than the average covers, it may lie this share beyond what is known. */
const unknownShare = 0.05;

/** How far the average price of the filters reaches back, ms. */
export function averageSpanMs({ notional, percentPrice }: Instrument): number {
  return Math.max(notional?.averagePriceMinutes ?? 0, percentPrice?.averagePriceMinutes ?? 0, 1) * 60_000;
}

/** The extremes of the prices heard since the watch began: they show whether a trigger may have been reached. */
export interface PriceWatch extends PriceRange {
  /** True when prices may have been missed. */
  readonly gapped: boolean;
  stop(): void;
}

export class RecentPrices {
  #spanMs: number;
  #half: { low: number; high: number } | null = null;
  #halfSinceMs = 0;
  #before: PriceRange | null = null;
  #knownSinceMs = 0;
  #candle: Candle | null = null;
  readonly #watches = new Set<OpenWatch>();

  constructor(spanMs: number) {
    this.#spanMs = spanMs;
  }

  /** A closed candle, or the forming one as it is at `atMs` (the venue's time). A longer span fills from now on. */
  saw(candle: Candle, atMs: number, spanMs = this.#spanMs): void {
    this.#spanMs = spanMs;
    const last = this.#candle;
    this.#candle = candle;
    for (const watch of this.#watches) watch.saw(candle);
    if (this.#half === null) {
      this.#half = { low: candle.close, high: candle.close };
      this.#halfSinceMs = atMs;
      this.#knownSinceMs = this.#isShort(candle) ? candle.openTime : atMs;
    } else if (atMs - this.#halfSinceMs >= spanMs) {
      this.#before = this.#half;
      this.#half = { low: candle.close, high: candle.close };
      this.#halfSinceMs = atMs;
    }
    const half = this.#half;
    // The extremes of a long candle count while they are new: the others may be hours old.
    const short = this.#isShort(candle);
    const before = last?.openTime === candle.openTime ? last : null;
    half.low = Math.min(half.low, short || (before !== null && candle.low < before.low) ? candle.low : candle.close);
    half.high = Math.max(half.high, short || (before !== null && candle.high > before.high) ? candle.high : candle.close);
  }

  /** Between these lies the average; null before the first price. */
  bounds(atMs: number): PriceBounds | null {
    const half = this.#half;
    if (half === null) return null;
    const share = atMs - this.#knownSinceMs >= this.#spanMs ? unseenShare : unknownShare;
    const low = Math.min(half.low, this.#before?.low ?? half.low) * (1 - share);
    const high = Math.max(half.high, this.#before?.high ?? half.high) * (1 + share);
    return { low: new Decimal(low), high: new Decimal(high) };
  }

  /** A watch from now on, until it is stopped; null before the first price. */
  watch(): PriceWatch | null {
    if (this.#candle === null) return null;
    const watch = new OpenWatch(this.#candle, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    return watch;
  }

  /** The market was not heard for a while. */
  missed(): void {
    for (const watch of this.#watches) watch.gapped = true;
  }

  #isShort({ openTime, closeTime }: Candle): boolean {
    return closeTime + 1 - openTime <= this.#spanMs;
  }
}

class OpenWatch implements PriceWatch {
  low = Infinity;
  high = 0;
  gapped = false;
  /** The candle in which it began, as it was then: its extremes are older than the watch. */
  readonly #first: Candle;
  readonly #onStop: () => void;

  constructor(first: Candle, onStop: () => void) {
    this.#first = first;
    this.#onStop = onStop;
  }

  saw(candle: Candle): void {
    const first = this.#first;
    // An older candle that arrives late says nothing about the time since then.
    if (candle.openTime < first.openTime) return;
    const later = candle.openTime > first.openTime;
    this.low = Math.min(this.low, later || candle.low < first.low ? candle.low : candle.close);
    this.high = Math.max(this.high, later || candle.high > first.high ? candle.high : candle.close);
  }

  stop(): void {
    this.#onStop();
  }
}

/** Bounds around a price when nothing else is known of the minutes before it; null when the price is not known either. */
export function boundsAround(price: number): PriceBounds | null {
  return price > 0 ? { low: new Decimal(price * (1 - unknownShare)), high: new Decimal(price * (1 + unknownShare)) } : null;
}
