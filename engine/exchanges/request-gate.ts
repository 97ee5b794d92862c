/**
 * Every request to a venue passes here. A read first takes request weight, an order first reserves room under the order limits, and while
 * the venue has asked for a pause (429, 418) nothing is sent. The limits are updated by what the venue answers. Orders are decided on at
 * once from what this process knows, because nothing may delay an order whose intent is written.
 */
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import { ExchangeError } from './exchange.ts';
import type { OrderPriority, OrderReservation, Refusal } from './exchange.ts';

export type RequestPriority = 'protect' | 'exit' | 'entry' | 'audit' | 'history';

/** Limits of a window of venue time. */
export interface OrderLimit {
  readonly windowMs: number;
  readonly limit: number;
}

/** Weight of this IP and orders of this account, shared by whoever uses them. */
export interface RequestBudget {
  take(
    weight: number,
    priority: RequestPriority,
  ): Promise<{ readonly granted: true } | { readonly granted: false; readonly retryAfterMs: number; readonly reason: string }>;
  /** `limit`: null while the venue has not told it. */
  observe(used: number, limit: number | null, atVenueMs: number): void;
  /** `untilMs` by this host's clock. */
  blockUntil(untilMs: number, reason: string): Promise<void>;
  silence(): { readonly untilMs: number; readonly reason: string } | null;
  reserveOrders(orders: number, priority: OrderPriority, atVenueMs: number): OrderReservation;
  observeOrders(counts: ReadonlyMap<number, number>, atVenueMs: number): void;
  pauseOrders(windowMs: number | null, atVenueMs: number): void;
  setOrderLimits(limits: readonly OrderLimit[]): void;
  orderLimits(): readonly OrderLimit[];
}

export interface RequestGateOptions {
  readonly budget: RequestBudget;
  readonly clock: Clock;
  readonly venueClock: Pick<VenueClock, 'now'>;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** What an answer says of limits. */
export interface LimitNews {
  readonly usedWeight: number | null;
  /** By window length in ms. */
  readonly orderCounts: ReadonlyMap<number, number>;
  /** Null when the answer was no refusal. */
  readonly refusal: Refusal | null;
}

/** A read waits this long for weight, then fails. */
const patienceMs = 30_000;
/** The pause when the venue asks for one and does not say how long. */
const defaultPauseMs = 60_000;
const publishedWeightLimit = 6_000;
const tooManyOrders = -1015;
const banned = 'HTTP 418';

export class RequestGate {
  readonly #options: RequestGateOptions;
  #weightLimit: number | null = null;

  constructor(options: RequestGateOptions) {
    this.#options = options;
  }

  /** The venue's published limits, from exchangeInfo. */
  setLimits(limits: { readonly weightPerMinute: number | null; readonly orders: readonly OrderLimit[] }): void {
    if (limits.weightPerMinute !== null && limits.weightPerMinute > 0) this.#weightLimit = limits.weightPerMinute;
    if (limits.orders.length > 0) this.#options.budget.setOrderLimits(limits.orders);
  }

  /** Resolves when a read may leave. Throws `ExchangeError` when it would have to wait too long. */
  async admit(what: string, weight: number, priority: RequestPriority): Promise<void> {
    const { budget, clock, metrics } = this.#options;
    const startedAt = clock.monotonic();
    for (;;) {
      const answer = await budget.take(weight, priority);
      const waited = clock.monotonic() - startedAt;
      // The venue may have asked for a pause meanwhile.
      const silent = this.silenceRefusal();
      const refusal = silent ?? (answer.granted ? null : limited(answer));
      if (refusal === null) {
        metrics.rateLimitWait.observe(waited / 1_000);
        return;
      }
      const waitMs = refusal.retryAfterMs ?? 0;
      if (waited + waitMs > patienceMs) {
        metrics.rateLimitWait.observe(waited / 1_000);
        throw new ExchangeError(what, refusal);
      }
      metrics.exchangeBackoff.inc({ market: 'spot' }, waitMs / 1_000);
      await clock.sleep(waitMs);
    }
  }

  /** Room for one request that places `orders`, kept until it is released. */
  reserve(orders: number, priority: OrderPriority): OrderReservation {
    const silent = this.silenceRefusal();
    if (silent !== null) return { granted: false, retryAfterMs: silent.retryAfterMs ?? 0, reason: silent.message };
    return this.#options.budget.reserveOrders(orders, priority, this.#options.venueClock.now());
  }

  /** Why nothing may leave now; null when it may. */
  silenceRefusal(): Refusal | null {
    const { budget, clock, metrics } = this.#options;
    const silence = budget.silence();
    if (silence === null) return null;
    // Another replica may have been told of the ban.
    if (silence.reason.startsWith(banned)) metrics.exchangeBanUntil.set(silence.untilMs / 1_000);
    const leftMs = silence.untilMs - clock.now();
    return {
      httpStatus: 429,
      code: null,
      message: `nothing is sent for ${Math.ceil(leftMs / 1_000)} s because the exchange asked for silence: ${silence.reason}`,
      class: 'rate-limited',
      retryAfterMs: leftMs,
    };
  }

  learn({ usedWeight, orderCounts, refusal }: LimitNews): void {
    const { budget, clock, venueClock, metrics, log } = this.#options;
    const venueMs = venueClock.now();
    if (usedWeight !== null) {
      budget.observe(usedWeight, this.#weightLimit, venueMs);
      metrics.exchangeUsedWeightRatio.set({ market: 'spot' }, usedWeight / (this.#weightLimit ?? publishedWeightLimit));
    }
    if (orderCounts.size > 0) {
      budget.observeOrders(orderCounts, venueMs);
      for (const { windowMs, limit } of budget.orderLimits()) {
        const count = orderCounts.get(windowMs);
        if (count !== undefined) metrics.exchangeOrderCountRatio.set({ window: `${windowMs / 1_000}s` }, count / limit);
      }
    }
    if (refusal === null) return;
    if (refusal.code === tooManyOrders) {
      budget.pauseOrders(windowOf(refusal.message), venueMs);
      log.warn({ message: refusal.message }, 'the exchange takes no more orders until the next window; cancels go on');
      return;
    }
    if (refusal.httpStatus !== 429 && refusal.httpStatus !== 418) return;
    const pauseMs = refusal.retryAfterMs ?? defaultPauseMs;
    const untilMs = clock.now() + pauseMs;
    if (refusal.httpStatus === 418) metrics.exchangeBanUntil.set(untilMs / 1_000);
    log.warn(
      { status: refusal.httpStatus, pauseMs, message: refusal.message },
      'the exchange asks for silence; nothing is requested until then',
    );
    // Noted here before anything is awaited; then the other replicas are told.
    budget
      .blockUntil(untilMs, `HTTP ${refusal.httpStatus}: ${refusal.message}`)
      .catch((error: unknown) => log.warn({ err: error }, 'the silence could not be shared'));
  }
}

function limited({ retryAfterMs, reason }: { readonly retryAfterMs: number; readonly reason: string }): Refusal {
  return { httpStatus: 0, code: null, message: reason, class: 'rate-limited', retryAfterMs };
}

const unitMs: Readonly<Record<string, number>> = { SECOND: 1_000, MINUTE: 60_000, HOUR: 3_600_000, DAY: 86_400_000 };

/** "…current limit is 100 orders per 10 SECOND." */
function windowOf(message: string): number | null {
  const [, count = '1', unit = ''] = /orders per (\d+) (SECOND|MINUTE|HOUR|DAY)/.exec(message) ?? [];
  const length = unitMs[unit];
  return length === undefined ? null : Number(count) * length;
}
