/** What users ask for while it storms: bots stopped and started, entries paused, positions closed, settings changed. */
import { isTerminal } from '../../engine/persistence/order-store.ts';
import type { MemoryDatabase } from './memory-database.ts';
import { epochMs } from './scheduler.ts';
import type { Scheduler } from './scheduler.ts';

/** As the admin plane gives it. */
const commandTtlMs = 300_000;

export class Users {
  readonly #database: MemoryDatabase;
  readonly #scheduler: Scheduler;
  readonly #stopped = new Map<string, number>();
  readonly #paused = new Map<string, number>();
  /** Stopped, and what they hold was to be sold. */
  readonly #sold = new Set<string>();
  #stops = 0;
  #resting = false;

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
        this.#stop(botId);
        this.#scheduler.after(value, () => this.#start(botId));
        return;
      case 'ask-pause':
        if (this.#paused.has(botId)) return;
        this.#paused.set(botId, this.#scheduler.now);
        this.#give(botId, 'pause-entries');
        this.#scheduler.after(value, () => this.#resume(botId));
        return;
      case 'ask-close':
        this.#give(botId, 'close-position');
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

  /** True for a bot that is off and must have nothing left when everything has come to rest. */
  wantsSold(botId: string): boolean {
    return this.#sold.has(botId);
  }

  /** Virtual time since when the bot's user wants no entries; null while entries are wanted. */
  refusesEntriesSince(botId: string): number | null {
    return this.#stopped.get(botId) ?? this.#paused.get(botId) ?? null;
  }

  /** Whoever paused a bot lets it go on; those that are stopped by now stay so, and with them what they hold unless it was to be sold. */
  comeToRest(): void {
    this.#resting = true;
    for (const botId of this.#paused.keys()) this.#resume(botId);
  }

  /** A user stops a bot and, in turn, keeps what it holds, has it sold, or has a kill switch sell it. */
  #stop(botId: string): void {
    this.#stopped.set(botId, this.#scheduler.now);
    this.#database.changeBot(botId, { active: false });
    this.#stops += 1;
    if (this.#stops % 3 === 0) return;
    this.#sold.add(botId);
    if (this.#stops % 3 === 1) this.#give(botId, 'close-position');
    else
      this.#database.killSwitches.set(botId, {
        scope: 'bot',
        subject: botId,
        policy: 'flatten',
        reason: 'a user asked',
        expiresAtMs: null,
      });
  }

  #start(botId: string): void {
    if (this.#resting) return;
    this.#sold.delete(botId);
    this.#database.killSwitches.delete(botId);
    if (this.#stopped.delete(botId)) this.#database.changeBot(botId, { active: true });
  }

  #give(botId: string, command: 'pause-entries' | 'resume' | 'close-position'): void {
    this.#database.giveCommand(botId, command, 'a user asked', epochMs + this.#scheduler.now + commandTtlMs);
  }

  #resume(botId: string): void {
    if (this.#paused.delete(botId)) this.#give(botId, 'resume');
  }
}
