/**
 * Prices by REST for series whose stream sends none: their bots need them for stops, targets and the day's loss limit. One request serves
 * all series, and only one is under way at a time.
 */
import type { MarketData } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import type { MarketLimits } from './limits.ts';

export interface RestPricesOptions {
  readonly marketData: Pick<MarketData, 'prices'>;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly limits: MarketLimits;
}

interface Priced {
  readonly symbol: string;
  onPrice(price: number, atMs: number): void;
}

export interface RestPrices {
  /** Asks for the prices of these series, unless it asked a moment ago. Never throws. */
  serve(series: readonly Priced[]): Promise<void>;
}

export function createRestPrices({ marketData, clock, venueClock, log, limits }: RestPricesOptions): RestPrices {
  let asking = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  let failing = false;
  return {
    async serve(series) {
      if (asking || clock.monotonic() - askedAt < limits.restPriceEveryMs) return;
      asking = true;
      askedAt = clock.monotonic();
      try {
        const prices = await marketData.prices([...new Set(series.map(({ symbol }) => symbol))]);
        for (const one of series) {
          const price = prices.get(one.symbol);
          if (price !== undefined) one.onPrice(price.toNumber(), venueClock.now());
        }
        failing = false;
      } catch (error) {
        if (!failing) log.warn({ err: error, series: series.length }, 'streams tell no price and REST does not either; asking again');
        failing = true;
      } finally {
        asking = false;
      }
    },
  };
}
