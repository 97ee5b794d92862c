/**
 * Decisions that are made late or again: on a close that passed while the bot was away, on an entry that never reached the exchange, on
 * an exit that was not filled.
 */
import type { SeriesSubscription, SeriesView } from '../market/market.ts';
import type { Clock, Timer, VenueClock } from '../time/clock.ts';
import { exitPauseMs } from '../trading/exits.ts';
import type { BotSession } from './session.ts';

export interface LateDecisionsOptions {
  readonly session: BotSession;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
}

/** An entry that never reached the exchange is decided on again at once, and then once more after this. */
const decideAgainMs = 250;

export class LateDecisions {
  readonly #options: LateDecisionsOptions;
  /** Null before the series is warm. */
  #candles: SeriesSubscription | null = null;
  /** The close whose entry never reached the exchange and was decided on again. */
  #decidedAgainMs: number | null = null;
  #exitRetry: Timer | null = null;
  #entryRetry: Timer | null = null;

  constructor(options: LateDecisionsOptions) {
    this.#options = options;
  }

  /** The candles are there: what closed after `sinceMs`, while nobody ran the bot, is made up for. */
  begin(candles: SeriesSubscription, sinceMs: number): void {
    this.#candles = candles;
    this.#onMissedCloses(candles, sinceMs);
    this.#onNewestClose();
  }

  /** The newest close may not have been decided on (after a restart, or because its entry never reached the exchange). */
  #onNewestClose(): void {
    const { session } = this.#options;
    const view = this.#candles?.view() ?? null;
    if (view === null) return;
    const { lastDecidedMs, lastEntryMs } = session.state;
    const { closeTime } = view.candle;
    if (closeTime > lastDecidedMs || (closeTime === lastDecidedMs && lastEntryMs < closeTime))
      session.onClose(view, this.#options.clock.monotonic());
  }

  /** Exits that the closes since `sinceMs` asked for while nobody ran the bot are made now; entries are not. */
  #onMissedCloses(candles: SeriesSubscription, sinceMs: number): void {
    const { session } = this.#options;
    const { openedAtMs } = session.state.position;
    if (openedAtMs === null) return;
    const missed = candles.missedSince(Math.max(openedAtMs, sinceMs));
    if (session.settings.mode === 'paper') for (const view of missed) session.onMissedClose(view);
    else this.#onMissedExit(missed);
  }

  /** The stops of a live bot rested at the exchange meanwhile; only the strategy's exit can have been missed. */
  #onMissedExit(missed: Iterable<SeriesView>): void {
    const { session, venueClock } = this.#options;
    if (session.silenced) return;
    const { strategy, parameters } = session.settings;
    for (const view of missed) {
      const signal = strategy.signal(view, parameters);
      if (signal.action !== 'exit') continue;
      const reason = `${signal.reason} at ${new Date(view.candle.closeTime + 1).toISOString()}, while the bot was away`;
      session.tell({ type: 'close-requested', kind: 'signal', reason, atMs: venueClock.now() });
      return;
    }
  }

  /** At once the first time, after a pause the second time: a database that refuses at once would otherwise be asked without end. */
  entryAgain(decisionMs: number): void {
    if (decisionMs !== this.#decidedAgainMs) {
      this.#decidedAgainMs = decisionMs;
      this.#onNewestClose();
      return;
    }
    this.#entryRetry?.cancel();
    this.#entryRetry = this.#options.clock.after(decideAgainMs, () => this.#onNewestClose());
  }

  /** An exit holds until the position is flat, whether prices move or not. */
  exitAgain(): void {
    const { session, clock, venueClock } = this.#options;
    const { exiting } = session.state;
    if (exiting === null || !exiting.pausing || this.#exitRetry !== null) return;
    this.#exitRetry = clock.after(exitPauseMs(exiting), () => {
      this.#exitRetry = null;
      session.tell({ type: 'exit-retry-due', atMs: venueClock.now() });
    });
  }

  stop(): void {
    this.#exitRetry?.cancel();
    this.#entryRetry?.cancel();
  }
}
