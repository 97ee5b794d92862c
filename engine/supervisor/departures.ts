/** Bots that ended here: their rows are marked and their locks freed, as soon as the database answers. */
import type { Log } from '../observe/log.ts';
import type { BotStore } from '../persistence/bot-store.ts';
import type { Clock } from '../time/clock.ts';
import { Shared } from '../time/waiting.ts';
import { tellStopped } from './bot-lines.ts';
import type { StoppedBot } from './bot-lines.ts';
import type { Leases } from './leases.ts';

export interface DeparturesOptions {
  readonly store: Pick<BotStore, 'release'>;
  readonly leases: Pick<Leases, 'release'>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Departure {
  readonly botId: string;
  /** What is said of it last. */
  readonly message: string;
  /** For the log; null when that has been told otherwise. */
  readonly stopped: StoppedBot | null;
}

const retryMs = 250;

export class Departures {
  readonly #options: DeparturesOptions;
  readonly #leaving = new Map<string, Departure>();
  readonly #releasing = new Shared(() => this.#release());
  #giveUpAt = Number.POSITIVE_INFINITY;

  constructor(options: DeparturesOptions) {
    this.#options = options;
  }

  /** True until its row says that no engine has it. */
  has(botId: string): boolean {
    return this.#leaving.has(botId);
  }

  /** From this monotonic time on the database is waited for no longer. */
  giveUpAt(deadline: number): void {
    this.#giveUpAt = deadline;
  }

  /** Resolves when all that leave are gone; who leaves meanwhile goes in one statement. */
  letGo(bots: readonly Departure[]): Promise<void> {
    for (const bot of bots) this.#leaving.set(bot.botId, bot);
    return this.#releasing.ask();
  }

  async #release(): Promise<void> {
    const { store, leases, clock, log } = this.#options;
    let failing = false;
    while (this.#leaving.size > 0) {
      const bots = [...this.#leaving.values()];
      const marked = await store.release(bots.map(({ botId, message }) => ({ botId, message }))).then(
        () => true,
        (error: unknown) => {
          if (!failing) log.warn({ err: error, bots: bots.length }, 'bots that stopped could not be marked so in the database; trying on');
          failing = true;
          return false;
        },
      );
      // Also when the rows could not be marked: another engine may take them now, and raises their epoch.
      await leases.release(bots.map(({ botId }) => botId));
      if (marked) {
        for (const { botId } of bots) this.#leaving.delete(botId);
        tellStopped(
          log,
          bots.flatMap(({ stopped }) => stopped ?? []),
        );
      } else if (clock.monotonic() >= this.#giveUpAt) return;
      else await clock.sleep(retryMs);
    }
  }
}
