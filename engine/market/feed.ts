/**
 * The shared stream pool of one market: each stream is subscribed once however many series want it, spread over sockets
 * within the venue's limits. A socket is replaced before its end (24 h, serverShutdown): the new one is subscribed first.
 * Nothing is replayed by the venue, so every (re)subscription is told to the series, which fetch what they missed.
 */
import { controlMessage, klineStream, parseStreamFrame } from '../exchanges/binance/streams.ts';
import type { KlineFrame } from '../exchanges/binance/streams.ts';
import type { StreamSocket } from '../exchanges/socket.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock, Timer } from '../time/clock.ts';
import type { Timeframe } from '../trading/candle.ts';
import type { MarketLimits } from './limits.ts';

export interface StreamListener {
  onFrame(frame: KlineFrame): void;
  /** The stream is subscribed (again): what came before may be missing. */
  onSubscribed(): void;
  onInterrupted(reason: string): void;
}

export interface SocketHandlers {
  readonly onOpen: () => void;
  readonly onMessage: (text: string) => void;
  readonly onClose: (reason: string) => void;
}

export interface FeedOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: MarketLimits;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  openSocket(handlers: SocketHandlers): StreamSocket;
  /** Time of each event as the venue tells it. */
  onEventTime(atMs: number): void;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #streams = new Map<string, Stream>();
  readonly #links = new Set<Link>();
  #malformed = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Joins the stream of a series; answers how to leave it. */
  subscribe(symbol: string, timeframe: Timeframe, listener: StreamListener): { close(): void; restart(reason: string): void } {
    const name = klineStream(symbol, timeframe);
    if (this.#streams.has(name)) throw new Error(`stream ${name} has a series already; series are shared`);
    const stream: Stream = { name, listener, link: null, standing: false };
    this.#streams.set(name, stream);
    this.#place(stream);
    return {
      close: () => {
        if (this.#streams.get(name) !== stream) return;
        this.#streams.delete(name);
        stream.link?.remove(stream);
      },
      restart: (reason) => stream.link?.restart(reason),
    };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#links].map((link) => link.stop()));
    this.#links.clear();
  }

  #place(stream: Stream): void {
    const { maxStreamsPerSocket, maxSockets } = this.#options.limits;
    const roomy = [...this.#links].find((link) => !link.retiring && link.size < maxStreamsPerSocket);
    if (roomy === undefined && this.#links.size >= maxSockets)
      throw new Error(`all ${maxSockets} market sockets are full; raise the limit or run another engine`);
    (roomy ?? this.#open([])).add(stream);
  }

  #open(streams: readonly Stream[]): Link {
    const link = new Link(this.#options, {
      onFrame: (frame) => this.#onFrame(frame),
      onMalformed: (problem) => this.#onMalformed(problem),
      onDue: (reason) => this.#replace(link, reason),
      onEmpty: () => {
        this.#links.delete(link);
        void link.stop();
      },
    });
    this.#links.add(link);
    for (const stream of streams) link.add(stream);
    link.start();
    return link;
  }

  /** Make before break: the old socket goes on until the new one has all streams. */
  #replace(old: Link, reason: string): void {
    if (old.retiring) return;
    old.retiring = true;
    this.#options.log.info({ component: 'feed', reason }, 'a market socket is replaced before it ends');
    const streams = old.streams();
    const next = this.#open(streams);
    next.whenStanding(() => {
      this.#links.delete(old);
      void old.stop();
    });
  }

  #onFrame(frame: KlineFrame): void {
    this.#options.onEventTime(frame.eventTimeMs);
    this.#options.metrics.marketLastMessage.set({ stream_kind: 'kline' }, this.#options.clock.now() / 1_000);
    this.#streams.get(frame.stream)?.listener.onFrame(frame);
  }

  /** Logged at growing distances: a broken venue must not fill the disk. */
  #onMalformed(problem: string): void {
    this.#malformed += 1;
    this.#options.metrics.marketGaps.inc({ kind: 'malformed-frame' });
    if ((this.#malformed & (this.#malformed - 1)) === 0)
      this.#options.log.warn(
        { component: 'feed', problem, count: this.#malformed },
        'a market frame could not be read and was passed over',
      );
  }
}

interface Stream {
  readonly name: string;
  readonly listener: StreamListener;
  link: Link | null;
  /** Acknowledged on its link. */
  standing: boolean;
}

interface LinkEvents {
  onFrame(frame: KlineFrame): void;
  onMalformed(problem: string): void;
  /** The socket should be replaced. */
  onDue(reason: string): void;
  /** No stream has been on it for a while. */
  onEmpty(): void;
}

/** One socket and the streams on it. */
class Link {
  readonly #options: FeedOptions;
  readonly #events: LinkEvents;
  readonly #socket: StreamSocket;
  readonly #streams = new Set<Stream>();
  readonly #unsent = new Set<Stream>();
  /** Streams by the id of the SUBSCRIBE that asked for them. */
  readonly #asked = new Map<number, readonly Stream[]>();
  #nextId = 1;
  #open = false;
  #flushing = false;
  #renewal: Timer | null = null;
  #idle: Timer | null = null;
  #restartedAt = Number.NEGATIVE_INFINITY;
  #onStanding: (() => void) | null = null;
  retiring = false;

  constructor(options: FeedOptions, events: LinkEvents) {
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
    this.#flushSoon();
  }

  remove(stream: Stream): void {
    this.#streams.delete(stream);
    const subscribed = !this.#unsent.delete(stream);
    if (this.#open && subscribed) this.#socket.send(controlMessage('UNSUBSCRIBE', [stream.name], this.#takeId()));
    if (this.#streams.size === 0) this.#idle = this.#options.clock.after(this.#options.limits.idleSocketMs, () => this.#events.onEmpty());
  }

  /** Calls back once every stream is acknowledged. */
  whenStanding(callback: () => void): void {
    this.#onStanding = callback;
    this.#checkStanding();
  }

  /** A stream is mute although it was acknowledged: the socket is dialled anew, but not again and again. */
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
    this.#asked.clear();
    this.#renewal?.cancel();
    for (const stream of this.#streams) {
      if (stream.link !== this || !stream.standing) continue;
      stream.standing = false;
      stream.listener.onInterrupted(reason);
    }
  }

  /** Streams that are added in one turn of the loop go out in one message. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#options.clock.soon(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#open || this.#unsent.size === 0) return;
    const { limits, clock } = this.#options;
    const waiting = [...this.#unsent];
    this.#unsent.clear();
    for (let start = 0; start < waiting.length; start += limits.streamsPerMessage) {
      const batch = waiting.slice(start, start + limits.streamsPerMessage);
      const id = this.#takeId();
      this.#asked.set(id, batch);
      this.#socket.send(
        controlMessage(
          'SUBSCRIBE',
          batch.map((stream) => stream.name),
          id,
        ),
      );
      clock.after(limits.ackTimeoutMs, () => {
        if (this.#asked.has(id)) this.#socket.reconnect('a SUBSCRIBE was not answered');
      });
    }
  }

  #onMessage(text: string): void {
    const frame = parseStreamFrame(text);
    switch (frame.kind) {
      case 'kline':
        this.#events.onFrame(frame);
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
        this.#events.onMalformed(frame.problem);
        return;
      case 'other':
        return;
      default:
        frame satisfies never;
    }
  }

  #onAcknowledged(id: number): void {
    const streams = this.#asked.get(id) ?? [];
    this.#asked.delete(id);
    for (const stream of streams) {
      if (!this.#streams.has(stream) || stream.link !== this) continue;
      stream.standing = true;
      stream.listener.onSubscribed();
    }
    this.#checkStanding();
  }

  #checkStanding(): void {
    if (this.#onStanding === null || this.#unsent.size > 0 || this.#asked.size > 0 || !this.#open) return;
    const callback = this.#onStanding;
    this.#onStanding = null;
    callback();
  }
}
