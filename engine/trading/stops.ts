/**
 * Stop-loss, take-profit and trailing stop of a long position, as percent distances from the average entry price.
 * Order of tests within one candle: the trailing stop first rises with the high, then is tested
 * against the low; when stop and target both lie inside, the stop wins.
 */
import { Decimal } from 'decimal.js';
import { priceText } from './amounts.ts';
import type { Candle } from './candle.ts';
import type { TradingConfig } from './events.ts';
import { ceilToStep, exact, floorToStep } from './exact.ts';
import type { ExitKind, RestingProtection } from './state.ts';

/** Floats; quote prices. */
export interface PriceRange {
  readonly high: number;
  readonly low: number;
}

/** Rounding errors of floats are smaller than this share, and it is far below any tick: a price that differs less from its level has reached it. */
export const roundOff = 1e-12;

/** Highest price since entry after `range` was seen. */
export function bestAfter(best: number, range: PriceRange): number {
  return Number.isNaN(best) ? range.high : Math.max(best, range.high);
}

/** An entry that was filled later than this share of the candle after its open did not live through the candle's high and low. */
const atOpenShare = 0.1;

/**
 * Prices of the candle that came after the entry: all of them when it was filled at the candle's open, only the last one
 * when it was filled later inside it, none when the candle had closed before.
 */
export function rangeSinceEntry(candle: Candle, openedAtMs: number | null): PriceRange | null {
  if (openedAtMs === null || openedAtMs <= candle.openTime + (candle.closeTime + 1 - candle.openTime) * atOpenShare) return candle;
  return openedAtMs > candle.closeTime ? null : { high: candle.close, low: candle.close };
}

/** So many percent below `from`, and at least one tick: closer, the price it is measured from would be the stop itself. */
function levelBelow(from: number, percent: number, tick: number): number {
  return Math.min(from * (1 - percent / 100), from - tick);
}

/** The tighter of fixed and trailing stop, as the engine watches it; -Infinity when neither is set. A tick of 0 is none. */
export function stopPrice(config: TradingConfig, averagePrice: number, best: number, tick: number): number {
  const { stopLossPercent, trailingStopActive, trailingStopPercent } = config;
  const fixed = stopLossPercent === null ? Number.NEGATIVE_INFINITY : levelBelow(averagePrice, stopLossPercent, tick);
  if (!trailingStopActive || trailingStopPercent === null || Number.isNaN(best)) return fixed;
  return Math.max(fixed, levelBelow(best, trailingStopPercent, tick));
}

/** Each stop that is set, and the price that it is measured from. */
function stopRules(
  config: TradingConfig,
  averagePrice: number,
  best: number,
): readonly { readonly percent: number; readonly from: number }[] {
  const { stopLossPercent, trailingStopActive, trailingStopPercent } = config;
  const fixed = stopLossPercent === null ? [] : [{ percent: stopLossPercent, from: averagePrice }];
  if (!trailingStopActive || trailingStopPercent === null || Number.isNaN(best)) return fixed;
  return [...fixed, { percent: trailingStopPercent, from: best }];
}

/** The same for an order: rounded up to the tick, unless that is less than one tick below the price it is measured from. */
export function stopOnTick(config: TradingConfig, averagePrice: number, best: number, tick: Decimal): Decimal | null {
  const levels = stopRules(config, averagePrice, best).map(({ percent, from }) => {
    const level = exactPrice(levelBelow(from, percent, tick.toNumber()));
    const above = ceilToStep(level, tick);
    return above.lte(exactPrice(from).minus(tick)) ? above : floorToStep(level, tick);
  });
  return levels.length === 0 ? null : exact(Decimal.max(...levels));
}

/** In the trader's words, which stop would have to lie closer than one tick to `price`; null when none would. */
export function stopWithinTick(config: TradingConfig, price: number, tick: Decimal): string | null {
  const step = tick.toNumber();
  const near = stopRules(config, price, price).find(({ percent }) => price - price * (1 - percent / 100) < step * (1 - roundOff));
  if (near === undefined) return null;
  return `a stop ${near.percent} % below ${priceText(price)} would lie within one tick of the price (the tick of ${tick.toFixed()} is ${((step / price) * 100).toFixed(2)} % of it)`;
}

/** At least one tick above the average price. */
export function targetPrice({ takeProfitPercent }: TradingConfig, averagePrice: number, tick: number): number {
  return takeProfitPercent === null
    ? Number.POSITIVE_INFINITY
    : Math.max(averagePrice * (1 + takeProfitPercent / 100), averagePrice + tick);
}

/** A float price without the noise of its arithmetic. */
export function exactPrice(price: number): Decimal {
  return exact(price.toPrecision(12));
}

export interface ProtectiveExit {
  readonly kind: Extract<ExitKind, 'stop' | 'target'>;
  readonly reason: string;
  /** The level that was reached. */
  readonly price: number;
}

/** The price at which it executes in a candle that may have opened beyond it. A stop counts as it was before this candle raised it. */
export function executionAt({ kind, price }: ProtectiveExit, open: number, stopBefore: number): number {
  const beyond = kind === 'stop' ? open <= stopBefore * (1 + roundOff) : open >= price * (1 - roundOff);
  return beyond ? open : price;
}

/**
 * Which stop or target the range has reached and the engine has to execute; null when none. Prices at which an order at the exchange
 * executes are left to that order.
 */
export function protectiveExit(
  config: TradingConfig,
  averagePrice: number,
  best: number,
  range: PriceRange,
  resting: RestingProtection | null,
  tick: number,
): ProtectiveExit | null {
  const stop = stopPrice(config, averagePrice, best, tick);
  if (range.low <= stop * (1 + roundOff)) {
    if (resting !== null && resting.stopPrice !== null && range.low <= resting.stopPrice.toNumber()) return null;
    const trailing = stop > stopPrice({ ...config, trailingStopActive: false }, averagePrice, best, tick);
    const reason = trailing
      ? `trailing stop at ${priceText(stop)} was reached (best price ${priceText(best)})`
      : `stop-loss at ${priceText(stop)} was reached (average entry ${priceText(averagePrice)})`;
    return { kind: 'stop', reason, price: stop };
  }
  const target = targetPrice(config, averagePrice, tick);
  if (resting !== null && resting.targetPrice !== null) return null;
  if (range.high < target * (1 - roundOff)) return null;
  return {
    kind: 'target',
    reason: `take-profit at ${priceText(target)} was reached (average entry ${priceText(averagePrice)})`,
    price: target,
  };
}
