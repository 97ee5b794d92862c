/** Writes into the rows of bots that should run and do not why that is. Each reason is written once. */
import { reasonOf } from '../orders/send.ts';
import type { Log } from '../observe/log.ts';
import type { BotStore, Wish } from '../persistence/bot-store.ts';
import type { Clock } from '../time/clock.ts';

export interface WaitingOptions {
  readonly store: Pick<BotStore, 'tellWaiting'>;
  readonly owner: string;
  readonly capacity: number;
  readonly lockTtlMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

interface Told {
  /** Monotonic: since when it is seen waiting. */
  readonly since: number;
  readonly message: string | null;
}

export class Waiting {
  readonly #options: WaitingOptions;
  #told = new Map<string, Told>();

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  /**
   * `wishes`: bots that shall run and that this engine did not take. `hindrance`: why it takes none; null when nothing stands in
   * its way. `full`: it has no room for more.
   */
  async tell(wishes: readonly Wish[], hindrance: string | null, full: boolean): Promise<void> {
    const { store, clock, log } = this.#options;
    const now = clock.monotonic();
    const seen = new Map<string, Told>();
    const due: { readonly botId: string; readonly holder: string | null; readonly message: string }[] = [];
    for (const wish of wishes) {
      const known = this.#told.get(wish.botId) ?? { since: now, message: null };
      const message = this.#message(wish, hindrance, full, now - known.since);
      seen.set(wish.botId, message === null ? known : { ...known, message });
      if (message !== null && message !== known.message) due.push({ botId: wish.botId, holder: wish.holder, message });
    }
    this.#told = seen;
    if (due.length === 0) return;
    try {
      await store.tellWaiting(due);
    } catch (error) {
      log.warn({ reason: reasonOf(error), bots: due.length }, 'bots that wait could not be told so; the next round tries again');
      for (const { botId } of due) this.#told.delete(botId);
    }
  }

  /** A bot of another engine may be running there: nothing is written about it for a short outage, and only what is certain. */
  #message({ holder }: Wish, hindrance: string | null, full: boolean, waitedMs: number): string | null {
    const { lockTtlMs, capacity, owner } = this.#options;
    const long = waitedMs > lockTtlMs;
    if (holder !== null && holder !== owner)
      return hindrance === null || !long
        ? null
        : `engine ${holder} had it last; if it is gone, the bot waits to be taken over: ${hindrance}`;
    if (hindrance !== null) return `waits to be started: ${hindrance}`;
    if (full) return `waits to be started: this engine has no room for more than ${capacity} bots (EVENKEEL_CAPACITY)`;
    return long ? 'waits to be started: another engine holds its lock and has not started it' : null;
  }
}
