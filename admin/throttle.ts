/** Slows down guesses of tokens: after a few failures an address has to wait, twice as long each time. Bounded memory. */
import type { Clock } from '../engine/time/clock.ts';

const freeFailures = 10;
const firstWaitMs = 1_000;
const maxWaitMs = 300_000;
const forgetAfterMs = 900_000;
const addressesMax = 10_000;

interface Failures {
  count: number;
  until: number;
  last: number;
}

export class Throttle {
  readonly #clock: Clock;
  readonly #byAddress = new Map<string, Failures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds that the address still has to wait; 0 when it may try. */
  waitMs(address: string): number {
    return Math.max(0, (this.#byAddress.get(address)?.until ?? 0) - this.#clock.monotonic());
  }

  failed(address: string): void {
    const now = this.#clock.monotonic();
    const known = this.#byAddress.get(address);
    const failures: Failures = known === undefined || now - known.last > forgetAfterMs ? { count: 0, until: 0, last: now } : known;
    failures.count += 1;
    failures.last = now;
    if (failures.count > freeFailures)
      failures.until = now + Math.min(maxWaitMs, firstWaitMs * 2 ** Math.min(20, failures.count - freeFailures - 1));
    this.#byAddress.delete(address);
    this.#byAddress.set(address, failures);
    for (const oldest of this.#byAddress.keys()) {
      if (this.#byAddress.size <= addressesMax) break;
      this.#byAddress.delete(oldest);
    }
  }

  succeeded(address: string): void {
    this.#byAddress.delete(address);
  }
}
