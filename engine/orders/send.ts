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
import type { AccountRefusal } from '../trading/capital.ts';
import type { KillSubject } from '../kill-switch/kill-switch.ts';

/** `not-attempted`: the exchange did something else of the request, or none of it, and did not try this order. */
export type SentOutcome = PlaceOutcome | { readonly kind: 'not-attempted'; readonly reason: string };

/** What became of a request on its way out. */
export type SendResult =
  /** One outcome per intent, in their order. */
  | { readonly kind: 'answered'; readonly outcomes: readonly SentOutcome[] }
  /** The intent is in the database, and we know that we did not send it. */
  | { readonly kind: 'not-sent'; readonly reason: string }
  /** Nothing was written and nothing was sent. */
  | { readonly kind: 'not-committed'; readonly reason: string }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'refused' }
  /** The account cannot bear the entry: no intent, nothing sent. */
  | ({ readonly kind: 'not-admitted' } & AccountRefusal);

/** One request: it places one order, or two that cancel one another. */
export interface Outgoing {
  readonly intents: readonly [Intent, ...Intent[]];
  /** Writes the one request to the socket before it returns; answers what became of each intent, in their order. */
  transmit(signed: SignedWindow): Promise<readonly SentOutcome[]>;
  /** Monotonic time of the signature. */
  readonly signedAt: number;
  /** Monotonic time at which the candle behind the decision was received; null when there is none. */
  readonly triggeredAt: number | null;
  readonly mode: 'live' | 'paper';
}

export interface SenderOptions {
  readonly store: OrderStore;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly reach: Reach;
  readonly safety: Safety;
  /** Why the bot's entries must not leave now; null when they may. Asked in the turn in which one is handed to the socket. */
  entriesStopped(bot: KillSubject): string | null;
}

interface Waiting extends Outgoing {
  /** Resolves what `submit` answered. */
  done(result: SendResult): void;
}

export class Sender {
  readonly #options: SenderOptions;
  #batch: Waiting[] = [];
  /** The last commit failed: only the first failure of a row is told above `debug`. */
  #failing = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Queues a request's intents for this turn's group commit. Answers what became of it; never throws. */
  submit(outgoing: Outgoing): Promise<SendResult> {
    const { promise, resolve } = Promise.withResolvers<SendResult>();
    this.#batch.push({ ...outgoing, done: resolve });
    for (const intent of outgoing.intents) this.#options.log.debug(intentFields(intent), 'an order is decided');
    if (this.#batch.length === 1) this.#options.clock.soon(() => this.#flush());
    return promise;
  }

  /** Entries that spend money may have to wait for their account's lock: they are committed apart, so that nothing else waits with them. */
  #flush(): void {
    const batch = this.#batch;
    this.#batch = [];
    const spending = batch.filter(({ intents }) => intents.some(({ reservation }) => reservation !== null));
    const others = spending.length === 0 ? batch : batch.filter((outgoing) => !spending.includes(outgoing));
    if (others.length > 0) void this.#commit(others);
    if (spending.length > 0) void this.#commit(spending);
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const { store, log, metrics, clock, reach } = this.#options;
    const startedAt = clock.monotonic();
    reach('CP1');
    try {
      const committing = store.commit(batch.flatMap((outgoing) => outgoing.intents));
      reach('CP2');
      const verdicts = await committing;
      reach('CP3');
      this.#failing = false;
      metrics.dbQueryDuration.observe({ op: 'commit-intents' }, (clock.monotonic() - startedAt) / 1000);
      for (const outgoing of batch) {
        const failed = outgoing.intents
          .map((intent) => verdicts.get(intent.clientOrderId) ?? 'refused')
          .find((verdict) => verdict !== 'committed');
        if (failed === undefined) void this.#send(outgoing).then((result) => outgoing.done(result));
        else outgoing.done(typeof failed === 'string' ? { kind: failed } : { kind: 'not-admitted', ...failed });
      }
    } catch (error) {
      metrics.dbErrors.inc({ class: error instanceof CommitUnknown ? 'commit-unknown' : 'commit-refused' });
      const level = this.#failing && !(error instanceof CommitUnknown) ? 'debug' : 'error';
      this.#failing = true;
      log[level]({ err: error, orders: batch.length }, 'decided orders could not be written to the database; none of them is sent');
      if (error instanceof CommitUnknown) void this.#settleUnknownCommit(batch);
      else for (const outgoing of batch) outgoing.done({ kind: 'not-committed', reason: reasonOf(error) });
    }
  }

  async #send(outgoing: Outgoing): Promise<SendResult> {
    const [intent] = outgoing.intents;
    const { clock, metrics, log, reach, safety } = this.#options;
    const sentAt = clock.monotonic();
    if (safety.signedTimeBound && sentAt - outgoing.signedAt >= intent.recvWindowMs) {
      return {
        kind: 'not-sent',
        reason: `its signature was ${Math.round(sentAt - outgoing.signedAt)} ms old before it could be sent; the receive window is ${intent.recvWindowMs} ms`,
      };
    }
    const stopped = intent.role === 'entry' ? this.#options.entriesStopped(intent) : null;
    if (stopped !== null) return { kind: 'not-sent', reason: stopped };
    for (const { market, side, type } of outgoing.intents) metrics.ordersSubmitted.inc({ market, side, type, mode: outgoing.mode });
    let outcomes: readonly SentOutcome[];
    try {
      const answer = outgoing.transmit(this.#signedWindow(intent));
      if (outgoing.triggeredAt !== null) metrics.barToOrder.observe((clock.monotonic() - outgoing.triggeredAt) / 1000);
      reach('CP4');
      outcomes = await answer;
      if (!safety.singlePost && outcomes.some(({ kind }) => kind === 'unknown'))
        outcomes = await outgoing.transmit(this.#signedWindow(intent));
    } catch (error) {
      // The port promises not to throw. If it does, the order may be out: that is an unknown, never a failure.
      log.error({ err: error, clientOrderId: intent.clientOrderId }, 'placing an order threw; its outcome is unknown');
      const refusal = { httpStatus: 0, code: null, message: reasonOf(error), class: 'other' } as const;
      outcomes = outgoing.intents.map(() => ({ kind: 'unknown', refusal }));
    }
    metrics.orderAck.observe((clock.monotonic() - sentAt) / 1000);
    reach('CP6');
    return { kind: 'answered', outcomes };
  }

  /** Fixed in the intent, before its commit checked who owns the bot. */
  #signedWindow(intent: Intent): SignedWindow {
    const { safety, venueClock } = this.#options;
    return safety.signedTimeBound
      ? { timestampMs: intent.signedTimestampMs, recvWindowMs: intent.recvWindowMs }
      : { timestampMs: Math.floor(venueClock.now()), recvWindowMs: 60_000 };
  }

  /** Nobody has sent these orders. Whether their rows were written decides whether their end has to be written, too. */
  async #settleUnknownCommit(batch: readonly Waiting[]): Promise<void> {
    const { store, clock, log } = this.#options;
    for (let waitMs = 200; ; waitMs = Math.min(waitMs * 2, 5_000)) {
      await clock.sleep(waitMs);
      try {
        const durable = await store.committed(batch.flatMap((outgoing) => outgoing.intents.map((intent) => intent.clientOrderId)));
        for (const outgoing of batch) {
          const reason = 'the database did not confirm the intent in time, so it was not sent';
          // They were committed in one statement: all of them are durable, or none is.
          outgoing.done(durable.has(outgoing.intents[0].clientOrderId) ? { kind: 'not-sent', reason } : { kind: 'not-committed', reason });
        }
        return;
      } catch (error) {
        log.debug(
          { err: error, orders: batch.length },
          'the database still does not tell whether decided orders were written; they are not sent',
        );
      }
    }
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function intentFields({
  botId,
  symbol,
  clientOrderId,
  role,
  exitKind,
  side,
  type,
  quantity,
  price,
  stopPrice,
  reason,
}: Intent): Record<string, unknown> {
  const amounts = { quantity: quantity.toFixed(), price: price?.toFixed() ?? null, stopPrice: stopPrice?.toFixed() ?? null };
  return { botId, symbol, clientOrderId, role, exitKind, side, type, ...amounts, reason };
}
