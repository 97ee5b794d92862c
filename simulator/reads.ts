/**
 * Orders and trades as queries show them: the books themselves, or (fault `reads-lag`) the books as they were a while ago,
 * because the venue answers queries from a copy that follows its matching.
 */
import type { BookEvent, BookOrder, BookTrade, CancelTarget } from '../engine/matching/matching.ts';
import type { Exchange } from './exchange.ts';
import type { Faults } from './faults.ts';
import type { VenueTime } from './venue-time.ts';

/** Orders whose earlier states are remembered. */
const rememberedMax = 20_000;

export class Reads {
  readonly #exchange: Exchange;
  readonly #faults: Faults;
  readonly #time: VenueTime;
  /** States of an order, oldest first. */
  readonly #states = new Map<string, BookOrder[]>();

  constructor(exchange: Exchange, faults: Faults, time: VenueTime) {
    this.#exchange = exchange;
    this.#faults = faults;
    this.#time = time;
    exchange.listen((events) => this.#remember(events));
  }

  order(account: string, symbol: string, target: CancelTarget): BookOrder | null {
    const order = this.#exchange.matching.order(account, symbol, target);
    return order === null ? null : this.#shown(order);
  }

  orders(account: string, symbol: string): readonly BookOrder[] {
    return this.#exchange.matching.orders(account, symbol).flatMap((order) => this.#shown(order) ?? []);
  }

  openOrders(account: string, symbol: string | null): readonly BookOrder[] {
    if (this.#faults.peek('reads-lag') === null) return this.#exchange.matching.openOrders(account, symbol);
    const symbols = symbol === null ? this.#exchange.symbols : [symbol];
    return symbols.flatMap((one) => this.orders(account, one)).filter(({ status }) => status === 'NEW' || status === 'PARTIALLY_FILLED');
  }

  trades(account: string, symbol: string): readonly BookTrade[] {
    const until = this.#until();
    return this.#exchange.matching.trades(account, symbol).filter((trade) => trade.atMs <= until);
  }

  /** Newest venue time that queries know of. */
  #until(): number {
    const lag = this.#faults.peek('reads-lag');
    return lag === null ? Infinity : this.#time.now() - lag.ms;
  }

  #shown(order: BookOrder): BookOrder | null {
    const until = this.#until();
    if (order.updatedAtMs <= until) return order;
    if (order.createdAtMs > until) return null;
    return this.#states.get(keyOf(order))?.findLast((state) => state.updatedAtMs <= until) ?? order;
  }

  #remember(events: readonly BookEvent[]): void {
    for (const event of events) {
      if (event.type !== 'order') continue;
      const key = keyOf(event.order);
      const states = this.#states.get(key);
      if (states === undefined) this.#states.set(key, [event.order]);
      else states.push(event.order);
    }
    for (const key of this.#states.keys()) {
      if (this.#states.size <= rememberedMax) return;
      this.#states.delete(key);
    }
  }
}

function keyOf({ account, symbol, orderId }: BookOrder): string {
  return `${account} ${symbol} ${orderId}`;
}
