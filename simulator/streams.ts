/** Market streams: raw (`/ws/…`) and combined (`/stream?streams=…`), with control messages (binance-wire.md 1.1 to 1.3). */
import type { WebSocket } from 'ws';
import type { Candle, Timeframe } from '../engine/trading/candle.ts';
import { isTold } from './intervals.ts';
import type { Interval } from './intervals.ts';
import { boundMessages, hear, keepInOrder, leaveHalfOpen, say } from './sockets.ts';
import type { Venue } from './venue.ts';
import { klineEvent, offeredAt, text } from './wire.ts';

const streamsPerConnection = 1_024;
const messagesPerSecond = 5;
/** Base of one trade of the market's own. */
const tradedQuantity = 0.01;

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
  #tradeId = 0;

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

  onPrice(symbol: string, price: number, atMs: number): void {
    const name = symbol.toLowerCase();
    const trade = { E: atMs, s: symbol, p: text(price), q: text(tradedQuantity), T: atMs, m: false, M: true };
    this.#tradeId += 1;
    const id = this.#tradeId;
    if (this.#byStream.has(`${name}@trade`)) this.#send(`${name}@trade`, { e: 'trade', ...trade, t: id });
    if (this.#byStream.has(`${name}@aggTrade`)) this.#send(`${name}@aggTrade`, { e: 'aggTrade', ...trade, a: id, f: id, l: id });
    if (this.#byStream.has(`${name}@bookTicker`)) {
      const tick = this.#venue().exchange.matching.lastTick(symbol);
      const quantity = text(offeredAt(tick));
      this.#send(`${name}@bookTicker`, {
        u: atMs,
        s: symbol,
        b: text(tick?.bid ?? price),
        B: quantity,
        a: text(tick?.ask ?? price),
        A: quantity,
      });
    }
  }

  onKline(symbol: string, interval: Interval, candle: Candle, atMs: number): void {
    const name = `${symbol.toLowerCase()}@kline_${interval}`;
    if (this.#byStream.has(name)) this.#send(name, klineEvent(symbol, interval, candle, atMs));
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
    for (let round = 0; round < 100; round += 1) {
      if ([...this.#connections].every(({ socket }) => socket.bufferedAmount === 0)) return;
      await this.#venue().clock.sleep(1);
    }
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
