/** The market of a schedule: a price path made from a seed that crosses often, its candles, and the sockets that tell them. */
import { Decimal } from 'decimal.js';
import { klineStream } from '../../engine/exchanges/binance/streams.ts';
import type { KlineRequest } from '../../engine/exchanges/exchange.ts';
import type { SocketState, StreamSocket } from '../../engine/exchanges/socket.ts';
import type { SocketHandlers } from '../../engine/market/link.ts';
import { timeframeMs } from '../../engine/trading/candle.ts';
import type { Candle, Timeframe } from '../../engine/trading/candle.ts';
import type { Weather } from './faults.ts';
import type { MemoryExchange } from './memory-exchange.ts';
import type { Random } from './random.ts';
import type { Scheduler, SimulatedProcess } from './scheduler.ts';

export const minuteMs = 60_000;
/** Of one minute before virtual time 0: a little more than the strategies' warm-up. */
const historyMinutes = 44;
/** The same where there are longer candles, and strategies that warm up for longer. */
const mixedHistoryMinutes = 150;
/** Beside `1m`. */
export const longerTimeframe = '3m';
/** Prices inside a candle, the open and the close included; the stream tells each. The close stands until the next candle opens. */
const points = 5;
export const pointMs = minuteMs / points;

/** A restless market tells its closes so late at most. */
const lateCloseMs = 400;

export interface SymbolPath {
  readonly symbol: string;
  readonly base: number;
}

export interface FeedOptions {
  readonly symbols: readonly SymbolPath[];
  readonly minutes: number;
  readonly restless: boolean;
  /** Candles of two timeframes. */
  readonly mixed?: boolean;
}

export class PriceFeed {
  readonly #scheduler: Scheduler;
  readonly #weather: Weather;
  readonly #random: Random;
  readonly #exchange: MemoryExchange;
  readonly #candles = new Map<string, readonly (readonly number[])[]>();
  /** Of a restless market: when in each minute the prices come, by symbol. */
  readonly #times = new Map<string, readonly (readonly number[])[]>();
  /** Candles that have left the grid, by symbol and minute: by how much. */
  readonly #shifts = new Map<string, number>();
  readonly #historyMinutes: number;
  readonly #timeframes: readonly Timeframe[];
  readonly #sockets = new Set<MarketSocket>();
  #lastMovedMs = 0;

  constructor(
    { symbols, minutes, restless, mixed = false }: FeedOptions,
    { scheduler, weather, random, exchange }: { scheduler: Scheduler; weather: Weather; random: Random; exchange: MemoryExchange },
  ) {
    this.#scheduler = scheduler;
    this.#weather = weather;
    this.#random = random;
    this.#exchange = exchange;
    this.#historyMinutes = mixed ? mixedHistoryMinutes : historyMinutes;
    this.#timeframes = mixed ? ['1m', longerTimeframe] : ['1m'];
    for (const { symbol, base } of symbols) {
      this.#candles.set(symbol, path(random.branch(symbol), base, this.#historyMinutes + minutes + 1));
      if (restless) this.#times.set(symbol, restlessTimes(random.branch(`${symbol} times`), minutes + 1));
    }
  }

  /** How many closed candles an engine keeps here: a little more than the warm-up, and no more than there are. */
  get keptCandles(): number {
    return this.#timeframes.length > 1 ? 48 : 40;
  }

  /** When a price came last, virtual time. */
  get lastMovedMs(): number {
    return this.#lastMovedMs;
  }

  /** Plays the market from virtual time 0 on. */
  start(): void {
    for (const symbol of this.#candles.keys()) {
      this.#exchange.setPrice(symbol, this.price(symbol));
      this.#playNext(symbol, 0, 1);
    }
  }

  /** The next price of a symbol: the exchange moves, then everybody is told. */
  #playNext(symbol: string, minute: number, point: number): void {
    this.#scheduler.after(minute * minuteMs + this.#pointAt(symbol, minute, point) - this.#scheduler.now, () => {
      this.#lastMovedMs = this.#scheduler.now;
      this.#exchange.setPrice(symbol, this.price(symbol));
      if (point === 0) this.#tell(symbol, minute - 1, points - 1);
      else this.#tell(symbol, minute, point);
      this.#playNext(symbol, point === points - 1 ? minute + 1 : minute, (point + 1) % points);
    });
  }

  /** When in its minute a price comes. */
  #pointAt(symbol: string, minute: number, point: number): number {
    return this.#times.get(symbol)?.[minute]?.[point] ?? point * pointMs;
  }

  price(symbol: string): Decimal {
    const [minute, point] = this.#place(symbol);
    const prices = this.#candles.get(symbol)?.[this.#historyMinutes + minute];
    return new Decimal(prices?.[point] ?? Number.NaN);
  }

  #place(symbol: string): readonly [minute: number, point: number] {
    const now = this.#scheduler.now + 1e-6;
    const minute = Math.floor(now / minuteMs);
    let point = points - 1;
    while (point > 0 && minute * minuteMs + this.#pointAt(symbol, minute, point) > now) point -= 1;
    return [minute, point];
  }

  /** The candle that the `minute`-th minute of the schedule (history has negative ones) is in, as far as that minute's point `upTo`. */
  candle(symbol: string, timeframe: Timeframe, minute: number, upTo: number): Candle {
    const first = this.#firstMinute(timeframe, minute);
    const openTime = this.#scheduler.startMs + first * minuteMs;
    let open = Number.NaN;
    let high = Number.NEGATIVE_INFINITY;
    let low = Number.POSITIVE_INFINITY;
    let close = Number.NaN;
    let volume = 0;
    for (let at = first; at <= minute; at += 1) {
      const prices = this.#candles.get(symbol)?.[this.#historyMinutes + at] ?? [];
      const last = at === minute ? upTo : points - 1;
      if (at === first) open = prices[0] ?? Number.NaN;
      for (let point = 0; point <= last; point += 1) {
        const price = prices[point] ?? Number.NaN;
        if (price > high) high = price;
        if (price < low) low = price;
      }
      close = prices[last] ?? Number.NaN;
      volume += 1 + last;
    }
    const ends = minute === first + timeframeMs[timeframe] / minuteMs - 1;
    const closeTime = openTime + timeframeMs[timeframe] - 1;
    return { openTime, closeTime, open, high, low, close, volume, closed: ends && upTo === points - 1 };
  }

  #firstMinute(timeframe: Timeframe, minute: number): number {
    const { startMs } = this.#scheduler;
    return Math.round((floorTo(startMs + minute * minuteMs, timeframeMs[timeframe]) - startMs) / minuteMs);
  }

  /** Of the first whole candle that there is. */
  #oldestMinute(timeframe: Timeframe): number {
    const first = this.#firstMinute(timeframe, -this.#historyMinutes);
    return first === -this.#historyMinutes ? first : first + timeframeMs[timeframe] / minuteMs;
  }

  /** True closed candles, oldest first, up to now. */
  closedCandles(symbol: string, timeframe: Timeframe): readonly Candle[] {
    const [now] = this.#place(symbol);
    const minutes = timeframeMs[timeframe] / minuteMs;
    const candles: Candle[] = [];
    for (let minute = this.#oldestMinute(timeframe) + minutes - 1; minute < now; minute += minutes)
      candles.push(this.candle(symbol, timeframe, minute, points - 1));
    return candles;
  }

  klines({ symbol, timeframe, startTime = 0, endTime = Infinity, limit = 500 }: KlineRequest): readonly Candle[] {
    const [now, point] = this.#place(symbol);
    const { startMs } = this.#scheduler;
    const minutes = timeframeMs[timeframe] / minuteMs;
    const rows: Candle[] = [];
    const oldest = this.#oldestMinute(timeframe);
    const asked = Math.ceil((startTime - startMs) / minuteMs);
    const first = Math.max(oldest, oldest + Math.ceil((asked - oldest) / minutes) * minutes);
    const last = Math.min(this.#firstMinute(timeframe, now), this.#firstMinute(timeframe, Math.floor((endTime - startMs) / minuteMs)));
    const from = startTime > 0 ? first : Math.max(first, last - (limit - 1) * minutes);
    for (let minute = from; minute <= last && rows.length < limit; minute += minutes) {
      const end = minute + minutes - 1;
      rows.push(this.#asRead(symbol, timeframe, Math.min(end, now), end >= now ? point : points - 1));
    }
    return rows;
  }

  #asRead(symbol: string, timeframe: Timeframe, minute: number, upTo: number): Candle {
    const candle = this.candle(symbol, timeframe, minute, upTo);
    const shift = timeframe === '1m' ? (this.#shifts.get(`${symbol} ${minute}`) ?? 0) : 0;
    return shifted(candle, shift % 4 === 0 ? shift : 0);
  }

  /** A candle that is told once off the grid stays there. Those of one minute leave it. */
  #shiftOf(symbol: string, minute: number): number {
    const index = [...this.#candles.keys()].indexOf(symbol);
    const off = this.#weather.lasting('off-grid', undefined, (fault) => (fault.symbol ?? 0) % this.#candles.size === index);
    const key = `${symbol} ${minute}`;
    const shift = this.#shifts.get(key) ?? Math.round(off?.value ?? 0);
    if (shift !== 0) this.#shifts.set(key, shift);
    return shift;
  }

  open(process: SimulatedProcess, replica: number, handlers: SocketHandlers): StreamSocket {
    const socket = new MarketSocket(process, replica, handlers, this.#random);
    this.#sockets.add(socket);
    return socket;
  }

  cut(replica: number | undefined, forMs: number): void {
    for (const socket of this.#sockets) if (replica === undefined || socket.replica === replica) socket.cut(forMs);
  }

  #tell(symbol: string, minute: number, upTo: number): void {
    for (const timeframe of this.#timeframes) this.#tellCandle(symbol, timeframe, minute, upTo);
  }

  #tellCandle(symbol: string, timeframe: Timeframe, minute: number, upTo: number): void {
    const told = this.candle(symbol, timeframe, minute, upTo);
    const candle = timeframe === '1m' ? shifted(told, this.#shiftOf(symbol, minute)) : told;
    const closed = told.closed && minute < this.#place(symbol)[0];
    const lateMs = closed && this.#times.size > 0 ? this.#random.between(0, lateCloseMs) : 0;
    const stream = klineStream(symbol, timeframe);
    const atMs = Math.floor(this.#exchange.now());
    const { openTime: t, closeTime: T, open, high, low, close, volume } = candle;
    const frame = `{"stream":"${stream}","data":{"e":"kline","E":${atMs},"s":"${symbol}","k":{"t":${t},"T":${T},"s":"${symbol}","i":"${timeframe}","o":"${open}","h":"${high}","l":"${low}","c":"${close}","v":"${volume}","x":${closed}}}}`;
    for (const socket of this.#sockets) {
      if (!socket.process.alive) this.#sockets.delete(socket);
      else if (socket.hears(stream)) this.#send(socket, frame, lateMs);
    }
  }

  #send(socket: MarketSocket, frame: string, lateMs: number): void {
    const weather = this.#weather;
    if (weather.lasting('market-mute', socket.replica) !== null || weather.take('frame-lost') !== null) return;
    const delayMs = lateMs + this.#random.between(2, 40) + (weather.take('frame-late')?.value ?? 0);
    const twice = weather.take('frame-twice') !== null;
    socket.deliver(delayMs, frame);
    if (twice) socket.deliver(delayMs + this.#random.between(0, 500), frame);
  }
}

/** Closes that turn often: three candles of four go against the one before them. Prices in ticks of 0.01. */
function path(random: Random, base: number, count: number): readonly (readonly number[])[] {
  const candles: number[][] = [];
  let price = base;
  let up = random.chance(0.5);
  for (let index = 0; index < count; index += 1) {
    const step = random.between(0.001, 0.006) * (up ? 1 : -1);
    // What drifted far comes back, so that no amount runs away.
    const close = price * (1 + step) * (1 - (price / base - 1) * 0.1);
    const prices = [round(price)];
    for (let point = 1; point < points - 1; point += 1)
      prices.push(round(price + ((close - price) * point) / (points - 1) + price * random.between(-0.001, 0.001)));
    prices.push(round(close));
    candles.push(prices);
    price = close;
    if (random.chance(0.9)) up = !up;
  }
  return candles;
}

/** Prices that come at any time of a minute; the first when it begins, the last a little before it ends. */
function restlessTimes(random: Random, count: number): readonly (readonly number[])[] {
  return Array.from({ length: count }, () => [
    0,
    ...Array.from({ length: points - 1 }, () => Math.round(random.between(lateCloseMs + 100, minuteMs - 500))).sort((a, b) => a - b),
  ]);
}

function floorTo(value: number, step: number): number {
  return Math.floor(value / step) * step;
}

function shifted(candle: Candle, byMs: number): Candle {
  return byMs === 0 ? candle : { ...candle, openTime: candle.openTime + byMs, closeTime: candle.closeTime + byMs };
}

function round(price: number): number {
  return Math.round(price * 100) / 100;
}

class MarketSocket implements StreamSocket {
  readonly process: SimulatedProcess;
  readonly replica: number;
  readonly #handlers: SocketHandlers;
  readonly #random: Random;
  readonly #streams = new Set<string>();
  #state: SocketState = 'idle';
  #connection = 0;

  constructor(process: SimulatedProcess, replica: number, handlers: SocketHandlers, random: Random) {
    this.process = process;
    this.replica = replica;
    this.#handlers = handlers;
    this.#random = random;
  }

  get state(): SocketState {
    return this.#state;
  }

  start(): void {
    this.#dial(0);
  }

  async stop(): Promise<void> {
    this.#close('stopped');
    this.#state = 'stopped';
  }

  send(text: string): boolean {
    if (this.#state !== 'open') return false;
    const { method, params, id } = JSON.parse(text) as { method: string; params: readonly string[]; id: number };
    for (const name of params) {
      if (method === 'SUBSCRIBE') this.#streams.add(name);
      else this.#streams.delete(name);
    }
    this.deliver(this.#random.between(2, 20), `{"result":null,"id":${id}}`);
    return true;
  }

  reconnect(reason: string): void {
    if (this.#state === 'stopped') return;
    this.#close(reason);
    this.#dial(this.#random.between(0, 500));
  }

  hears(stream: string): boolean {
    return this.#state === 'open' && this.#streams.has(stream);
  }

  deliver(delayMs: number, text: string): void {
    const connection = this.#connection;
    this.process.after(delayMs, () => {
      if (this.#state === 'open' && connection === this.#connection) this.#handlers.onMessage(text);
    });
  }

  cut(forMs: number): void {
    this.process.run(() => {
      if (this.#state === 'stopped') return;
      this.#close('cut');
      this.#dial(forMs);
    });
  }

  #dial(afterMs: number): void {
    const connection = (this.#connection += 1);
    this.#state = 'waiting';
    this.process.after(afterMs + this.#random.between(5, 50), () => {
      if (this.#state !== 'waiting' || connection !== this.#connection) return;
      this.#state = 'open';
      this.#handlers.onOpen();
    });
  }

  #close(reason: string): void {
    const wasOpen = this.#state === 'open';
    this.#streams.clear();
    this.#connection += 1;
    if (this.#state !== 'stopped') this.#state = 'waiting';
    if (wasOpen) this.#handlers.onClose(reason);
  }
}
