/**
 * What was traded, by symbol: the market's own trades (one per point of a candle's path; those of a candle add up to its volume)
 * and the executions of accounts, numbered together. It begins with the venue: klines reach further back.
 */
import { Decimal } from 'decimal.js';
import type { BookEvent, MatchingEngine } from '../engine/matching/matching.ts';

export interface TapeTrade {
  readonly symbol: string;
  readonly id: bigint;
  readonly price: Decimal;
  readonly quantity: Decimal;
  readonly quoteQuantity: Decimal;
  readonly atMs: number;
  /** The seller took what a buyer had in the book. */
  readonly buyerIsMaker: boolean;
}

/** Kept by symbol; trimmed by halves. */
const keptMax = 20_000;
const none: readonly TapeTrade[] = [];

export class Tape {
  readonly #matching: Pick<MatchingEngine, 'numberTrade'>;
  readonly #bySymbol = new Map<string, TapeTrade[]>();

  constructor(matching: Pick<MatchingEngine, 'numberTrade'>) {
    this.#matching = matching;
  }

  /** Oldest first. */
  trades(symbol: string): readonly TapeTrade[] {
    return this.#bySymbol.get(symbol) ?? none;
  }

  last(symbol: string): TapeTrade | null {
    return this.trades(symbol).at(-1) ?? null;
  }

  /** A trade that others made. */
  ofMarket(symbol: string, price: number, quantity: Decimal, atMs: number): TapeTrade {
    const at = new Decimal(price);
    const before = this.last(symbol);
    return this.#add({
      symbol,
      id: this.#matching.numberTrade(symbol),
      price: at,
      quantity,
      quoteQuantity: at.times(quantity).toDecimalPlaces(8),
      atMs,
      buyerIsMaker: before !== null && at.lt(before.price),
    });
  }

  /** Both sides of one match are one trade. */
  ofAccounts(events: readonly BookEvent[]): readonly TapeTrade[] {
    const added: TapeTrade[] = [];
    for (const event of events) {
      if (event.type !== 'order' || event.trade === null) continue;
      const { symbol, tradeId, price, quantity, quoteQuantity, side, isMaker, atMs } = event.trade;
      if (this.last(symbol)?.id === tradeId) continue;
      added.push(this.#add({ symbol, id: tradeId, price, quantity, quoteQuantity, atMs, buyerIsMaker: (side === 'BUY') === isMaker }));
    }
    return added;
  }

  #add(trade: TapeTrade): TapeTrade {
    const trades = this.#bySymbol.get(trade.symbol) ?? [];
    trades.push(trade);
    this.#bySymbol.set(trade.symbol, trades.length > keptMax ? trades.slice(-keptMax / 2) : trades);
    return trade;
  }
}
