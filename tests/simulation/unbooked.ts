/**
 * 4: an execution that nobody told has its row soon all the same. Looked at once a second; time in which its bot's owner could
 * not read or write does not count, and the count starts anew after it.
 */
import type { Ledger } from './ledger.ts';
import { outOfReach } from './reach.ts';
import type { Fail, Watched } from './watched.ts';

/** Fills that the stream did not tell are in the database within this: the audit reads them every 30 s. */
const rowWithinMs = 35_000;

export class UnbookedWatch {
  readonly #world: Watched;
  readonly #ledger: Ledger;
  readonly #fail: Fail;
  /** Executions without a row: whose they are, and since when their row could have been written. */
  readonly #unbooked = new Map<string, { readonly botId: string; freeSinceMs: number }>();

  constructor(world: Watched, ledger: Ledger, fail: Fail) {
    this.#world = world;
    this.#ledger = ledger;
    this.#fail = fail;
    world.scheduler.watch(() => this.#look());
  }

  onExecution(key: string, botId: string): void {
    if (!this.#ledger.booked.has(key)) this.#unbooked.set(key, { botId, freeSinceMs: this.#world.scheduler.now });
  }

  onBooked(key: string): void {
    this.#unbooked.delete(key);
  }

  #look(): void {
    const { database, scheduler } = this.#world;
    for (const [key, execution] of this.#unbooked) {
      const row = database.configs.get(execution.botId)?.row;
      if (row === undefined || outOfReach(this.#world, row)) execution.freeSinceMs = scheduler.now;
      const forMs = scheduler.now - execution.freeSinceMs;
      if (forMs <= rowWithinMs) continue;
      this.#unbooked.delete(key);
      this.#fail(
        4,
        `execution ${key} of bot ${execution.botId} has had no row for ${Math.round(forMs)} ms, and nothing hindered its owner`,
      );
    }
  }
}
