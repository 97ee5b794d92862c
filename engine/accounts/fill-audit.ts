/**
 * The third path of fills: an account's trade history by id, read when the user stream has (re)subscribed and on a timer
 * while bots hold something. Executions that the stream lost are written under the same unique key; those of others are passed over.
 */
import type { Reach } from '../crash-points.ts';
import type { ExchangeFill, TradingAccount } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { OrderDesk } from '../orders/order-desk.ts';
import type { OrderStore, TradingPlace } from '../persistence/order-store.ts';
import type { Safety } from '../safety.ts';
import type { Clock } from '../time/clock.ts';
import { Turns } from '../time/waiting.ts';

export interface FillAuditOptions {
  readonly account: Pick<TradingAccount, 'name' | 'fillsSince'>;
  readonly venue: string;
  readonly desk: Pick<OrderDesk, 'recordHistory'>;
  readonly orders: Pick<OrderStore, 'lastTradeId' | 'byExchangeId'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly reach: Reach;
  readonly safety: Safety;
}

/** Pages of history that one audit of one symbol reads at most; the next audit goes on from there. */
const maxPages = 20;
const pageSize = 1_000;
/**
 * History may show an execution later than its successor, and the stream may tell the successor alone: what is younger than this is
 * asked for again (the exchange's reads can lag by tens of seconds).
 */
const overlapMs = 60_000;
/** Somebody who trades by hand on the account must not cause a search for each of their trades. */
const tellUnknownMs = 60_000;

export class FillAudit {
  readonly #options: FillAuditOptions;
  readonly #places = new Map<string, PlaceInHistory>();
  /** When a symbol's unknown trades were last told (monotonic). */
  readonly #toldUnknownAt = new Map<string, number>();
  readonly #turns = new Turns();
  #stopped = false;

  constructor(options: FillAuditOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when what was under way has ended. */
  async settled(): Promise<void> {
    await this.#turns.over();
  }

  /**
   * Reads the trades of the symbol since the last one seen and hands over those of our orders. One audit at a time. True when some belong to
   * no order on record (they are of a person, or of an order of ours that is not known) and that was not answered a short time ago.
   */
  run(symbol: string): Promise<boolean> {
    if (!this.#options.safety.audit) return Promise.resolve(false);
    return this.#turns.take(async () => {
      if (this.#stopped) return false;
      try {
        const unknown = await this.#auditSymbol(symbol);
        this.#options.metrics.reconcileRuns.inc({ result: 'ok' });
        return unknown;
      } catch (error) {
        this.#options.metrics.reconcileRuns.inc({ result: 'failed' });
        this.#options.log.warn(
          { err: error, account: this.#options.account.name, symbol },
          'the trade history could not be audited; the next audit goes on from the same trade',
        );
        return false;
      }
    });
  }

  /** Answers whether trades that nobody knows are to be told. */
  async #auditSymbol(symbol: string): Promise<boolean> {
    const { account, orders, clock } = this.#options;
    const now = clock.monotonic();
    const place = this.#places.get(symbol) ?? {
      readTo: await orders.lastTradeId(this.#placeOf(symbol), clock.now() - overlapMs),
      seenAt: new Map<string, number>(),
    };
    this.#places.set(symbol, place);
    let from = place.readTo === null ? null : (BigInt(place.readTo) + 1n).toString();
    let unknown = false;
    for (let page = 0; page < maxPages; page += 1) {
      const fills = await account.fillsSince(symbol, from);
      this.#options.reach('CP12');
      const fresh = fills.filter((fill) => !place.seenAt.has(sideOf(fill)));
      if (!(await this.#handOver(symbol, fresh)) && this.#mayTellUnknown(symbol)) unknown = true;
      for (const fill of fills) if (!place.seenAt.has(sideOf(fill))) place.seenAt.set(sideOf(fill), now);
      const last = fills.at(-1)?.tradeId;
      if (last === undefined || fills.length < pageSize) break;
      // The next audit goes on from here. The last trade is asked for again: two of our orders may have matched, and the other side would be on the next page.
      place.readTo = (BigInt(last) - 1n).toString();
      from = last;
    }
    settle(place, now - overlapMs);
    return unknown;
  }

  #placeOf(symbol: string): TradingPlace {
    const { account, venue } = this.#options;
    return { venue, account: account.name, market: 'spot', symbol };
  }

  /** False when some of them belong to no order on record. */
  async #handOver(symbol: string, fills: readonly ExchangeFill[]): Promise<boolean> {
    if (fills.length === 0) return true;
    const byOrder = Map.groupBy(fills, (fill) => fill.orderId);
    const orders = await this.#options.orders.byExchangeId(this.#placeOf(symbol), [...byOrder.keys()]);
    for (const order of orders) {
      const own = order.exchangeOrderId === null ? undefined : byOrder.get(order.exchangeOrderId);
      if (own !== undefined) this.#options.desk.recordHistory(order, own);
    }
    return orders.length === byOrder.size;
  }

  #mayTellUnknown(symbol: string): boolean {
    const now = this.#options.clock.monotonic();
    if (now - (this.#toldUnknownAt.get(symbol) ?? Number.NEGATIVE_INFINITY) < tellUnknownMs) return false;
    this.#toldUnknownAt.set(symbol, now);
    return true;
  }
}

/** How far the trade history of a symbol has been read. */
interface PlaceInHistory {
  /** Nothing up to this trade id is asked for again; null before the first. */
  readTo: string | null;
  /** When younger ones were handed over (monotonic), by `sideOf`. */
  readonly seenAt: Map<string, number>;
}

/** Two orders of one account that match each other share the trade id. */
function sideOf({ tradeId, orderId }: ExchangeFill): string {
  return `${tradeId} ${orderId}`;
}

/** What was seen before then is not asked for again. */
function settle(place: PlaceInHistory, beforeMs: number): void {
  for (const [side, atMs] of place.seenAt) {
    if (atMs > beforeMs) continue;
    place.seenAt.delete(side);
    const [tradeId = ''] = side.split(' ');
    if (place.readTo === null || BigInt(tradeId) > BigInt(place.readTo)) place.readTo = tradeId;
  }
}
