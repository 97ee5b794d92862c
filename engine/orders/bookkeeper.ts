/**
 * Evidence in: what the exchange told of an order (an answer, a user event, a look-up, history) is written, however long that takes, and
 * then its bot hears of it. An order ends here, and nowhere else. While it is not known what became of one, it is looked up.
 */
import { Decimal } from 'decimal.js';
import type { Reach } from '../crash-points.ts';
import { placedId } from '../exchanges/exchange.ts';
import type { ExchangeErrorClass, ExchangeFill, ExchangeOrder } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { isTerminal } from '../persistence/order-store.ts';
import type { ExecutionEvidence, FillSource, OrderState, OrderStore, RecordAnswer, StoredOrder } from '../persistence/order-store.ts';
import type { Safety } from '../safety.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import { atMost } from '../time/waiting.ts';
import type { Fill, OrderRule } from '../trading/events.ts';
import { evidenceOfOrder, evidenceOfState, outcomeOf, valuedEvidence } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { cancelLate } from './late-arrivals.ts';
import { lookUp } from './look-up.ts';
import { openedAt, refusedByDatabase } from './new-orders.ts';
import { isProtective } from './order-line.ts';
import type { OrderLines } from './order-lines.ts';
import type { LiveOrder, OrderLine } from './order-line.ts';
import { Recorder } from './recorder.ts';
import type { SendResult, SentOutcome } from './send.ts';
import { tradeLine } from './trade-line.ts';

export interface BookkeeperOptions {
  readonly store: OrderStore;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly reach: Reach;
  readonly safety: Safety;
  /** By bot: those of this process. */
  readonly lines: OrderLines;
}

/** Longest pause between two tries. Short, because an exit may wait for what is being written (that a stop is gone). */
const recordRetryMaxMs = 2_000;
/** Other answers of the bot are written after this reading: it may hold them up for so long. */
const readAvailableMs = 2_000;

/** Refusals that say nothing against the order itself: it may be tried again. */
const passing: ReadonlySet<ExchangeErrorClass> = new Set(['rate-limited', 'banned', 'overloaded', 'clock', 'symbol-closed']);
/** Look-ups of an open order after 0.3, 1, 2, 4 and then every 8 seconds. */
const pausesMs = [300, 700, 1_000, 2_000, 4_000, 8_000] as const;
/** A stop that had been accepted and is denied: the position may be without one, so it is not looked up more rarely than this. */
const deniedStopPauseMs = 2_000;

export class Bookkeeper {
  readonly #options: BookkeeperOptions;
  readonly #recorder: Recorder;
  #stopped = false;

  constructor(options: BookkeeperOptions) {
    this.#options = options;
    this.#recorder = new Recorder(options.store, options.clock);
    options.metrics.ordersUnknown.follow(() => [[{}, countOf(options.lines.orders(), (live) => !live.awaitingAnswer && !live.resting)]]);
  }

  /** From now on what cannot be written is given up: whoever takes the bot next learns it from the exchange. */
  stop(): void {
    this.#stopped = true;
  }

  /** Writes what the exchange says of one of our orders; when executions are missing, they are looked up. */
  async recordOrder(
    line: OrderLine,
    order: ExchangeOrder,
    fills: readonly ExchangeFill[],
    source: FillSource,
    proof: Record<string, unknown>,
    reason: string | null = null,
  ): Promise<void> {
    const refused = order.status === 'REJECTED' ? (reason ?? 'no reason was told') : null;
    const answer = await this.record(line, order.clientOrderId, evidenceOfOrder(order, fills, source, proof), refused);
    if (answer.verdict === 'no-such-order') line.link.facts?.search(order.symbol);
    if (answer.verdict === 'recorded' && answer.order.state === 'never-placed') await this.#settleLate(line, order);
    if (answer.verdict !== 'recorded' || !answer.missing.gt(0)) return;
    // The stream usually brings the missing executions; if not, the look-up reads them from history.
    const live = line.open.get(order.clientOrderId);
    if (live !== undefined) this.lookSoon(line, live);
  }

  /** What is still open of an order that arrived late is cancelled, and its end written. What fails here is found by the next search. */
  async #settleLate(line: OrderLine, told: ExchangeOrder): Promise<void> {
    const { log } = this.#options;
    const { account } = line.link;
    try {
      const order = await cancelLate(account, told, this.#options);
      const fills = order.executedQuantity.gt(0) ? await account.fillsOfOrder(order.symbol, order.orderId) : [];
      await this.record(line, order.clientOrderId, evidenceOfOrder(order, fills, 'history', { late: order.status }));
    } catch (error) {
      log.warn(
        { err: error, clientOrderId: told.clientOrderId },
        'an order that arrived late could not be looked after; the next search does',
      );
    }
  }

  /** Ends an order that has not traded. `refused`: as in `record`. */
  async conclude(
    line: OrderLine,
    live: LiveOrder,
    state: 'rejected' | 'never-placed',
    proof: Record<string, unknown>,
    reason: string,
    refused: string | null = null,
  ): Promise<void> {
    const answer = await this.record(line, live.clientOrderId, evidenceOfState(state, 'history', proof), refused);
    // `record` has ended the order if its row is terminal; here the reason is better known.
    if (answer.verdict === 'recorded' && !isTerminal(answer.order.state)) return;
    this.end(line, live, state, reason);
  }

  /**
   * Writes evidence, however long the database is away, then tells the bot. `refused`: why the exchange refuses a stop or target like
   * this one. The bot is told so only when this evidence ends the order (it may have ended before, or rest all the same).
   */
  async record(line: OrderLine, clientOrderId: string, told: Evidence, refused: string | null = null): Promise<RecordAnswer> {
    const { clock, log, metrics, reach } = this.#options;
    const { link } = line;
    const known = line.open.get(clientOrderId)?.toldEnd ?? null;
    // An end is final, whatever arrives after it: the executions for which it waited may come with an older state.
    const ended = known === null || (told.state !== null && isTerminal(told.state)) ? told : { ...told, ...known };
    const evidence = valuedEvidence(ended, link.instrument(), link.facts);
    const startedAt = clock.monotonic();
    let unheard = false;
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, recordRetryMaxMs)) {
      reach('CP7');
      try {
        const { answer, again } = await this.#recorder.record({
          ...evidence,
          botId: link.botId,
          epoch: link.epoch,
          clientOrderId,
          instrument: link.instrument(),
        });
        reach('CP8');
        metrics.dbQueryDuration.observe({ op: 'record-execution' }, (clock.monotonic() - startedAt) / 1000);
        this.#onRecorded(line, clientOrderId, evidence, answer, unheard || again, refused);
        return answer;
      } catch (error) {
        metrics.dbErrors.inc({ class: 'record-execution' });
        if (this.#stopped) throw error;
        const level = unheard ? 'debug' : 'error';
        unheard = true;
        log[level]({ err: error, botId: link.botId, clientOrderId }, 'what happened to an order could not be written; it is tried on');
        await clock.sleep(waitMs);
      }
    }
  }

  /** `unheard`: an earlier try failed, and may have been written all the same. */
  #onRecorded(
    line: OrderLine,
    clientOrderId: string,
    evidence: Pick<ExecutionEvidence, 'state' | 'proof' | 'fills'>,
    answer: RecordAnswer,
    unheard: boolean,
    refused: string | null,
  ): void {
    const { metrics, log } = this.#options;
    if (answer.verdict === 'fenced') {
      // The bot may have been taken again by this process: the newer entry stays.
      this.#options.lines.delete(line);
      if (!line.detached) line.link.onFenced();
      return;
    }
    if (answer.verdict === 'no-such-order') {
      log.error(
        { botId: line.link.botId, clientOrderId },
        'the exchange tells of an order with our mark that has no intent; the account is compared with the exchange',
      );
      metrics.reconcileDrift.inc({ kind: 'order-without-intent' });
      return;
    }
    const { state, executedQuantity } = answer.order;
    log.debug({ botId: line.link.botId, clientOrderId, state, executed: executedQuantity.toFixed() }, `an order is ${state}`);
    if (answer.late !== null) {
      metrics.lateArrivals.inc();
      log.error(
        { botId: line.link.botId, clientOrderId, reason: answer.late },
        'an order that was declared never placed exists; its bot enters nothing until a user resumes it',
      );
      if (!line.detached) line.link.onLate(answer.late);
    }
    this.#tellTrade(line, answer);
    const told = line.told(clientOrderId);
    // Another write may have stored them: a try of ours whose answer was lost, or the comparison with the exchange.
    const newFills = told !== null || unheard ? untold(evidence.fills, answer, told) : answer.newFills;
    if (newFills === null) {
      if (!line.detached)
        line.link.onFault(
          new Error(
            `it is not known which fills of ${clientOrderId} were written before the database answered; the bot is rebuilt from its rows`,
          ),
        );
      return;
    }
    for (const fill of newFills) {
      told?.add(fill.tradeId);
      const source = evidence.fills.find((candidate) => candidate.tradeId === fill.tradeId);
      metrics.fills.inc({ market: 'spot', liquidity: source?.isMaker === true ? 'maker' : 'taker' });
    }
    if (newFills.length > 0 && !line.detached) line.link.onFills(newFills);
    const live =
      line.open.get(clientOrderId) ??
      this.#adopt(
        line,
        answer.order,
        newFills.map((fill) => fill.tradeId),
      );
    if (live === undefined) return;
    live.executedQuantity = answer.order.executedQuantity;
    live.deniedSince = null;
    live.exchangeOrderId = answer.order.exchangeOrderId ?? live.exchangeOrderId;
    if (isTerminal(answer.order.state)) {
      if (answer.order.state === 'rejected' && isProtective(live)) line.refused = refused ?? line.refused;
      this.end(line, live, answer.order.state, `order ${answer.order.state}`);
      return;
    }
    if (evidence.state !== null && isTerminal(evidence.state) && answer.missing.gt(0))
      live.toldEnd = { state: evidence.state, proof: evidence.proof };
    live.resting = isProtective(live) && answer.order.state === 'accepted' && live.exchangeOrderId !== null && answer.missing.lte(0);
    // It is known to rest: the answer to its request, if that is still under way, is not waited for.
    if (live.resting) {
      live.gone = live.awaitingAnswer = false;
      live.prices?.stop();
    } else if (!live.awaitingAnswer) this.lookSoon(line, live);
    if (isProtective(live)) line.tellProtection();
  }

  /** Once, when the order is over: from then on it is followed no longer. */
  #tellTrade(line: OrderLine, { order, trade, late }: Extract<RecordAnswer, { verdict: 'recorded' }>): void {
    if (trade === null || !isTerminal(order.state)) return;
    if (late === null && !line.open.has(order.clientOrderId)) return;
    const { fields, text } = tradeLine(order, trade, line.link.instrument());
    this.#options.log.info(fields, text);
  }

  /** A stop or target that was believed never placed and stands at the exchange after all: the bot decides what becomes of it. */
  #adopt(line: OrderLine, order: StoredOrder, told: readonly string[]): LiveOrder | undefined {
    if (!isProtective(order) || isTerminal(order.state) || line.detached) return undefined;
    const { log, metrics, clock } = this.#options;
    const { botId } = line.link;
    log.error({ botId, clientOrderId: order.clientOrderId }, 'a protective order arrived late; its bot takes it up');
    metrics.reconcileDrift.inc({ kind: 'late-order' });
    const live = openedAt(clock.monotonic(), order, order.recvWindowMs);
    line.follow(live, line.told(live.clientOrderId) ?? told);
    return live;
  }

  /** All orders of one sending. */
  onSent(line: OrderLine, lives: readonly LiveOrder[], result: SendResult): void {
    for (const live of lives) live.awaitingAnswer = false;
    switch (result.kind) {
      case 'fenced':
        for (const live of lives) this.close(line, live);
        if (!line.detached) line.link.onFenced();
        return;
      case 'refused':
        for (const live of lives) this.close(line, live);
        if (!line.detached) line.link.onFault(refusedByDatabase(lives));
        return;
      case 'not-admitted':
        for (const live of lives) this.end(line, live, 'rejected', result.reason, result.rule);
        return;
      case 'not-committed':
        for (const live of lives) this.end(line, live, 'never-placed', result.reason);
        return;
      case 'not-sent':
        for (const live of lives) line.enqueue(() => this.conclude(line, live, 'never-placed', { notSent: result.reason }, result.reason));
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
      await this.conclude(line, live, 'rejected', { notAttempted: outcome.reason }, outcome.reason);
      return;
    }
    if (outcome.kind === 'accepted') {
      live.exchangeOrderId = placedId(outcome.order);
      await this.recordOrder(line, outcome.order, outcome.fills, 'ack', { ack: outcome.order.status });
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
      await this.conclude(
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
    await this.record(line, live.clientOrderId, evidenceOfState('unknown', 'ack', { refusal }));
    this.lookSoon(line, live);
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
    const available = await atMost(clock, readAvailableMs, reading);
    if (available === null) return;
    live.available = available;
    log.error(
      { botId: line.link.botId, clientOrderId: live.clientOrderId, wanted: live.quantity.toFixed(), free: available.toFixed(), baseAsset },
      'the account has less than a bot means to sell: its next order sells at most what is free',
    );
  }

  /** Looks after a pause that grows with each look, until the order is over. */
  lookSoon(line: OrderLine, live: LiveOrder): void {
    if (!line.open.has(live.clientOrderId) || live.probeScheduled || live.resting) return;
    const growing = pausesMs[Math.min(live.probes, pausesMs.length - 1)] ?? 8_000;
    const delay = isProtective(live) && live.exchangeOrderId !== null ? Math.min(growing, deniedStopPauseMs) : growing;
    live.probes += 1;
    live.probeScheduled = true;
    this.#options.clock.after(delay, () => {
      live.probeScheduled = false;
      void this.look(line, live);
    });
  }

  /** One look-up of an order. An error of the read decides nothing. */
  async look(line: OrderLine, live: LiveOrder): Promise<void> {
    if (this.#stopped || line.detached || !line.open.has(live.clientOrderId) || live.awaitingAnswer || live.resting) return;
    const { log } = this.#options;
    try {
      await this.find(line, live);
    } catch (error) {
      log.warn(
        { err: error, botId: line.link.botId, clientOrderId: live.clientOrderId },
        'an open order could not be looked up; trying again',
      );
    }
    this.lookSoon(line, live);
  }

  /** Answers whether the exchange knows the order; what it says is written by then. */
  async find(line: OrderLine, live: LiveOrder): Promise<boolean> {
    const finding = await lookUp(line.link, live, this.#options.clock.monotonic(), this.#options.safety);
    if (finding.kind === 'found') line.enqueue(() => this.recordOrder(line, finding.order, finding.fills, 'history', finding.proof));
    else if (finding.kind === 'never-placed') line.enqueue(() => this.conclude(line, live, 'never-placed', finding.proof, finding.reason));
    await line.written();
    return finding.kind === 'found';
  }

  end(line: OrderLine, live: LiveOrder, state: OrderState, reason: string, rule?: OrderRule): void {
    if (!this.close(line, live) || line.detached) return;
    if (live.role === 'stop' || live.role === 'target') {
      // The other order of the pair is over too, or will be soon: it is looked up.
      for (const sibling of line.protective().filter((other) => other.decisionMs === live.decisionMs && other.resting)) {
        sibling.resting = false;
        this.lookSoon(line, sibling);
      }
      line.tellProtection();
      return;
    }
    const outcome = outcomeOf(state, live.executedQuantity?.gt(0) ?? false);
    const { clientOrderId, role, decisionMs, available } = live;
    line.link.onOrderEnded({
      clientOrderId,
      role,
      decisionMs,
      outcome,
      reason,
      ...(rule === undefined ? {} : { rule }),
      ...(available === undefined ? {} : { available }),
    });
  }

  close(line: OrderLine, live: LiveOrder): boolean {
    const wasOpen = line.open.delete(live.clientOrderId);
    live.prices?.stop();
    live.onClosed?.();
    return wasOpen;
  }
}

/** Fills that the bot has not been told of, whichever try wrote them; null when it is not known what it was told. */
function untold(
  fills: ExecutionEvidence['fills'],
  { order: { clientOrderId, role, exitKind, side, saleBounds }, newFills }: Extract<RecordAnswer, { verdict: 'recorded' }>,
  told: ReadonlySet<string> | null,
): readonly Fill[] | null {
  if (told === null) return fills.length === newFills.length ? newFills : null;
  return fills.filter((fill) => !told.has(fill.tradeId)).map((fill) => ({ ...fill, clientOrderId, role, exitKind, side, saleBounds }));
}

function countOf<T>(items: Iterable<T>, counts: (item: T) => boolean): number {
  let count = 0;
  for (const item of items) if (counts(item)) count += 1;
  return count;
}
