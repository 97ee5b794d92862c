/** The exchange behind the wire: accounts, books and prices. What happens goes to those who listen (user data), in order. */
import { Decimal } from 'decimal.js';
import { UnknownToMatching, createMatching } from '../engine/matching/engine.ts';
import type { BookEvent, FeeSchedule, MatchingEngine, PriceTick } from '../engine/matching/matching.ts';
import type { Instrument, InstrumentStatus } from '../engine/trading/instrument.ts';
import type { SimulatedAccount } from './accounts.ts';
import type { Fuel } from './fuel.ts';
import { instrumentOf } from './instruments.ts';
import type { PriceWay } from './market.ts';
import type { VenueTime } from './venue-time.ts';

export interface ExchangeOptions {
  readonly fuel: Pick<Fuel, 'symbols' | 'listing'>;
  readonly accounts: readonly SimulatedAccount[];
  readonly time: VenueTime;
  /** Fractions. */
  readonly fees: { readonly maker: string; readonly taker: string };
  /** Distance of bid and ask from the price, in ticks. */
  readonly spreadTicks: number;
  /** Base that one order can take at one price; null is unlimited. */
  readonly liquidity: string | null;
}

export class Exchange {
  readonly matching: MatchingEngine;
  readonly symbols: readonly string[];
  readonly #options: ExchangeOptions;
  readonly #listeners = new Set<(events: readonly BookEvent[]) => void>();

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.symbols = options.fuel.symbols;
    this.matching = createMatching();
    for (const symbol of this.symbols) this.matching.list(instrumentOf(symbol, options.fuel.listing(symbol)));
    const fees: FeeSchedule = { maker: new Decimal(options.fees.maker), taker: new Decimal(options.fees.taker), asset: 'received' };
    for (const account of options.accounts) {
      this.matching.openAccount(account.name, fees);
      for (const [asset, amount] of Object.entries(account.deposits))
        this.matching.deposit(account.name, asset, new Decimal(amount), options.time.now());
    }
  }

  /** Null for a symbol that the venue lists not, or no more. */
  instrument(symbol: string): Instrument | null {
    const instrument = this.matching.instrument(symbol);
    return instrument?.status === 'DELISTED' ? null : instrument;
  }

  /** A symbol that is delisted loses its open orders first. */
  setStatus(symbol: string, status: InstrumentStatus): void {
    const { accounts, time } = this.#options;
    if (status === 'DELISTED') {
      this.matching.setStatus(symbol, 'CANCEL_ONLY');
      for (const { name } of accounts) {
        const cancelled = this.matching.cancelAll(name, symbol, time.now());
        if (cancelled.ok) this.tell(cancelled.events);
      }
    }
    this.matching.setStatus(symbol, status);
  }

  setPrice(symbol: string, price: number, atMs: number, way: PriceWay): void {
    const { spreadTicks, liquidity } = this.#options;
    const last = new Decimal(price);
    const distance = (this.matching.instrument(symbol)?.price.tick ?? new Decimal(0)).times(spreadTicks);
    const tick: PriceTick = {
      symbol,
      price: last,
      bid: last.minus(distance),
      ask: last.plus(distance),
      liquidity: liquidity === null ? null : new Decimal(liquidity),
      atMs,
    };
    this.tell(way === 'through' ? this.matching.moveThrough(tick) : this.matching.tick(tick));
  }

  /** Base that one order can take at the best price. */
  offered(symbol: string): Decimal {
    const { lot, marketLot } = this.matching.instrument(symbol) ?? raise(new UnknownToMatching('symbol', symbol));
    const most = marketLot !== null && marketLot.max.gt(0) ? Decimal.min(lot.max, marketLot.max) : lot.max;
    return this.matching.lastTick(symbol)?.liquidity ?? most;
  }

  /** Answers how to stop listening. */
  listen(listener: (events: readonly BookEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(events: readonly BookEvent[]): void {
    if (events.length > 0) for (const listener of this.#listeners) listener(events);
  }
}

function raise(error: Error): never {
  throw error;
}
