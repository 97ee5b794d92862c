/**
 * What the exchange's fee coin is worth in the quotes that live bots trade in: asked every minute, so that a fee paid in it can be
 * valued when it is booked. A price that is too old is not used: the fee is then left out of the profit.
 */
import type { Decimal } from 'decimal.js';
import type { Log } from '../observe/log.ts';
import type { ReportedFill } from '../persistence/order-store.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { exact, toRowScale } from '../trading/exact.ts';
import type { Instrument } from '../trading/instrument.ts';

export interface FeePricesOptions {
  /** Last trade price. */
  readonly priceOf: (symbol: string) => Promise<Decimal>;
  readonly isListed: (symbol: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Binance takes fees in what is received, or in this coin when the account says so and has enough of it. */
const feeCoin = 'BNB';
const refreshMs = 60_000;
const ageMaxMs = 600_000;

export class FeePrices {
  readonly #options: FeePricesOptions;
  /** By quote asset; `price` is null before the first answer. */
  readonly #known = new Map<string, { price: Decimal | null; readAt: number }>();
  readonly #timer: Timer;

  constructor(options: FeePricesOptions) {
    this.#options = options;
    this.#timer = options.clock.every(refreshMs, () => {
      for (const quoteAsset of this.#known.keys()) void this.#refresh(quoteAsset);
    });
  }

  stop(): void {
    this.#timer.cancel();
  }

  /** A bot trades in this quote from now on. */
  follow(quoteAsset: string): void {
    if (quoteAsset === feeCoin || this.#known.has(quoteAsset)) return;
    if (!this.#options.isListed(`${feeCoin}${quoteAsset}`)) return;
    this.#known.set(quoteAsset, { price: null, readAt: Number.NEGATIVE_INFINITY });
    void this.#refresh(quoteAsset);
  }

  /** The fills with the worth of those commissions that are neither in base nor in quote; null where it is not known. */
  valued(fills: readonly ReportedFill[], { baseAsset, quoteAsset }: Instrument): readonly ReportedFill[] {
    return fills.map((fill) => {
      const { commissionAsset, commission } = fill;
      if (commissionAsset === baseAsset || commissionAsset === quoteAsset || commission.isZero()) return fill;
      const price = commissionAsset === feeCoin ? this.#priceIn(quoteAsset) : null;
      if (price === null)
        this.#options.log.warn(
          { tradeId: fill.tradeId, commission: commission.toFixed(), commissionAsset, quoteAsset },
          'the worth of a commission is not known: it is left out of the realised profit',
        );
      return { ...fill, commissionWorth: price === null ? null : toRowScale(exact(commission).times(price)) };
    });
  }

  #priceIn(quoteAsset: string): Decimal | null {
    const known = this.#known.get(quoteAsset);
    return known === undefined || this.#options.clock.monotonic() - known.readAt > ageMaxMs ? null : known.price;
  }

  async #refresh(quoteAsset: string): Promise<void> {
    const { priceOf, clock, log } = this.#options;
    try {
      const price = await priceOf(`${feeCoin}${quoteAsset}`);
      this.#known.set(quoteAsset, { price, readAt: clock.monotonic() });
    } catch (error) {
      log.warn({ err: error, quoteAsset }, `the price of ${feeCoin} could not be read; the next minute tries again`);
    }
  }
}
