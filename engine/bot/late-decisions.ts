/**
 * What was not decided, or came to nothing, in its moment: a close that nobody decided on, an exit that was signalled while the
 * bot was away, an entry that never got out, an exit that was not filled.
 */
import type { SeriesSubscription } from '../market/market.ts';
import type { Clock, Timer, VenueClock } from '../time/clock.ts';
import { exitPauseMs } from '../trading/exits.ts';
import type { BotSession } from './session.ts';

export interface LateDecisionsOptions {
  readonly session: BotSession;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  /** Null before the series is warm. */
  subscription(): SeriesSubscription | null;
}

/** An entry that never got out is decided on once more at once, and then again after this. */
const decideAgainMs = 250;

export class LateDecisions {
  readonly #options: LateDecisionsOptions;
  /** The close whose entry never got out and was decided on once more. */
  #decidedAgainMs: number | null = null;
  #exitRetry: Timer | null = null;

  constructor(options: LateDecisionsOptions) {
    this.#options = options;
  }

  /** The newest close may not have been decided on (restart, an entry that never got out). */
  onNewestClose(): void {
    const { session } = this.#options;
    const view = this.#options.subscription()?.view() ?? null;
    if (view === null) return;
    const { lastDecidedMs, lastEntryMs } = session.state;
    const { closeTime } = view.candle;
    if (closeTime > lastDecidedMs || (closeTime === lastDecidedMs && lastEntryMs < closeTime)) session.onClose(view);
  }

  /** An exit that the strategy asked for since `sinceMs`, while nobody ran the bot, is made up for; entries are not. */
  onMissedExit(sinceMs: number): void {
    const { session, venueClock } = this.#options;
    const { openedAtMs } = session.state.position;
    if (openedAtMs === null) return;
    const { strategy, parameters } = session.settings;
    for (const view of this.#options.subscription()?.missedSince(Math.max(openedAtMs, sinceMs)) ?? []) {
      const signal = strategy.signal(view, parameters);
      if (signal.action !== 'exit') continue;
      const reason = `${signal.reason} at ${new Date(view.candle.closeTime + 1).toISOString()}, while the bot was away`;
      session.tell({ type: 'close-requested', kind: 'signal', reason, atMs: venueClock.now() });
      return;
    }
  }

  /** At once, and for one close a second time only after a moment: a database that refuses at once would be asked without end. */
  entryAgain(decisionMs: number): void {
    if (decisionMs !== this.#decidedAgainMs) {
      this.#decidedAgainMs = decisionMs;
      this.onNewestClose();
      return;
    }
    this.#options.clock.after(decideAgainMs, () => this.onNewestClose());
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
  }
}
