/**
 * The shared stream pool of one market: each stream is subscribed once however many series want it, spread over sockets
 * within the venue's limits. A socket is replaced before its end (24 h, serverShutdown): the new one is subscribed first.
 * Nothing is replayed by the venue, so the series hear of every (re)subscription and fetch what they missed.
 */
import { klineStream } from '../exchanges/binance/streams.ts';
import type { KlineFrame, MalformedFrame } from '../exchanges/binance/streams.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Timeframe } from '../trading/candle.ts';
import { Link } from './link.ts';
import type { LinkOptions, Stream, StreamListener } from './link.ts';

export interface FeedOptions extends LinkOptions {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Time of each event as the venue tells it. */
  onEventTime(atMs: number): void;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #streams = new Map<string, Stream>();
  readonly #links = new Set<Link>();
  #malformed = 0;
  /** Null until market data has arrived. */
  #lastFrameAtMs: number | null = null;

  constructor(options: FeedOptions) {
    this.#options = options;
    options.metrics.marketLastMessage.follow(() =>
      this.#lastFrameAtMs === null ? [] : [[{ stream_kind: 'kline' }, this.#lastFrameAtMs / 1_000]],
    );
  }

  /** Joins the stream of a series; answers how to leave it. */
  subscribe(symbol: string, timeframe: Timeframe, listener: StreamListener): { close(): void; restart(reason: string): void } {
    const name = klineStream(symbol, timeframe);
    if (this.#streams.has(name)) throw new Error(`stream ${name} has a series already; series are shared`);
    const stream: Stream = { name, listener, link: null, carrier: null };
    this.#place(stream);
    this.#streams.set(name, stream);
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
      onFrame: (frame, receivedAt) => this.#onFrame(frame, receivedAt),
      onMalformed: (frame) => this.#onMalformed(frame),
      onDue: (reason) => this.#replace(link, reason),
      onOver: () => {
        this.#relieve(link);
        this.#end(link);
      },
    });
    this.#links.add(link);
    for (const stream of streams) link.add(stream);
    link.start();
    return link;
  }

  /**
   * The old socket goes on until the new one has all streams. When the new one has to be replaced before it is ready, its successor
   * replaces both.
   */
  #replace(old: Link, reason: string): void {
    if (old.retiring) return;
    old.retiring = true;
    this.#options.log.info({ component: 'feed', reason }, 'a market socket is replaced before it ends');
    const next = this.#open(old.streams());
    next.relieves = [old, ...old.relieves];
    next.whenStanding(() => this.#relieve(next));
  }

  #relieve(link: Link): void {
    for (const old of link.relieves) this.#end(old);
    link.relieves = [];
  }

  #end(link: Link): void {
    this.#links.delete(link);
    void link.stop();
  }

  #onFrame(frame: KlineFrame, receivedAt: number): void {
    this.#options.onEventTime(frame.eventTimeMs);
    this.#lastFrameAtMs = this.#options.clock.now();
    this.#streams.get(frame.stream)?.listener.onFrame(frame, receivedAt);
  }

  /** Logged ever more rarely: a broken venue must not fill the disk. */
  #onMalformed({ problem, stream, price }: MalformedFrame): void {
    this.#malformed += 1;
    this.#options.metrics.marketGaps.inc({ kind: 'malformed-frame' });
    if ((this.#malformed & (this.#malformed - 1)) === 0)
      this.#options.log.warn(
        { component: 'feed', problem, count: this.#malformed },
        'a market frame could not be read and was passed over',
      );
    if (stream !== null) this.#streams.get(stream)?.listener.onUnsound(problem, price);
  }
}
