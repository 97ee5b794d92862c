/**
 * From decided to answered: the intents of one turn are committed as a group, then each is sent exactly once.
 * The signature's time is taken before the commit (which checks the epoch), so a process that is paused in between and
 * wakes up as a zombie sends something that the exchange drops for being late. Nothing here retries an order.
 */
import type { Reach } from '../crash-points.ts';
import type { PlaceOutcome, SignedWindow } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { CommitUnknown } from '../persistence/commit-intents.ts';
import type { Intent } from '../persistence/commit-intents.ts';
import type { OrderStore } from '../persistence/order-store.ts';
import type { Safety } from '../safety.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import type { TradingAccount } from '../exchanges/exchange.ts';

/** What became of one intent on its way out. */
export type SendResult =
  | { readonly kind: 'answered'; readonly outcome: PlaceOutcome }
  /** Proven not sent, by us, although the intent is durable. */
  | { readonly kind: 'not-sent'; readonly reason: string }
  /** Nothing is durable and nothing was sent. */
  | { readonly kind: 'not-committed'; readonly reason: string }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'refused' };

export interface Outgoing {
  readonly intent: Intent;
  readonly account: TradingAccount;
  /** Monotonic time of the signature. */
  readonly signedAt: number;
  /** Monotonic time at which the candle behind the decision was received; null when there is none. */
  readonly triggeredAt: number | null;
  readonly mode: 'live' | 'paper';
  done(result: SendResult): void;
}

export interface SenderOptions {
  readonly store: OrderStore;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly reach: Reach;
  readonly safety: Safety;
}

export class Sender {
  readonly #options: SenderOptions;
  #batch: Outgoing[] = [];

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Queues an intent for this turn's group commit. `done` is called exactly once. */
  submit(outgoing: Outgoing): void {
    this.#batch.push(outgoing);
    if (this.#batch.length === 1) this.#options.clock.soon(() => void this.#flush());
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    const { store, log, metrics, clock, reach } = this.#options;
    const startedAt = clock.monotonic();
    reach('CP1');
    try {
      const committing = store.commit(batch.map((outgoing) => outgoing.intent));
      reach('CP2');
      const verdicts = await committing;
      reach('CP3');
      metrics.dbQueryDuration.observe({ op: 'commit-intents' }, (clock.monotonic() - startedAt) / 1000);
      for (const outgoing of batch) {
        const verdict = verdicts.get(outgoing.intent.clientOrderId) ?? 'refused';
        if (verdict === 'committed') void this.#send(outgoing);
        else outgoing.done({ kind: verdict });
      }
    } catch (error) {
      metrics.dbErrors.inc({ class: error instanceof CommitUnknown ? 'commit-unknown' : 'commit-refused' });
      log.error({ err: error, intents: batch.length }, 'order intents could not be committed; nothing of them is sent');
      if (error instanceof CommitUnknown) void this.#settleUnknownCommit(batch);
      else for (const outgoing of batch) outgoing.done({ kind: 'not-committed', reason: reasonOf(error) });
    }
  }

  async #send(outgoing: Outgoing): Promise<void> {
    const { intent } = outgoing;
    const { clock, metrics, log, reach, safety } = this.#options;
    const sentAt = clock.monotonic();
    if (safety.signedTimeBound && sentAt - outgoing.signedAt >= intent.recvWindowMs) {
      outgoing.done({
        kind: 'not-sent',
        reason: `its signature was ${Math.round(sentAt - outgoing.signedAt)} ms old before it could be sent; the receive window is ${intent.recvWindowMs} ms`,
      });
      return;
    }
    metrics.ordersSubmitted.inc({ market: intent.market, side: intent.side, type: intent.type, mode: outgoing.mode });
    let outcome: PlaceOutcome;
    try {
      const post = (): Promise<PlaceOutcome> =>
        outgoing.account.placeOrder(
          { symbol: intent.symbol, clientOrderId: intent.clientOrderId, side: intent.side, type: intent.type, quantity: intent.quantity },
          this.#signedWindow(intent),
        );
      const answer = post();
      if (outgoing.triggeredAt !== null) metrics.barToOrder.observe((clock.monotonic() - outgoing.triggeredAt) / 1000);
      reach('CP4');
      outcome = await answer;
      if (!safety.singlePost && outcome.kind === 'unknown') outcome = await post();
    } catch (error) {
      // The port promises not to throw. If it does, the order may be out: that is an unknown, never a failure.
      log.error({ err: error, clientOrderId: intent.clientOrderId }, 'placing an order threw; its outcome is unknown');
      outcome = { kind: 'unknown', refusal: { httpStatus: 0, code: null, message: reasonOf(error), class: 'other' } };
    }
    metrics.orderAck.observe((clock.monotonic() - sentAt) / 1000);
    reach('CP6');
    outgoing.done({ kind: 'answered', outcome });
  }

  /** Fixed in the intent, before its commit checked who owns the bot. */
  #signedWindow(intent: Intent): SignedWindow {
    const { safety, venueClock } = this.#options;
    return safety.signedTimeBound
      ? { timestampMs: intent.signedTimestampMs, recvWindowMs: intent.recvWindowMs }
      : { timestampMs: Math.floor(venueClock.now()), recvWindowMs: 60_000 };
  }

  /** Only we could have sent these and we did not: durable or not, they were never placed. Which of the two decides what must be written. */
  async #settleUnknownCommit(batch: readonly Outgoing[]): Promise<void> {
    const { store, clock, log } = this.#options;
    for (let waitMs = 200; ; waitMs = Math.min(waitMs * 2, 5_000)) {
      await clock.sleep(waitMs);
      try {
        const durable = await store.committed(batch.map((outgoing) => outgoing.intent.clientOrderId));
        for (const outgoing of batch) {
          const reason = 'the database did not confirm the intent in time, so it was not sent';
          outgoing.done(durable.has(outgoing.intent.clientOrderId) ? { kind: 'not-sent', reason } : { kind: 'not-committed', reason });
        }
        return;
      } catch (error) {
        log.warn({ err: error, intents: batch.length }, 'still waiting for the database to tell whether intents were committed');
      }
    }
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
