/** The bots that run in this process, in the order in which they were taken. The supervisor fills it; accounts and the venue's watch read it. */
import type { AccountBot } from '../accounts/account.ts';
import type { Log } from '../observe/log.ts';
import type { Instrument } from '../trading/instrument.ts';
import type { RunningEntry } from './statuses.ts';

export interface Entry extends RunningEntry {
  readonly name: string;
  configVersion: number;
  mode: 'live' | 'paper';
  /** Why it was told to stop; null while it was not. */
  stopping: string | null;
  /** The log says that another engine took it. */
  lossTold: boolean;
}

export class RunningBots {
  readonly #log: Log;
  readonly #entries = new Map<string, Entry>();

  constructor(log: Log) {
    this.#log = log;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(botId: string): Entry | undefined {
    return this.#entries.get(botId);
  }

  has(botId: string): boolean {
    return this.#entries.has(botId);
  }

  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  values(): Iterable<Entry> {
    return this.#entries.values();
  }

  add(entry: Entry): void {
    this.#entries.set(entry.botId, entry);
  }

  delete(botId: string): void {
    this.#entries.delete(botId);
  }

  /** Lets go of a bot and takes it again from its rows. */
  rebuild(botId: string, reason: string): void {
    this.#log.warn({ botId, reason }, 'a bot is built anew from its rows');
    const entry = this.#entries.get(botId);
    if (entry !== undefined) stop(entry, 'it is started again from its changed rows');
  }

  /** Those that trade on an exchange's account, without the ones whose symbol is not listed any more: the exchange answers nothing about them. */
  onAccount(find: (symbol: string) => Instrument | null): Iterable<AccountBot> {
    return { [Symbol.iterator]: () => this.#onAccount(find) };
  }

  *#onAccount(find: (symbol: string) => Instrument | null): Iterator<AccountBot> {
    for (const { botId, epoch, bot } of this.#entries.values()) {
      const instrument = bot.live ? find(bot.symbol) : null;
      if (instrument === null || instrument.status === 'DELISTED') continue;
      yield {
        botId,
        epoch,
        symbol: bot.symbol,
        exposed: bot.exposed,
        instrument: () => find(bot.symbol) ?? instrument,
        block: (block) => bot.session?.block(block),
        unblock: (rule) => bot.session?.unblock(rule),
        rebuild: (reason) => this.rebuild(botId, reason),
        publishResult: () => bot.publishStatus(),
      };
    }
  }
}

export function stop(entry: Entry, why: string): void {
  entry.stopping ??= why;
  entry.bot.stop();
}
