/** Serialization failures and deadlocks: the database undid the whole unit of work, so it may run again, from its beginning. */
import type { Clock } from '../time/clock.ts';

const undoneCodes = new Set(['40001', '40P01']);
const attempts = 5;

/** Runs `work`, each time as a fresh transaction. Any other error, and the last one, is thrown. */
export async function retryUndone<T>(clock: Pick<Clock, 'sleep'>, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (attempt >= attempts || typeof code !== 'string' || !undoneCodes.has(code)) throw error;
      // Two transactions that collided wait for different times, so that they do not collide again.
      await clock.sleep(10 * attempt * (1 + (process.pid % 10) / 10));
    }
  }
}
