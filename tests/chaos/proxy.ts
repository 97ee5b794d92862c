/**
 * A TCP link that can be made bad: late, narrow, stalled, half-open, refused, cut, reset; or that loses one HTTP request
 * on its way there, or the answer to it on its way back. Each engine has one per thing that it talks to.
 */
import { createServer, connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** How bytes travel. `stalled` keeps them until the link is open again; `half-open` swallows them, for good. */
export type LinkState =
  | { readonly kind: 'open' }
  | { readonly kind: 'latency'; readonly ms: number }
  | { readonly kind: 'narrow'; readonly bytesPerSecond: number }
  | { readonly kind: 'stalled' }
  | { readonly kind: 'half-open' }
  | { readonly kind: 'refused' };

/** What happens to the next request whose first line starts with a given text. */
export type RequestFate = 'request-lost' | 'answer-lost';

const open: LinkState = { kind: 'open' };
/** Bytes that wait in one direction before the sender is held back. */
const heldMax = 1 << 20;

export class FaultProxy {
  readonly name: string;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #fates: { readonly start: string; readonly fate: RequestFate; used: boolean }[] = [];
  #target: { readonly host: string; readonly port: number };
  #state: LinkState = open;
  #harmed = 0;
  /** Called when the client gave a half-open connection up. */
  onGivenUp: () => void = () => undefined;

  private constructor(name: string, target: string) {
    this.name = name;
    this.#target = hostAndPort(target);
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(name: string, target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(name, target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Connections that were made bad, refused or ended so far: a link that nobody uses harms nobody. */
  get harmed(): number {
    return this.#harmed;
  }

  /** The URL with this link's port in place of the target's. */
  through(url: string): string {
    const parsed = new URL(url);
    parsed.hostname = '127.0.0.1';
    parsed.port = String(this.port);
    return parsed.href.replace(/\/$/, '');
  }

  /** Where new connections go from now on. */
  retarget(target: string): void {
    this.#target = hostAndPort(target);
  }

  set(state: LinkState): void {
    this.#state = state;
    if (state.kind !== 'open') this.#harmed += this.#pairs.size;
    for (const pair of this.#pairs) pair.set(state);
  }

  /** Open again. Half-open connections stay dead: their users must find out. */
  heal(): void {
    this.#fates.length = 0;
    this.set(open);
  }

  /** Ends every connection: in order (FIN), or at once (RST). */
  end(how: 'cut' | 'reset'): void {
    this.#harmed += this.#pairs.size;
    for (const pair of this.#pairs) pair.end(how);
  }

  /** Answers whether a request has met its fate meanwhile. */
  doom(start: string, fate: RequestFate): () => boolean {
    const doomed = { start, fate, used: false };
    this.#fates.push(doomed);
    return () => doomed.used;
  }

  async stop(): Promise<void> {
    this.end('reset');
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#state.kind !== 'open') this.#harmed += 1;
    if (this.#state.kind === 'refused') {
      client.on('error', ignore);
      client.resetAndDestroy();
      return;
    }
    const pair = new Pair(client, connect({ ...this.#target, noDelay: true }), this.#state, {
      fateOf: (chunk) => this.#fateOf(chunk),
      onGone: (wasDead) => {
        this.#pairs.delete(pair);
        if (wasDead) this.onGivenUp();
      },
    });
    this.#pairs.add(pair);
  }

  #fateOf(chunk: Buffer): RequestFate | null {
    const first = this.#fates[0];
    if (first === undefined || !chunk.subarray(0, first.start.length).equals(Buffer.from(first.start))) return null;
    this.#fates.shift();
    first.used = true;
    return first.fate;
  }
}

/** One connection: the client's side and the target's. */
class Pair {
  readonly #client: Socket;
  readonly #target: Socket;
  readonly #there: Direction;
  readonly #back: Direction;
  readonly #onGone: (wasDead: boolean) => void;
  #dead: boolean;
  #loseAnswer = false;
  #gone = false;

  constructor(
    client: Socket,
    target: Socket,
    state: LinkState,
    hooks: { readonly fateOf: (chunk: Buffer) => RequestFate | null; readonly onGone: (wasDead: boolean) => void },
  ) {
    this.#client = client;
    this.#target = target;
    this.#onGone = hooks.onGone;
    this.#dead = state.kind === 'half-open';
    this.#there = new Direction(client, target, state);
    this.#back = new Direction(target, client, state);
    client.setNoDelay(true);
    client.on('data', (chunk: Buffer) => {
      if (this.#dead) return;
      const fate = hooks.fateOf(chunk);
      if (fate === 'request-lost') return this.end('reset');
      if (fate === 'answer-lost') this.#loseAnswer = true;
      this.#there.carry(chunk);
    });
    target.on('data', (chunk: Buffer) => {
      if (this.#dead) return;
      if (this.#loseAnswer) return this.end('reset');
      this.#back.carry(chunk);
    });
    for (const socket of [client, target]) socket.on('error', ignore);
    client.on('close', () => this.#leave());
    // A dead link does not tell its client that the target has gone.
    target.on('close', () => {
      if (!this.#dead) this.#back.finish(() => this.#leave());
    });
  }

  set(state: LinkState): void {
    if (state.kind === 'half-open') this.#dead = true;
    if (this.#dead) return;
    if (state.kind === 'refused') return this.end('reset');
    this.#there.set(state);
    this.#back.set(state);
  }

  end(how: 'cut' | 'reset'): void {
    if (how === 'cut') {
      this.#client.end();
      this.#target.end();
      // A side that does not close is not waited for.
      this.#leave(200);
    } else {
      this.#client.resetAndDestroy();
      this.#target.resetAndDestroy();
      this.#leave();
    }
  }

  #leave(afterMs = 0): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#onGone(this.#dead);
    const destroy = (): void => {
      this.#client.destroy();
      this.#target.destroy();
    };
    if (afterMs === 0) destroy();
    else setTimeout(destroy, afterMs).unref();
  }
}

/** One way of a connection: bytes leave in order, when the link lets them. */
class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  #state: LinkState;
  #held: { readonly chunk: Buffer; readonly at: number }[] = [];
  #heldBytes = 0;
  #lastAt = 0;
  #timer: NodeJS.Timeout | null = null;
  #onEmpty: (() => void) | null = null;

  constructor(from: Socket, to: Socket, state: LinkState) {
    this.#from = from;
    this.#to = to;
    this.#state = state;
  }

  carry(chunk: Buffer): void {
    const now = performance.now();
    const state = this.#state;
    const at =
      state.kind === 'latency'
        ? now + state.ms
        : state.kind === 'narrow'
          ? Math.max(now, this.#lastAt) + (chunk.length / state.bytesPerSecond) * 1_000
          : now;
    this.#lastAt = Math.max(this.#lastAt, at);
    this.#held.push({ chunk, at: this.#lastAt });
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > heldMax) this.#from.pause();
    this.#flush();
  }

  set(state: LinkState): void {
    this.#state = state;
    if (state.kind === 'open') {
      this.#lastAt = 0;
      this.#held = this.#held.map(({ chunk }) => ({ chunk, at: 0 }));
    }
    this.#flush();
  }

  /** Calls back when everything that was carried has left. */
  finish(done: () => void): void {
    this.#onEmpty = done;
    this.#flush();
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#state.kind === 'stalled') return;
    const now = performance.now();
    for (let first = this.#held[0]; first !== undefined && first.at <= now; first = this.#held[0]) {
      this.#held.shift();
      this.#heldBytes -= first.chunk.length;
      this.#to.write(first.chunk);
    }
    if (this.#from.isPaused() && this.#heldBytes <= heldMax) this.#from.resume();
    const next = this.#held[0];
    if (next === undefined) this.#onEmpty?.();
    else this.#timer = setTimeout(() => this.#flush(), next.at - now);
  }
}

function hostAndPort(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

function ignore(): void {
  // The other side hears of it by the close that follows.
}
