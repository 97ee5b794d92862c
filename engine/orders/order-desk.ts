/**
 * The order protocol of one process. An intent is committed and then sent once. What the exchange says (answers, user events, look-ups,
 * history) is written first, and then the bot is told. While it is not known what became of an order, it is looked up; "does not exist"
 * counts only after the horizon and in two independent rounds.
 */
import { placedId } from '../exchanges/exchange.ts';
import type { ExchangeFill, UserEvent } from '../exchanges/exchange.ts';
import { isTerminal } from '../persistence/order-store.ts';
import type { StoredOrder } from '../persistence/order-store.ts';
import type { CancelProtection, Fill, PlaceOrder, PutProtection } from '../trading/events.ts';
import { Bookkeeper } from './bookkeeper.ts';
import type { BookkeeperOptions } from './bookkeeper.ts';
import { parseClientOrderId } from './client-order-id.ts';
import { evidenceOfHistory } from './evidence.ts';
import { intentOf, openedAt, preventionOf, signedWindow, skewBoundMs } from './new-orders.ts';
import { OrderLines } from './order-lines.ts';
import { OrderLine, isProtective } from './order-line.ts';
import type { BotLink } from './order-line.ts';
import { brokenBy, entryHasNoRoom } from './order-rules.ts';
import type { BrokenRule } from './order-rules.ts';
import { Protector } from './protector.ts';
import { Sender } from './send.ts';
import type { Outgoing, SenderOptions } from './send.ts';

export interface OrderDeskOptions extends Omit<BookkeeperOptions, 'lines'> {
  /** Upper bound; the lease may ask for less. */
  readonly recvWindowMs: number;
  entriesStopped: SenderOptions['entriesStopped'];
}

export class OrderDesk {
  readonly #options: OrderDeskOptions;
  readonly #lines = new OrderLines();
  readonly #sender: Sender;
  readonly #bookkeeper: Bookkeeper;
  readonly #protector: Protector;
  #unverified: { readonly line: OrderLine; readonly resolve: () => void }[] = [];
  #stopped = false;

  constructor(options: OrderDeskOptions) {
    this.#options = options;
    this.#sender = new Sender(options);
    this.#bookkeeper = new Bookkeeper({ ...options, lines: this.#lines });
    this.#protector = new Protector({ ...options, lines: this.#lines, sender: this.#sender, bookkeeper: this.#bookkeeper });
  }

  /**
   * Takes over a bot's orders. `history` numbers the attempts; those that are not terminal are resolved from now on.
   * `fills` are those that the bot knows already.
   */
  attach(link: BotLink, history: readonly StoredOrder[], fills: readonly Fill[] = []): void {
    const line = new OrderLine(link, history);
    this.#lines.add(line);
    const now = this.#options.clock.monotonic();
    const venueMs = this.#options.venueClock.now();
    for (const order of history) {
      if (isTerminal(order.state)) continue;
      const live = openedAt(now, order, order.recvWindowMs);
      // The horizon counts from the order's signature, not from the take-over: it may have been placed at any time since.
      live.openSince = now - Math.max(0, venueMs - order.signedTimestampMs - skewBoundMs);
      live.executedQuantity = order.executedQuantity;
      live.resting = isProtective(order) && order.state === 'accepted' && order.exchangeOrderId !== null;
      line.follow(
        live,
        fills.filter((fill) => fill.clientOrderId === order.clientOrderId).map((fill) => fill.tradeId),
      );
      if (!live.resting) void this.#bookkeeper.look(line, live);
    }
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
    line.tellProtection();
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

  /**
   * Asks the exchange once about a stop of the bot that is not known to rest, and writes what is found. True when the exchange has denied
   * the stop in two such rounds after `sinceMs` (monotonic). Throws what the reads throw.
   */
  async stopDenied(botId: string, sinceMs: number): Promise<boolean> {
    const line = this.#lines.get(botId);
    if (line === undefined || line.detached) return false;
    return !this.#options.safety.askBeforeSale || this.#protector.stopDenied(line, sinceMs);
  }

  /** Places a stop (and a target) at the exchange, or replaces the stop that rests there. */
  protect(botId: string, command: PutProtection): void {
    const line = this.#lines.get(botId);
    if (line !== undefined && !line.detached) this.#protector.put(line, command);
  }

  /**
   * Cancels the stop and target of the position; the bot is told when that is proven. Room for the order that follows is reserved first:
   * while the exchange would not take the exit, the position keeps its stop.
   */
  unprotect(botId: string, command: Pick<CancelProtection, 'follows' | 'sells'>): void {
    const line = this.#lines.get(botId);
    if (line === undefined || line.detached) return;
    const { follows } = command;
    const hindrance = followHindrance(line, command);
    if (hindrance === null) {
      this.#protector.cancel(line);
      return;
    }
    const { clock, venueClock, log } = this.#options;
    log.warn(
      { botId, follows, reason: hindrance.reason },
      'what protects a position stays: the order that would follow would not be taken',
    );
    // Told in the next turn: the decision that asked for it is still being made.
    clock.soon(() => {
      const refusal = { ...hindrance, reason: `the stop stays, for the exit would not be taken: ${hindrance.reason}` };
      if (follows === 'exit') this.#refuse(line, { role: 'exit', decisionMs: Math.floor(venueClock.now()) }, refusal);
      line.tellProtection();
    });
  }

  /** Lets go of a bot once what is queued has been written. Orders that are not over are resolved by whoever takes the bot next. */
  async detach(botId: string): Promise<void> {
    const line = this.#lines.get(botId);
    if (line === undefined) return;
    line.detached = true;
    await line.written();
    this.#lines.delete(line);
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
    const { role } = command;
    // When an exit is placed, the stop has been cancelled: the exit may use the room that is kept for protection.
    const room = broken !== null ? undefined : role === 'exit' ? line.takeRoom() : link.account.reserveOrder(role);
    const refusal = room?.granted === false ? ({ rule: 'order-limit', reason: room.reason } as const) : broken;
    if (refusal !== null) {
      // Told in the next turn: the decision that asked for it is still being made.
      this.#options.clock.soon(() => this.#refuse(line, command, refusal));
      return;
    }
    const signed = signedWindow(link, this.#options);
    const signedAt = this.#options.clock.monotonic();
    const { side, orderType: type, quantity, decisionMs, triggerPrice } = command;
    const decided = { decisionMs, triggerPrice };
    const intent = intentOf(line, command, { role, side, type, quantity, price: null, stopPrice: null, slot: 0 }, signed);
    const live = openedAt(signedAt, intent, signed.recvWindowMs, { awaitingAnswer: true, instrument: line.link.instrument() });
    line.follow(live, []);
    const { symbol, clientOrderId } = intent;
    const { account, mode } = link;
    const mayLeave = role === 'entry' ? (): boolean => this.#options.entriesStopped(intent) === null : null;
    const outgoing: Outgoing = {
      intents: [intent],
      transmit: async (window) => [
        await account.placeOrder(
          { symbol, clientOrderId, side, type, quantity, selfTradePrevention: preventionOf(role), decided },
          window,
          mayLeave,
        ),
      ],
      signedAt,
      triggeredAt,
      mode,
    };
    void this.#sender.submit(outgoing).then((result) => {
      if (room?.granted === true) room.release();
      this.#bookkeeper.onSent(line, [live], result);
    });
  }

  /** The account's limits of open orders are checked for entries only: an exit frees places. */
  #brokenRule(line: OrderLine, { role, side, orderType: type, quantity }: PlaceOrder): BrokenRule | null {
    const broken = brokenBy(line, { side, type, quantity, price: null, stopPrice: null });
    if (broken !== null || role !== 'entry') return broken;
    return entryHasNoRoom(line, { quantity }, this.#lines.besides(line));
  }

  /**
   * The exchange would refuse the order, or its limits leave no room: nothing is written or sent. An exit is tried again after a pause; an
   * entry is over, because its close passes.
   */
  #refuse(line: OrderLine, { role, decisionMs }: Pick<PlaceOrder, 'role' | 'decisionMs'>, { rule, reason }: BrokenRule): void {
    this.#options.metrics.ordersRejected.inc({ market: 'spot', code_class: rule === 'order-limit' ? 'no-room' : 'not-sent' });
    const outcome = role === 'exit' ? 'never-placed' : 'rejected';
    if (!line.detached) line.link.onOrderEnded({ clientOrderId: '', role, decisionMs, outcome, reason, rule });
  }

  /** Evidence from the user stream. Events of orders that are not ours, or of bots that run elsewhere, are left alone. */
  onUserEvent(event: UserEvent): void {
    if (event.type !== 'order-updated') return;
    const parts = parseClientOrderId(event.order.clientOrderId);
    const line = parts === null ? undefined : this.#lines.get(parts.botId);
    if (line === undefined || parts?.installation !== line.link.installation) return;
    const live = line.open.get(event.order.clientOrderId);
    if (live !== undefined) live.exchangeOrderId = placedId(event.order) ?? live.exchangeOrderId;
    if (live?.awaitingAnswer === true) this.#options.reach('CP5');
    line.enqueue(() =>
      this.#bookkeeper.recordOrder(
        line,
        event.order,
        event.fill === null ? [] : [event.fill],
        'stream',
        { userEvent: event.order.status, reason: event.reason },
        event.reason,
      ),
    );
  }

  /** Fills that history told for one of our orders; written unless they are there already. */
  recordHistory(order: StoredOrder, fills: readonly ExchangeFill[]): void {
    const line = this.#lines.get(order.botId);
    if (line === undefined) return;
    line.enqueue(async () => {
      await this.#bookkeeper.record(line, order.clientOrderId, evidenceOfHistory(fills));
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#bookkeeper.stop();
  }
}

/** Why the order that follows a cancel would not be taken: a filter that the exit would break, or no room in the account's limits. */
function followHindrance(line: OrderLine, { follows, sells }: Pick<CancelProtection, 'follows' | 'sells'>): BrokenRule | null {
  if (follows === null) return null;
  const broken = sells === null ? null : brokenBy(line, { side: 'SELL', type: 'MARKET', quantity: sells, price: null, stopPrice: null });
  if (broken !== null) return broken;
  const noRoom = line.keepRoom(follows);
  return noRoom === null ? null : { rule: 'order-limit', reason: noRoom };
}
