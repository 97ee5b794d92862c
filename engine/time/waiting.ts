/**
 * Waiting: with an end, one after the other, and together. When a wait ends early, what was waited for goes on by itself: only for work
 * that may be left alone.
 */
import type { Clock } from './clock.ts';

/** Work did not answer in time. */
export class TooLate extends Error {
  constructor(waitMs: number) {
    super(`no answer within ${waitMs} ms`);
    this.name = 'TooLate';
  }
}

/** What `work` answers or throws; throws `TooLate` after `waitMs`. */
export function within<T>(clock: Pick<Clock, 'after'>, waitMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(waitMs, () => reject(new TooLate(waitMs)));
    void work.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** What `work` answers or throws; null after `waitMs`. For waits of seconds: the timer is left to itself. */
export function atMost<T>(clock: Pick<Clock, 'sleep'>, waitMs: number, work: Promise<T>): Promise<T | null> {
  return Promise.race([work, clock.sleep(waitMs).then(() => null)]);
}

/** The process was asked to stop while it started: the reason of the signal that says so. */
export class Interrupted extends Error {
  constructor() {
    super('stopped while it started');
    this.name = 'Interrupted';
  }
}

/** What `work` answers or throws; throws the signal's reason as soon as it is aborted. */
export async function unlessAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Work that must not overlap: each begins when the one before has ended, whether that succeeded or not. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined); // told to whoever asked for it
    return done;
  }

  /** Resolves when all that was asked for until now has ended. */
  async over(): Promise<void> {
    await this.#last;
  }
}

/** Work that everybody shares who asks for it while it is under way. */
export class Shared<T> {
  readonly #work: () => Promise<T>;
  #underWay: Promise<T> | null = null;

  constructor(work: () => Promise<T>) {
    this.#work = work;
  }

  /** Null while nobody has asked. */
  get underWay(): Promise<T> | null {
    return this.#underWay;
  }

  ask(): Promise<T> {
    this.#underWay ??= this.#work().finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }
}
