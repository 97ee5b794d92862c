/**
 * The orders of one bot that are not over, and the numbers of its attempts. All writes of a bot go through one queue, in order: two
 * paths that learn of the same fill never write at the same time.
 */
import type { Decimal } from 'decimal.js';
import type { OrderReservation, TradingAccount } from '../exchanges/exchange.ts';
import type { ExecutionEvidence, StoredOrder } from '../persistence/order-store.ts';
import type { Fill, OrderOutcome, OrderRole, OrderRule, WorkingRole } from '../trading/events.ts';
import type { PriceBounds } from '../trading/filters.ts';
import type { Instrument } from '../trading/instrument.ts';
import type { PriceWatch } from '../trading/recent-prices.ts';
import type { RestingOrders } from '../trading/protect.ts';
import type { RestingProtection } from '../trading/state.ts';
import type { AccountFacts } from './account-facts.ts';

/** What execution needs of a bot, and how it tells it what happened. Callbacks must not throw. */
export interface BotLink {
  readonly botId: string;
  readonly userId: string;
  readonly epoch: number;
  readonly venue: string;
  readonly mode: 'live' | 'paper';
  readonly installation: string;
  readonly account: TradingAccount;
  /** Null for a paper account, which nobody shares. */
  readonly facts: AccountFacts | null;
  /** Least age before an unanswered order may be declared never placed; 0 where absence is proof (paper). */
  readonly horizonMs: number;
  /** What is left of the bot's lock; null when the lock service does not answer (nobody can take over then). */
  leaseLeftMs(): number | null;
  instrument(): Instrument;
  /** Bounds of the average price that the exchange's filters judge by; null while no price is known. */
  averagePrice(): PriceBounds | null;
  /** The prices that the bot hears from now on; null while it hears none. */
  watchPrices(): PriceWatch | null;
  /** True while the bot has a position. */
  holds(): boolean;
  /** What rests at the exchange while it has one. */
  restsWhenHolding(): RestingOrders;
  /** False when what rests would be taken down for nothing: the exchange's filters would neither let the position be sold nor a stop be placed anew. */
  mayTakeDown(): boolean;
  onFills(fills: readonly Fill[]): void;
  onOrderEnded(order: {
    readonly clientOrderId: string;
    readonly role: WorkingRole;
    readonly decisionMs: number;
    readonly outcome: OrderOutcome;
    readonly reason: string;
    /** Which rule kept it from being sent. */
    readonly rule?: OrderRule;
    /** Free base, when the exchange refused an exit for want of it. */
    readonly available?: Decimal;
  }): void;
  /** An order that was declared never placed exists: nothing more is entered until a user resumes the bot. */
  onLate(reason: string): void;
  /** What rests at the exchange to close the position, whenever that may have changed. */
  onProtection(told: ProtectionNews): void;
  /** Another owner holds the bot: stop without another write or exchange call. */
  onFenced(): void;
  onFault(error: Error): void;
}

export interface ProtectionNews {
  readonly resting: RestingProtection | null;
  /** False while an operation is under way, or it is not known what became of one of the orders. */
  readonly settled: boolean;
  /** An order that binds no coins is not proven to be over. */
  readonly unresolved: boolean;
  /** Why the exchange did not take one of the orders; null when it did not refuse any since the last news. */
  readonly refused: string | null;
}

/** One order that is not over. */
export interface LiveOrder {
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly role: OrderRole;
  readonly decisionMs: number;
  readonly signedTimestampMs: number;
  readonly quantity: Decimal;
  readonly price: Decimal | null;
  readonly stopPrice: Decimal | null;
  readonly slot: number;
  /** By whose filters it was made; null for an order of an earlier owner. */
  readonly instrument: Instrument | null;
  /** Monotonic time after which the exchange no longer accepts it: its receive window is over. */
  readonly acceptedUntil: number;
  /** Monotonic time since when its outcome has not been known; before the start of this process for an order of an earlier owner. */
  openSince: number;
  exchangeOrderId: string | null;
  executedQuantity: Decimal | null;
  /** How the exchange says that it ended, while executions that it implies are not known yet. */
  toldEnd?: Pick<ExecutionEvidence, 'state' | 'proof'>;
  /** Rounds of look-ups after the horizon in which no trace was found. */
  negativeRounds: number;
  /** Monotonic time of the last of them. */
  lastNegativeAt?: number;
  probes: number;
  probeScheduled: boolean;
  /** True while its request is under way: it is not looked up before the answer. */
  awaitingAnswer: boolean;
  /** A stop or target that is known to rest at the exchange and waits for its price. */
  resting: boolean;
  /**
   * It binds no coins: for some seconds a cancel has said that it is not open, although it could no longer arrive, and a query has not
   * found it (for as long as the horizon, when it had been accepted).
   */
  gone: boolean;
  /**
   * Prices since a stop or target was signed, until it is known to rest: null when they are not heard, undefined for orders of an
   * earlier owner.
   */
  prices?: PriceWatch | null;
  /** Called when it is over. */
  onClosed?: () => void;
  /** What the account had free after the exchange refused this exit for want of balance. */
  available?: Decimal;
  /** Since when reads have denied it although it could no longer be accepted (monotonic); null while they have not. */
  deniedSince: number | null;
}

export function isProtective({ role }: Pick<LiveOrder, 'role'>): boolean {
  return role === 'stop' || role === 'target';
}

/** Late news of an order come while its bot places the next few: so many orders are remembered. */
const toldOrdersMax = 16;

export class OrderLine {
  readonly link: BotLink;
  readonly open = new Map<string, LiveOrder>();
  /** Executions that the bot was told of, by order: of those that are open and the latest that are over. */
  readonly #told = new Map<string, Set<string>>();
  /** Attempts of the newest decision per role; decisions never go back in time, so older ones are not needed. */
  readonly #attempts = new Map<OrderRole, { decisionMs: number; attempt: number }>();
  #queue: Promise<void> = Promise.resolve();
  #pending = 0;
  /** Set when the bot left: late answers are still written, nobody is told. */
  detached = false;
  /** Operations on protective orders that have not ended. */
  operations = 0;
  /** Room reserved for the order that follows a cancel under way. */
  #kept: OrderReservation[] = [];
  /** Why the exchange refused a protective order, until the bot was told. */
  refused: string | null = null;
  /** The first round in which the exchange denied these stops; null before it, and again once one is found. */
  denied: { readonly askedAt: number; readonly stops: ReadonlySet<string> } | null = null;

  constructor(link: BotLink, history: readonly Pick<StoredOrder, 'role' | 'decisionMs' | 'attempt'>[]) {
    this.link = link;
    for (const { role, decisionMs, attempt } of history) this.#count(role, decisionMs, attempt);
  }

  /** An order is followed from now on; `known` are the executions that the bot has heard of. */
  follow(live: LiveOrder, known: Iterable<string>): void {
    this.open.set(live.clientOrderId, live);
    this.#told.set(live.clientOrderId, new Set(known));
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= toldOrdersMax) break;
      if (!this.open.has(oldest)) this.#told.delete(oldest);
    }
  }

  /** Ids of the order's executions that the bot has heard of; null when that is not remembered. */
  told(clientOrderId: string): Set<string> | null {
    return this.#told.get(clientOrderId) ?? null;
  }

  /** Number of the next order of this decision and role, from 1. */
  nextAttempt(role: OrderRole, decisionMs: number): number {
    const last = this.#attempts.get(role);
    const attempt = last?.decisionMs === decisionMs ? last.attempt + 1 : 1;
    this.#count(role, decisionMs, attempt);
    return attempt;
  }

  #count(role: OrderRole, decisionMs: number, attempt: number): void {
    const last = this.#attempts.get(role);
    if (last === undefined || decisionMs > last.decisionMs || (decisionMs === last.decisionMs && attempt > last.attempt)) {
      this.#attempts.set(role, { decisionMs, attempt });
    }
  }

  /** Runs one piece of bookkeeping after those before it. A failure goes to the bot as a fault. */
  enqueue(work: () => Promise<void>): void {
    this.#pending += 1;
    this.#queue = this.#queue
      .then(work)
      .catch((error: unknown) => {
        if (!this.detached) this.link.onFault(error instanceof Error ? error : new Error(String(error)));
      })
      .finally(() => {
        this.#pending -= 1;
      });
  }

  get idle(): boolean {
    if (this.#pending > 0 || this.operations > 0) return false;
    for (const live of this.open.values()) if (!live.resting) return false;
    return true;
  }

  /** Keeps room for the orders that follow a cancel. Answers why there is none; null when it is kept. */
  keepRoom(follows: 'exit' | 'protect'): string | null {
    // A stop and a target are two.
    for (const wanted = follows === 'exit' ? 1 : 2; this.#kept.length < wanted; ) {
      const room = this.link.account.reserveOrder(follows);
      if (!room.granted) {
        this.giveBackRoom();
        return room.reason;
      }
      this.#kept.push(room);
    }
    return null;
  }

  /** Room for an order that closes or protects the position: kept, or asked for now. */
  takeRoom(): OrderReservation {
    return this.#kept.pop() ?? this.link.account.reserveOrder('protect');
  }

  giveBackRoom(): void {
    for (const room of this.#kept) if (room.granted) room.release();
    this.#kept = [];
  }

  protective(): readonly LiveOrder[] {
    return [...this.open.values()].filter(isProtective);
  }

  /** What rests, as far as evidence says. */
  protection(): Omit<ProtectionNews, 'refused'> {
    const orders = this.protective().filter((live) => !live.gone);
    const standing = orders.filter((live) => live.resting);
    const stop = standing.findLast((live) => live.role === 'stop');
    const target = standing.findLast((live) => live.role === 'target');
    const one = stop ?? target;
    return {
      resting:
        one === undefined
          ? null
          : {
              quantity: one.quantity.minus(one.executedQuantity ?? 0),
              stopPrice: stop?.stopPrice ?? null,
              targetPrice: target?.price ?? null,
            },
      unresolved: this.protective().some((live) => live.gone),
      settled: this.operations === 0 && standing.length === orders.length && orders.filter((live) => live.role === 'stop').length <= 1,
    };
  }

  /** Tells the bot what rests now. */
  tellProtection(): void {
    if (this.detached) return;
    const told = this.protection();
    // While it is not known what became of the stop that was to be replaced, the refusal of the new one is not told: it may still rest.
    const open = !told.settled && told.resting !== null && told.resting.stopPrice !== null;
    const refused = open ? null : this.refused;
    if (!open) this.refused = null;
    this.link.onProtection({ ...told, refused });
  }

  /** Resolves when everything queued so far has been written. */
  async written(): Promise<void> {
    await this.#queue;
  }
}
