/**
 * One exchange web socket that keeps itself connected: jittered back-off under the venue's connect limit, own ping
 * so that a half-open link is found within ping interval + pong timeout, paced sending. Nothing is replayed after a
 * reconnect: queued messages are dropped with their connection, and `onOpen` is where its user begins again.
 */
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { askedSilenceMs } from './asked-silence.ts';
import type { ConnectLimiter } from './connect-limiter.ts';

/** `waiting` is between two connections. */
export type SocketState = 'idle' | 'connecting' | 'open' | 'waiting' | 'stopped';

/** What ends a connection; the label of `ws_disconnects_total`. */
export type DisconnectKind =
  | 'server-close'
  | 'error'
  | 'refused'
  | 'connect-timeout'
  | 'pong-timeout'
  | 'binary-frame'
  | 'requested'
  | 'stopped';

export interface ExchangeSocketOptions {
  /** Kind of stream for logs and metric labels, e.g. `spot-market`; few distinct values. */
  readonly name: string;
  /** Asked before each connection. */
  readonly url: () => string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly connectLimiter: ConnectLimiter;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Default 9 s: with the pong's timeout, a half-open link is found within 15 s. */
  readonly pingIntervalMs?: number;
  /** Default 5 s. */
  readonly pongTimeoutMs?: number;
  /** Default 10 s, from dialling to the finished handshake. */
  readonly connectTimeoutMs?: number;
  /** Texts. Default 3: Binance spot disconnects beyond 5 messages, and our ping and a pong may fall in the same second. */
  readonly maxMessagesPerSecond?: number;
  /** Texts that wait for their turn. Default 256. */
  readonly maxQueuedMessages?: number;
  /** Larger frames end the connection. Default 1 MiB. */
  readonly maxPayloadBytes?: number;
  /** Ceiling of the first wait before a reconnect; doubles up to `backoffMaxMs`. Default 500 ms. */
  readonly backoffBaseMs?: number;
  /** Default 30 s. */
  readonly backoffMaxMs?: number;
  readonly onOpen: () => void;
  readonly onMessage: (text: string) => void;
  /** Exactly once for each `onOpen`, also when `stop` ended the connection. Failed attempts are logged only. */
  readonly onClose: (reason: string) => void;
}

/** What users of a socket see; scripted by tests. */
export interface StreamSocket {
  readonly state: SocketState;
  start(): void;
  /** Resolves when the connection is gone. Never reconnects afterwards. */
  stop(): Promise<void>;
  /** Queues a text for the open connection. False when there is none or the queue is full: nothing will be sent then. */
  send(text: string): boolean;
  /** Drops the present connection and dials again after the usual back-off. */
  reconnect(reason: string): void;
}

/** Back-off starts from the base again once a connection has lived this long; shorter lives count as failures. */
const stableAfterMs = 10_000;
/** How long `stop` waits for the closing handshake before it cuts. */
const closeGraceMs = 1_000;
/** Binance's default when it refuses without Retry-After. */
const refusedPauseMs = 60_000;

export class ExchangeSocket implements StreamSocket {
  readonly #options: ExchangeSocketOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #spacingMs: number;
  readonly #received: { inc(): void };
  #state: SocketState = 'idle';
  #socket: WebSocket | null = null;
  #failures = 0;
  #openedAt = 0;
  #lastReceivedAt = 0;
  #nextSendAt = 0;
  #queue: string[] = [];
  /** Every timer of the present connection or wait; cleared together. */
  #pingTimer: Timer | null = null;
  #deadline: Timer | null = null;
  #sendTimer: Timer | null = null;
  #dialTimer: Timer | null = null;
  /** Takes it out of the gauge of open sockets. */
  #unfollow: () => void = () => undefined;

  constructor(options: ExchangeSocketOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#log = options.log.child({ component: 'socket', stream: options.name });
    this.#spacingMs = 1_000 / (options.maxMessagesPerSecond ?? 3);
    this.#received = options.metrics.wsMessages.labels(options.name);
  }

  get state(): SocketState {
    return this.#state;
  }

  start(): void {
    if (this.#state !== 'idle') throw new Error(`Socket ${this.#options.name} was started twice; make a new one instead.`);
    const { metrics, name } = this.#options;
    this.#unfollow = metrics.wsConnections.follow(() => [[{ stream: name, state: 'open' }, this.#state === 'open' ? 1 : 0]]);
    this.#dial();
  }

  stop(): Promise<void> {
    const socket = this.#socket;
    const wasOpen = this.#state === 'open';
    this.#state = 'stopped';
    this.#clearTimers();
    this.#queue = [];
    if (socket === null) {
      this.#unfollow();
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const cut = this.#clock.after(closeGraceMs, () => socket.terminate());
      socket.once('close', () => {
        cut.cancel();
        resolve();
      });
      if (wasOpen) socket.close(1000);
      else socket.terminate();
    });
  }

  send(text: string): boolean {
    if (this.#state !== 'open' || this.#queue.length >= (this.#options.maxQueuedMessages ?? 256)) return false;
    this.#queue.push(text);
    this.#flush();
    return true;
  }

  reconnect(reason: string): void {
    if (this.#socket !== null && this.#state !== 'stopped') this.#end(this.#socket, 'requested', reason);
  }

  #dial(): void {
    const waitMs = this.#options.connectLimiter.take();
    if (waitMs > 0) {
      this.#state = 'waiting';
      this.#log.warn({ waitMs }, 'connect limit reached, waiting');
      // Jitter so that sockets that wait for the same limiter do not ask in the same millisecond.
      this.#dialTimer = this.#clock.after(waitMs + this.#options.random() * 1_000, () => this.#dial());
      return;
    }
    this.#state = 'connecting';
    const socket = new WebSocket(this.#options.url(), {
      perMessageDeflate: false, // A deflate bomb must not be possible, and klines are too small to gain.
      maxPayload: this.#options.maxPayloadBytes ?? 1_048_576,
      followRedirects: false,
    });
    this.#socket = socket;
    this.#deadline = this.#clock.after(this.#options.connectTimeoutMs ?? 10_000, () =>
      this.#end(socket, 'connect-timeout', 'handshake took too long'),
    );
    socket.on('open', () => this.#onOpen(socket));
    socket.on('message', (data, isBinary) => {
      if (socket !== this.#socket) return;
      this.#lastReceivedAt = this.#clock.monotonic();
      if (isBinary) {
        this.#end(socket, 'binary-frame', 'binary frame on a text stream');
        return;
      }
      if (this.#state !== 'open') return;
      this.#received.inc();
      // `data` is one Buffer: ws gives other shapes only for other binary types than the default.
      this.#options.onMessage((data as Buffer).toString('utf8'));
    });
    socket.on('ping', () => {
      if (socket !== this.#socket) return;
      // ws has answered with a pong, which counts against the message limit.
      this.#lastReceivedAt = this.#clock.monotonic();
      this.#nextSendAt = Math.max(this.#nextSendAt, this.#lastReceivedAt) + this.#spacingMs;
    });
    socket.on('pong', () => {
      if (socket === this.#socket) this.#lastReceivedAt = this.#clock.monotonic();
    });
    socket.on('unexpected-response', (_request, response) => this.#onRefused(socket, response));
    socket.on('error', (error) => this.#end(socket, 'error', error.message));
    socket.on('close', (code, reason) => {
      this.#end(socket, 'server-close', `closed by the server: ${code} ${reason.toString('utf8')}`.trim());
    });
  }

  #onOpen(socket: WebSocket): void {
    if (socket !== this.#socket || this.#state !== 'connecting') return;
    this.#deadline?.cancel();
    this.#deadline = null;
    this.#state = 'open';
    this.#openedAt = this.#lastReceivedAt = this.#clock.monotonic();
    this.#nextSendAt = 0;
    this.#pingTimer = this.#clock.every(this.#options.pingIntervalMs ?? 9_000, () => this.#ping(socket));
    this.#log.debug('socket open');
    this.#options.onOpen();
  }

  #ping(socket: WebSocket): void {
    if (this.#deadline !== null) return; // The last ping is still being judged.
    const sentAt = this.#clock.monotonic();
    this.#nextSendAt = Math.max(this.#nextSendAt, sentAt) + this.#spacingMs;
    socket.ping();
    this.#deadline = this.#clock.after(this.#options.pongTimeoutMs ?? 5_000, () => {
      // Judged one turn of the loop later: when this process has stood still, the pong may have arrived and not been read yet.
      this.#deadline = this.#clock.after(1, () => {
        this.#deadline = null;
        if (this.#lastReceivedAt < sentAt) this.#end(socket, 'pong-timeout', 'half-open: no frame since our ping');
      });
    });
  }

  #onRefused(socket: WebSocket, response: IncomingMessage): void {
    const status = response.statusCode ?? 0;
    response.resume();
    if (status === 429 || status === 418 || status === 403) {
      this.#options.connectLimiter.pause(askedSilenceMs(response.headers['retry-after']) ?? refusedPauseMs);
    }
    this.#end(socket, 'refused', `handshake refused with HTTP ${status}`);
  }

  /** Every end of a connection passes here: the first sign of it counts, later ones are ignored. */
  #end(socket: WebSocket, kind: DisconnectKind, reason: string): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    const stopped = this.#state === 'stopped';
    const openedAt = this.#openedAt;
    this.#openedAt = 0;
    this.#clearTimers();
    this.#queue = [];
    if (stopped) {
      this.#unfollow();
      this.#log.debug('socket stopped');
    } else this.#log.warn({ kind, reason }, 'socket ended');
    this.#options.metrics.wsDisconnects.inc({ stream: this.#options.name, reason: stopped ? 'stopped' : kind });
    socket.terminate();
    if (!stopped) {
      const lived = openedAt === 0 ? 0 : this.#clock.monotonic() - openedAt;
      this.#failures = lived >= stableAfterMs ? 0 : this.#failures + 1;
      this.#state = 'waiting';
      this.#dialTimer = this.#clock.after(this.#backoffMs(), () => this.#dial());
    }
    if (openedAt !== 0) this.#options.onClose(stopped ? 'stopped' : reason);
  }

  /** Full jitter: uniform between 0 and a ceiling that doubles with each failure in a row. */
  #backoffMs(): number {
    const ceiling = Math.min(
      this.#options.backoffMaxMs ?? 30_000,
      (this.#options.backoffBaseMs ?? 500) * 2 ** Math.min(this.#failures, 16),
    );
    return this.#options.random() * ceiling;
  }

  /** Sends what the pace allows, evenly spaced: two bursts could arrive as one after a network delay. */
  #flush(): void {
    if (this.#sendTimer !== null || this.#state !== 'open') return;
    const waitMs = this.#nextSendAt - this.#clock.monotonic();
    if (waitMs > 0) {
      this.#sendTimer = this.#clock.after(waitMs, () => {
        this.#sendTimer = null;
        this.#flush();
      });
      return;
    }
    const text = this.#queue.shift();
    if (text === undefined) return;
    this.#nextSendAt = this.#clock.monotonic() + this.#spacingMs;
    this.#socket?.send(text);
    if (this.#queue.length > 0) this.#flush();
  }

  #clearTimers(): void {
    this.#pingTimer?.cancel();
    this.#deadline?.cancel();
    this.#sendTimer?.cancel();
    this.#dialTimer?.cancel();
    this.#deadline = null;
    this.#sendTimer = null;
  }
}
