/** Market streams: raw (`/ws/…`) and combined (`/stream?streams=…`), with control messages. */
import type { WebSocket } from 'ws';
import type { BookEvent } from '../engine/matching/matching.ts';
import type { Candle, Timeframe } from '../engine/trading/candle.ts';
import { isTold } from './intervals.ts';
import type { Interval } from './intervals.ts';
import { boundMessages, hear, keepInOrder, leaveHalfOpen, say } from './sockets.ts';
import type { Venue } from './venue.ts';
import { aggregateTradeEvent, averagePriceEvent, bookTickerEvent, depthEvent, partialDepth, tradeEvent } from './stream-events.ts';
import type { TapeTrade } from './tape.ts';
import { dayLongMs, dayTickerEvent, miniTickerEvent, spanOf, windowTickerEvent } from './tickers.ts';
import type { Span } from './tickers.ts';
import { klineEvent } from './wire.ts';

const streamsPerConnection = 1_024;
const messagesPerSecond = 5;
const tickersEveryMs = 1_000;
const tickerWindows = [
  ['1h', 3_600_000],
  ['4h', 14_400_000],
  ['1d', dayLongMs],
] as const;

interface Connection {
  readonly socket: WebSocket;
  readonly streams: Set<string>;
  combined: boolean;
}

export class MarketStreams {
  readonly #venue: () => Venue;
  readonly #baseTimeframe: Timeframe;
  readonly #connections = new Set<Connection>();
  readonly #byStream = new Map<string, Set<Connection>>();
  readonly #tickersToldAtMs = new Map<string, number>();
  readonly #telling = new Set<Promise<void>>();

  /** The venue is asked for late: market and streams know each other. */
  constructor(venue: () => Venue, baseTimeframe: Timeframe) {
    this.#venue = venue;
    this.#baseTimeframe = baseTimeframe;
  }

  /** `path` of the upgrade, decoded; false when this is no place for market streams. */
  accepts(path: string): boolean {
    return path === '/stream' || path === '/ws' || path.startsWith('/ws/');
  }

  connect(socket: WebSocket, path: string, query: URLSearchParams): void {
    const combined = path === '/stream';
    const names = (combined ? (query.get('streams') ?? '') : path.slice('/ws/'.length)).split('/');
    const connection: Connection = { socket, streams: new Set(), combined };
    this.#connections.add(connection);
    keepInOrder(this.#venue(), socket);
    boundMessages(this.#venue(), socket, messagesPerSecond);
    for (const name of names.slice(0, streamsPerConnection)) if (name !== '') this.#subscribe(connection, name);
    hear(
      socket,
      (message) => this.#onMessage(connection, message),
      (error) => this.#venue().log.error({ err: error }, 'the simulator failed to answer a stream message'),
    );
    socket.on('close', () => this.#forget(connection));
  }

  onTrades(trades: readonly TapeTrade[]): void {
    for (const trade of trades) {
      const name = trade.symbol.toLowerCase();
      this.#tell(`${name}@trade`, () => tradeEvent(trade));
      this.#tell(`${name}@aggTrade`, () => aggregateTradeEvent(trade));
    }
  }

  /** Orders came to the book or left it. */
  onEvents(events: readonly BookEvent[], trades: readonly TapeTrade[]): void {
    this.onTrades(trades);
    const symbols = new Set(events.flatMap((event) => (event.type === 'order' ? [event.order.symbol] : [])));
    for (const symbol of symbols) this.#onDepth(symbol, this.#venue().time.now());
  }

  /** The price was told anew: it may be the same. */
  onPrice(symbol: string, atMs: number): void {
    const name = symbol.toLowerCase();
    this.#onDepth(symbol, atMs);
    for (const levels of [5, 10, 20])
      for (const stream of [`${name}@depth${levels}`, `${name}@depth${levels}@100ms`])
        this.#tell(stream, () => partialDepth(this.#venue().depths.of(symbol), levels));
    this.#tellTickers(symbol, atMs);
  }

  #onDepth(symbol: string, atMs: number): void {
    const name = symbol.toLowerCase();
    const followed = [`${name}@depth`, `${name}@depth@100ms`];
    const ticker = `${name}@bookTicker`;
    if (![...followed, ticker].some((stream) => this.#byStream.has(stream))) return;
    const change = this.#venue().depths.refresh(symbol);
    if (change === null) return;
    for (const stream of followed) this.#tell(stream, () => depthEvent(symbol, change, atMs));
    this.#tell(ticker, () => bookTickerEvent(symbol, this.#venue().depths.of(symbol)));
  }

  /** Once in a second of venue time; those of all symbols tell one symbol at a time. */
  #tellTickers(symbol: string, atMs: number): void {
    const venue = this.#venue();
    const name = symbol.toLowerCase();
    if (venue.time.pace.kind !== 'stepped' && atMs - (this.#tickersToldAtMs.get(symbol) ?? 0) < tickersEveryMs) return;
    this.#tickersToldAtMs.set(symbol, atMs);
    const average = venue.exchange.matching.averagePrice(symbol, 5, atMs);
    if (average !== null)
      this.#tell(`${name}@avgPrice`, () => averagePriceEvent(symbol, average, venue.tape.last(symbol)?.atMs ?? atMs, atMs));
    const ofSpan = (streams: readonly string[], lengthMs: number, event: (span: Span) => Record<string, unknown>): void => {
      const heard = streams.filter((stream) => this.#byStream.has(stream));
      if (heard.length === 0) return;
      const telling = spanOf(venue, symbol, atMs - lengthMs)
        .then((span) => {
          if (span === null) return;
          for (const stream of heard) this.#tell(stream, () => (stream.startsWith('!') ? [event(span)] : event(span)));
        })
        .catch((error: unknown) => venue.log.error({ err: error, symbol }, 'the simulator failed to tell a ticker'))
        .finally(() => this.#telling.delete(telling));
      this.#telling.add(telling);
    };
    ofSpan([`${name}@miniTicker`, '!miniTicker@arr'], dayLongMs, (span) => miniTickerEvent(span, atMs));
    ofSpan([`${name}@ticker`], dayLongMs, (span) => dayTickerEvent(venue, span, atMs));
    for (const [window, lengthMs] of tickerWindows)
      ofSpan([`${name}@ticker_${window}`, `!ticker_${window}@arr`], lengthMs, (span) => windowTickerEvent(span, `${window}Ticker`, atMs));
  }

  onKline(symbol: string, interval: Interval, candle: Candle, atMs: number): void {
    this.#tell(`${symbol.toLowerCase()}@kline_${interval}`, () => klineEvent(symbol, interval, candle, atMs));
  }

  /** Cuts every connection, as a network does. */
  drop(): void {
    for (const { socket } of this.#connections) socket.terminate();
  }

  /** All connections there are; new ones work. */
  leaveHalfOpen(): void {
    for (const { socket } of this.#connections) leaveHalfOpen(socket);
  }

  announceShutdown(atMs: number): void {
    for (const { socket, combined } of this.#connections) {
      const notice = { e: 'serverShutdown', E: atMs };
      say(socket, JSON.stringify(combined ? { stream: '!serverShutdown', data: notice } : notice));
    }
  }

  /** Resolves when what was sent has left this process. */
  async flushed(): Promise<void> {
    await Promise.all(this.#telling);
    for (let round = 0; round < 100; round += 1) {
      if ([...this.#connections].every(({ socket }) => socket.bufferedAmount === 0)) return;
      await this.#venue().clock.sleep(1);
    }
  }

  #tell(stream: string, data: () => unknown): void {
    if (this.#byStream.has(stream)) this.#send(stream, data());
  }

  #send(stream: string, data: unknown): void {
    if (this.#venue().faults.peek('mute-stream', (fault) => fault.stream === stream) !== null) return;
    const raw = JSON.stringify(data);
    const wrapped = `{"stream":"${stream}","data":${raw}}`;
    for (const { socket, combined } of this.#byStream.get(stream) ?? []) say(socket, combined ? wrapped : raw);
  }

  #onMessage(connection: Connection, message: string): void {
    const answer = (value: unknown): void => say(connection.socket, JSON.stringify(value));
    let parsed: unknown;
    try {
      parsed = JSON.parse(message);
    } catch {
      answer({ code: 3, msg: 'Invalid JSON: expected value at line 1 column 1' });
      return;
    }
    const request: { method?: unknown; params?: unknown; id?: unknown } = typeof parsed === 'object' && parsed !== null ? parsed : {};
    const id = typeof request.id === 'number' || typeof request.id === 'string' ? request.id : null;
    const params = Array.isArray(request.params) ? (request.params as unknown[]) : [];
    const names = params.filter((param): param is string => typeof param === 'string');
    const invalid = (msg: string): void => answer({ code: 2, msg, id });
    switch (request.method) {
      case 'SUBSCRIBE':
        if (names.length === 0 || names.length !== params.length) return invalid('Invalid request: params must be stream names');
        if (connection.streams.size + names.length > streamsPerConnection)
          return invalid(`Invalid request: at most ${streamsPerConnection} streams per connection`);
        for (const name of names) this.#subscribe(connection, name);
        return answer({ result: null, id });
      case 'UNSUBSCRIBE':
        for (const name of names) this.#unsubscribe(connection, name);
        return answer({ result: null, id });
      case 'LIST_SUBSCRIPTIONS':
        return answer({ result: [...connection.streams], id });
      case 'SET_PROPERTY':
        if (params[0] !== 'combined') return answer({ code: 0, msg: `Unknown property`, id });
        if (typeof params[1] !== 'boolean') return answer({ code: 1, msg: 'Invalid value type: expected Boolean', id });
        connection.combined = params[1];
        return answer({ result: null, id });
      case 'GET_PROPERTY':
        return params[0] === 'combined' ? answer({ result: connection.combined, id }) : answer({ code: 0, msg: 'Unknown property', id });
      default:
        return invalid(`Invalid request: unknown variant \`${JSON.stringify(request.method) ?? ''}\``);
    }
  }

  /** Any name is acknowledged; one that does not exist stays silent, as on the venue. */
  #subscribe(connection: Connection, name: string): void {
    connection.streams.add(name);
    const listeners = this.#byStream.get(name) ?? new Set();
    this.#byStream.set(name, listeners);
    listeners.add(connection);
    const [lower = '', kline] = name.split('@kline_');
    const symbol = lower.toUpperCase();
    if (kline !== undefined && isTold(kline, this.#baseTimeframe) && this.#venue().exchange.instrument(symbol) !== null)
      this.#venue().market.watch(symbol, kline);
  }

  #unsubscribe(connection: Connection, name: string): void {
    connection.streams.delete(name);
    const listeners = this.#byStream.get(name);
    listeners?.delete(connection);
    if (listeners?.size === 0) this.#byStream.delete(name);
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    for (const name of connection.streams) this.#unsubscribe(connection, name);
  }
}
