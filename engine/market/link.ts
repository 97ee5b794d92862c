/** One socket of a market's pool and the streams on it: what is subscribed, what is acknowledged, when it must be replaced. */
import { controlMessage, parseStreamFrame } from '../exchanges/binance/streams.ts';
import type { KlineFrame, MalformedFrame } from '../exchanges/binance/streams.ts';
import type { StreamSocket } from '../exchanges/socket.ts';
import type { Log } from '../observe/log.ts';
import type { Clock, Timer } from '../time/clock.ts';
import type { MarketLimits } from './limits.ts';

export interface StreamListener {
  /** `receivedAt`: when its message came, monotonic. */
  onFrame(frame: KlineFrame, receivedAt: number): void;
  /** What came is no candle: what was wrong with it, and the last price where that can be told. */
  onUnsound(problem: string, price: number | null): void;
  /** The stream is subscribed (again): what came before may be missing. */
  onSubscribed(): void;
  onInterrupted(reason: string): void;
}

export interface SocketHandlers {
  readonly onOpen: () => void;
  readonly onMessage: (text: string) => void;
  readonly onClose: (reason: string) => void;
}

export interface LinkOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: MarketLimits;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  openSocket(handlers: SocketHandlers): StreamSocket;
}

export interface Stream {
  readonly name: string;
  readonly listener: StreamListener;
  /** Where it belongs; null once it is closed. */
  link: Link | null;
  /** The socket on which it is acknowledged: the old one until the new one answers; null when none has. */
  carrier: Link | null;
}

interface LinkEvents {
  /** `receivedAt`: when its message came, monotonic. */
  onFrame(frame: KlineFrame, receivedAt: number): void;
  onMalformed(frame: MalformedFrame): void;
  /** The socket should be replaced. */
  onDue(reason: string): void;
  /** No stream has been on it for a while, or it was cut while another socket was already taking its place. */
  onOver(): void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #socket: StreamSocket;
  readonly #streams = new Set<Stream>();
  readonly #unsent = new Set<Stream>();
  readonly #unwanted = new Set<string>();
  /** The control message that is not answered yet, with its streams: only one is under way at a time. */
  #asked: { readonly id: number; readonly streams: readonly Stream[] } | null = null;
  #nextId = 1;
  #open = false;
  #flushing = false;
  #renewal: Timer | null = null;
  #idle: Timer | null = null;
  #restartedAt = Number.NEGATIVE_INFINITY;
  #onStanding: (() => void) | null = null;
  retiring = false;
  /** Sockets that go once this one stands. */
  relieves: readonly Link[] = [];

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
    this.#socket = options.openSocket({
      onOpen: () => this.#onOpen(),
      onMessage: (text) => this.#onMessage(text),
      onClose: (reason) => this.#onClose(reason),
    });
  }

  get size(): number {
    return this.#streams.size;
  }

  streams(): readonly Stream[] {
    return [...this.#streams];
  }

  start(): void {
    this.#socket.start();
  }

  async stop(): Promise<void> {
    this.#renewal?.cancel();
    this.#idle?.cancel();
    await this.#socket.stop();
  }

  add(stream: Stream): void {
    this.#idle?.cancel();
    this.#streams.add(stream);
    stream.link = this;
    this.#unsent.add(stream);
    this.#unwanted.delete(stream.name);
    this.#flushSoon();
  }

  remove(stream: Stream): void {
    stream.link = null;
    this.#streams.delete(stream);
    const subscribed = !this.#unsent.delete(stream);
    if (this.#open && subscribed) this.#unwanted.add(stream.name);
    this.#flushSoon();
    if (this.#streams.size === 0) this.#idle = this.#options.clock.after(this.#options.limits.idleSocketMs, () => this.#events.onOver());
  }

  /** Calls back once every stream is acknowledged. */
  whenStanding(callback: () => void): void {
    this.#onStanding = callback;
    this.#checkStanding();
  }

  /** A stream is silent although it was acknowledged: the socket connects again, but not too often. */
  restart(reason: string): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#restartedAt < this.#options.limits.socketRestartEveryMs) return;
    this.#restartedAt = now;
    this.#socket.reconnect(reason);
  }

  #takeId(): number {
    this.#nextId += 1;
    return this.#nextId;
  }

  #onOpen(): void {
    const { clock, limits, random } = this.#options;
    this.#open = true;
    for (const stream of this.#streams) this.#unsent.add(stream);
    this.#renewal?.cancel();
    this.#renewal = clock.after(limits.renewAfterMs + (random() - 0.5) * limits.renewJitterMs, () =>
      this.#events.onDue('its 24 hours are nearly over'),
    );
    this.#flushSoon();
  }

  #onClose(reason: string): void {
    this.#open = false;
    this.#asked = null;
    this.#unwanted.clear();
    this.#renewal?.cancel();
    for (const stream of this.#streams) {
      if (stream.carrier !== this) continue;
      stream.carrier = null;
      if (stream.link !== null) stream.listener.onInterrupted(reason);
    }
    // A replacement is connecting already; a second one would only cost a connect.
    if (this.retiring) this.#events.onOver();
  }

  /** Streams that come or go in one turn of the loop, or while an answer is awaited, go out in one message. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#options.clock.soon(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#open || this.#asked !== null) return;
    const { streamsPerMessage } = this.#options.limits;
    const unwanted = [...this.#unwanted].slice(0, streamsPerMessage);
    if (unwanted.length > 0) {
      for (const name of unwanted) this.#unwanted.delete(name);
      this.#ask('UNSUBSCRIBE', unwanted, []);
      return;
    }
    const waiting = [...this.#unsent].slice(0, streamsPerMessage);
    if (waiting.length === 0) {
      this.#checkStanding();
      return;
    }
    for (const stream of waiting) this.#unsent.delete(stream);
    this.#ask(
      'SUBSCRIBE',
      waiting.map((stream) => stream.name),
      waiting,
    );
  }

  #ask(method: 'SUBSCRIBE' | 'UNSUBSCRIBE', names: readonly string[], streams: readonly Stream[]): void {
    const id = this.#takeId();
    this.#asked = { id, streams };
    this.#options.clock.after(this.#options.limits.ackTimeoutMs, () => {
      if (this.#asked?.id === id) this.#socket.reconnect(`${method} was not answered`);
    });
    this.#socket.send(controlMessage(method, names, id));
  }

  #onMessage(text: string): void {
    const receivedAt = this.#options.clock.monotonic();
    const frame = parseStreamFrame(text);
    switch (frame.kind) {
      case 'kline':
        this.#events.onFrame(frame, receivedAt);
        return;
      case 'acknowledged':
        this.#onAcknowledged(frame.id);
        return;
      case 'refused':
        this.#options.log.error(
          { component: 'feed', code: frame.code, message: frame.message },
          'the venue refused a subscription; dialling again',
        );
        this.#socket.reconnect('a subscription was refused');
        return;
      case 'server-shutdown':
        this.#events.onDue('the server announced its shutdown');
        return;
      case 'malformed':
        this.#events.onMalformed(frame);
        return;
      case 'other':
        return;
      default:
        frame satisfies never;
    }
  }

  #onAcknowledged(id: number): void {
    if (this.#asked?.id !== id) return;
    const { streams } = this.#asked;
    this.#asked = null;
    for (const stream of streams) {
      // A socket that is being replaced passes on only streams that no other socket has yet.
      if (stream.link === null || (stream.link !== this && stream.carrier !== null)) continue;
      stream.carrier = this;
      stream.listener.onSubscribed();
    }
    this.#flush();
  }

  #checkStanding(): void {
    if (this.#onStanding === null || this.#unsent.size > 0 || this.#asked !== null || !this.#open) return;
    const callback = this.#onStanding;
    this.#onStanding = null;
    callback();
  }
}
