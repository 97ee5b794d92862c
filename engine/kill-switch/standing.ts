/**
 * The kill switches that stand as this process knows them: those of the rows and those that were set here. What is known last
 * holds while the database is away. Asked in the turn in which a bot decides or an entry leaves, so it answers from memory.
 */
import type { Log } from '../observe/log.ts';
import type { Clock } from '../time/clock.ts';
import type { EntryBlock } from '../trading/state.ts';
import { killBlock, standsAt } from './kill-switch.ts';
import type { KillScope, KillSubject, KillSwitch } from './kill-switch.ts';

export interface KillSwitchesOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

export class KillSwitches {
  readonly #options: KillSwitchesOptions;
  #rows: readonly KillSwitch[] = [];
  #here: readonly KillSwitch[] = [];
  #standing: ReadonlyMap<string, KillSwitch> = new Map();
  /** Called when switches were added or are over. Must not throw. */
  onChange: () => void = () => undefined;

  constructor(options: KillSwitchesOptions) {
    this.#options = options;
  }

  /** What the database says: all that were not released. */
  setRows(rows: readonly KillSwitch[]): void {
    this.#rows = rows;
    this.review();
  }

  /** What was set on this engine. */
  setHere(here: readonly KillSwitch[]): void {
    this.#here = here;
    this.review();
  }

  /** Time passed: some may be over. */
  review(): void {
    const now = this.#options.clock.now();
    const before = this.#standing;
    // A switch that was set here and has reached the rows is counted once.
    const after = new Map([...this.#rows, ...this.#here].filter((one) => standsAt(one, now)).map((one) => [nameOf(one), one]));
    const set = [...after].filter(([name]) => !before.has(name));
    const over = [...before].filter(([name]) => !after.has(name));
    if (set.length === 0 && over.length === 0) return;
    this.#standing = after;
    for (const [, one] of set)
      this.#options.log.warn({ killSwitch: one }, 'a kill switch is in force: bots that it concerns enter nothing');
    for (const [, one] of over) this.#options.log.warn({ killSwitch: one }, 'a kill switch is over');
    this.onChange();
  }

  get standing(): readonly KillSwitch[] {
    return [...this.#standing.values()];
  }

  counts(): Readonly<Record<KillScope, number>> {
    const counts = { engine: 0, account: 0, user: 0, bot: 0 };
    for (const { scope } of this.#standing.values()) counts[scope] += 1;
    return counts;
  }

  /** Why the bot enters nothing; null when no switch concerns it. */
  blockOf(bot: KillSubject): EntryBlock | null {
    return this.#standing.size === 0 ? null : killBlock(this.standing, bot);
  }
}

function nameOf({ scope, subject, policy, reason, expiresAtMs }: KillSwitch): string {
  return JSON.stringify([scope, subject, policy, reason, expiresAtMs]);
}
