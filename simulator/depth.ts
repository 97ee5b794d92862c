/**
 * The order book as the wire shows it: at the best price what one order can take there, behind it what rests of accounts. Who
 * follows it by its changes and who reads it whole see the same numbers.
 */
import { Decimal } from 'decimal.js';
import type { BookOrder } from '../engine/matching/matching.ts';
import type { Exchange } from './exchange.ts';

/** Best first. */
export type Levels = readonly (readonly [price: Decimal, quantity: Decimal])[];

export interface Depth {
  readonly updateId: number;
  readonly bids: Levels;
  readonly asks: Levels;
}

/** What changed with `updateId`: levels that are new or different, with 0 where one is gone. */
export type DepthChange = Depth;

const empty: Depth = { updateId: 0, bids: [], asks: [] };

export class Depths {
  readonly #exchange: Exchange;
  readonly #accounts: readonly string[];
  readonly #bySymbol = new Map<string, Depth>();

  constructor(exchange: Exchange, accounts: readonly string[]) {
    this.#exchange = exchange;
    this.#accounts = accounts;
  }

  of(symbol: string): Depth {
    this.refresh(symbol);
    return this.#bySymbol.get(symbol) ?? empty;
  }

  /** Looks at the books again; null when nothing is different. */
  refresh(symbol: string): DepthChange | null {
    const before = this.#bySymbol.get(symbol) ?? empty;
    const { bids, asks } = this.#read(symbol);
    const changed = { bids: changes(before.bids, bids), asks: changes(before.asks, asks) };
    if (changed.bids.length === 0 && changed.asks.length === 0) return null;
    const updateId = before.updateId + 1;
    this.#bySymbol.set(symbol, { updateId, bids, asks });
    return { updateId, ...changed };
  }

  #read(symbol: string): { readonly bids: Levels; readonly asks: Levels } {
    const { matching } = this.#exchange;
    const tick = matching.lastTick(symbol);
    const offered = this.#exchange.offered(symbol);
    const resting = this.#accounts
      .flatMap((account) => matching.openOrders(account, symbol))
      .filter(({ working, price }) => working && price.gt(0));
    const side = (of: BookOrder['side'], best: Decimal | undefined): Levels => {
      const levels = new Map<string, Decimal>();
      if (best?.gt(0) === true) levels.set(best.toFixed(), offered);
      for (const order of resting) {
        if (order.side !== of) continue;
        const key = order.price.toFixed();
        levels.set(key, (levels.get(key) ?? new Decimal(0)).plus(order.quantity).minus(order.executedQuantity));
      }
      const sorted = [...levels].map(([price, quantity]) => [new Decimal(price), quantity] as const);
      return sorted.sort(([a], [b]) => (of === 'BUY' ? b.cmp(a) : a.cmp(b)));
    };
    return { bids: side('BUY', tick?.bid), asks: side('SELL', tick?.ask) };
  }
}

function changes(before: Levels, after: Levels): Levels {
  const old = new Map(before.map(([price, quantity]) => [price.toFixed(), quantity]));
  const now = new Set(after.map(([price]) => price.toFixed()));
  return [
    ...before.filter(([price]) => !now.has(price.toFixed())).map(([price]) => [price, new Decimal(0)] as const),
    ...after.filter(([price, quantity]) => old.get(price.toFixed())?.eq(quantity) !== true),
  ];
}
