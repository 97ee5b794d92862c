/** A venue in a test: candles that exist, sockets that open, speak and break when told, on a fake clock. */
import { Decimal } from 'decimal.js';
import { pino } from 'pino';
import type { MarketData } from '../../../engine/exchanges/exchange.ts';
import type { StreamSocket } from '../../../engine/exchanges/socket.ts';
import type { SocketHandlers } from '../../../engine/market/link.ts';
import type { MarketLimits } from '../../../engine/market/limits.ts';
import type { MarketSeries, SeriesHealth, SeriesListener, SeriesView } from '../../../engine/market/market.ts';
import { createMarketSeries } from '../../../engine/market/series.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import type { Candle } from '../../../engine/trading/candle.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

export const minuteMs = 60_000;
const start = Math.floor(1_700_000_000_000 / minuteMs) * minuteMs;

export class ScriptedSocket implements StreamSocket {
  state: StreamSocket['state'] = 'idle';
  readonly handlers: SocketHandlers;
  readonly subscribed = new Set<string>();
  readonly sent: { method: string; params: string[]; id: number }[] = [];
  /** SUBSCRIBE is not answered. */
  static mute = false;
  /** New sockets do not open. */
  static refusing = false;

  constructor(handlers: SocketHandlers) {
    this.handlers = handlers;
  }
  start(): void {
    if (ScriptedSocket.refusing) this.state = 'connecting';
    else this.open();
  }
  open(): void {
    this.state = 'open';
    this.handlers.onOpen();
  }
  break(): void {
    this.state = 'waiting';
    this.subscribed.clear();
    this.handlers.onClose('cut by the test');
  }
  stop(): Promise<void> {
    this.state = 'stopped';
    this.subscribed.clear();
    return Promise.resolve();
  }
  send(text: string): boolean {
    const message = JSON.parse(text) as { method: string; params: string[]; id: number };
    this.sent.push(message);
    for (const name of message.params) {
      if (message.method === 'SUBSCRIBE') this.subscribed.add(name);
      else this.subscribed.delete(name);
    }
    if (!ScriptedSocket.mute) this.handlers.onMessage(JSON.stringify({ result: null, id: message.id }));
    return true;
  }
  reconnect(): void {
    if (this.state !== 'open') return;
    this.break();
    this.open();
  }
}

export class ScriptedVenue {
  readonly metrics = createMetrics();
  readonly clock = new FakeClock(start);
  readonly sockets: ScriptedSocket[] = [];
  readonly reads: { startTime?: number; endTime?: number; limit?: number; forExits?: boolean }[] = [];
  readonly priceReads: (readonly string[])[] = [];
  restPrice = 123;
  pricesFailing = false;
  readonly market: MarketSeries;
  /** Index of the candle under way; those before it are closed. */
  forming: number;
  /** Candles that REST does not have. */
  readonly missing = new Set<number>();
  failing = false;
  /** Candles whose rows at REST leave the grid, as their frames do. */
  readonly shifted = new Set<number>();
  /** Volume of the candle under way. */
  traded = 0;
  /** Newest closed candles that REST does not know yet. */
  lag = 0;
  /** REST answers with what it saw when it was asked, but only after this. */
  answering: Promise<void> = Promise.resolve();
  /** The same for what only counts as history. */
  answeringHistory: Promise<void> = Promise.resolve();
  readonly first: number;

  constructor(options: { history?: number; limits?: Partial<MarketLimits> } = {}) {
    this.forming = options.history ?? 300;
    this.first = start - this.forming * minuteMs;
    const log = pino({ level: 'silent' });
    const marketData: MarketData = {
      serverTime: () => Promise.resolve(this.now),
      instruments: () => Promise.resolve([]),
      price: () => Promise.reject(new Error('not asked for')),
      prices: (symbols) => {
        this.priceReads.push(symbols);
        if (this.pricesFailing) return Promise.reject(new Error('REST tells no prices'));
        return Promise.resolve(new Map(symbols.map((symbol) => [symbol, new Decimal(this.restPrice)])));
      },
      klines: (request) => {
        this.reads.push(request);
        if (this.failing) return Promise.reject(new Error('REST is down'));
        const limit = request.limit ?? 500;
        const rows = Array.from({ length: this.forming + 1 }, (_, index) => index)
          .filter((index) => !this.missing.has(index) && (this.lag === 0 || index < this.forming - this.lag))
          .map((index) => (this.shifted.has(index) ? offGrid(this.candle(index)) : this.candle(index)))
          .filter((row) => row.openTime >= (request.startTime ?? 0) && row.openTime <= (request.endTime ?? Infinity));
        return (request.forExits === true ? this.answering : Promise.all([this.answering, this.answeringHistory])).then(() =>
          request.startTime === undefined ? rows.slice(-limit) : rows.slice(0, limit),
        );
      },
    };
    this.market = createMarketSeries({
      marketData,
      clock: this.clock,
      venueClock: { now: () => this.now, trusted: true, resync: () => Promise.resolve() },
      log,
      metrics: this.metrics,
      random: () => 0.5,
      openSocket: (handlers) => {
        const socket = new ScriptedSocket(handlers);
        this.sockets.push(socket);
        return socket;
      },
      onEventTime: () => undefined,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
  }

  /** The venue's time: ten seconds into the candle under way. */
  get now(): number {
    return this.first + this.forming * minuteMs + 10_000;
  }

  price(index: number): number {
    return 100 + 10 * Math.sin(index / 7) + 3 * Math.sin(index * 1.7);
  }

  candle(index: number): Candle {
    const openTime = this.first + index * minuteMs;
    const [open, close] = [this.price(index - 1), this.price(index)];
    return {
      openTime,
      closeTime: openTime + minuteMs - 1,
      open,
      high: Math.max(open, close) + 1,
      low: Math.min(open, close) - 1,
      close,
      volume: index < this.forming ? 5 : this.traded,
      closed: index < this.forming,
    };
  }

  /** What the stream says of a candle, on every socket that subscribed it. */
  tell(index: number, closed: boolean, symbol = 'BTCUSDT', change: Partial<Candle> = {}): void {
    const candle = { ...this.candle(index), ...change };
    const { openTime, closeTime, open, high, low, close, volume } = this.shifted.has(index) ? offGrid(candle) : candle;
    const stream = `${symbol.toLowerCase()}@kline_1m`;
    const E = closed ? closeTime + 1 : openTime + 5_000;
    const k = {
      t: openTime,
      T: closeTime,
      s: symbol,
      i: '1m',
      o: String(open),
      h: String(high),
      l: String(low),
      c: String(close),
      v: String(volume),
      x: closed,
    };
    for (const socket of this.sockets)
      if (socket.state === 'open' && socket.subscribed.has(stream))
        socket.handlers.onMessage(JSON.stringify({ stream, data: { e: 'kline', E, s: symbol, k } }));
  }

  /** One candle passes and the stream tells its close. */
  async pass(tell = true): Promise<number> {
    const index = this.forming;
    this.forming += 1;
    if (tell) this.tell(index, true);
    await settle();
    return index;
  }
}

/** As the exchange told them for hours in February 2018. */
export function offGrid(candle: Candle): Candle {
  return { ...candle, openTime: candle.openTime + 28_225, closeTime: candle.closeTime + 28_225 };
}

export interface Heard {
  readonly closes: number[];
  readonly updates: number[];
  readonly health: SeriesHealth[];
  readonly reasons: string[];
  readonly prices: number[];
  readonly views: SeriesView[];
  readonly listener: SeriesListener;
}

/** Notes what a subscriber is told, candles by index. */
export function listen(venue: ScriptedVenue): Heard {
  const indexOf = (candle: Candle): number => (candle.openTime - venue.first) / minuteMs;
  const heard: Omit<Heard, 'listener'> = { closes: [], updates: [], health: [], reasons: [], prices: [], views: [] };
  return {
    ...heard,
    listener: {
      onClose(view) {
        heard.closes.push(indexOf(view.candle));
        heard.views.push({ candle: view.candle, current: Array.from(view.current), previous: Array.from(view.previous) });
      },
      onUpdate(candle) {
        heard.updates.push(indexOf(candle));
        heard.prices.push(candle.close);
      },
      onHealth(health, reason) {
        heard.health.push(health);
        heard.reasons.push(reason);
      },
    },
  };
}

export const request = {
  symbol: 'BTCUSDT',
  timeframe: '1m',
  needs: [
    { kind: 'ema', period: 5 },
    { kind: 'rsi', period: 14 },
  ],
  warmUpCandles: 100,
  exposed: false,
} as const;

/** Subscribes and lets the fake clock run until history is in. */
export async function subscribe(venue: ScriptedVenue, heard: Heard, change: Partial<Parameters<MarketSeries['subscribe']>[0]> = {}) {
  const joining = venue.market.subscribe({ ...request, ...change }, heard.listener);
  await venue.clock.advance(2_000);
  return joining;
}
