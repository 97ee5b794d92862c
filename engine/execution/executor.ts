/**
 * The order protocol of one process: intents out (once), evidence in (acks, user events, look-ups, history), rows and
 * bots told in that order. An order whose fate is open is looked up until evidence decides; "does not exist" counts only
 * after the horizon and in two independent rounds.
 */
import { Decimal } from 'decimal.js';
import type { Reach } from '../crash-points.ts';
import type { ExchangeErrorClass, ExchangeFill, ExchangeOrder, SignedWindow, UserEvent } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { isTerminal } from '../persistence/order-store.ts';
import type { ExecutionEvidence, FillSource, OrderState, OrderStore, RecordAnswer, StoredOrder } from '../persistence/order-store.ts';
import type { Safety } from '../safety.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import type { Intent } from '../persistence/commit-intents.ts';
import type { Fill, OrderRule, PlaceOrder, PutProtection } from '../trading/events.ts';
import { parseClientOrderId } from './client-order-id.ts';
import { evidenceOfHistory, evidenceOfOrder, evidenceOfState, outcomeOf, valuedEvidence } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import type { FeePrices } from './fee-prices.ts';
import { cancelLate } from './late-arrivals.ts';
import { intentOf, openedAt, refusedByDatabase, skewBoundMs } from './new-orders.ts';
import type { OpenOrders } from './open-orders.ts';
import { OrderLine, isProtective } from './order-line.ts';
import type { BotLink, LiveOrder } from './order-line.ts';
import { brokenBy, entryHasNoRoom, hasRoomToReplace } from './order-rules.ts';
import type { BrokenRule } from './order-rules.ts';
import { Protector } from './protector.ts';
import type { OrderDraft, PreparedOrders } from './protector.ts';
import { lookUp } from './resolve.ts';
import { Sender } from './send.ts';
import type { SendResult, SenderOptions, SentOutcome } from './send.ts';

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
  /** What the exchange tells of the account's open orders; null when no account is shared (paper). */
  readonly openOrders: OpenOrders | null;
  readonly safety: Safety;
  /** Values commissions in a third asset. */
  readonly feePrices?: FeePrices | null;
  entriesStopped: SenderOptions['entriesStopped'];
}

/** Look-ups of an open order after 0.3, 1, 2, 4 and then every 8 seconds (binance-wire.md 4.4). */
const probeDelaysMs = [300, 700, 1_000, 2_000, 4_000, 8_000] as const;

/** An exit may wait for what is to be written before it (the proof that a stop is gone): the database's return is noticed soon. */
const recordRetryMaxMs = 2_000;

/** The line's other evidence waits for the balance this long at most. */
const readAvailableMs = 2_000;

/** Refusals that say nothing against the order itself: it may be tried again. */
const passing: ReadonlySet<ExchangeErrorClass> = new Set(['rate-limited', 'banned', 'overloaded', 'clock', 'symbol-closed']);

export class Executor {
  readonly #options: ExecutorOptions;
  readonly #sender: Sender;
  readonly #lines = new Map<string, OrderLine>();
  readonly #protector: Protector;
  #unverified: { readonly line: OrderLine; readonly resolve: () => void }[] = [];
  #stopped = false;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#sender = new Sender(options);
    this.#protector = new Protector({
      ...options,
      prepare: (line, command, drafts) => this.#prepare(line, command, drafts),
      sign: (line) => this.#sign(line),
      record: async (line, order, proof) => {
        line.enqueue(() => this.#recordOrder(line, order, [], 'ack', proof));
        await line.written();
      },
      look: (line, live) => this.#look(line, live),
      lookSoon: (line, live) => this.#scheduleProbe(line, live),
      roomToReplace: (line) => hasRoomToReplace(line, this.#lines.values(), options.openOrders),
    });
  }

  /**
   * Takes over a bot's orders. `history` numbers the attempts; those that are not terminal are resolved from now on.
   * `fills` are those that the bot knows already.
   */
  attach(link: BotLink, history: readonly StoredOrder[], fills: readonly Fill[] = []): void {
    const line = new OrderLine(link, history);
    this.#lines.set(link.botId, line);
    const now = this.#options.clock.monotonic();
    for (const order of history) {
      if (isTerminal(order.state)) continue;
      // Its age in another process's life does not count: that only makes the verdict later.
      const live = openedAt(now, order, order.recvWindowMs);
      live.executedQuantity = order.executedQuantity;
      live.resting = isProtective(order) && order.state === 'accepted' && order.exchangeOrderId !== null;
      line.follow(
        live,
        fills.filter((fill) => fill.clientOrderId === order.clientOrderId).map((fill) => fill.tradeId),
      );
      if (!live.resting) void this.#probe(line, live);
    }
    this.#countUnknown();
  }

  /**
   * Resolves when the exchange was asked whether the bot's stops and targets rest there, and the bot was told. Bots that ask in
   * one turn share one read per account and symbol.
   */
  async protectionVerified(botId: string): Promise<void> {
    const line = this.#lines.get(botId);
    if (line === undefined || line.protective().length === 0 || !this.#options.safety.protectionVerify) return;
    await new Promise<void>((resolve) => {
      this.#unverified.push({ line, resolve });
      if (this.#unverified.length === 1) this.#options.clock.soon(() => void this.#verifyAttached());
    });
    this.#protector.tell(line);
  }

  async #verifyAttached(): Promise<void> {
    const attached = this.#unverified;
    this.#unverified = [];
    await this.#protector.verify(attached.map(({ line }) => line));
    for (const { resolve } of attached) resolve();
  }

  /** Looks whether the stops and targets of all bots rest at the exchange. */
  async verifyProtection(): Promise<void> {
    if (!this.#stopped && this.#options.safety.protectionVerify) await this.#protector.verify(this.#lines.values());
  }

  /** Puts a stop (and a target) up at the exchange, or in the place of the standing stop. */
  protect(botId: string, command: PutProtection): void {
    const line = this.#lines.get(botId);
    if (line !== undefined && !line.detached) this.#protector.put(line, command);
  }

  /** Takes down whatever protects the position; the bot is told when that is proven. */
  unprotect(botId: string): void {
    const line = this.#lines.get(botId);
    if (line !== undefined && !line.detached) this.#protector.cancel(line);
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

  /** True when nothing of the bot is in flight, waiting to be written or resting at the exchange. */
  over(botId: string): boolean {
    const line = this.#lines.get(botId);
    return line === undefined || (line.idle && line.open.size === 0);
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
    const { link } = line;
    const broken = this.#brokenRule(line, command);
    const room = broken === null ? link.account.reserveOrder?.(command.role) : undefined;
    const refusal = room?.granted === false ? ({ rule: 'order-limit', reason: room.reason } as const) : broken;
    if (refusal !== null) {
      // Told in the next turn: the decision that asked for it is still being made.
      this.#options.clock.soon(() => this.#refuse(line, command, refusal));
      return;
    }
    const signed = this.#sign(line);
    const signedAt = this.#options.clock.monotonic();
    const { role, side, orderType: type, quantity } = command;
    const intent = intentOf(line, command, { role, side, type, quantity, price: null, stopPrice: null, slot: 0 }, signed);
    const live = openedAt(signedAt, intent, signed.recvWindowMs, { awaitingAnswer: true, instrument: line.link.instrument() });
    line.follow(live, []);
    const { symbol, clientOrderId } = intent;
    const { account, mode } = link;
    const mayLeave = role === 'entry' ? (): boolean => this.#options.entriesStopped(intent) === null : undefined;
    this.#sender.submit({
      intents: [intent],
      transmit: async (window) => [await account.placeOrder({ symbol, clientOrderId, side, type, quantity }, window, mayLeave)],
      signedAt,
      triggeredAt,
      mode,
      done: (result) => {
        if (room?.granted === true) room.release();
        this.#onSendResult(line, [live], result);
      },
    });
  }

  /** Counts of the account concern entries alone: an exit frees places. */
  #brokenRule(line: OrderLine, { role, side, orderType: type, quantity }: PlaceOrder): BrokenRule | null {
    const broken = brokenBy(line, { side, type, quantity, price: null, stopPrice: null });
    if (broken !== null || role !== 'entry') return broken;
    return entryHasNoRoom(line, { quantity }, this.#lines.values(), this.#options.openOrders);
  }

  /**
   * The exchange would refuse it, or there is no room for it under its limits: no intent, nothing sent, nothing queued. An exit is tried again after a
   * pause; an entry is over, for its close passes.
   */
  #refuse(line: OrderLine, { role, decisionMs }: PlaceOrder, { rule, reason }: BrokenRule): void {
    this.#options.metrics.ordersRejected.inc({ market: 'spot', code_class: rule === 'order-limit' ? 'no-room' : 'not-sent' });
    const outcome = role === 'exit' ? 'never-placed' : 'rejected';
    if (!line.detached) line.link.onOrderEnded({ clientOrderId: '', role, decisionMs, outcome, reason, rule });
  }

  /** The signature's time, and a window that ends before the lock does. */
  #sign({ link }: OrderLine): SignedWindow {
    const { venueClock, recvWindowMs } = this.#options;
    const leaseLeftMs = link.leaseLeftMs();
    return {
      timestampMs: Math.floor(venueClock.now()),
      recvWindowMs: leaseLeftMs === null ? recvWindowMs : Math.max(100, Math.min(recvWindowMs, Math.floor(leaseLeftMs - 2 * skewBoundMs))),
    };
  }

  /** The orders of one operation, in the line from now on. */
  #prepare(line: OrderLine, command: PutProtection, drafts: readonly [OrderDraft, ...OrderDraft[]]): PreparedOrders {
    const signed = this.#sign(line);
    const signedAt = this.#options.clock.monotonic();
    const prepareOne = (draft: OrderDraft): { readonly intent: Intent; readonly live: LiveOrder } => {
      const intent = intentOf(line, command, { ...draft, side: 'SELL', quantity: command.plan.quantity }, signed);
      const live = openedAt(signedAt, intent, signed.recvWindowMs, { awaitingAnswer: true, instrument: line.link.instrument() });
      line.follow(live, []);
      return { intent, live };
    };
    const [draft, ...others] = drafts;
    const first = prepareOne(draft);
    const rest = others.map(prepareOne);
    const lives = [first.live, ...rest.map(({ live }) => live)] as const;
    // Counted against the venue's limit, but never held back here: when even protection has no room, the exchange says so.
    const rooms = drafts.map(() => line.link.account.reserveOrder?.('protect'));
    return {
      lives,
      over: Promise.all(lives.map((live) => new Promise<void>((resolve) => (live.onClosed = resolve)))).then(() => undefined),
      send: (transmit) =>
        new Promise((resolve) => {
          this.#sender.submit({
            intents: [first.intent, ...rest.map(({ intent }) => intent)],
            transmit,
            signedAt,
            triggeredAt: null,
            mode: line.link.mode,
            done: (result) => {
              for (const room of rooms) if (room?.granted === true) room.release();
              this.#onSendResult(line, lives, result);
              void line.written().then(resolve);
            },
          });
        }),
    };
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

  #onSendResult(line: OrderLine, lives: readonly LiveOrder[], result: SendResult): void {
    for (const live of lives) live.awaitingAnswer = false;
    switch (result.kind) {
      case 'fenced':
        for (const live of lives) this.#close(line, live);
        if (!line.detached) line.link.onFenced();
        return;
      case 'refused':
        for (const live of lives) this.#close(line, live);
        if (!line.detached) line.link.onFault(refusedByDatabase(lives));
        return;
      case 'not-admitted':
        for (const live of lives) this.#end(line, live, 'rejected', result.reason, result.rule);
        return;
      case 'not-committed':
        for (const live of lives) this.#end(line, live, 'never-placed', result.reason);
        return;
      case 'not-sent':
        for (const live of lives) line.enqueue(() => this.#conclude(line, live, 'never-placed', { notSent: result.reason }, result.reason));
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
      await this.#conclude(line, live, 'rejected', { notAttempted: outcome.reason }, outcome.reason);
      return;
    }
    if (outcome.kind === 'accepted') {
      live.exchangeOrderId = outcome.order.orderId;
      await this.#recordOrder(line, outcome.order, outcome.fills, 'ack', { ack: outcome.order.status });
      return;
    }
    const { refusal } = outcome;
    if (outcome.kind === 'rejected') {
      metrics.ordersRejected.inc({ market: 'spot', code_class: refusal.class });
      // Filters that have changed since it was planned are no verdict on the position: it is planned anew.
      const outdated = refusal.class === 'filter' && live.instrument !== line.link.instrument();
      if (isProtective(live) && !passing.has(refusal.class) && !outdated)
        line.refused = `${refusal.message}, code ${refusal.code ?? 'none'}`;
      log.warn({ botId: line.link.botId, clientOrderId: live.clientOrderId, refusal }, 'the exchange rejected an order');
      if (live.role === 'exit' && refusal.class === 'insufficient-balance') await this.#readAvailable(line, live);
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

  /** What there is to sell after all. Not known in time: the next order asks for all again. */
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
  async #record(line: OrderLine, clientOrderId: string, told: Evidence): Promise<RecordAnswer> {
    const { store, clock, log, metrics, reach } = this.#options;
    const { link } = line;
    const evidence = valuedEvidence(told, link.instrument(), this.#options.feePrices ?? null);
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
    const told = line.told(clientOrderId);
    // They may have been written by somebody else: a try whose answer was lost, or the comparison with the exchange.
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
    live.exchangeOrderId = answer.order.exchangeOrderId ?? live.exchangeOrderId;
    if (isTerminal(answer.order.state)) {
      this.#end(line, live, answer.order.state, `order ${answer.order.state}`);
      return;
    }
    live.resting = isProtective(live) && answer.order.state === 'accepted' && live.exchangeOrderId !== null && answer.missing.lte(0);
    // The answer of its request, still under way perhaps, tells no more than what is known: nobody waits for it.
    if (live.resting) live.gone = live.awaitingAnswer = false;
    else if (!live.awaitingAnswer) this.#scheduleProbe(line, live);
    if (isProtective(live)) this.#protector.tell(line);
    this.#countUnknown();
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

  #end(line: OrderLine, live: LiveOrder, state: OrderState, reason: string, rule?: OrderRule): void {
    if (!this.#close(line, live) || line.detached) return;
    if (live.role === 'stop' || live.role === 'target') {
      // Its sibling is over too, or soon: what it says next counts.
      for (const sibling of line.protective().filter((other) => other.decisionMs === live.decisionMs && other.resting)) {
        sibling.resting = false;
        this.#scheduleProbe(line, sibling);
      }
      this.#protector.tell(line);
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

  #close(line: OrderLine, live: LiveOrder): boolean {
    const wasOpen = line.open.delete(live.clientOrderId);
    live.onClosed?.();
    this.#countUnknown();
    return wasOpen;
  }

  #scheduleProbe(line: OrderLine, live: LiveOrder): void {
    if (!line.open.has(live.clientOrderId) || live.probeScheduled || live.resting) return;
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
    if (this.#stopped || line.detached || !line.open.has(live.clientOrderId) || live.awaitingAnswer || live.resting) return;
    const { log } = this.#options;
    try {
      await this.#look(line, live);
    } catch (error) {
      log.warn(
        { err: error, botId: line.link.botId, clientOrderId: live.clientOrderId },
        'an open order could not be looked up; trying again',
      );
    }
    this.#scheduleProbe(line, live);
  }

  /** Answers whether the exchange knows the order; what it says is written by then. */
  async #look(line: OrderLine, live: LiveOrder): Promise<boolean> {
    const finding = await lookUp(line.link, live, this.#options.clock.monotonic(), this.#options.safety);
    if (finding.kind === 'found') line.enqueue(() => this.#recordOrder(line, finding.order, finding.fills, 'history', finding.proof));
    else if (finding.kind === 'never-placed') line.enqueue(() => this.#conclude(line, live, 'never-placed', finding.proof, finding.reason));
    await line.written();
    return finding.kind === 'found';
  }

  #countUnknown(): void {
    let count = 0;
    for (const line of this.#lines.values()) for (const live of line.open.values()) if (!live.awaitingAnswer && !live.resting) count += 1;
    this.#options.metrics.ordersUnknown.set(count);
  }
}

/** Fills that the bot has not heard of, whichever try wrote them; null when nobody remembers what it has heard. */
function untold(
  fills: ExecutionEvidence['fills'],
  { order: { clientOrderId, role, exitKind, side }, newFills }: Extract<RecordAnswer, { verdict: 'recorded' }>,
  told: ReadonlySet<string> | null,
): readonly Fill[] | null {
  if (told === null) return fills.length === newFills.length ? newFills : null;
  return fills.filter((fill) => !told.has(fill.tradeId)).map((fill) => ({ ...fill, clientOrderId, role, exitKind, side }));
}
