/**
 * What a paper bot must do over candles, by the fill model alone: a signal at a close executes at the next open; a stop or target
 * inside a candle at its trigger, or at the open when the candle opens beyond; the stop wins; a trailing stop first rises with the
 * high. Plain loops over the candles, nothing imported from the engine.
 */
import { Decimal as Standard } from 'decimal.js';
import { emaOf } from './naive-ema-cross.ts';
import type { PlainCandle } from './naive-ema-cross.ts';

const Decimal = Standard.clone({ precision: 60 });

export interface PaperTrade {
  readonly side: 'BUY' | 'SELL';
  readonly price: string;
  readonly quantity: string;
  readonly commission: string;
  /** Close time of the candle that led to it. */
  readonly decidedAtMs: number;
}

export interface PaperOptions {
  readonly candles: readonly PlainCandle[];
  /** Indices of the first close that is decided on, and behind the last. */
  readonly from: number;
  readonly to: number;
  /** Closes at which nobody ran the bot: stops and exits hold, entries are lost. */
  readonly away: ReadonlySet<number>;
  readonly fast: number;
  readonly slow: number;
  readonly capital: number;
  readonly sizePercent: number;
  /** Percent; null where none is set. */
  readonly stop: number | null;
  readonly target: number | null;
  readonly trailing: number | null;
}

const step = '0.00001';
const tick = 0.01;
const fee = '0.001';

export function naivePaper(options: PaperOptions): readonly PaperTrade[] {
  const { candles, away, from, to } = options;
  const closes = candles.map(({ close }) => Number(close));
  const [fast, slow] = [emaOf(closes, options.fast), emaOf(closes, options.slow)];
  const above = (index: number): boolean => (fast[index] ?? 0) > (slow[index] ?? 0);
  const below = (index: number): boolean => (fast[index] ?? 0) < (slow[index] ?? 0);
  const trades: PaperTrade[] = [];
  let cash = new Decimal(options.capital);
  let coins = new Decimal(0);
  let entry = 0;
  let best = 0;
  /** The order of the exit is under way while the closes that were missed are gone through: the newest one finds it so. */
  let leftWhileAway = false;

  const sell = (price: number, decidedAtMs: number): void => {
    const quantity = coins.div(step).floor().times(step);
    const proceeds = quantity.times(price);
    const commission = proceeds.times(fee).toDecimalPlaces(8, Decimal.ROUND_DOWN);
    cash = cash.plus(proceeds).minus(commission);
    coins = coins.minus(quantity);
    entry = 0;
    trades.push({ side: 'SELL', price: money(price), quantity: quantity.toFixed(), commission: commission.toFixed(), decidedAtMs });
  };

  for (let i = from; i < to; i += 1) {
    const [open, high, low, close] = [candles[i]?.open, candles[i]?.high, candles[i]?.low, candles[i]?.close].map(Number) as [
      number,
      number,
      number,
      number,
    ];
    const nextOpen = Number(candles[i + 1]?.open);
    const decidedAtMs = (candles[i]?.openTime ?? 0) + 59_999;
    if (!away.has(i - 1)) leftWhileAway = false;
    if (entry > 0) {
      const stopAt = (top: number): number =>
        Math.max(
          options.stop === null ? 0 : entry * (1 - options.stop / 100),
          options.trailing === null ? 0 : top * (1 - options.trailing / 100),
        );
      const before = stopAt(best);
      best = Math.max(best, high);
      const stop = onGrid(stopAt(best));
      const target = options.target === null ? Infinity : onGrid(entry * (1 + options.target / 100));
      if (low <= stop) sell(open <= before ? open : stop, decidedAtMs);
      else if (high >= target) sell(open >= target ? open : target, decidedAtMs);
      else if (below(i) && !below(i - 1)) sell(nextOpen, decidedAtMs);
      if (entry === 0 && away.has(i)) leftWhileAway = true;
      continue;
    }
    if (away.has(i) || leftWhileAway || !above(i) || above(i - 1)) continue;
    const equity = cash.plus(coins.times(close));
    const quantity = equity.times(options.sizePercent).div(100).div(close).div(step).floor().times(step);
    const commission = quantity.times(fee).toDecimalPlaces(8, Decimal.ROUND_DOWN);
    cash = cash.minus(quantity.times(nextOpen));
    coins = coins.plus(quantity).minus(commission);
    entry = best = nextOpen;
    trades.push({ side: 'BUY', price: money(nextOpen), quantity: quantity.toFixed(), commission: commission.toFixed(), decidedAtMs });
  }
  return trades;
}

/** The first price of the grid that is not below. */
function onGrid(price: number): number {
  return Number((Math.ceil(Number((price / tick).toPrecision(12))) * tick).toFixed(2));
}

function money(price: number): string {
  return new Decimal(price).toFixed();
}
