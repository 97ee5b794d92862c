/**
 * How often this process may open sockets to one venue: every socket of the venue asks the same limiter, so that a
 * reconnect storm cannot get the IP banned (Binance: 300 attempts per 5 min; we stay at a fifth of that).
 */
import type { Clock } from '../time/clock.ts';

export interface ConnectLimiterOptions {
  readonly clock: Clock;
  /** Attempts per window. Default 60. */
  readonly maxConnects?: number;
  /** Default 5 min. */
  readonly windowMs?: number;
}

export class ConnectLimiter {
  readonly #clock: Clock;
  readonly #maxConnects: number;
  readonly #windowMs: number;
  /** Monotonic times of the attempts in the window, oldest first. */
  #attempts: number[] = [];
  #pausedUntil = -Infinity;

  constructor(options: ConnectLimiterOptions) {
    this.#clock = options.clock;
    this.#maxConnects = options.maxConnects ?? 60;
    this.#windowMs = options.windowMs ?? 300_000;
  }

  /** Books one attempt and answers 0, or books nothing and answers the ms to wait before asking again. */
  take(): number {
    const now = this.#clock.monotonic();
    if (now < this.#pausedUntil) return this.#pausedUntil - now;
    this.#attempts = this.#attempts.filter((at) => at > now - this.#windowMs);
    const oldest = this.#attempts[0];
    if (oldest !== undefined && this.#attempts.length >= this.#maxConnects) return oldest + this.#windowMs - now;
    this.#attempts.push(now);
    return 0;
  }

  /** The venue refused connections (429, 418, 403): nobody tries again before `forMs` have passed. */
  pause(forMs: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.monotonic() + forMs);
  }
}
