/** Carries out what users told bots that run here: the effect is durable before the command counts as carried out. */
import type { BotStore, PendingCommand } from '../persistence/bot-store.ts';
import type { VenueClock } from '../time/clock.ts';
import type { EntryBlock } from '../trading/events.ts';
import type { RunningEntry, Statuses } from './statuses.ts';

export interface CommandsOptions {
  readonly store: Pick<BotStore, 'finishCommands'>;
  readonly statuses: Pick<Statuses, 'changed' | 'flush'>;
  readonly venueClock: VenueClock;
  /** Null for a bot that does not run here. */
  entry(botId: string): RunningEntry | null;
  /** Lifts what holds a bot back, durably: a user resumed it. */
  lift(botId: string, epoch: number): Promise<void>;
}

export class Commands {
  readonly #options: CommandsOptions;

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** Oldest first. What cannot be carried out yet waits for the next round. */
  async carryOut(commands: readonly PendingCommand[]): Promise<void> {
    const { store, statuses, venueClock } = this.#options;
    const finished: { id: string; outcome: string }[] = [];
    for (const command of commands) {
      const entry = this.#options.entry(command.botId);
      const session = entry?.bot.session ?? null;
      // Not recovered yet.
      if (session === null && command.command !== 'start' && command.command !== 'stop') continue;
      const reason = reasonGiven(command);
      switch (command.command) {
        case 'pause-entries':
          session?.block(pausedBlock(reason));
          break;
        case 'resume':
          session?.unblock('paused');
          await this.#lift(entry);
          break;
        case 'close-position':
          session?.tell({ type: 'close-requested', reason: `close requested: ${reason}`, atMs: venueClock.now() });
          break;
        case 'start':
        case 'stop':
          break; // The wish itself (is_active) was written with the command.
      }
      finished.push({ id: command.id, outcome: 'done' });
      if (entry !== null) statuses.changed(entry);
    }
    if (finished.length === 0) return;
    if (!(await statuses.flush())) return;
    await store.finishCommands(finished);
  }

  /** Durable before it has an effect: a restart in between must not find the bot held again, nor free without a trace. */
  async #lift(entry: RunningEntry | null): Promise<void> {
    const session = entry?.bot.session ?? null;
    if (entry === null || session?.state.blocks.some((block) => block.rule === 'held') !== true) return;
    await this.#options.lift(entry.botId, entry.epoch);
    session.unblock('held');
  }
}

const reasonGiven = ({ reason }: PendingCommand): string => reason ?? 'asked for by a user';
const pausedBlock = (reason: string): EntryBlock => ({ rule: 'paused', reason: `entries are paused: ${reason}` });

/** What these commands, oldest first, leave entries at: null when they do not pause them. */
export function pausedBy(commands: readonly PendingCommand[]): EntryBlock | null {
  const last = commands.findLast(({ command }) => command === 'pause-entries' || command === 'resume');
  return last?.command === 'pause-entries' ? pausedBlock(reasonGiven(last)) : null;
}
