/** Waiting with an end, for what must answer while the database does not. */
import type { Clock } from '../engine/time/clock.ts';

/** Work did not answer in time. */
export class TooLate extends Error {
  constructor(waitMs: number) {
    super(`no answer within ${waitMs} ms`);
    this.name = 'TooLate';
  }
}

/** What `work` answers or throws; throws `TooLate` after `waitMs`. The work itself goes on. */
export async function within<T>(clock: Pick<Clock, 'after'>, waitMs: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(waitMs, () => late.reject(new TooLate(waitMs)));
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    timer.cancel();
  }
}
