/** What became of orders that were to be sent: refused, never sent, or answered by the exchange in some way. */
import { Decimal } from 'decimal.js';
import { placedId } from '../exchanges/exchange.ts';
import type { ExchangeErrorClass } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock } from '../time/clock.ts';
import type { Bookkeeper } from './bookkeeper.ts';
import { evidenceOfState } from './evidence.ts';
import { refusedByDatabase } from './new-orders.ts';
import type { LiveOrder, OrderLine } from './order-line.ts';
import type { SendResult, SentOutcome } from './send.ts';

export interface AnswersOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly bookkeeper: Bookkeeper;
  /** It is not known what became of the order: look it up. */
  lookSoon(line: OrderLine, live: LiveOrder): void;
}

/** Other answers of the bot are written after this reading: it may hold them up for so long. */
const readAvailableMs = 2_000;

/** Refusals that say nothing against the order itself: it may be tried again. */
const passing: ReadonlySet<ExchangeErrorClass> = new Set(['rate-limited', 'banned', 'overloaded', 'clock', 'symbol-closed']);

export class Answers {
  readonly #options: AnswersOptions;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  /** All orders of one sending. */
  onSendResult(line: OrderLine, lives: readonly LiveOrder[], result: SendResult): void {
    for (const live of lives) live.awaitingAnswer = false;
    switch (result.kind) {
      case 'fenced':
        for (const live of lives) this.#options.bookkeeper.close(line, live);
        if (!line.detached) line.link.onFenced();
        return;
      case 'refused':
        for (const live of lives) this.#options.bookkeeper.close(line, live);
        if (!line.detached) line.link.onFault(refusedByDatabase(lives));
        return;
      case 'not-admitted':
        for (const live of lives) this.#options.bookkeeper.end(line, live, 'rejected', result.reason, result.rule);
        return;
      case 'not-committed':
        for (const live of lives) this.#options.bookkeeper.end(line, live, 'never-placed', result.reason);
        return;
      case 'not-sent':
        for (const live of lives)
          line.enqueue(() => this.#options.bookkeeper.conclude(line, live, 'never-placed', { notSent: result.reason }, result.reason));
        return;
      case 'answered':
        lives.forEach((live, index) => {
          const outcome = result.outcomes[index];
          if (outcome !== undefined) line.enqueue(() => this.#onAnswer(line, live, outcome));
        });
        return;
    }
  }

  async #onAnswer(line: OrderLine, live: LiveOrder, outcome: SentOutcome): Promise<void> {
    const { log, metrics } = this.#options;
    if (outcome.kind === 'not-attempted') {
      await this.#options.bookkeeper.conclude(line, live, 'rejected', { notAttempted: outcome.reason }, outcome.reason);
      return;
    }
    if (outcome.kind === 'accepted') {
      live.exchangeOrderId = placedId(outcome.order);
      await this.#options.bookkeeper.recordOrder(line, outcome.order, outcome.fills, 'ack', { ack: outcome.order.status });
      return;
    }
    const { refusal } = outcome;
    if (outcome.kind === 'rejected') {
      metrics.ordersRejected.inc({ market: 'spot', code_class: refusal.class });
      // The filters have changed since the order was made: that says nothing against the position, and a new order is made by the new filters.
      const outdated = refusal.class === 'filter' && live.instrument !== line.link.instrument();
      const refused = passing.has(refusal.class) || outdated ? null : `${refusal.message}, code ${refusal.code ?? 'none'}`;
      log.warn({ botId: line.link.botId, clientOrderId: live.clientOrderId, refusal }, 'the exchange rejected an order');
      if (live.role === 'exit' && refusal.class === 'insufficient-balance') await this.#readAvailable(line, live);
      await this.#options.bookkeeper.conclude(
        line,
        live,
        'rejected',
        { refusal },
        `rejected by the exchange: ${refusal.message} (code ${refusal.code ?? 'none'})`,
        refused,
      );
      return;
    }
    log.warn(
      { botId: line.link.botId, clientOrderId: live.clientOrderId, refusal },
      'the outcome of an order is unknown; it is resolved by evidence',
    );
    await this.#options.bookkeeper.record(line, live.clientOrderId, evidenceOfState('unknown', 'ack', { refusal }));
    this.#options.bookkeeper.countUnknown();
    this.#options.lookSoon(line, live);
  }

  /** Reads how many coins there are to sell. When that fails, the next order tries to sell all again. */
  async #readAvailable(line: OrderLine, live: LiveOrder): Promise<void> {
    const { clock, log } = this.#options;
    const { baseAsset } = line.link.instrument();
    const reading = line.link.account.balances().then(
      (balances) => balances.find(({ asset }) => asset === baseAsset)?.free ?? new Decimal(0),
      (error: unknown) => {
        log.warn({ err: error, botId: line.link.botId, baseAsset }, 'the free balance could not be read after a refused exit');
        return null;
      },
    );
    const available = await Promise.race([reading, clock.sleep(readAvailableMs).then(() => null)]);
    if (available === null) return;
    live.available = available;
    log.error(
      { botId: line.link.botId, clientOrderId: live.clientOrderId, wanted: live.quantity.toFixed(), free: available.toFixed(), baseAsset },
      'the account has less than a bot means to sell: its next order sells at most what is free',
    );
  }
}
