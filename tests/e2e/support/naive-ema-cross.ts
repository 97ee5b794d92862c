/**
 * An independent, naive calculation of what an `ema_cross` bot must do over recorded candles: plain loops over the file,
 * nothing imported from the engine. Accounts are kept as cash and coins, profits by the documented formula.
 */
import { Decimal as Standard } from 'decimal.js';

const Decimal = Standard.clone({ precision: 60 });
type Decimal = Standard;

export interface PlainCandle {
  readonly openTime: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
}

export interface NaiveTrade {
  readonly side: 'BUY' | 'SELL';
  readonly price: string;
  readonly quantity: string;
  readonly quote: string;
  readonly commission: string;
  readonly commissionAsset: string;
  readonly pnl: string;
  readonly realizedPnl: string;
  /** Close time of the candle whose signal it follows. */
  readonly decidedAtMs: number;
}

export interface NaiveOptions {
  readonly candles: readonly PlainCandle[];
  /** Index of the first candle whose close the bot decides on. */
  readonly firstDecision: number;
  /** Index behind the last candle whose close it decides on; its next open must exist. */
  readonly endDecision: number;
  readonly fast: number;
  readonly slow: number;
  readonly capital: string;
  /** Percent of equity per entry. */
  readonly sizePercent: number;
  readonly stepSize: string;
  readonly minNotional: string;
  /** Fraction. */
  readonly fee: string;
  readonly base: string;
  readonly quote: string;
}

export function naiveEmaCross(options: NaiveOptions): readonly NaiveTrade[] {
  const { candles, firstDecision, endDecision } = options;
  const closes = candles.map((candle) => Number(candle.close));
  const fast = emaOf(closes, options.fast);
  const slow = emaOf(closes, options.slow);
  const trades: NaiveTrade[] = [];
  const fee = new Decimal(options.fee);

  let cash = new Decimal(options.capital);
  let coins = new Decimal(0);
  let cost = new Decimal(0);
  let fees = new Decimal(0);
  for (let i = Math.max(firstDecision, 1); i < endDecision; i += 1) {
    const [fastNow, fastBefore, slowNow, slowBefore] = [fast[i], fast[i - 1], slow[i], slow[i - 1]].map((value) => value ?? Number.NaN) as [
      number,
      number,
      number,
      number,
    ];
    const close = new Decimal(candles[i]?.close ?? Number.NaN);
    const price = new Decimal(candles[i + 1]?.open ?? Number.NaN);
    const sellable = floorTo(coins, options.stepSize);
    const holds = sellable.gt(0) && sellable.times(close).gte(options.minNotional);
    const decidedAtMs = (candles[i]?.openTime ?? 0) + 59_999;
    if (!holds && fastBefore <= slowBefore && fastNow > slowNow) {
      const equity = cash.plus(coins.times(close));
      const quantity = floorTo(equity.times(options.sizePercent).div(100).div(close), options.stepSize);
      if (quantity.times(close).lt(options.minNotional)) continue;
      const commission = quantity.times(fee).toDecimalPlaces(8, Decimal.ROUND_DOWN);
      const received = quantity.minus(commission);
      cash = cash.minus(quantity.times(price));
      coins = coins.plus(received);
      cost = cost.plus(received.times(price));
      fees = fees.plus(commission.times(price));
      trades.push(trade('BUY', price, quantity, commission, options.base, new Decimal(0), new Decimal(0), decidedAtMs));
    } else if (holds && fastBefore >= slowBefore && fastNow < slowNow) {
      const proceeds = sellable.times(price);
      const commission = proceeds.times(fee).toDecimalPlaces(8, Decimal.ROUND_DOWN);
      const all = sellable.eq(coins);
      const costShare = all ? cost : round18(cost.times(sellable).div(coins));
      const feeShare = all ? fees : round18(fees.times(sellable).div(coins));
      const gross = proceeds.minus(costShare);
      cash = cash.plus(proceeds).minus(commission);
      coins = coins.minus(sellable);
      cost = cost.minus(costShare);
      fees = fees.minus(feeShare);
      trades.push(trade('SELL', price, sellable, commission, options.quote, gross, gross.minus(feeShare).minus(commission), decidedAtMs));
    }
  }
  return trades;
}

function trade(
  side: 'BUY' | 'SELL',
  price: Decimal,
  quantity: Decimal,
  commission: Decimal,
  commissionAsset: string,
  pnl: Decimal,
  realized: Decimal,
  decidedAtMs: number,
): NaiveTrade {
  return {
    side,
    price: price.toFixed(),
    quantity: quantity.toFixed(),
    quote: price.times(quantity).toFixed(),
    commission: commission.toFixed(),
    commissionAsset,
    pnl: pnl.toFixed(),
    realizedPnl: realized.toFixed(),
    decidedAtMs,
  };
}

/** Seeded with the simple average of the first `period` closes. */
export function emaOf(closes: readonly number[], period: number): readonly number[] {
  const result: number[] = [];
  let sum = 0;
  let ema = Number.NaN;
  closes.forEach((close, index) => {
    if (index < period) sum += close;
    if (index === period - 1) ema = sum / period;
    else if (index >= period) ema = (close - ema) * (2 / (period + 1)) + ema;
    result.push(ema);
  });
  return result;
}

function floorTo(value: Decimal, step: string): Decimal {
  return value.div(step).floor().times(step);
}

function round18(value: Decimal): Decimal {
  return value.toDecimalPlaces(18, Decimal.ROUND_HALF_EVEN);
}
