/** A clock that stands until a test moves it. Timers fire in time order; promises run in between. */
import type { Clock, Timer } from '../../engine/time/clock.ts';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

export class FakeClock implements Clock {
  #now: number;
  readonly #start: number;
  #order = 0;
  #pending: Pending[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
    this.#start = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  after(delayMs: number, fire: () => void): Timer {
    const pending = { at: this.#now + Math.max(0, delayMs), order: (this.#order += 1), fire };
    this.#pending.push(pending);
    return { cancel: () => (this.#pending = this.#pending.filter((other) => other !== pending)) };
  }

  every(periodMs: number, fire: () => void): Timer {
    let timer: Timer;
    const again = (): void => {
      timer = this.after(periodMs, () => {
        again();
        fire();
      });
    };
    again();
    return { cancel: () => timer.cancel() };
  }

  soon(fire: () => void): void {
    this.after(0, fire);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.after(delayMs, resolve);
      signal?.addEventListener('abort', () => {
        timer.cancel();
        reject(signal.reason as Error);
      });
    });
  }

  /** The process stands still: what falls due meanwhile fires when it goes on. */
  stall(durationMs: number): void {
    this.#now += durationMs;
  }

  /** Moves time, firing what falls due and letting promises settle in between. */
  async advance(durationMs: number): Promise<void> {
    const end = this.#now + durationMs;
    await settle();
    for (;;) {
      const next = this.#pending.filter((pending) => pending.at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined) break;
      this.#pending = this.#pending.filter((pending) => pending !== next);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything that is already resolved run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
