/** Request weight per IP and unfilled orders per account, in windows aligned to the venue's clock; 429 first, then a ban (418). */
import type { BookEvent } from '../engine/matching/matching.ts';
import type { VenueTime } from './venue-time.ts';
import { VenueRefusal } from './refusal.ts';

export interface LimitValues {
  readonly weightPerMinute: number;
  readonly ordersPer10s: number;
  readonly ordersPerDay: number;
}

export const defaultLimits: LimitValues = { weightPerMinute: 6_000, ordersPer10s: 100, ordersPerDay: 200_000 };

/** Requests after a 429 that are still only warned. */
const warningsBeforeBan = 5;
const firstBanMs = 120_000;
/** Unfilled orders that the first fill of an order takes back: a maker's is rewarded. */
const refundOnTakerFill = 1;
const refundOnMakerFill = 5;

export interface OrderCounts {
  readonly short: number;
  readonly day: number;
}

class Window {
  #start = -1;
  #used = 0;
  readonly #lengthMs: number;
  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }
  add(nowMs: number, amount: number): number {
    const start = Math.floor(nowMs / this.#lengthMs);
    if (start !== this.#start) {
      this.#start = start;
      this.#used = 0;
    }
    this.#used = Math.max(0, this.#used + amount);
    return this.#used;
  }
  leftMs(nowMs: number): number {
    return this.#lengthMs - (nowMs % this.#lengthMs);
  }
}

export class Limits {
  readonly values: LimitValues;
  readonly #time: VenueTime;
  readonly #weight = new Window(60_000);
  readonly #orders = new Map<string, { short: Window; day: Window }>();
  #warnings = 0;
  #bannedUntil = 0;
  #requestsInBan = 0;
  #actions = 0;

  constructor(time: VenueTime, values: LimitValues) {
    this.#time = time;
    this.values = values;
  }

  /** Counts the weight of a request; answers what is used this minute. Throws 429, and 418 for who does not listen. */
  spend(weight: number): number {
    const now = this.#time.now();
    if (now < this.#bannedUntil) {
      this.#requestsInBan += 1;
      throw this.#banned(now);
    }
    const used = this.#weight.add(now, weight);
    if (used <= this.values.weightPerMinute) {
      if (used <= weight) this.#warnings = 0;
      return used;
    }
    this.#warnings += 1;
    if (this.#warnings > warningsBeforeBan) {
      this.#bannedUntil = now + firstBanMs;
      throw this.#banned(now);
    }
    throw new VenueRefusal(
      429,
      -1003,
      `Too much request weight used; current limit is ${this.values.weightPerMinute} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.`,
      {
        retryAfterSeconds: Math.ceil(this.#weight.leftMs(now) / 1_000),
      },
    );
  }

  /** Requests that came although their sender was banned. */
  get requestsInBan(): number {
    return this.#requestsInBan;
  }

  /** Signed requests so far that were to change the books, whatever became of them. */
  get actions(): number {
    return this.#actions;
  }

  countAction(): void {
    this.#actions += 1;
  }

  usedWeight(): number {
    return this.#weight.add(this.#time.now(), 0);
  }

  /** Counts weight of what was already let in; never refuses. */
  charge(weight: number): void {
    this.#weight.add(this.#time.now(), weight);
  }

  /** Bans the address for so many seconds from now (a fault). */
  ban(seconds: number): void {
    this.#bannedUntil = this.#time.now() + seconds * 1_000;
  }

  lift(): void {
    this.#bannedUntil = 0;
    this.#warnings = 0;
  }

  /** The first fill of an order takes counts back. */
  note(events: readonly BookEvent[]): void {
    for (const event of events) {
      if (event.type !== 'order' || event.trade === null || !event.trade.quantity.eq(event.order.executedQuantity)) continue;
      this.order(event.order.account, event.trade.isMaker ? -refundOnMakerFill : -refundOnTakerFill);
    }
  }

  /** Counts new unfilled orders. Throws -1015. */
  order(account: string, count: number): OrderCounts {
    const now = this.#time.now();
    const windows = this.#orders.get(account) ?? { short: new Window(10_000), day: new Window(86_400_000) };
    this.#orders.set(account, windows);
    const short = windows.short.add(now, count);
    const day = windows.day.add(now, count);
    if (count > 0 && (short > this.values.ordersPer10s || day > this.values.ordersPerDay)) {
      const [limit, interval, window] =
        short > this.values.ordersPer10s
          ? [this.values.ordersPer10s, '10 SECOND', windows.short]
          : [this.values.ordersPerDay, '1 DAY', windows.day];
      windows.short.add(now, -count);
      windows.day.add(now, -count);
      throw new VenueRefusal(429, -1015, `Too many new orders; current limit is ${limit} orders per ${interval}.`, {
        retryAfterSeconds: Math.ceil(window.leftMs(now) / 1_000),
      });
    }
    return { short, day };
  }

  #banned(now: number): VenueRefusal {
    return new VenueRefusal(
      418,
      -1003,
      `Way too much request weight used; IP banned until ${this.#bannedUntil}. Please use WebSocket Streams for live updates to avoid bans.`,
      {
        retryAfterSeconds: Math.ceil((this.#bannedUntil - now) / 1_000),
      },
    );
  }
}
