/**
 * Evidence in: what the exchange told of an order is written, however long that takes, and then its bot hears of it. An order ends
 * here, and nowhere else.
 */
import type { Reach } from '../crash-points.ts';
import type { ExchangeFill, ExchangeOrder } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { isTerminal } from '../persistence/order-store.ts';
import type { ExecutionEvidence, FillSource, OrderState, OrderStore, RecordAnswer, StoredOrder } from '../persistence/order-store.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import type { Fill, OrderRule } from '../trading/events.ts';
import { evidenceOfOrder, evidenceOfState, outcomeOf, valuedEvidence } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import type { FeePrices } from './fee-prices.ts';
import { cancelLate } from './late-arrivals.ts';
import { openedAt } from './new-orders.ts';
import { isProtective } from './order-line.ts';
import type { LiveOrder, OrderLine } from './order-line.ts';
import { tradeLine } from './trade-line.ts';

export interface BookkeeperOptions {
  readonly store: OrderStore;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly reach: Reach;
  /** Values commissions in a third asset. */
  readonly feePrices?: FeePrices | null;
  /** By bot: those of this process. */
  readonly lines: Map<string, OrderLine>;
  /** The exchange has an order of ours that the rows lack. */
  onStrayOrder(symbol: string): void;
  /** It is not known what became of the order, or not all executions of it are known: look it up. */
  lookSoon(line: OrderLine, live: LiveOrder): void;
  /** What rests at the exchange may have changed. */
  tellProtection(line: OrderLine): void;
}

/** Longest pause between two tries. Short, because an exit may wait for what is being written (that a stop is gone). */
const recordRetryMaxMs = 2_000;

export class Bookkeeper {
  readonly #options: BookkeeperOptions;
  #stopped = false;

  constructor(options: BookkeeperOptions) {
    this.#options = options;
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
    if (answer.verdict === 'no-such-order') this.#options.onStrayOrder(order.symbol);
    if (answer.verdict === 'recorded' && answer.order.state === 'never-placed') await this.#settleLate(line, order);
    if (answer.verdict !== 'recorded' || !answer.missing.gt(0)) return;
    // The stream usually brings the missing executions; if not, the look-up reads them from history.
    const live = line.open.get(order.clientOrderId);
    if (live !== undefined) this.#options.lookSoon(line, live);
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
    const { store, clock, log, metrics, reach } = this.#options;
    const { link } = line;
    const known = line.open.get(clientOrderId)?.toldEnd ?? null;
    // An end is final, whatever arrives after it: the executions for which it waited may come with an older state.
    const ended = known === null || (told.state !== null && isTerminal(told.state)) ? told : { ...told, ...known };
    const evidence = valuedEvidence(ended, link.instrument(), this.#options.feePrices ?? null);
    const startedAt = clock.monotonic();
    let unheard = false;
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, recordRetryMaxMs)) {
      reach('CP7');
      try {
        const answer = await store.record({
          ...evidence,
          botId: link.botId,
          epoch: link.epoch,
          clientOrderId,
          instrument: link.instrument(),
        });
        reach('CP8');
        metrics.dbQueryDuration.observe({ op: 'record-execution' }, (clock.monotonic() - startedAt) / 1000);
        this.#onRecorded(line, clientOrderId, evidence, answer, unheard, refused);
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
      if (this.#options.lines.get(line.link.botId) === line) this.#options.lines.delete(line.link.botId);
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
    } else if (!live.awaitingAnswer) this.#options.lookSoon(line, live);
    if (isProtective(live)) this.#options.tellProtection(line);
    this.countUnknown();
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

  end(line: OrderLine, live: LiveOrder, state: OrderState, reason: string, rule?: OrderRule): void {
    if (!this.close(line, live) || line.detached) return;
    if (live.role === 'stop' || live.role === 'target') {
      // The other order of the pair is over too, or will be soon: it is looked up.
      for (const sibling of line.protective().filter((other) => other.decisionMs === live.decisionMs && other.resting)) {
        sibling.resting = false;
        this.#options.lookSoon(line, sibling);
      }
      this.#options.tellProtection(line);
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
    this.countUnknown();
    return wasOpen;
  }

  /** For the gauge. */
  countUnknown(): void {
    let count = 0;
    for (const line of this.#options.lines.values())
      for (const live of line.open.values()) if (!live.awaitingAnswer && !live.resting) count += 1;
    this.#options.metrics.ordersUnknown.set(count);
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
