/**
 * The order protocol of one process: intents out (once), evidence in (acks, user events, look-ups, history), rows and
 * bots told in that order. An order whose fate is open is looked up until evidence decides; "does not exist" counts only
 * after the horizon and in two independent rounds.
 */
import type { Reach } from '../crash-points.ts';
import type { ExchangeFill, ExchangeOrder, PlaceOutcome, UserEvent } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { isTerminal } from '../persistence/order-store.ts';
import type { ExecutionEvidence, FillSource, OrderState, OrderStore, RecordAnswer, StoredOrder } from '../persistence/order-store.ts';
import type { Safety } from '../safety.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import type { Fill, PlaceOrder } from '../trading/events.ts';
import { formatClientOrderId, parseClientOrderId } from './client-order-id.ts';
import { evidenceOfHistory, evidenceOfOrder, evidenceOfState, outcomeOf } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { cancelLate } from './late-arrivals.ts';
import { OrderLine } from './order-line.ts';
import type { BotLink, LiveOrder } from './order-line.ts';
import { lookUp } from './resolve.ts';
import { Sender } from './send.ts';
import type { SendResult } from './send.ts';

export interface ExecutorOptions {
  readonly store: OrderStore;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Upper bound; the lease may ask for less. */
  readonly recvWindowMs: number;
  readonly reach: Reach;
  /** The exchange has an order of ours that the rows lack. */
  onStrayOrder(symbol: string): void;
  readonly safety: Safety;
}

/** How far the venue's clock and ours may disagree while entries are allowed (order-safety.md row 13). */
const skewBoundMs = 1_000;

/** Look-ups of an open order after 0.3, 1, 2, 4 and then every 8 seconds (binance-wire.md 4.4). */
const probeDelaysMs = [300, 700, 1_000, 2_000, 4_000, 8_000] as const;

export class Executor {
  readonly #options: ExecutorOptions;
  readonly #sender: Sender;
  readonly #lines = new Map<string, OrderLine>();
  #stopped = false;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#sender = new Sender(options);
  }

  /**
   * Takes over a bot's orders. `history` numbers the attempts; those that are not terminal are resolved from now on.
   * `fills` are those that the bot knows already.
   */
  attach(link: BotLink, history: readonly StoredOrder[], fills: readonly Fill[] = []): void {
    const line = new OrderLine(link, history);
    this.#lines.set(link.botId, line);
    for (const order of history) {
      if (isTerminal(order.state)) continue;
      const live: LiveOrder = {
        clientOrderId: order.clientOrderId,
        symbol: order.symbol,
        role: order.role,
        decisionMs: order.decisionMs,
        signedTimestampMs: order.signedTimestampMs,
        // Its age in another process's life does not count: that only makes the verdict later.
        openSince: this.#options.clock.monotonic(),
        exchangeOrderId: order.exchangeOrderId,
        executedQuantity: order.executedQuantity,
        negativeRounds: 0,
        probes: 0,
        probeScheduled: false,
        awaitingAnswer: false,
      };
      line.follow(
        live,
        fills.filter((fill) => fill.clientOrderId === order.clientOrderId).map((fill) => fill.tradeId),
      );
      void this.#probe(line, live);
    }
    this.#countUnknown();
  }

  /** Lets go of a bot once what is queued has been written. Orders that are still open are the next owner's to resolve. */
  async detach(botId: string): Promise<void> {
    const line = this.#lines.get(botId);
    if (line === undefined) return;
    line.detached = true;
    await line.written();
    if (this.#lines.get(botId) === line) this.#lines.delete(botId);
    this.#countUnknown();
  }

  /** True when nothing of the bot is in flight or waiting to be written. */
  idle(botId: string): boolean {
    return this.#lines.get(botId)?.idle ?? true;
  }

  /** Resolves when the bot has no order in flight, or after `timeoutMs` (false then). */
  async settle(botId: string, timeoutMs: number): Promise<boolean> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + timeoutMs;
    while (!this.idle(botId)) {
      if (clock.monotonic() >= deadline) return false;
      await clock.sleep(20);
    }
    return true;
  }

  get openOrders(): number {
    let count = 0;
    for (const line of this.#lines.values()) count += line.open.size;
    return count;
  }

  botIds(): readonly string[] {
    return [...this.#lines.keys()];
  }

  /** Commits and sends one order; the link hears how it ended. `triggeredAt` is when the candle behind it was received (monotonic). */
  place(botId: string, command: PlaceOrder, triggeredAt: number | null): void {
    const line = this.#lines.get(botId);
    if (line === undefined || line.detached) return;
    const { clock, venueClock, recvWindowMs } = this.#options;
    const { link } = line;
    const room = link.account.reserveOrder?.(command.role);
    if (room?.granted === false) {
      // Told in the next turn: the decision that asked for it is still being made.
      clock.soon(() => this.#refuse(line, command, room.reason));
      return;
    }
    const leaseLeftMs = link.leaseLeftMs();
    const windowMs = leaseLeftMs === null ? recvWindowMs : Math.max(100, Math.min(recvWindowMs, Math.floor(leaseLeftMs - 2 * skewBoundMs)));
    const attempt = line.nextAttempt(command.role, command.decisionMs);
    const signedTimestampMs = Math.floor(venueClock.now());
    const signedAt = clock.monotonic();
    const clientOrderId = formatClientOrderId({
      installation: link.installation,
      botId,
      decisionMs: command.decisionMs,
      role: command.role,
      attempt,
    });
    const instrument = link.instrument();
    const live: LiveOrder = {
      clientOrderId,
      symbol: instrument.symbol,
      role: command.role,
      decisionMs: command.decisionMs,
      signedTimestampMs,
      openSince: signedAt,
      exchangeOrderId: null,
      executedQuantity: null,
      negativeRounds: 0,
      probes: 0,
      probeScheduled: false,
      awaitingAnswer: true,
    };
    line.follow(live, []);
    this.#sender.submit({
      intent: {
        botId,
        userId: link.userId,
        epoch: link.epoch,
        venue: link.venue,
        account: link.account.name,
        market: instrument.market,
        symbol: instrument.symbol,
        clientOrderId,
        decisionMs: command.decisionMs,
        role: command.role,
        attempt,
        side: command.side,
        type: command.orderType,
        quantity: command.quantity,
        referencePrice: command.referencePrice,
        reason: command.reason,
        signedTimestampMs,
        recvWindowMs: windowMs,
      },
      account: link.account,
      signedAt,
      triggeredAt,
      mode: link.mode,
      done: (result) => {
        room?.release();
        this.#onSendResult(line, live, result);
      },
    });
  }

  /** There is no room for it under the exchange's limits: no intent, nothing sent, nothing queued. An exit is tried again after a pause. */
  #refuse(line: OrderLine, { role, decisionMs }: PlaceOrder, reason: string): void {
    this.#options.metrics.ordersRejected.inc({ market: 'spot', code_class: 'no-room' });
    if (!line.detached) line.link.onOrderEnded({ clientOrderId: '', role, decisionMs, outcome: 'rejected', reason });
  }

  /** Evidence from the user stream. Events of orders that are not ours, or of bots that run elsewhere, are left alone. */
  onUserEvent(event: UserEvent): void {
    if (event.type !== 'order-updated') return;
    const parts = parseClientOrderId(event.order.clientOrderId);
    const line = parts === null ? undefined : this.#lines.get(parts.botId);
    if (line === undefined || parts?.installation !== line.link.installation) return;
    const live = line.open.get(event.order.clientOrderId);
    if (live !== undefined) live.exchangeOrderId = event.order.orderId;
    if (live?.awaitingAnswer === true) this.#options.reach('CP5');
    line.enqueue(() =>
      this.#recordOrder(line, event.order, event.fill === null ? [] : [event.fill], 'stream', {
        userEvent: event.order.status,
        reason: event.reason,
      }),
    );
  }

  /** Fills that history told for one of our orders; written unless they are there already. */
  recordHistory(order: StoredOrder, fills: readonly ExchangeFill[]): void {
    const line = this.#lines.get(order.botId);
    if (line === undefined) return;
    line.enqueue(async () => {
      await this.#record(line, order.clientOrderId, evidenceOfHistory(fills));
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  #onSendResult(line: OrderLine, live: LiveOrder, result: SendResult): void {
    live.awaitingAnswer = false;
    switch (result.kind) {
      case 'fenced':
        this.#close(line, live);
        if (!line.detached) line.link.onFenced();
        return;
      case 'refused':
        this.#close(line, live);
        if (!line.detached)
          line.link.onFault(
            new Error(
              `order ${live.clientOrderId} was refused by the database: an unresolved order of role ${live.role} or this very decision exists already; the bot is rebuilt from its rows`,
            ),
          );
        return;
      case 'not-committed':
        this.#end(line, live, 'never-placed', result.reason);
        return;
      case 'not-sent':
        line.enqueue(() => this.#conclude(line, live, 'never-placed', { notSent: result.reason }, result.reason));
        return;
      case 'answered':
        line.enqueue(() => this.#onAnswer(line, live, result.outcome));
        return;
    }
  }

  async #onAnswer(line: OrderLine, live: LiveOrder, outcome: PlaceOutcome): Promise<void> {
    const { log, metrics } = this.#options;
    if (outcome.kind === 'accepted') {
      live.exchangeOrderId = outcome.order.orderId;
      await this.#recordOrder(line, outcome.order, outcome.fills, 'ack', { ack: outcome.order.status });
      return;
    }
    const { refusal } = outcome;
    if (outcome.kind === 'rejected') {
      metrics.ordersRejected.inc({ market: 'spot', code_class: refusal.class });
      log.warn({ botId: line.link.botId, clientOrderId: live.clientOrderId, refusal }, 'the exchange rejected an order');
      await this.#conclude(
        line,
        live,
        'rejected',
        { refusal },
        `rejected by the exchange: ${refusal.message} (code ${refusal.code ?? 'none'})`,
      );
      return;
    }
    log.warn(
      { botId: line.link.botId, clientOrderId: live.clientOrderId, refusal },
      'the outcome of an order is unknown; it is resolved by evidence',
    );
    await this.#record(line, live.clientOrderId, evidenceOfState('unknown', 'ack', { refusal }));
    this.#countUnknown();
    this.#scheduleProbe(line, live);
  }

  /** Writes the exchange's view of one of our orders, fetching the fills that it implies and nobody told. */
  async #recordOrder(
    line: OrderLine,
    order: ExchangeOrder,
    fills: readonly ExchangeFill[],
    source: FillSource,
    proof: Record<string, unknown>,
  ): Promise<void> {
    const answer = await this.#record(line, order.clientOrderId, evidenceOfOrder(order, fills, source, proof));
    if (answer.verdict === 'no-such-order') this.#options.onStrayOrder(order.symbol);
    if (answer.verdict === 'recorded' && answer.order.state === 'never-placed') await this.#settleLate(line, order);
    if (answer.verdict !== 'recorded' || !answer.missing.gt(0)) return;
    // Later trade events of the same order usually bring the rest; history is asked by the probe when they do not.
    const live = line.open.get(order.clientOrderId);
    if (live !== undefined) this.#scheduleProbe(line, live);
  }

  /** What is still open of an order that arrived late is cancelled, and its end written. What fails here is found by the next search. */
  async #settleLate(line: OrderLine, told: ExchangeOrder): Promise<void> {
    const { log } = this.#options;
    const { account } = line.link;
    try {
      const order = await cancelLate(account, told, this.#options);
      const fills = order.executedQuantity.gt(0) ? await account.fillsOfOrder(order.symbol, order.orderId) : [];
      await this.#record(line, order.clientOrderId, evidenceOfOrder(order, fills, 'history', { late: order.status }));
    } catch (error) {
      log.warn(
        { err: error, clientOrderId: told.clientOrderId },
        'an order that arrived late could not be looked after; the next search does',
      );
    }
  }

  /** A verdict without executions. */
  async #conclude(
    line: OrderLine,
    live: LiveOrder,
    state: 'rejected' | 'never-placed',
    proof: Record<string, unknown>,
    reason: string,
  ): Promise<void> {
    const answer = await this.#record(line, live.clientOrderId, evidenceOfState(state, 'history', proof));
    // `#record` ends the order when it finds it terminal; here the reason is known better.
    if (answer.verdict === 'recorded' && !isTerminal(answer.order.state)) return;
    this.#end(line, live, state, reason);
  }

  /** Writes evidence, however long the database is away, then tells the bot. */
  async #record(line: OrderLine, clientOrderId: string, evidence: Evidence): Promise<RecordAnswer> {
    const { store, clock, log, metrics, reach } = this.#options;
    const { link } = line;
    const startedAt = clock.monotonic();
    let unheard = false;
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 5_000)) {
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
        this.#onRecorded(line, clientOrderId, evidence, answer, unheard);
        return answer;
      } catch (error) {
        metrics.dbErrors.inc({ class: 'record-execution' });
        if (this.#stopped) throw error;
        unheard = true;
        log.error({ err: error, botId: link.botId, clientOrderId }, 'what happened to an order could not be written; trying again');
        await clock.sleep(waitMs);
      }
    }
  }

  /** `unheard`: an earlier try failed, and may have been written all the same. */
  #onRecorded(
    line: OrderLine,
    clientOrderId: string,
    evidence: Pick<ExecutionEvidence, 'proof' | 'fills'>,
    answer: RecordAnswer,
    unheard: boolean,
  ): void {
    const { metrics, log } = this.#options;
    if (answer.verdict === 'fenced') {
      // A later life of the bot in this process may have a line of its own.
      if (this.#lines.get(line.link.botId) === line) this.#lines.delete(line.link.botId);
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
    if (answer.late !== null) {
      metrics.lateArrivals.inc();
      log.error(
        { botId: line.link.botId, clientOrderId, reason: answer.late },
        'an order that was declared never placed exists; its bot enters nothing until a user resumes it',
      );
      if (!line.detached) line.link.onLate(answer.late);
    }
    const live = line.open.get(clientOrderId);
    const told = line.told(clientOrderId);
    const newFills = unheard ? untold(evidence.fills, answer, told) : answer.newFills;
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
    if (live === undefined) return;
    live.executedQuantity = answer.order.executedQuantity;
    live.exchangeOrderId = answer.order.exchangeOrderId ?? live.exchangeOrderId;
    if (isTerminal(answer.order.state)) this.#end(line, live, answer.order.state, `order ${answer.order.state}`);
    else if (!live.awaitingAnswer) this.#scheduleProbe(line, live);
  }

  #end(line: OrderLine, live: LiveOrder, state: OrderState, reason: string): void {
    if (!this.#close(line, live) || line.detached) return;
    const outcome = outcomeOf(state, live.executedQuantity?.gt(0) ?? false);
    line.link.onOrderEnded({ clientOrderId: live.clientOrderId, role: live.role, decisionMs: live.decisionMs, outcome, reason });
  }

  #close(line: OrderLine, live: LiveOrder): boolean {
    const wasOpen = line.open.delete(live.clientOrderId);
    this.#countUnknown();
    return wasOpen;
  }

  #scheduleProbe(line: OrderLine, live: LiveOrder): void {
    if (!line.open.has(live.clientOrderId) || live.probeScheduled) return;
    const delay = probeDelaysMs[Math.min(live.probes, probeDelaysMs.length - 1)] ?? 8_000;
    live.probes += 1;
    live.probeScheduled = true;
    this.#options.clock.after(delay, () => {
      live.probeScheduled = false;
      void this.#probe(line, live);
    });
  }

  /** One look at an order whose fate is open. Read errors decide nothing. */
  async #probe(line: OrderLine, live: LiveOrder): Promise<void> {
    if (this.#stopped || line.detached || !line.open.has(live.clientOrderId) || live.awaitingAnswer) return;
    const { log, clock, safety } = this.#options;
    try {
      const finding = await lookUp(line.link, live, clock.monotonic(), safety);
      if (finding.kind === 'found') line.enqueue(() => this.#recordOrder(line, finding.order, finding.fills, 'history', finding.proof));
      else if (finding.kind === 'never-placed')
        line.enqueue(() => this.#conclude(line, live, 'never-placed', finding.proof, finding.reason));
      await line.written();
    } catch (error) {
      log.warn(
        { err: error, botId: line.link.botId, clientOrderId: live.clientOrderId },
        'an open order could not be looked up; trying again',
      );
    }
    this.#scheduleProbe(line, live);
  }

  #countUnknown(): void {
    let count = 0;
    for (const line of this.#lines.values()) for (const live of line.open.values()) if (!live.awaitingAnswer) count += 1;
    this.#options.metrics.ordersUnknown.set(count);
  }
}

/** Fills that the bot has not heard of, whichever try wrote them; null when nobody remembers what it has heard. */
function untold(
  fills: ExecutionEvidence['fills'],
  { order: { clientOrderId, role, side }, newFills }: Extract<RecordAnswer, { verdict: 'recorded' }>,
  told: ReadonlySet<string> | null,
): readonly Fill[] | null {
  if (told === null) return fills.length === newFills.length ? newFills : null;
  return fills.filter((fill) => !told.has(fill.tradeId)).map((fill) => ({ ...fill, clientOrderId, role, side }));
}
