/** What a simulated market runs on: closed base candles by symbol and open time, recorded or made up. */
import type { Candle, Timeframe } from '../engine/trading/candle.ts';
import type { Listing } from './instruments.ts';

export interface Fuel {
  readonly symbols: readonly string[];
  readonly baseTimeframe: Timeframe;
  /** Open times of the first and the last base candle; null where there is no such end. */
  readonly firstOpenTime: number | null;
  readonly lastOpenTime: number | null;
  /** What the symbol's filters are made of. */
  listing(symbol: string): Listing;
  /** Null outside the fuel. */
  candle(symbol: string, openTime: number): Candle | null;
  /** The base candles that open from `start` to before `end`, as one; null where there are none. */
  span(symbol: string, start: number, end: number): Candle | null;
}

/** The fuel cannot be used; says which file and line and what is wrong there. */
export class FuelError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FuelError';
  }
}
