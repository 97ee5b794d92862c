/**
 * Keeps what the capital ledger knows of one account fresh: its free balances, read on a timer, when bots are taken, and soon
 * after the user stream tells that balances have changed. What entries have reserved beyond that
 * follows from their rows. A reading that is older than one by another engine is dropped. Without a reading entries stay closed
 * (docs/accounts.md).
 */
import { Decimal } from 'decimal.js';
import type { TradingAccount } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { CapitalReading, CapitalStore } from '../persistence/capital-store.ts';
import type { Clock, Timer, VenueClock } from '../time/clock.ts';
import { Turns, atMost } from '../time/waiting.ts';

export interface CapitalWatchOptions {
  readonly account: TradingAccount;
  readonly venue: string;
  readonly store: CapitalStore;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  /** That trade on the account and run here. */
  readonly bots: Iterable<CapitalBot>;
}

export interface CapitalBot {
  readonly exposed: boolean;
  instrument(): { readonly quoteAsset: string };
  /** Writes down what its position is worth now. */
  publishResult(): void;
}

const intervalMs = 30_000;
/** Balances may show an execution later than the rows do: entries that are over are settled by a reading that is this much younger. */
const settleAfterMs = 2_000;
/** A reading costs 20 of the request weight: several changes in a row share one. */
const gapMs = 5_000;
/** Bots that are taken wait this long for a reading: they may have exits to manage. */
const patienceMs = 1_500;
/** Readings of other engines that are younger than this need no repeating. */
const freshMs = 15_000;

interface Asked {
  readonly anew?: boolean;
  /** Assets of bots that wait for the reading. */
  readonly first?: ReadonlySet<string>;
}

export class CapitalWatch {
  readonly #options: CapitalWatchOptions;
  #timers: Timer[] = [];
  /** A reading that was asked for and has not begun. */
  #soon: Timer | null = null;
  readonly #turns = new Turns();
  #lastReadAt = Number.NEGATIVE_INFINITY;
  #stopped = false;
  /** The last reading failed: only the first failure of a row is told above `debug`. */
  #failing = false;

  constructor(options: CapitalWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timers.push(this.#options.clock.every(intervalMs, () => void this.refresh()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#soon?.cancel();
    await atMost(this.#options.clock, settleAfterMs, this.#turns.over());
  }

  /** Balances have changed: a reading that has not begun yet will tell. */
  changed(): void {
    if (this.#soon !== null || this.#stopped) return;
    const waitMs = Math.max(0, this.#lastReadAt + gapMs - settleAfterMs - this.#options.clock.monotonic());
    this.#soon = this.#options.clock.after(waitMs, () => void this.refresh(true));
  }

  /** Bots that spend these assets are about to run: resolves when they are known, or after a moment. */
  async ready(assets: Iterable<string>): Promise<void> {
    const wanted = new Set(assets);
    if (wanted.size > 0) await atMost(this.#options.clock, patienceMs, this.#enqueue({ first: wanted }));
  }

  /** `anew`: what others have read does not do. */
  refresh(anew = false): Promise<void> {
    return this.#enqueue({ anew });
  }

  /** One reading at a time. A failure is told; the next turn tries again. */
  #enqueue(asked: Asked): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#stopped) return;
      try {
        await this.#read(asked);
        this.#failing = false;
      } catch (error) {
        const level = this.#failing ? 'debug' : 'warn';
        this.#failing = true;
        this.#options.log[level](
          { err: error, account: this.#options.account.name },
          "the account's balances could not be read into the capital ledger; when the last reading is too old, live bots enter nothing",
        );
      }
    });
  }

  async #read({ anew = false, first = new Set() }: Asked): Promise<void> {
    const { account, venue, venueClock, store, clock, bots } = this.#options;
    if (anew) {
      this.#soon = null;
      this.#lastReadAt = clock.monotonic();
    }
    const assets = new Set([...[...bots].map((bot) => bot.instrument().quoteAsset), ...first]);
    if (assets.size === 0) return;
    const reading = await store.begin(venue, account.name);
    if (reading.lossCapped.length > 0) {
      for (const bot of bots) if (bot.exposed) bot.publishResult();
      await store.noteLosses(venue, account.name, venueClock.now());
    }
    // Bots that were just taken wait for this reading, so it is made at once; entries that are over are settled by the next one.
    const atOnce = first.size > 0 || [...assets].some((asset) => !reading.known.has(asset));
    const over = atOnce ? [] : reading.over;
    if (!anew && over.length === 0 && [...assets].every((asset) => isFresh(reading, asset))) return;
    const waitMs = over.length > 0 ? settleAfterMs : 0;
    this.#lastReadAt = clock.monotonic() + waitMs;
    if (waitMs > 0) await clock.sleep(waitMs);
    const free = new Map((await account.balances()).map((balance) => [balance.asset, balance.free]));
    await store.write(
      { ...reading, over },
      [...assets].map((asset) => ({ asset, free: free.get(asset) ?? new Decimal(0) })),
    );
  }
}

function isFresh({ known }: CapitalReading, asset: string): boolean {
  return (known.get(asset)?.ageMs ?? Number.POSITIVE_INFINITY) < freshMs;
}
