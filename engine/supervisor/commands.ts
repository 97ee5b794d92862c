/**
 * Carries out what users told bots that run here: once, before it expires, and durably before it counts as carried out. What
 * was carried out and could not be written down yet is remembered, so that the next round does not do it again.
 */
import type { BotStore, FinishedCommand, PendingCommand } from '../persistence/bot-store.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import type { EntryBlock } from '../trading/events.ts';
import type { BotSession } from '../bot/session.ts';
import type { RunningEntry, Statuses } from './statuses.ts';

export interface CommandsOptions {
  readonly store: Pick<BotStore, 'pendingCommands' | 'finishCommands'>;
  readonly statuses: Pick<Statuses, 'changed' | 'flush'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly venueClock: VenueClock;
  /** Null for a bot that does not run here. */
  entry(botId: string): RunningEntry | null;
  /** Lifts what holds a bot back, durably: a user resumed it. */
  lift(botId: string, epoch: number): Promise<void>;
}

type Ending = Omit<FinishedCommand, 'id'>;

export class Commands {
  readonly #options: CommandsOptions;
  /** Carried out by these actors, and not written down yet. */
  readonly #unwritten = new Map<string, Ending & { readonly entry: RunningEntry }>();

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** Those of these bots, oldest first. What cannot be carried out yet waits for the next round, or expires. */
  async carryOut(botIds: readonly string[]): Promise<void> {
    const { store, clock, statuses } = this.#options;
    const askedAt = clock.monotonic();
    const pending = botIds.length === 0 ? [] : await store.pendingCommands(botIds);
    for (const command of pending) {
      const entry = this.#options.entry(command.botId);
      // The process may have stood still since the question.
      const expired = clock.monotonic() - askedAt >= command.leftMs;
      if (entry === null || expired || this.#isDone(command.id, entry)) continue;
      const ending = await this.#carryOne(command, entry);
      if (ending === null) continue;
      this.#unwritten.set(command.id, { ...ending, entry });
      statuses.changed(entry);
    }
    await this.#writeDown();
  }

  /** A bot that was restarted meanwhile may have lost its effect: it is carried out again. */
  #isDone(commandId: string, entry: RunningEntry): boolean {
    return this.#unwritten.get(commandId)?.entry === entry;
  }

  /** Null when it has to wait: the bot has not recovered yet. */
  async #carryOne(command: PendingCommand, entry: RunningEntry): Promise<Ending | null> {
    const { session } = entry.bot;
    const reason = reasonGiven(command);
    switch (command.command) {
      case 'pause-entries':
        session?.block(pausedBlock(reason));
        return session === null ? null : done('entries are paused');
      case 'resume':
        if (session === null) return null;
        session.unblock('paused');
        await this.#lift(entry, session);
        return done('entries go on');
      case 'close-position':
        return session === null ? null : this.#close(session, reason);
      case 'start':
      case 'stop':
        return done('the wish was recorded'); // The wish itself (is_active) was written with the command.
      default:
        return command.command satisfies never;
    }
  }

  #close(session: BotSession, reason: string): Ending | null {
    if (session.phase === 'flat') return { fate: 'refused', outcome: nothingToSell(session) };
    session.tell({ type: 'close-requested', reason: `close requested: ${reason}`, atMs: this.#options.venueClock.now() });
    return session.state.exiting === null ? null : done('the position is being sold');
  }

  /** Durable before it has an effect: a restart in between must not find the bot held again, nor free without a trace. */
  async #lift({ botId, epoch }: RunningEntry, session: BotSession): Promise<void> {
    if (!session.state.blocks.some((block) => block.rule === 'held')) return;
    await this.#options.lift(botId, epoch);
    session.unblock('held');
  }

  async #writeDown(): Promise<void> {
    const { statuses, store } = this.#options;
    for (const [id, { entry }] of this.#unwritten) if (this.#options.entry(entry.botId) !== entry) this.#unwritten.delete(id);
    if (this.#unwritten.size === 0 || !(await statuses.flush())) return;
    const finished = [...this.#unwritten].map(([id, { fate, outcome }]) => ({ id, fate, outcome }));
    await store.finishCommands(finished);
    for (const { id } of finished) this.#unwritten.delete(id);
  }
}

const done = (outcome: string): Ending => ({ fate: 'done', outcome });

function nothingToSell({ state: { position }, instrument }: BotSession): string {
  const held = position.quantity;
  return held.gt(0)
    ? `there is no position to close: ${held.toFixed()} ${instrument.baseAsset} are left, less than the exchange lets one sell`
    : 'there is no position to close';
}

const reasonGiven = ({ reason }: PendingCommand): string => reason ?? 'asked for by a user';
const pausedBlock = (reason: string): EntryBlock => ({ rule: 'paused', reason: `entries are paused: ${reason}` });

/** The pause that these commands, oldest first, end with; null when they end without one. */
export function pausedBy(commands: readonly PendingCommand[]): EntryBlock | null {
  const last = commands.findLast(({ command }) => command === 'pause-entries' || command === 'resume');
  return last?.command === 'pause-entries' ? pausedBlock(reasonGiven(last)) : null;
}
