/**
 * The third path of fills: an account's trade history by id, read when the user stream has (re)subscribed and on a timer
 * while bots hold something. Executions that the stream lost are written under the same unique key; those of others are passed over.
 */
import type { Reach } from '../crash-points.ts';
import type { ExchangeFill, TradingAccount, UserEvent, UserEventListener } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { OrderStore, TradingPlace } from '../persistence/order-store.ts';
import type { Safety } from '../safety.ts';
import type { Clock, Timer } from '../time/clock.ts';
import type { Executor } from './executor.ts';
import type { OpenOrders } from './open-orders.ts';

export interface AccountAuditOptions {
  readonly account: TradingAccount;
  readonly venue: string;
  readonly executor: Executor;
  readonly store: OrderStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly intervalMs: number;
  readonly reach: Reach;
  readonly safety: Safety;
  /** Symbols on which a bot of this process holds a position or has an order that is not over. */
  exposedSymbols(): Iterable<string>;
  /** The user stream tells that the account's balances have changed. */
  onBalancesChanged(): void;
  /** Gets the stream's events; when the stream has subscribed again, history is read. */
  readonly openOrders: OpenOrders | null;
  /** Trades were seen that belong to no order on record: of a person, or of an order of ours that is not known. */
  onUnknownTrades(symbol: string): void;
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

export class AccountAudit implements UserEventListener {
  readonly #options: AccountAuditOptions;
  readonly #places = new Map<string, PlaceInHistory>();
  /** When a symbol was last searched because of unknown trades (monotonic). */
  readonly #toldUnknownAt = new Map<string, number>();
  #timer: Timer | null = null;
  #stream: { stop(): Promise<void> } | null = null;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  #streaming = false;

  constructor(options: AccountAuditOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stream = this.#options.account.listen(this);
    this.#timer = this.#options.clock.every(this.#options.intervalMs, () => void this.run(this.#options.exposedSymbols()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#stream?.stop();
    await this.#running;
  }

  /** True while a user-data subscription stands. */
  get streaming(): boolean {
    return this.#streaming;
  }

  onEvent(event: UserEvent): void {
    if (event.type === 'balances-changed') this.#options.onBalancesChanged();
    this.#options.openOrders?.onEvent(event);
    this.#options.executor.onUserEvent(event);
  }

  onSubscribed(): void {
    this.#streaming = true;
    void this.#options.openOrders?.refresh();
    void this.run(this.#options.exposedSymbols());
  }

  onLost(reason: string): void {
    this.#streaming = false;
    this.#options.log.warn(
      { account: this.#options.account.name, reason },
      'the user data stream is interrupted; history is read when it is back',
    );
  }

  /** Reads the trades of the symbols since the last one seen and hands over those of our orders. One audit at a time. */
  run(symbols: Iterable<string>): Promise<void> {
    if (!this.#options.safety.audit) return Promise.resolve();
    const wanted = [...new Set(symbols)];
    this.#running = this.#running.then(async () => {
      for (const symbol of wanted) {
        if (this.#stopped) return;
        try {
          await this.#auditSymbol(symbol);
          this.#options.metrics.reconcileRuns.inc({ result: 'ok' });
        } catch (error) {
          this.#options.metrics.reconcileRuns.inc({ result: 'failed' });
          this.#options.log.warn(
            { err: error, account: this.#options.account.name, symbol },
            'the trade history could not be audited; the next audit goes on from the same trade',
          );
        }
      }
    });
    return this.#running;
  }

  async #auditSymbol(symbol: string): Promise<void> {
    const { account, store, clock } = this.#options;
    const now = clock.monotonic();
    const place = this.#places.get(symbol) ?? {
      readTo: await store.lastTradeId(this.#placeOf(symbol), clock.now() - overlapMs),
      seenAt: new Map<string, number>(),
    };
    this.#places.set(symbol, place);
    let from = place.readTo === null ? null : (BigInt(place.readTo) + 1n).toString();
    for (let page = 0; page < maxPages; page += 1) {
      const fills = await account.fillsSince(symbol, from);
      this.#options.reach('CP12');
      await this.#handOver(
        symbol,
        fills.filter((fill) => !place.seenAt.has(sideOf(fill))),
      );
      for (const fill of fills) if (!place.seenAt.has(sideOf(fill))) place.seenAt.set(sideOf(fill), now);
      const last = fills.at(-1)?.tradeId;
      if (last === undefined || fills.length < pageSize) break;
      // The next audit goes on from here. The last trade is asked for again: two of our orders may have matched, and the other side would be on the next page.
      place.readTo = (BigInt(last) - 1n).toString();
      from = last;
    }
    settle(place, now - overlapMs);
  }

  #placeOf(symbol: string): TradingPlace {
    const { account, venue } = this.#options;
    return { venue, account: account.name, market: 'spot', symbol };
  }

  async #handOver(symbol: string, fills: readonly ExchangeFill[]): Promise<void> {
    if (fills.length === 0) return;
    const byOrder = Map.groupBy(fills, (fill) => fill.orderId);
    const orders = await this.#options.store.byExchangeId(this.#placeOf(symbol), [...byOrder.keys()]);
    for (const order of orders) {
      const own = order.exchangeOrderId === null ? undefined : byOrder.get(order.exchangeOrderId);
      if (own !== undefined) this.#options.executor.recordHistory(order, own);
    }
    if (orders.length < byOrder.size) this.#tellUnknown(symbol);
  }

  #tellUnknown(symbol: string): void {
    const now = this.#options.clock.monotonic();
    if (now - (this.#toldUnknownAt.get(symbol) ?? Number.NEGATIVE_INFINITY) < tellUnknownMs) return;
    this.#toldUnknownAt.set(symbol, now);
    this.#options.onUnknownTrades(symbol);
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
