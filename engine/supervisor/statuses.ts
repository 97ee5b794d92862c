/** The status rows of the bots that run here: written together, a moment after the first of them changed. */
import type { Bot } from '../bot/bot.ts';
import type { BotSession } from '../bot/session.ts';
import type { Log } from '../observe/log.ts';
import type { BotStatus, BotStore } from '../persistence/bot-store.ts';
import { writeCheckpoint } from '../persistence/state-data.ts';
import type { StateDataJson } from '../persistence/state-data.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { Turns } from '../time/waiting.ts';

export interface RunningEntry {
  readonly botId: string;
  readonly epoch: number;
  readonly bot: Bot;
}

export interface StatusesOptions {
  readonly store: Pick<BotStore, 'writeStatuses'>;
  readonly clock: Clock;
  readonly log: Log;
  /** False once the entry's bot is over: its row is left alone then. */
  runs(entry: RunningEntry): boolean;
}

const flushAfterMs = 500;

export class Statuses {
  readonly #options: StatusesOptions;
  readonly #dirty = new Set<RunningEntry>();
  #timer: Timer | null = null;
  #stopped = false;
  /** The last write failed: only the first failure of a row is told above `debug`. */
  #failing = false;
  /** A later write must not overtake it: what it told would come undone when the older one arrives. */
  readonly #writing = new Turns();

  constructor(options: StatusesOptions) {
    this.#options = options;
  }

  /** Something worth a row changed. */
  changed(entry: RunningEntry): void {
    this.#dirty.add(entry);
    if (this.#stopped) return;
    this.#timer ??= this.#options.clock.after(flushAfterMs, () => {
      this.#timer = null;
      void this.flush();
    });
  }

  /** Writes what has changed, now. False when the rows could not be written. */
  flush(): Promise<boolean> {
    return this.#writing.take(() => this.#write());
  }

  async #write(): Promise<boolean> {
    const due: RunningEntry[] = [];
    for (const entry of this.#dirty) {
      const runs = this.#options.runs(entry);
      // One that still recovers has nothing to tell; it changes again when it has.
      if (runs && entry.bot.session === null) continue;
      this.#dirty.delete(entry);
      if (runs) due.push(entry);
    }
    if (due.length === 0) return true;
    try {
      const written = await this.#options.store.writeStatuses(due.map(statusOf));
      for (const { botId, bot } of due) if (written.has(botId)) bot.checkpointWritten();
      this.#failing = false;
      return true;
    } catch (error) {
      const level = this.#failing ? 'debug' : 'warn';
      this.#failing = true;
      this.#options.log[level]({ err: error, bots: due.length }, 'the status of bots could not be written; it is tried on');
      for (const entry of due) this.changed(entry);
      return false;
    }
  }

  /** Nothing is written by itself any more. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
}

function statusOf({ botId, epoch, bot }: RunningEntry): BotStatus {
  const { session } = bot;
  const paused = session?.state.blocks.find((block) => block.rule === 'paused');
  return {
    botId,
    epoch,
    message: session?.message ?? bot.life,
    lastExecutionMs: session?.lastDecisionAtMs ?? null,
    stateData: {
      pausedReason: paused?.reason ?? null,
      ...(session === null
        ? {}
        : {
            day: dayOf(session),
            notices: session.state.notices,
            lastPrice: known(session.state.lastPrice),
            lastPriceAtMs: session.lastPriceAtMs,
            closing: closingOf(session),
          }),
      bestPrice: known(session?.state.bestPrice),
      ...(bot.checkpoint === null ? {} : { checkpoint: writeCheckpoint(bot.checkpoint) }),
    },
  };
}

/** A price, or null. */
function known(price = Number.NaN): number | null {
  return Number.isNaN(price) ? null : price;
}

function closingOf({ state: { exiting, position } }: BotSession): StateDataJson['closing'] {
  if (exiting === null || exiting.requested === null) return null;
  return { reason: exiting.requested, decisionMs: exiting.decisionMs, openedAtMs: position.openedAtMs };
}

function dayOf({ state: { day }, settings, equity }: BotSession): NonNullable<StateDataJson['day']> {
  return {
    startMs: day.startMs,
    startEquity: day.startEquity.toFixed(),
    equity: equity.toFixed(),
    capital: settings.trading.initialCapital.toFixed(),
    lossReached: day.lossReached,
  };
}
