/**
 * Plays the fuel: prices inside candles, forming candles of every timeframe in use, closed candles at their end. When a
 * candle closes, the price is at the next one's open before anybody hears of the close, so that an order sent in answer
 * to it fills at that open, and the next candle is told with it.
 */
import { Decimal } from 'decimal.js';
import { candlePath } from '../engine/matching/candle-path.ts';
import type { Clock } from '../engine/time/clock.ts';
import { timeframeMs } from '../engine/trading/candle.ts';
import type { Candle } from '../engine/trading/candle.ts';
import type { Fuel } from './fuel.ts';
import { onTick } from './generator.ts';
import { openAway, openOf } from './intervals.ts';
import type { Interval } from './intervals.ts';
import { merged } from './merged.ts';
import type { VenueTime } from './venue-time.ts';

export type PriceWay = 'through' | 'jump';

export interface MarketListener {
  /**
   * The last price of a symbol moved through all prices in between (inside a candle), or jumped (from a close to the next open).
   * `traded` is what the market traded there: all of a candle add up to its volume.
   */
  onPrice(symbol: string, price: number, atMs: number, way: PriceWay, traded: Decimal): void;
  onKline(symbol: string, interval: Interval, candle: Candle, atMs: number): void;
}

export interface MarketOptions {
  readonly fuel: Fuel;
  readonly time: VenueTime;
  /** Of the process: long work goes in slices. */
  readonly clock: Pick<Clock, 'monotonic' | 'soon'>;
  readonly seed: number;
  /** Open time of the first candle that is played; those before it are history. */
  readonly firstOpenTime: number;
  readonly listener: MarketListener;
}

/** Prices per base candle: enough to visit its extremes and to reach what lies between them. */
const pathSteps = 10;
/** Forming candles are told at most this often (venue time), as Binance does: every second for 1s, else every two. */
const formingEveryMs = (interval: Interval): number => (interval === '1s' ? 1_000 : 2_000);

/** Generated fuel has a past without end, and making it up costs time: klines go back so many base candles from the start. */
const pastMax = 1_000_000;
/** Long candles are put together from whole blocks of at most 3,600 base candles, which are remembered. */
const blockOf = (stepMs: number): number => timeframeMs[stepMs < timeframeMs['1m'] ? '1h' : '1d'];
const blocksMax = 20_000;
/** The loop of the process is not held longer than this and one block: orders and streams of others wait behind it. */
const sliceMs = 10;

export class Market {
  readonly #blocks = new Map<string, Candle | null>();
  readonly #options: MarketOptions;
  readonly #stepMs: number;
  readonly #blockMs: number;
  #openTime: number;
  /** Points of the current base candle that have been played. */
  #played = 0;
  #paths = new Map<string, readonly number[]>();
  /** Candles under way by symbol, for the intervals somebody listens to. */
  readonly #forming = new Map<string, Map<Interval, Forming>>();

  constructor(options: MarketOptions) {
    this.#options = options;
    this.#stepMs = timeframeMs[options.fuel.baseTimeframe];
    this.#blockMs = blockOf(this.#stepMs);
    this.#openTime = options.firstOpenTime;
    this.#openCandle();
  }

  /** The first price of each symbol. */
  begin(): void {
    const { listener, time, fuel } = this.#options;
    for (const symbol of fuel.symbols) {
      const candle = fuel.candle(symbol, this.#openTime);
      if (candle !== null) listener.onPrice(symbol, candle.open, time.now(), 'jump', tradedAt(candle, 0));
    }
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
  watch(symbol: string, interval: Interval): void {
    const bySymbol = this.#forming.get(symbol) ?? new Map<Interval, Forming>();
    this.#forming.set(symbol, bySymbol);
    if (!bySymbol.has(interval)) bySymbol.set(interval, { candle: this.#formingNow(symbol, interval), toldAtMs: Number.NEGATIVE_INFINITY });
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

  /** Plays the path up to a tenth of a candle later, the close and the next open included. False at the end of the fuel. */
  stepPoint(): boolean {
    if (this.done) return false;
    if (this.#played === 0) this.#playPoint(0);
    const { time } = this.#options;
    time.set(this.#openTime + Math.floor((this.#played * this.#stepMs) / pathSteps));
    if (this.#played < pathSteps) this.#playPoint(this.#played);
    else this.#closeCandle();
    return true;
  }

  /** All base candles from the one that `fromMs` lies in up to now, as one; null where there are none. */
  async since(symbol: string, fromMs: number): Promise<Candle | null> {
    const from = Math.max(this.#oldest(this.#options.fuel.baseTimeframe), Math.floor(fromMs / this.#stepMs) * this.#stepMs);
    await this.#workOut(symbol, from, this.#openTime);
    const before = this.#openTime > from ? this.#span(symbol, from, this.#openTime) : null;
    const forming = this.#formingNow(symbol, this.#options.fuel.baseTimeframe);
    if (Number.isNaN(forming.open)) return before;
    return before === null ? forming : { ...merged(before, forming), closeTime: forming.closeTime, closed: false };
  }

  /** Plays what is due at the venue's time now; true when a slice of it is done and more is due. */
  catchUp(): boolean {
    const { clock, time } = this.#options;
    const begunAt = clock.monotonic();
    for (const now = time.now(); ; ) {
      const dueAt = this.#openTime + ((this.#played < pathSteps ? this.#played : pathSteps) * this.#stepMs) / pathSteps;
      if (dueAt > now || this.done) return false;
      if (clock.monotonic() - begunAt > sliceMs) return true;
      if (this.#played < pathSteps) this.#playPoint(this.#played);
      else this.#closeCandle();
    }
  }

  /** Klines as REST answers them: closed ones and the forming one at the end. Oldest first. */
  async klines(
    symbol: string,
    interval: Interval,
    query: { readonly startTime?: number; readonly endTime?: number; readonly limit: number },
  ): Promise<readonly Candle[]> {
    const newest = openOf(interval, this.#openTime);
    const oldest = this.#oldest(interval);
    const { startTime, endTime, limit } = query;
    const end = Math.min(newest, endTime === undefined ? newest : openOf(interval, endTime));
    const start = Math.max(oldest, startTime === undefined ? openAway(interval, end, 1 - limit) : firstFrom(interval, startTime));
    const rows: Candle[] = [];
    const turn = this.#turns();
    for (let openTime = start; openTime <= end && rows.length < limit; openTime = openAway(interval, openTime, 1)) {
      await this.#workOut(symbol, openTime, Math.min(openAway(interval, openTime, 1), this.#openTime), turn);
      await turn();
      // What formed when it was asked for may have closed between two slices.
      const forms = openAway(interval, openTime, 1) > this.#openTime;
      const candle = forms ? this.#formingNow(symbol, interval) : this.#closed(symbol, interval, openTime);
      if (candle !== null) rows.push(candle);
    }
    return rows;
  }

  /** Lets others have the loop when it was held for a slice. */
  #turns(): () => Promise<void> {
    const { clock } = this.#options;
    let begunAt = clock.monotonic();
    return async () => {
      if (clock.monotonic() - begunAt <= sliceMs) return;
      await new Promise<void>((resolve) => clock.soon(resolve));
      begunAt = clock.monotonic();
    };
  }

  async #workOut(symbol: string, start: number, end: number, turn = this.#turns()): Promise<void> {
    for (const block of this.#wholeBlocks(start, end)) {
      await turn();
      this.#block(symbol, block);
    }
  }

  #oldest(interval: Interval): number {
    const { fuel, firstOpenTime } = this.#options;
    if (fuel.firstOpenTime !== null) return openOf(interval, fuel.firstOpenTime);
    return Math.max(0, openAway(interval, openOf(interval, firstOpenTime - pastMax * this.#stepMs), 1));
  }

  #playPoint(point: number): void {
    const { listener, time, fuel } = this.#options;
    const atMs = time.now();
    for (const symbol of fuel.symbols) {
      const path = this.#paths.get(symbol) ?? [];
      const price = path[Math.min(path.length - 1, Math.floor((point * path.length) / pathSteps))];
      if (price === undefined) continue;
      // The first one was traded when the price came to the open.
      const traded = point === 0 ? zero : tradedAt(fuel.candle(symbol, this.#openTime), point);
      listener.onPrice(symbol, price, atMs, 'through', traded);
      for (const [interval, forming] of this.#forming.get(symbol) ?? []) {
        forming.candle = grown(forming.candle, price, traded);
        if (atMs - forming.toldAtMs < formingEveryMs(interval) && time.pace.kind !== 'stepped') continue;
        forming.toldAtMs = atMs;
        listener.onKline(symbol, interval, forming.candle, atMs);
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
      if (next !== null) listener.onPrice(symbol, next.open, atMs, 'jump', tradedAt(next, 0));
      const base = closed.get(symbol) ?? null;
      for (const [interval, forming] of this.#forming.get(symbol) ?? []) {
        if (base !== null) forming.candle = widened(forming.candle, base);
        if (this.#openTime <= forming.candle.closeTime) continue;
        const whole: Candle = { ...forming.candle, closed: true };
        const begun = this.#formingNow(symbol, interval);
        told.push(() => listener.onKline(symbol, interval, whole, atMs));
        if (next !== null) told.push(() => listener.onKline(symbol, interval, begun, atMs));
        forming.candle = begun;
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
          candlePath(candle, seed, pathSteps).map((price) => onTick(price, Number(fuel.listing(symbol).tick))),
        );
    }
  }

  /** The candle under way: the closed base candles since its open and the played part of the current one. */
  #formingNow(symbol: string, interval: Interval): Candle {
    const { fuel } = this.#options;
    const openTime = openOf(interval, this.#openTime);
    const base = fuel.candle(symbol, this.#openTime);
    const open = base?.open ?? Number.NaN;
    const volume = tradedAt(base, 0).toNumber();
    let candle: Candle = { openTime: this.#openTime, closeTime: 0, open, high: open, low: open, close: open, volume, closed: false };
    const path = this.#paths.get(symbol) ?? [];
    for (let point = 0; point < this.#played; point += 1) {
      const price = path[Math.min(path.length - 1, Math.floor((point * path.length) / pathSteps))] ?? open;
      candle = grown(candle, price, point === 0 ? zero : tradedAt(base, point));
    }
    const before = this.#openTime > openTime ? this.#span(symbol, openTime, this.#openTime) : null;
    const whole = before === null ? candle : merged(before, candle);
    return { ...whole, openTime, closeTime: openAway(interval, openTime, 1) - 1, closed: false };
  }

  #closed(symbol: string, interval: Interval, openTime: number): Candle | null {
    const end = openAway(interval, openTime, 1);
    const candle = this.#span(symbol, openTime, end);
    return candle === null ? null : { ...candle, openTime, closeTime: end - 1, closed: true };
  }

  /** Base candles from `start` to before `end` as one; null when none is known. */
  #span(symbol: string, start: number, end: number): Candle | null {
    const { fuel } = this.#options;
    let whole: Candle | null = null;
    const add = (part: Candle | null): void => {
      if (part !== null) whole = whole === null ? part : merged(whole, part);
    };
    let at = start;
    for (const block of this.#wholeBlocks(start, end)) {
      if (at < block) add(fuel.span(symbol, at, block));
      add(this.#block(symbol, block));
      at = block + this.#blockMs;
    }
    if (at < end) add(fuel.span(symbol, at, end));
    return whole;
  }

  /** Where the blocks begin that lie within `start` and `end` as a whole. */
  *#wholeBlocks(start: number, end: number): Iterable<number> {
    for (let block = Math.ceil(start / this.#blockMs) * this.#blockMs; block + this.#blockMs <= end; block += this.#blockMs) yield block;
  }

  #block(symbol: string, start: number): Candle | null {
    const key = `${symbol} ${start}`;
    const known = this.#blocks.get(key);
    if (known !== undefined) return known;
    const block = this.#options.fuel.span(symbol, start, start + this.#blockMs);
    if (this.#blocks.size >= blocksMax) this.#blocks.clear();
    this.#blocks.set(key, block);
    return block;
  }
}

const zero = new Decimal(0);

/** The share of a candle's volume that is traded at a point of its path; the last one has what is left over. */
function tradedAt(candle: Candle | null, point: number): Decimal {
  const volume = new Decimal(candle?.volume ?? 0);
  const share = volume.div(pathSteps).toDecimalPlaces(8, Decimal.ROUND_DOWN);
  return point < pathSteps - 1 ? share : volume.minus(share.times(pathSteps - 1));
}

interface Forming {
  candle: Candle;
  /** Venue time of the last update that was told. */
  toldAtMs: number;
}

function grown(candle: Candle, price: number, traded: Decimal): Candle {
  const volume = traded.plus(candle.volume).toNumber();
  return { ...candle, high: Math.max(candle.high, price), low: Math.min(candle.low, price), close: price, volume };
}

/** All of `base` was played into it, point by point. */
function widened(candle: Candle, base: Candle): Candle {
  return { ...candle, high: Math.max(candle.high, base.high), low: Math.min(candle.low, base.low), close: base.close };
}

/** The first open time at or after `atMs`. */
function firstFrom(interval: Interval, atMs: number): number {
  const openTime = openOf(interval, atMs);
  return openTime === atMs ? openTime : openAway(interval, openTime, 1);
}
