/**
 * Stops and targets at the exchange. A stop with its target is placed in one request, a stop alone is replaced in one request, a cancel is
 * repeated until it is proven, and one read checks the stops of many bots. Each order has its intent in the database before it is sent.
 */
import type { Reach } from '../crash-points.ts';
import type { CancelOutcome, ExchangeOrder, OcoLeg, OrderRequest } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Intent } from '../persistence/commit-intents.ts';
import type { Safety } from '../safety.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import type { PutProtection } from '../trading/events.ts';
import type { OrderType } from '../trading/instrument.ts';
import type { Bookkeeper } from './bookkeeper.ts';
import { parseClientOrderId } from './client-order-id.ts';
import { intentOf, openedAt, preventionOf, signedWindow } from './new-orders.ts';
import type { OrderLines } from './order-lines.ts';
import { isProtective } from './order-line.ts';
import type { LiveOrder, OrderLine } from './order-line.ts';
import { brokenBy, hasRoomToReplace } from './order-rules.ts';
import type { Outgoing, Sender, SentOutcome } from './send.ts';

/** What an order of an operation is made of. */
export interface OrderDraft {
  readonly role: 'stop' | 'target';
  readonly type: OrderType;
  readonly price: PutProtection['plan']['limitPrice'];
  readonly stopPrice: PutProtection['plan']['limitPrice'];
  readonly slot: number;
}

/** A draft with its number, its place in the line and its signature. */
interface PreparedOrders {
  readonly lives: readonly [LiveOrder, ...LiveOrder[]];
  /** Commits, sends and records; resolves when what is known of every order is written. */
  send(transmit: Outgoing['transmit']): Promise<void>;
  /** Resolves when evidence has ended every order, whether an answer came or not. */
  readonly over: Promise<void>;
}

export interface ProtectorOptions {
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly reach: Reach;
  readonly safety: Safety;
  readonly recvWindowMs: number;
  readonly bookkeeper: Bookkeeper;
  readonly sender: Sender;
  /** By bot: those of this process. */
  readonly lines: OrderLines;
}

/** Two rounds of denials count when they lie this far apart: the exchange's reads lag. */
export const denialsApartMs = 3_000;
/** Pauses between two rounds of cancelling. */
const cancelPausesMs = [100, 200, 400, 800, 1_600, 3_000] as const;
/** How long the exchange's reads may lag behind a stop whose answer never came. */
const unheardMayLagMs = 3_000;
const failedLookPauseMs = 5_000;

export class Protector {
  readonly #options: ProtectorOptions;
  readonly #cancelling = new Set<OrderLine>();

  constructor(options: ProtectorOptions) {
    this.#options = options;
  }

  put(line: OrderLine, command: PutProtection): void {
    void this.#during(line, command.type === 'place-protection' ? this.#place(line, command) : this.#replace(line, command));
  }

  /** Cancels the position's stop and target; ends when each is proven to be over, or to bind no coins. */
  cancel(line: OrderLine): void {
    if (this.#cancelling.has(line)) return;
    this.#cancelling.add(line);
    void this.#during(
      line,
      this.#cancelAll(line).finally(() => this.#cancelling.delete(line)),
    );
  }

  /**
   * Checks whether the stops and targets that should rest do: one read per account and symbol, however many bots. Those that are missing
   * are looked up by their ids. Where the exchange could not be read, the check is made again soon.
   */
  async verify(lines: Iterable<OrderLine>): Promise<void> {
    const { clock, log } = this.#options;
    const groups = Map.groupBy(
      // For a symbol that is not listed any more the exchange answers with an error.
      [...lines].filter(
        (line) => !line.detached && line.link.instrument().status !== 'DELISTED' && line.protective().some((live) => live.resting),
      ),
      (line) => `${line.link.account.name} ${line.link.instrument().symbol}`,
    );
    await Promise.all(
      [...groups.values()].map(async (group) => {
        const [first] = group;
        if (first === undefined) return;
        const { symbol } = first.link.instrument();
        // Orders that are placed while the read is under way need not be in it.
        const asked = group.flatMap((line) => line.protective().flatMap((live) => (live.resting ? [{ line, live }] : [])));
        try {
          const orders = await first.link.account.openOrders(symbol);
          for (const order of orders) await this.#noticeUnexpected(group, order);
          const open = new Set(orders.map((order) => order.clientOrderId));
          for (const { line, live } of asked) if (!open.has(live.clientOrderId)) await this.#lookForMissing(line, live);
        } catch (error) {
          log.warn({ err: error, symbol, bots: group.length }, 'protective orders could not be verified; they are looked at again');
          clock.after(failedLookPauseMs, () => void this.verify(group));
        }
      }),
    );
  }

  /** An order of ours that is open and that its bot does not know of: the rows decide. */
  async #noticeUnexpected(lines: readonly OrderLine[], order: ExchangeOrder): Promise<void> {
    const parts = parseClientOrderId(order.clientOrderId);
    if (parts === null || (parts.role !== 'stop' && parts.role !== 'target')) return;
    const line = lines.find(({ link }) => link.botId === parts.botId && link.installation === parts.installation);
    if (line !== undefined && !line.open.has(order.clientOrderId)) await this.#record(line, order, { verified: order.status });
  }

  /** As `OrderDesk.stopDenied`: the order query and the open orders must both deny, twice, each stop (and its target) that is not known to rest. */
  async stopDenied(line: OrderLine, sinceMs: number): Promise<boolean> {
    const { clock, bookkeeper } = this.#options;
    const { account, botId, installation } = line.link;
    const open = (): readonly LiveOrder[] => line.protective().filter((live) => !live.resting && !live.gone);
    const isOwn = ({ clientOrderId }: ExchangeOrder): boolean => {
      const parts = parseClientOrderId(clientOrderId);
      return parts?.botId === botId && parts.installation === installation && isProtective(parts);
    };
    const askedAt = clock.monotonic();
    const asked = open();
    let found = false;
    let rests = false;
    for (const order of (await account.openOrders(line.link.instrument().symbol)).filter(isOwn)) {
      if (line.open.get(order.clientOrderId)?.resting === true) {
        rests = true;
        continue;
      }
      await this.#record(line, order, { asked: order.status });
      // For an order that is over in the rows, the open orders showed an older state.
      found ||= line.open.has(order.clientOrderId);
    }
    for (const live of asked) {
      if (!line.open.has(live.clientOrderId) || live.resting) continue;
      if (await bookkeeper.find(line, live)) found = true;
      // A cancel may count these denials, too.
      else if (askedAt > live.acceptedUntil) live.deniedSince ??= clock.monotonic();
    }
    // The bot may not have been told of it yet (while it recovers it waits for the rows of others). What rests may still be too little.
    if (rests) line.tellProtection();
    if (found) {
      line.denied = null;
      return false;
    }
    // A stop that was placed meanwhile has not been asked about.
    if (open().some((live) => !asked.includes(live))) return false;
    const first = line.denied;
    if (first === null || first.askedAt < sinceMs || asked.some((live) => !first.stops.has(live.clientOrderId))) {
      line.denied = { askedAt, stops: new Set(asked.map((live) => live.clientOrderId)) };
      return false;
    }
    return askedAt - first.askedAt >= denialsApartMs;
  }

  async #lookForMissing(line: OrderLine, live: LiveOrder): Promise<void> {
    const known = await this.#options.bookkeeper.find(line, live);
    if (known || !line.open.has(live.clientOrderId)) return;
    this.#options.log.error(
      { botId: line.link.botId, clientOrderId: live.clientOrderId },
      'the exchange no longer knows a protective order that it had accepted',
    );
    live.resting = false;
    this.#options.bookkeeper.lookSoon(line, live);
    line.tellProtection();
  }

  async #during(line: OrderLine, operation: Promise<void>): Promise<void> {
    line.operations += 1;
    try {
      await operation;
      await line.written();
    } catch (error) {
      if (!line.detached) line.link.onFault(error instanceof Error ? error : new Error(String(error)));
    } finally {
      line.operations -= 1;
    }
    line.tellProtection();
    // The bot was told of it just now, and has decided what follows.
    if (line.operations === 0) line.giveBackRoom();
  }

  /** The orders of one operation; from now on the bot's line follows them. */
  #prepare(line: OrderLine, command: PutProtection, drafts: readonly [OrderDraft, ...OrderDraft[]]): PreparedOrders {
    const { clock, sender, bookkeeper } = this.#options;
    const signed = signedWindow(line.link, this.#options);
    const signedAt = clock.monotonic();
    const prepareOne = (draft: OrderDraft): { readonly intent: Intent; readonly live: LiveOrder } => {
      const intent = intentOf(line, command, { ...draft, side: 'SELL', quantity: command.plan.quantity }, signed);
      const live = openedAt(signedAt, intent, signed.recvWindowMs, { awaitingAnswer: true, instrument: line.link.instrument() });
      live.prices = line.link.watchPrices();
      line.follow(live, []);
      return { intent, live };
    };
    const [draft, ...others] = drafts;
    const first = prepareOne(draft);
    const rest = others.map(prepareOne);
    const lives = [first.live, ...rest.map(({ live }) => live)] as const;
    const intents = [first.intent, ...rest.map(({ intent }) => intent)] as const;
    // Counted under the venue's limit, but sent in any case: when there is no room even for protection, the exchange says so.
    const rooms = drafts.map(() => line.takeRoom());
    return {
      lives,
      over: Promise.all(lives.map((live) => new Promise<void>((resolve) => (live.onClosed = resolve)))).then(() => undefined),
      async send(transmit) {
        const result = await sender.submit({ intents, transmit, signedAt, triggeredAt: null, mode: line.link.mode });
        for (const room of rooms) if (room.granted) room.release();
        bookkeeper.onSent(line, lives, result);
        await line.written();
      },
    };
  }

  /** Writes the exchange's view of an order. */
  async #record(line: OrderLine, order: ExchangeOrder, proof: Record<string, unknown>): Promise<void> {
    line.enqueue(() => this.#options.bookkeeper.recordOrder(line, order, [], 'ack', proof));
    await line.written();
  }

  /** An order that the exchange would refuse is not sent: the bot hears that nothing new rests, and decides again at the next event. */
  #broken(line: OrderLine, quantity: PutProtection['plan']['quantity'], drafts: readonly OrderDraft[]): boolean {
    for (const { type, price, stopPrice } of drafts) {
      const broken = brokenBy(line, { side: 'SELL', type, quantity, price, stopPrice });
      if (broken === null) continue;
      this.#options.log.warn({ botId: line.link.botId, ...broken }, 'a stop or target is not sent, because the exchange would refuse it');
      return true;
    }
    return false;
  }

  async #place(line: OrderLine, command: PutProtection): Promise<void> {
    const { reach } = this.#options;
    const { plan } = command;
    reach('CP9');
    const stop = stopDraft(command, freeSlot(line));
    const target: OrderDraft | null =
      plan.targetPrice === null ? null : { role: 'target', type: 'LIMIT_MAKER', price: plan.targetPrice, stopPrice: null, slot: 0 };
    const broken = this.#broken(line, plan.quantity, target === null ? [stop] : [stop, target]);
    if (broken) return;
    const orders = this.#prepare(line, command, target === null ? [stop] : [stop, target]);
    const { account } = line.link;
    const [below, above] = orders.lives;
    const { symbol } = below;
    const sent = orders.send(async (signed) => {
      if (above === undefined || target === null)
        return [await account.placeOrder(requestOf(below, stop), signed, null).finally(() => reach('CP10'))];
      const legs = { above: legOf(above, target), below: legOf(below, stop) };
      const oco = { symbol, side: 'SELL', quantity: plan.quantity, selfTradePrevention: preventionOf('stop'), ...legs } as const;
      const outcome = await account.placeOco(oco, signed);
      reach('CP10');
      if (outcome.kind !== 'accepted') return [outcome, outcome];
      return [below, above].map((live): SentOutcome => {
        const order = outcome.orders.find((one) => one.clientOrderId === live.clientOrderId);
        const refusal = {
          httpStatus: 200,
          code: null,
          message: 'the answer does not tell of this order',
          class: 'malformed-answer',
        } as const;
        return order === undefined ? { kind: 'unknown', refusal } : { kind: 'accepted', order, fills: [] };
      });
    });
    // When the orders are over before the answer comes (somebody cancelled them, or they executed at once), the answer is not waited for.
    await Promise.race([sent, orders.over]);
  }

  async #replace(line: OrderLine, command: PutProtection): Promise<void> {
    const { reach } = this.#options;
    const standing = line.protective().find((live) => live.role === 'stop' && live.resting);
    // The stop ended in the same moment in which this was decided: the bot is told and decides again.
    if (standing === undefined) return;
    const draft = stopDraft(command, 1 - standing.slot);
    if (this.#broken(line, command.plan.quantity, [draft])) return;
    // The exchange checks its limits while the old stop still counts. When all places are taken, the old one is cancelled first and the bot
    // places the new one then.
    if (!hasRoomToReplace(line, this.#options.lines.besides(line)))
      return line.keepRoom('protect') === null ? this.#cancelAll(line) : undefined;
    const orders = this.#prepare(line, command, [draft]);
    const half: { cancel: CancelOutcome | 'not-sent' | 'unheard' } = { cancel: 'not-sent' };
    const sent = orders.send(async (signed) => {
      half.cancel = 'unheard';
      const answer = line.link.account.replaceOrder(standing.clientOrderId, requestOf(orders.lives[0], draft), signed);
      reach('CP11');
      const outcome = await answer;
      half.cancel = outcome.cancel;
      if (outcome.place.kind !== 'not-attempted') return [outcome.place];
      const why = outcome.cancel.kind === 'refused' ? outcome.cancel.refusal.message : 'its cancel failed';
      return [{ kind: 'not-attempted', reason: `the stop that it replaces could not be cancelled: ${why}` }];
    });
    // When the user stream says that the new stop is over, the answer is not waited for: the position is, or soon will be, without a stop.
    await Promise.race([sent, orders.over]);
    if (half.cancel === 'unheard') void sent.then(() => this.#settleCancelled(line, standing, half.cancel));
    await this.#settleCancelled(line, standing, half.cancel);
  }

  /** Writes what a cancel proved of the order. */
  async #settleCancelled(line: OrderLine, live: LiveOrder, outcome: CancelOutcome | 'not-sent' | 'unheard'): Promise<void> {
    if (outcome === 'not-sent') return;
    if (outcome !== 'unheard' && outcome.kind === 'cancelled') {
      for (const order of outcome.orders) await this.#record(line, order, { cancelled: order.status });
      return;
    }
    if (!line.open.has(live.clientOrderId)) return;
    live.resting = false;
    this.#options.bookkeeper.lookSoon(line, live);
  }

  async #cancelAll(line: OrderLine): Promise<void> {
    const { clock, log } = this.#options;
    /** Asked to be cancelled, and not seen since. */
    const unseen = new Set<LiveOrder>();
    for (let round = 0; ; round += 1) {
      const left = line.protective().filter((live) => !live.gone);
      if (left.length === 0 || line.detached) return;
      // It may have waited for long until it is known what became of the orders, or the first cancels came to nothing.
      if (unseen.size === 0 && !line.link.mayTakeDown()) return;
      const leaseLeftMs = line.link.leaseLeftMs();
      // When the lock is lost, another engine may have placed the stop that this would cancel.
      if (leaseLeftMs === null || leaseLeftMs > 0) {
        for (const live of left) {
          try {
            if (!this.#canAsk(line, live)) continue;
            unseen.add(live);
            if (await this.#cancelOne(line, live)) unseen.delete(live);
          } catch (error) {
            log.warn(
              { err: error, botId: line.link.botId, clientOrderId: live.clientOrderId },
              'a protective order could not be cancelled; trying again',
            );
          }
        }
      }
      if (line.protective().every((live) => live.gone)) return;
      await clock.sleep(cancelPausesMs[Math.min(round, cancelPausesMs.length - 1)] ?? 1_600);
    }
  }

  #canAsk(line: OrderLine, live: LiveOrder): boolean {
    return !live.awaitingAnswer && line.open.has(live.clientOrderId);
  }

  /** True when the exchange has shown what the order is after it. */
  async #cancelOne(line: OrderLine, live: LiveOrder): Promise<boolean> {
    const { bookkeeper, clock, safety } = this.#options;
    const askedAt = clock.monotonic();
    const tooLate = askedAt > live.acceptedUntil;
    const outcome = await line.link.account.cancelOrder(live.symbol, live.clientOrderId, signedWindow(line.link, this.#options));
    if (outcome.kind === 'cancelled') {
      for (const order of outcome.orders) await this.#record(line, order, { cancelled: order.status });
      return true;
    }
    // Filled, cancelled (by the other order of its pair, or by somebody), or never placed: the look-up tells which.
    const known = await bookkeeper.find(line, live);
    const denied = outcome.kind === 'refused' && outcome.refusal.class === 'not-found';
    if (known || !denied || !tooLate) return known;
    live.deniedSince ??= clock.monotonic();
    // An order that had been accepted is over, perhaps filled, and lagging reads may show that as late as the horizon. An order that was
    // never answered can have been filled only if the price has reached it; if not, the wait is short, because nothing protects the position.
    const { horizonMs } = line.link;
    const mayHaveEnded = live.exchangeOrderId !== null || mayHaveFilled(live);
    const mayLagMs = mayHaveEnded ? horizonMs : Math.min(unheardMayLagMs, horizonMs);
    // A denial counts from when it was asked for, not from when the answer came.
    live.gone = !safety.horizon || mayLagMs === 0 || askedAt - live.deniedSince >= mayLagMs;
    return false;
  }
}

/**
 * Whether the price has reached the order since it was signed. For an order of an earlier owner that is not known, and it counts as not
 * reached: the take-over took some time as well.
 */
function mayHaveFilled({ role, price, stopPrice, prices }: LiveOrder): boolean {
  if (prices === undefined) return false;
  if (prices === null || prices.gapped) return true;
  return role === 'target' ? price !== null && prices.high >= price.toNumber() : stopPrice !== null && prices.low <= stopPrice.toNumber();
}

function freeSlot(line: OrderLine): number {
  return line.protective().some((live) => live.role === 'stop' && live.slot === 0) ? 1 : 0;
}

function stopDraft({ plan }: PutProtection, slot: number): OrderDraft {
  return { role: 'stop', type: plan.stopType, price: plan.limitPrice, stopPrice: plan.stopPrice, slot };
}

function legOf({ clientOrderId }: LiveOrder, { type, price, stopPrice }: OrderDraft): OcoLeg {
  return {
    clientOrderId,
    type,
    ...(price === null ? {} : { price }),
    ...(stopPrice === null ? {} : { stopPrice }),
    ...(type === 'STOP_LOSS_LIMIT' ? { timeInForce: 'GTC' as const } : {}),
  };
}

function requestOf(live: LiveOrder, draft: OrderDraft): OrderRequest {
  return {
    symbol: live.symbol,
    side: 'SELL',
    quantity: live.quantity,
    selfTradePrevention: preventionOf(live.role),
    ...legOf(live, draft),
  };
}
