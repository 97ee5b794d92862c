/**
 * Plays the fuel: prices inside candles, forming candles of every timeframe in use, closed candles at their end. When a
 * candle closes, the price is at the next one's open before anybody hears of the close, so that an order sent in answer
 * to it fills at that open.
 */
import { candlePath } from '../engine/matching/candle-path.ts';
import { timeframeMs } from '../engine/trading/candle.ts';
import type { Candle, Timeframe } from '../engine/trading/candle.ts';
import type { Fuel } from './fuel.ts';
import { onTick } from './generator.ts';
import { tickSizeOf } from './instruments.ts';
import type { VenueTime } from './venue-time.ts';

export type PriceWay = 'through' | 'jump';

export interface MarketListener {
  /** The last price of a symbol moved through all prices in between (inside a candle), or jumped (from a close to the next open). */
  onPrice(symbol: string, price: number, atMs: number, way: PriceWay): void;
  onKline(symbol: string, timeframe: Timeframe, candle: Candle, atMs: number): void;
}

export interface MarketOptions {
  readonly fuel: Fuel;
  readonly time: VenueTime;
  readonly seed: number;
  /** Open time of the first candle that is played; those before it are history. */
  readonly firstOpenTime: number;
  readonly listener: MarketListener;
}

/** Prices per base candle: enough to visit its extremes and to reach what lies between them. */
const pathSteps = 10;
/** Forming candles are told at most this often (venue time), as Binance does: every second for 1s, else every two. */
const formingEveryMs = (timeframe: Timeframe): number => (timeframe === '1s' ? 1_000 : 2_000);

/** Generated fuel has a past without end, and making it up costs time: klines go back so many base candles from the start. */
const pastMax = 1_000_000;
/** Long candles are put together from whole hours, which are remembered. */
const hourMs = timeframeMs['1h'];
const hoursMax = 20_000;

export class Market {
  readonly #hours = new Map<string, Candle | null>();
  readonly #options: MarketOptions;
  readonly #stepMs: number;
  #openTime: number;
  /** Points of the current base candle that have been played. */
  #played = 0;
  #paths = new Map<string, readonly number[]>();
  /** Candles under way by symbol, for the timeframes somebody listens to. */
  readonly #forming = new Map<string, Map<Timeframe, Forming>>();

  constructor(options: MarketOptions) {
    this.#options = options;
    this.#stepMs = timeframeMs[options.fuel.baseTimeframe];
    this.#openTime = options.firstOpenTime;
    this.#openCandle();
  }

  /** Open time of the base candle under way. */
  get openTime(): number {
    return this.#openTime;
  }

  /** Base candles that can still be stepped through; null when there is no end. */
  get candlesLeft(): number | null {
    const { lastOpenTime } = this.#options.fuel;
    return lastOpenTime === null ? null : Math.max(0, Math.floor((lastOpenTime - this.#openTime) / this.#stepMs));
  }

  get done(): boolean {
    return this.candlesLeft === 0;
  }

  /** From now on the forming candle of this series is kept and told. */
  watch(symbol: string, timeframe: Timeframe): void {
    const bySymbol = this.#forming.get(symbol) ?? new Map<Timeframe, Forming>();
    this.#forming.set(symbol, bySymbol);
    if (!bySymbol.has(timeframe))
      bySymbol.set(timeframe, { candle: this.#formingNow(symbol, timeframe), toldAtMs: Number.NEGATIVE_INFINITY });
  }

  /** Plays one whole base candle; the venue's time then is the next one's open. False at the end of the fuel. */
  step(): boolean {
    if (this.done) return false;
    for (let point = this.#played; point < pathSteps; point += 1) {
      this.#options.time.set(this.#openTime + Math.floor((point * this.#stepMs) / pathSteps));
      this.#playPoint(point);
    }
    this.#options.time.set(this.#openTime + this.#stepMs);
    this.#closeCandle();
    return true;
  }

  /** Plays everything that is due at the venue's time now. */
  catchUp(): void {
    for (const now = this.#options.time.now(); ; ) {
      const dueAt = this.#openTime + ((this.#played < pathSteps ? this.#played : pathSteps) * this.#stepMs) / pathSteps;
      if (dueAt > now || this.done) return;
      if (this.#played < pathSteps) this.#playPoint(this.#played);
      else this.#closeCandle();
    }
  }

  /** Klines as REST answers them: closed ones and the forming one at the end. Oldest first. */
  klines(
    symbol: string,
    timeframe: Timeframe,
    query: { readonly startTime?: number; readonly endTime?: number; readonly limit: number },
  ): readonly Candle[] {
    const length = timeframeMs[timeframe];
    const newest = floorTo(this.#openTime, length);
    const { fuel, firstOpenTime } = this.#options;
    const oldest =
      fuel.firstOpenTime === null
        ? Math.max(0, floorTo(firstOpenTime - pastMax * this.#stepMs, length) + length)
        : floorTo(fuel.firstOpenTime, length);
    const { startTime, endTime, limit } = query;
    const end = Math.min(newest, endTime === undefined ? newest : floorTo(endTime, length));
    const start = Math.max(oldest, startTime === undefined ? end - (limit - 1) * length : Math.ceil(startTime / length) * length);
    const rows: Candle[] = [];
    for (let openTime = start; openTime <= end && rows.length < limit; openTime += length) {
      const candle = openTime === newest ? this.#formingNow(symbol, timeframe) : this.#closed(symbol, timeframe, openTime);
      if (candle !== null) rows.push(candle);
    }
    return rows;
  }

  #playPoint(point: number): void {
    const { listener, time, fuel } = this.#options;
    const atMs = time.now();
    for (const symbol of fuel.symbols) {
      const path = this.#paths.get(symbol) ?? [];
      const price = path[Math.min(path.length - 1, Math.floor((point * path.length) / pathSteps))];
      if (price === undefined) continue;
      listener.onPrice(symbol, price, atMs, 'through');
      for (const [timeframe, forming] of this.#forming.get(symbol) ?? []) {
        forming.candle = grown(forming.candle, price);
        if (atMs - forming.toldAtMs < formingEveryMs(timeframe) && time.pace.kind !== 'stepped') continue;
        forming.toldAtMs = atMs;
        listener.onKline(symbol, timeframe, forming.candle, atMs);
      }
    }
    this.#played = point + 1;
  }

  #closeCandle(): void {
    const { fuel, listener, time } = this.#options;
    const closed = new Map(fuel.symbols.map((symbol) => [symbol, fuel.candle(symbol, this.#openTime)]));
    this.#openTime += this.#stepMs;
    this.#openCandle();
    const atMs = time.now();
    const told: (() => void)[] = [];
    for (const symbol of fuel.symbols) {
      const next = fuel.candle(symbol, this.#openTime);
      if (next !== null) listener.onPrice(symbol, next.open, atMs, 'jump');
      const base = closed.get(symbol) ?? null;
      for (const [timeframe, forming] of this.#forming.get(symbol) ?? []) {
        if (base !== null) forming.candle = merged(forming.candle, base);
        if (this.#openTime % timeframeMs[timeframe] !== 0) continue;
        const whole: Candle = { ...forming.candle, closed: true };
        told.push(() => listener.onKline(symbol, timeframe, whole, atMs));
        forming.candle = this.#formingNow(symbol, timeframe);
        forming.toldAtMs = atMs;
      }
    }
    for (const tell of told) tell();
  }

  #openCandle(): void {
    const { fuel, seed } = this.#options;
    this.#played = 0;
    this.#paths = new Map();
    for (const symbol of fuel.symbols) {
      const candle = fuel.candle(symbol, this.#openTime);
      if (candle !== null)
        this.#paths.set(
          symbol,
          candlePath(candle, seed, pathSteps).map((price) => onTick(price, tickSizeOf(symbol))),
        );
    }
  }

  /** The candle under way: the closed base candles since its open and the played part of the current one. */
  #formingNow(symbol: string, timeframe: Timeframe): Candle {
    const { fuel } = this.#options;
    const openTime = floorTo(this.#openTime, timeframeMs[timeframe]);
    const base = fuel.candle(symbol, this.#openTime);
    const open = base?.open ?? Number.NaN;
    let candle: Candle = { openTime: this.#openTime, closeTime: 0, open, high: open, low: open, close: open, volume: 0, closed: false };
    const path = this.#paths.get(symbol) ?? [];
    for (let point = 0; point < this.#played; point += 1)
      candle = grown(candle, path[Math.min(path.length - 1, Math.floor((point * path.length) / pathSteps))] ?? open);
    const before = this.#openTime > openTime ? this.#span(symbol, openTime, this.#openTime) : null;
    const whole =
      before === null
        ? candle
        : { ...before, high: Math.max(before.high, candle.high), low: Math.min(before.low, candle.low), close: candle.close };
    return { ...whole, openTime, closeTime: openTime + timeframeMs[timeframe] - 1, closed: false };
  }

  #closed(symbol: string, timeframe: Timeframe, openTime: number): Candle | null {
    const candle = this.#span(symbol, openTime, openTime + timeframeMs[timeframe]);
    return candle === null ? null : { ...candle, openTime, closeTime: openTime + timeframeMs[timeframe] - 1, closed: true };
  }

  /** Base candles from `start` to before `end` as one; null when none is known. */
  #span(symbol: string, start: number, end: number): Candle | null {
    let whole: Candle | null = null;
    let openTime = start;
    while (openTime < end) {
      const wholeHour = this.#stepMs < hourMs && openTime % hourMs === 0 && openTime + hourMs <= end;
      const part = wholeHour ? this.#hour(symbol, openTime) : this.#options.fuel.candle(symbol, openTime);
      if (part !== null) whole = whole === null ? part : merged(whole, part);
      openTime += wholeHour ? hourMs : this.#stepMs;
    }
    return whole;
  }

  #hour(symbol: string, start: number): Candle | null {
    const key = `${symbol} ${start}`;
    const known = this.#hours.get(key);
    if (known !== undefined) return known;
    let hour: Candle | null = null;
    for (let openTime = start; openTime < start + hourMs; openTime += this.#stepMs) {
      const base = this.#options.fuel.candle(symbol, openTime);
      if (base !== null) hour = hour === null ? base : merged(hour, base);
    }
    if (this.#hours.size >= hoursMax) this.#hours.clear();
    this.#hours.set(key, hour);
    return hour;
  }
}

interface Forming {
  candle: Candle;
  /** Venue time of the last update that was told. */
  toldAtMs: number;
}

function grown(candle: Candle, price: number): Candle {
  return { ...candle, high: Math.max(candle.high, price), low: Math.min(candle.low, price), close: price };
}

/** `next` added behind what is there; a forming candle already begun by `next`'s own prices takes its volume and extremes. */
function merged(candle: Candle, next: Candle): Candle {
  return {
    ...candle,
    high: Math.max(candle.high, next.high),
    low: Math.min(candle.low, next.low),
    close: next.close,
    volume: Math.round((candle.volume + next.volume) * 1e8) / 1e8,
  };
}

function floorTo(value: number, step: number): number {
  return Math.floor(value / step) * step;
}
