/**
 * Streaming indicators over closes, computed by `technicalindicators`. Its RSI rounds to two decimals, so RSI is composed
 * from its AverageGain and AverageLoss (Wilder): 100 - 100 / (1 + gain / loss). A value it is fed must be a sound price:
 * NaN would poison an average for good.
 */
import { AverageGain, AverageLoss, EMA } from 'technicalindicators';
import type { IndicatorNeed } from '../strategies/strategy.ts';

export interface Indicator {
  /** NaN until enough closes were seen. */
  readonly value: number;
  /** The value one close earlier. */
  readonly previous: number;
  next(close: number): void;
}

export function createIndicator(need: IndicatorNeed): Indicator {
  switch (need.kind) {
    case 'ema':
      return stream(emaOf(need.period));
    case 'rsi':
      return stream(rsiOf(need.period));
    default:
      return need satisfies never;
  }
}

function stream(compute: (close: number) => number): Indicator {
  let value = Number.NaN;
  let previous = Number.NaN;
  return {
    get value() {
      return value;
    },
    get previous() {
      return previous;
    },
    next(close) {
      if (!(close > 0 && close < Infinity)) throw new RangeError(`an indicator was fed ${close}, which is no price`);
      previous = value;
      value = compute(close);
    },
  };
}

function emaOf(period: number): (close: number) => number {
  const ema = new EMA({ period, values: [] });
  return (close) => ema.nextValue(close) ?? Number.NaN;
}

function rsiOf(period: number): (close: number) => number {
  const gains = new AverageGain({ period, values: [] });
  const losses = new AverageLoss({ period, values: [] });
  return (close) => {
    // Typed as a number, but undefined while warming.
    const gain = gains.nextValue(close);
    const loss = losses.nextValue(close);
    if (gain === undefined || loss === undefined) return Number.NaN;
    return loss === 0 ? 100 : 100 - 100 / (1 + gain / loss);
  };
}
