/**
 * Takes verdicts on closed candles and writes them a moment later, in sets. Trading never waits for it: while the database
 * is away the newest verdicts wait in memory and the oldest are given up and counted. What waits when the process is killed is lost.
 */
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Signal, SignalInput } from '../strategies/strategy.ts';
import type { Clock, Timer, VenueClock } from '../time/clock.ts';
import { Shared } from '../time/waiting.ts';
import type { Verdict } from '../trading/verdict.ts';
import type { DecisionRow, DecisionSettings, DecisionStore } from './decision-store.ts';

/** One close with what was decided on it. The view's arrays change at the next close: who keeps them copies. */
export interface DecidedClose {
  readonly settings: DecisionSettings;
  readonly view: SignalInput;
  readonly signal: Signal;
  readonly verdict: Verdict;
}

export interface DecisionLedger {
  /** Never throws and never waits. */
  record(close: DecidedClose): void;
}

/** Keeps nothing. */
export const noLedger: DecisionLedger = { record: () => undefined };

export interface LedgerOptions {
  readonly store: DecisionStore;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Verdicts on closes older than this are deleted. */
  readonly keptMs: number;
}

/** A verdict is readable this long after its close at the latest, while the database answers. */
export const flushAfterMs = 1_000;
/** Rows of one statement: some ten milliseconds of this process, so that closes are not held up. */
const batchMax = 2_000;
/** Five closes of 10,000 bots, some 20 MB. */
const waitingMax = 50_000;
const pruneEveryMs = 60_000;
const pruneBatch = 5_000;
/** Ten times what 10,000 bots on one minute add in a minute. */
const pruneBatchesMax = 20;

export class BufferedLedger implements DecisionLedger {
  readonly #options: LedgerOptions;
  #waiting: DecisionRow[] = [];
  #timer: Timer | null = null;
  #pruning: Timer | null = null;
  readonly #flushing = new Shared(() => this.#flush());
  #failing = false;
  #stopped = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#pruning = this.#options.clock.every(pruneEveryMs, () => void this.prune());
  }

  /** Writes what waits, if the database answers. Nothing is recorded any more by then. */
  async stop(): Promise<void> {
    this.#pruning?.cancel();
    this.#timer?.cancel();
    this.#stopped = true;
    await this.flush();
    if (this.#waiting.length > 0) this.#giveUp(this.#waiting.splice(0), 'the engine stops');
  }

  record({ settings, view, signal, verdict }: DecidedClose): void {
    const { closeTime: closeMs, close } = view.candle;
    const { outcome, rule, reason, positionOpen } = verdict;
    this.#waiting.push({ settings, closeMs, close, values: valuesOf(view), signal, outcome, rule, reason, positionOpen });
    this.#trim();
    this.#flushLater();
  }

  /** Writes what waits now. Never throws. */
  flush(): Promise<void> {
    return this.#flushing.ask();
  }

  /** Deletes what is older than it is kept. Never throws. */
  async prune(): Promise<void> {
    const { store, venueClock, keptMs, log, metrics } = this.#options;
    const beforeMs = Math.floor(venueClock.now() - keptMs);
    if (!venueClock.trusted) return;
    try {
      for (let batch = 0; batch < pruneBatchesMax; batch += 1) if ((await store.prune(beforeMs, pruneBatch)) < pruneBatch) return;
    } catch (error) {
      metrics.dbErrors.inc({ class: 'prune-decisions' });
      log.warn({ err: error }, 'old verdicts could not be deleted; the next minute tries again');
    }
  }

  #flushLater(): void {
    this.#timer ??= this.#options.clock.after(flushAfterMs, () => {
      this.#timer = null;
      void this.flush();
    });
  }

  async #flush(): Promise<void> {
    const { store, log, metrics } = this.#options;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchMax);
      try {
        await store.append(batch);
        this.#failing = false;
      } catch (error) {
        metrics.dbErrors.inc({ class: 'append-decisions' });
        if (isRefused(error)) {
          // The same rows would be refused again.
          log.error({ err: error }, 'the database refused verdicts');
          this.#giveUp(batch, 'the database refused them');
          continue;
        }
        this.#waiting = [...batch, ...this.#waiting];
        this.#trim();
        if (!this.#failing)
          log.warn({ err: error, waiting: this.#waiting.length }, 'decisions on closed candles could not be written; they wait in memory');
        this.#failing = true;
        if (!this.#stopped) this.#flushLater();
        return;
      }
    }
  }

  #trim(): void {
    const tooMany = this.#waiting.length - waitingMax;
    // Many at a time: taking one off the front moves all the others.
    if (tooMany > 0) this.#giveUp(this.#waiting.splice(0, Math.max(tooMany, batchMax)), 'too many wait for the database');
  }

  #giveUp(rows: readonly DecisionRow[], why: string): void {
    this.#options.metrics.verdictsDropped.inc(rows.length);
    this.#options.log.warn({ verdicts: rows.length }, `verdicts on closed candles are lost: ${why}`);
  }
}

/** A plain loop: this runs for every bot at every close. */
function valuesOf({ current, previous }: SignalInput): readonly number[] {
  const values: number[] = [];
  for (let place = 0; place < current.length; place += 1) values.push(current[place] ?? Number.NaN);
  for (let place = 0; place < previous.length; place += 1) values.push(previous[place] ?? Number.NaN);
  return values;
}

/** Bad data (class 22) or a broken rule of the table (23). */
function isRefused(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^2[23][0-9A-Z]{3}$/.test(code);
}
