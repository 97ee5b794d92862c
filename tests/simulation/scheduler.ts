/**
 * Virtual time. Events fire in the order of their times; between two of them every promise that can go on goes on.
 * Nothing real is waited for, so an hour passes as fast as its events can be computed, and always in the same way.
 */
import type { Clock, Timer } from '../../engine/time/clock.ts';

/** It is its own timer: millions of them are made. */
class Event implements Timer {
  readonly at: number;
  readonly order: number;
  /** Whom it reaches; null for the world itself. */
  readonly process: SimulatedProcess | null;
  fire: (() => void) | null;

  constructor(at: number, order: number, process: SimulatedProcess | null, fire: () => void) {
    this.at = at;
    this.order = order;
    this.process = process;
    this.fire = fire;
  }

  cancel(): void {
    this.fire = null;
  }

  /** Once. */
  happen(): void {
    const { fire } = this;
    this.fire = null;
    fire?.();
  }
}

/** A UTC midnight, at which virtual time begins unless a schedule says otherwise. */
export const epochMs = 1_714_953_600_000;

const lookEveryMs = 1_000;

export class Scheduler {
  #heap: Event[] = [];
  #order = 0;
  #now = 0;
  #fired = 0;
  readonly #looks: (() => void)[] = [];
  #nextLookAt = lookEveryMs;
  /** Time that a host's wall clock shows when virtual time is 0. */
  readonly startMs: number;

  constructor(startMs = epochMs) {
    this.startMs = startMs;
  }

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#now;
  }

  /** The true time, ms UTC. */
  get wallMs(): number {
    return this.startMs + this.#now;
  }

  get fired(): number {
    return this.#fired;
  }

  /** `process` hears of it when it lives, and later when it is paused. */
  after(delayMs: number, fire: () => void, process: SimulatedProcess | null = null): Timer {
    const event = new Event(this.#now + Math.max(0, delayMs), (this.#order += 1), process, fire);
    this.#push(event);
    return event;
  }

  /** `look` is called once a virtual second, between events: it only looks, so nothing waits for it and it is no event. */
  watch(look: () => void): void {
    this.#looks.push(look);
  }

  /** Plays everything up to `endMs`. */
  run(endMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          for (;;) {
            const event = this.#heap[0];
            this.#look(Math.min(event?.at ?? endMs, endMs));
            if (event === undefined || event.at > endMs) {
              this.#now = endMs;
              resolve();
              return;
            }
            this.#pop();
            if (event.fire === null) continue;
            this.#now = Math.max(this.#now, event.at);
            this.#fired += 1;
            if (event.process === null) event.happen();
            else event.process.hear(event);
            // The tick queue runs only after the last promise has gone on: one turn of the loop without its price.
            queueMicrotask(turn);
            return;
          }
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const turn = (): void => process.nextTick(step);
      turn();
    });
  }

  #look(upToMs: number): void {
    while (this.#nextLookAt <= upToMs) {
      this.#now = Math.max(this.#now, this.#nextLookAt);
      this.#nextLookAt += lookEveryMs;
      for (const look of this.#looks) look();
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(event, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      const left = heap[child];
      const right = heap[child + 1];
      if (left === undefined) break;
      let least = left;
      if (right !== undefined && before(right, left)) {
        least = right;
        child += 1;
      }
      if (!before(least, last)) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/**
 * One operating-system process in virtual time. A dead one hears nothing any more; a paused one (SIGSTOP) hears everything
 * that came meanwhile when it goes on, in the order in which it came.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly #scheduler: Scheduler;
  /** What the host's wall clock is off by, ms; shared by all processes of the host. */
  readonly #host: { skewMs: number };
  #alive = true;
  #paused = false;
  #missed: Event[] = [];

  constructor(name: string, scheduler: Scheduler, host: { skewMs: number }) {
    this.name = name;
    this.#scheduler = scheduler;
    this.#host = host;
    this.clock = new ProcessClock(this, scheduler, host);
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get skewMs(): number {
    return this.#host.skewMs;
  }

  kill(): void {
    this.#alive = false;
    this.#missed = [];
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const missed = this.#missed;
    this.#missed = [];
    for (const event of missed) this.after(0, () => event.happen());
  }

  /** Something reaches the process now. */
  run(fire: () => void): void {
    if (!this.#alive) return;
    if (this.#paused) this.#missed.push(new Event(this.#scheduler.now, 0, this, fire));
    else fire();
  }

  /** Its time has come. */
  hear(event: Event): void {
    if (!this.#alive) return;
    if (this.#paused) this.#missed.push(event);
    else event.happen();
  }

  /** Something reaches the process after a delay. */
  after(delayMs: number, fire: () => void): Timer {
    return this.#scheduler.after(delayMs, fire, this);
  }
}

class ProcessClock implements Clock {
  readonly #process: SimulatedProcess;
  readonly #scheduler: Scheduler;
  readonly #host: { readonly skewMs: number };

  constructor(process: SimulatedProcess, scheduler: Scheduler, host: { readonly skewMs: number }) {
    this.#process = process;
    this.#scheduler = scheduler;
    this.#host = host;
  }

  now(): number {
    return this.#scheduler.wallMs + this.#host.skewMs;
  }

  monotonic(): number {
    return this.#scheduler.now;
  }

  after(delayMs: number, fire: () => void): Timer {
    return this.#process.after(delayMs, fire);
  }

  every(periodMs: number, fire: () => void): Timer {
    let cancelled = false;
    const again = (): void => {
      if (cancelled) return;
      this.#scheduler.after(periodMs, due);
      fire();
    };
    const due = (): void => this.#process.run(again);
    this.#scheduler.after(periodMs, due);
    return {
      cancel() {
        cancelled = true;
      },
    };
  }

  soon(fire: () => void): void {
    this.#process.after(0, fire);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const timer = this.after(delayMs, () => resolve());
      signal?.addEventListener(
        'abort',
        () => {
          timer.cancel();
          reject(signal.reason as Error);
        },
        { once: true },
      );
    });
  }
}
