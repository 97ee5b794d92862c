/**
 * Stop-loss, take-profit and trailing stop of a long position, as percent distances from the average entry price.
 * Order of tests within one candle (design.md section 5): the trailing stop first rises with the high, then is tested
 * against the low; when stop and target both lie inside, the stop wins.
 */
import type { Candle } from './candle.ts';
import type { TradingConfig } from './events.ts';
import type { ExitKind, RestingProtection } from './state.ts';

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

/** An entry is filled this share of a candle after its open at the latest; later ones do not own the candle's extremes. */
const atOpenShare = 0.1;

/**
 * Prices of the candle that came after the entry: all of them when it was filled at the candle's open, only the last one
 * when it was filled later inside it, none when the candle had closed before.
 */
export function rangeSinceEntry(candle: Candle, openedAtMs: number | null): PriceRange | null {
  if (openedAtMs === null || openedAtMs <= candle.openTime + (candle.closeTime + 1 - candle.openTime) * atOpenShare) return candle;
  return openedAtMs > candle.closeTime ? null : { high: candle.close, low: candle.close };
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

export interface ProtectiveExit {
  readonly kind: Extract<ExitKind, 'stop' | 'target'>;
  readonly reason: string;
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
): ProtectiveExit | null {
  const stop = stopPrice(config, averagePrice, best);
  if (range.low <= stop * (1 + roundOff)) {
    if (resting !== null && resting.stopPrice !== null && range.low <= resting.stopPrice.toNumber()) return null;
    const trailing = config.stopLossPercent === null || stop > averagePrice * (1 - config.stopLossPercent / 100);
    const reason = trailing
      ? `trailing stop at ${text(stop)} was reached (best price ${text(best)})`
      : `stop-loss at ${text(stop)} was reached (average entry ${text(averagePrice)})`;
    return { kind: 'stop', reason };
  }
  const target = targetPrice(config, averagePrice);
  if (resting !== null && resting.targetPrice !== null) return null;
  if (range.high < target * (1 - roundOff)) return null;
  return { kind: 'target', reason: `take-profit at ${text(target)} was reached (average entry ${text(averagePrice)})` };
}

function text(price: number): string {
  return String(Number(price.toPrecision(10)));
}
