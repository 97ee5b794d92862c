/**
 * Stop-loss, take-profit and trailing stop of a long position, as percent distances from the average entry price.
 * Order of tests within one candle (design.md section 5): the trailing stop first rises with the high, then is tested
 * against the low; when stop and target both lie inside, the stop wins.
 */
import type { TradingConfig } from './events.ts';
import type { RestingProtection } from './state.ts';

/** Floats; quote prices. */
export interface PriceRange {
  readonly high: number;
  readonly low: number;
}

/** Floats miss a product by less than this share, and it is far below any tick: a price that touches its level has reached it. */
export const roundOff = 1e-12;

/** Highest price since entry after `range` was seen. */
export function bestAfter(best: number, range: PriceRange): number {
  return Number.isNaN(best) ? range.high : Math.max(best, range.high);
}

/** The tighter of fixed and trailing stop; -Infinity when neither is set. */
export function stopPrice(config: TradingConfig, averagePrice: number, best: number): number {
  const fixed = config.stopLossPercent === null ? Number.NEGATIVE_INFINITY : averagePrice * (1 - config.stopLossPercent / 100);
  if (!config.trailingStopActive || config.trailingStopPercent === null || Number.isNaN(best)) return fixed;
  return Math.max(fixed, best * (1 - config.trailingStopPercent / 100));
}

export function targetPrice(config: TradingConfig, averagePrice: number): number {
  return config.takeProfitPercent === null ? Number.POSITIVE_INFINITY : averagePrice * (1 + config.takeProfitPercent / 100);
}

/**
 * Which of them the range reached and the engine has to execute, in the trader's words; null when none. What an order that
 * rests at the exchange executes at these prices is left to it.
 */
export function protectiveExit(
  config: TradingConfig,
  averagePrice: number,
  best: number,
  range: PriceRange,
  resting: RestingProtection | null,
): string | null {
  const stop = stopPrice(config, averagePrice, best);
  if (range.low <= stop * (1 + roundOff)) {
    if (resting !== null && resting.stopPrice !== null && range.low <= resting.stopPrice.toNumber()) return null;
    const trailing = config.stopLossPercent === null || stop > averagePrice * (1 - config.stopLossPercent / 100);
    return trailing
      ? `trailing stop at ${text(stop)} was reached (best price ${text(best)})`
      : `stop-loss at ${text(stop)} was reached (average entry ${text(averagePrice)})`;
  }
  const target = targetPrice(config, averagePrice);
  if (resting !== null && resting.targetPrice !== null) return null;
  return range.high >= target * (1 - roundOff) ? `take-profit at ${text(target)} was reached (average entry ${text(averagePrice)})` : null;
}

function text(price: number): string {
  return String(Number(price.toPrecision(10)));
}
