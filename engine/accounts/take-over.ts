/**
 * Before bots that were taken may trade, their account is compared with the exchange. An exchange that is slow or away does not keep positions unmanaged: after a moment the bots run with
 * entries closed, and open them when the comparison has succeeded. Later comparisons find what arrives late.
 */
import type { Log } from '../observe/log.ts';
import type { ReconcileStore } from '../persistence/reconcile-store.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { Turns, atMost } from '../time/waiting.ts';
import type { EntryBlock } from '../trading/events.ts';
import type { Instrument } from '../trading/instrument.ts';
import type { DriftWatch } from './drift.ts';
import type { AccountReconciler, ReconcileTarget } from './reconcile.ts';
import { reasonOf } from '../orders/send.ts';

export interface TakeOverOptions {
  readonly reconciler: AccountReconciler;
  readonly drift: DriftWatch;
  readonly rows: ReconcileStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly driftIntervalMs: number;
  /** Live bots that run in this process. */
  readonly running: Iterable<RunningBot>;
}

export interface RunningBot {
  readonly botId: string;
  readonly epoch: number;
  readonly symbol: string;
  readonly exposed: boolean;
  instrument(): Instrument;
  block(block: EntryBlock): void;
  unblock(rule: EntryBlock['rule']): void;
  /** Lets go of the bot and takes it again: its rows have changed. */
  rebuild(reason: string): void;
}

export interface Claimed {
  readonly botId: string;
  readonly epoch: number;
  readonly symbol: string;
  instrument(): Instrument;
}

export interface Prepared {
  /** Bots whose rows changed: they must be loaded again. */
  readonly changed: ReadonlySet<string>;
  readonly blocks: ReadonlyMap<string, readonly EntryBlock[]>;
}

/** Bots wait this long for the comparison; then their positions are looked after without it. */
const patienceMs = 5_000;
const retryFirstMs = 1_000;
const retryMaxMs = 15_000;
/** Symbols with orders that were declared never placed are searched this often for a day, all others hourly. */
const lateSearchMs = 300_000;
const searchAllMs = 3_600_000;

export class TakeOver {
  readonly #options: TakeOverOptions;
  /** Bots that wait for a comparison, with their epoch. */
  readonly #waiting = new Map<string, number>();
  /** Bots that may have been built from rows that have changed since. */
  readonly #outdated = new Set<string>();
  #retry: Timer | null = null;
  #retryMs = retryFirstMs;
  readonly #timers: Timer[] = [];
  readonly #turns = new Turns();
  #lastSearchOfAllAt: number;
  #stopped = false;
  readonly #leaving = Promise.withResolvers<void>();

  constructor(options: TakeOverOptions) {
    this.#options = options;
    this.#lastSearchOfAllAt = options.clock.monotonic();
  }

  start(): void {
    const { clock, driftIntervalMs } = this.#options;
    this.#timers.push(
      clock.every(driftIntervalMs, () => void this.checkDrift()),
      clock.every(lateSearchMs, () => void this.search()),
    );
  }

  /** Nobody waits any longer: the process is about to end. */
  leave(): void {
    this.#stopped = true;
    this.#leaving.resolve();
  }

  async stop(): Promise<void> {
    this.leave();
    this.#retry?.cancel();
    for (const timer of this.#timers) timer.cancel();
    await this.#turns.over();
  }

  /** Compares before bots are spawned, but not for longer than their positions can wait. Never throws. */
  async prepare(claimed: readonly Claimed[]): Promise<Prepared> {
    const { clock } = this.#options;
    if (claimed.length === 0) return { changed: new Set(), blocks: new Map() };
    const changed = new Set<string>();
    const targets = claimed.map((bot) => ({ ...bot, running: false }));
    let compared = false;
    let problem = `the exchange has not answered within ${patienceMs / 1_000} s`;
    let gaveUp = false;
    const comparing = this.#compare(targets, changed)
      .then(
        () => {
          compared = true;
        },
        (error: unknown) => {
          problem = reasonOf(error);
        },
      )
      .then(() => {
        if (!gaveUp) return;
        // The bots were built from the rows as they were before, and may not run yet.
        for (const botId of changed) this.#outdated.add(botId);
        this.#rebuild(changed, 'its account was compared with the exchange, which changed its rows');
      });
    await atMost(clock, patienceMs, Promise.race([comparing, this.#leaving.promise]));
    gaveUp = true;
    if (compared as boolean) return { changed, blocks: new Map(claimed.map((bot) => [bot.botId, this.#driftOf(bot)])) };
    for (const target of targets) target.running = true;
    for (const { botId, epoch } of claimed) this.#waiting.set(botId, epoch);
    this.#options.log.warn(
      { bots: claimed.length, problem },
      'bots run with entries closed: their account could not be compared with the exchange yet',
    );
    this.#retryLater();
    const block: EntryBlock = {
      rule: 'reconciling',
      reason: `the account has not been compared with the exchange since the bot was taken: ${problem}`,
    };
    return { changed: new Set(changed), blocks: new Map(claimed.map((bot) => [bot.botId, [block]])) };
  }

  /** Looks for orders that arrived late or that the rows lack. */
  search(): Promise<void> {
    return this.#enqueue('the search for orders that arrived late', async () => {
      const { clock, rows } = this.#options;
      const bots = this.#targets(() => true);
      const all = clock.monotonic() - this.#lastSearchOfAllAt >= searchAllMs;
      const late = new Set(
        (await rows.starts(bots.map(({ botId }) => botId))).filter((start) => start.oldestNeverPlacedMs !== null).map(({ botId }) => botId),
      );
      const wanted = all ? bots : bots.filter(({ botId }) => late.has(botId));
      await this.#searchFor(wanted);
      if (all) this.#lastSearchOfAllAt = clock.monotonic();
    });
  }

  /** Trades that belong to no order on record were seen: one of them may be ours. */
  searchSymbol(symbol: string): Promise<void> {
    return this.#enqueue(`the search of ${symbol} for orders that arrived late`, async () => {
      await this.#searchFor(this.#targets((bot) => bot.symbol === symbol));
    });
  }

  async #searchFor(targets: readonly ReconcileTarget[]): Promise<void> {
    const changed = new Set<string>();
    try {
      await this.#options.reconciler.reconcile(targets, changed);
    } finally {
      this.#rebuild(changed, 'an order of it was found at the exchange that its rows did not have');
    }
  }

  checkDrift(): Promise<void> {
    return this.#enqueue('the comparison of balances', async () => {
      const { drift } = this.#options;
      const exposed = [...this.#options.running].some((bot) => bot.exposed);
      if (drift.standing.size === 0 && !exposed) return;
      await drift.check();
      for (const bot of this.#options.running) this.#showDrift(bot);
    });
  }

  async #compare(targets: readonly ReconcileTarget[], changed: Set<string>): Promise<void> {
    await this.#options.reconciler.reconcile(targets, changed);
    await this.#options.drift.check();
  }

  #retryLater(): void {
    if (this.#retry !== null || this.#stopped) return;
    this.#retry = this.#options.clock.after(this.#retryMs, () => {
      this.#retry = null;
      this.#retryMs = Math.min(retryMaxMs, this.#retryMs * 2);
      void this.#enqueue('the comparison of the account with the exchange', () => this.#compareWaiting()).then(() => {
        if (this.#waiting.size > 0) this.#retryLater();
        else this.#retryMs = retryFirstMs;
      });
    });
  }

  async #compareWaiting(): Promise<void> {
    const wanted = this.#targets((bot) => this.#waiting.get(bot.botId) === bot.epoch);
    // A bot that has left is compared by the engine that takes it next.
    const here = new Set(wanted.map(({ botId }) => botId));
    for (const botId of this.#waiting.keys()) if (!here.has(botId)) this.#waiting.delete(botId);
    const changed = new Set(this.#outdated);
    this.#outdated.clear();
    try {
      await this.#compare(wanted, changed);
      for (const bot of this.#options.running) {
        if (this.#waiting.get(bot.botId) !== bot.epoch || !here.has(bot.botId)) continue;
        this.#waiting.delete(bot.botId);
        // A bot that is rebuilt is compared again when it is taken.
        if (changed.has(bot.botId)) continue;
        this.#showDrift(bot);
        bot.unblock('reconciling');
      }
    } finally {
      this.#rebuild(changed, 'its account was compared with the exchange, and an order was found that its rows did not have');
    }
  }

  #targets(wanted: (bot: RunningBot) => boolean): readonly ReconcileTarget[] {
    return [...this.#options.running]
      .filter(wanted)
      .map((bot) => ({ botId: bot.botId, epoch: bot.epoch, symbol: bot.symbol, instrument: () => bot.instrument(), running: true }));
  }

  #rebuild(changed: ReadonlySet<string>, reason: string): void {
    if (changed.size === 0 || this.#stopped) return;
    for (const bot of this.#options.running) if (changed.has(bot.botId)) bot.rebuild(reason);
  }

  #driftOf(bot: { instrument(): Instrument }): readonly EntryBlock[] {
    const drift = this.#options.drift.standing.get(bot.instrument().baseAsset);
    return drift === undefined ? [] : [{ rule: 'drift', reason: drift.reason }];
  }

  #showDrift(bot: RunningBot): void {
    const [block] = this.#driftOf(bot);
    if (block === undefined) bot.unblock('drift');
    else bot.block(block);
  }

  /** One piece of work at a time: two would read and write the same. A failure is told; the next turn tries again. */
  #enqueue(what: string, work: () => Promise<void>): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#stopped) return;
      try {
        await work();
      } catch (error) {
        this.#options.log.warn({ err: error }, `${what} failed; it is tried again`);
      }
    });
  }
}
