/** What users ask for while it storms: bots stopped and started, entries paused, positions closed, settings changed. */
import { isTerminal } from '../../engine/persistence/order-store.ts';
import type { MemoryDatabase } from './memory-database.ts';
import type { Scheduler } from './scheduler.ts';

export class Users {
  readonly #database: MemoryDatabase;
  readonly #scheduler: Scheduler;
  readonly #stopped = new Map<string, number>();
  readonly #paused = new Map<string, number>();

  constructor(database: MemoryDatabase, scheduler: Scheduler) {
    this.#database = database;
    this.#scheduler = scheduler;
  }

  ask(what: 'ask-stop' | 'ask-pause' | 'ask-close' | 'ask-change', place: number, value: number): void {
    const ids = [...this.#database.configs.keys()];
    const botId = ids[place % ids.length] ?? '';
    switch (what) {
      case 'ask-stop':
        if (this.#stopped.has(botId)) return;
        this.#stopped.set(botId, this.#scheduler.now);
        this.#database.changeBot(botId, { active: false });
        this.#scheduler.after(value, () => this.#start(botId));
        return;
      case 'ask-pause':
        if (this.#paused.has(botId)) return;
        this.#paused.set(botId, this.#scheduler.now);
        this.#database.giveCommand(botId, 'pause-entries', 'a user asked');
        this.#scheduler.after(value, () => this.#resume(botId));
        return;
      case 'ask-close':
        this.#database.giveCommand(botId, 'close-position', 'a user asked');
        return;
      case 'ask-change':
        this.#database.changeBot(botId, { positionSizePerc: Math.round(value) });
        return;
      default:
        what satisfies never;
    }
  }

  /** A user brings the stop of a bot that has one at the exchange closer, to this share of its distance. False when there is none. */
  tighten(share: number): boolean {
    for (const [botId, { row }] of this.#database.configs) {
      const { stopLossPerc } = row.columns;
      const rests = this.#database.ordersOf(botId).some(({ intent, state }) => intent.role === 'stop' && !isTerminal(state));
      if (stopLossPerc === null || !rests) continue;
      this.#database.changeBot(botId, { stopLossPerc: stopLossPerc * share });
      return true;
    }
    return false;
  }

  /** Virtual time since when the bot's user wants no entries; null while entries are wanted. */
  refusesEntriesSince(botId: string): number | null {
    return this.#stopped.get(botId) ?? this.#paused.get(botId) ?? null;
  }

  /** Everybody wants their bots to run again. */
  comeToRest(): void {
    for (const botId of this.#stopped.keys()) this.#start(botId);
    for (const botId of this.#paused.keys()) this.#resume(botId);
  }

  #start(botId: string): void {
    if (this.#stopped.delete(botId)) this.#database.changeBot(botId, { active: true });
  }

  #resume(botId: string): void {
    if (this.#paused.delete(botId)) this.#database.giveCommand(botId, 'resume', 'a user asked');
  }
}
