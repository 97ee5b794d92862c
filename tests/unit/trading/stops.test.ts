import { describe, expect, it } from 'vitest';
import type { TradingConfig } from '../../../engine/trading/events.ts';
import { bestAfter, protectiveExit, stopOnTick, stopPrice, targetPrice } from '../../../engine/trading/stops.ts';
import { config, d } from './given.ts';

const at = (price: number) => ({ high: price, low: price });

describe('protective levels', () => {
  it('are reached by a price that touches them, whatever floats make of the product', () => {
    const missed: string[] = [];
    for (let cents = 100; cents < 200_000; cents += 37)
      for (let tenths = 1; tenths < 200; tenths += 1) {
        const [down, up] = [cents * (1_000 - tenths), cents * (1_000 + tenths)];
        const average = cents / 100;
        const percent = tenths / 10;
        if (down % 1_000 === 0) {
          const price = down / 100_000;
          if (protectiveExit(config({ stopLossPercent: percent }), average, average, at(price), null, 0) === null)
            missed.push(`stop ${price}`);
          if (protectiveExit(config({ stopLossPercent: percent }), average, average, at((down / 1_000 + 1) / 100), null, 0) !== null)
            missed.push(`a tick above stop ${price}`);
        }
        if (up % 1_000 === 0) {
          const price = up / 100_000;
          if (protectiveExit(config({ takeProfitPercent: percent }), average, average, at(price), null, 0) === null)
            missed.push(`target ${price}`);
          if (protectiveExit(config({ takeProfitPercent: percent }), average, average, at((up / 1_000 - 1) / 100), null, 0) !== null)
            missed.push(`a tick below target ${price}`);
        }
      }
    expect(missed).toEqual([]);
  });

  it('name what was reached', () => {
    const both = config({ stopLossPercent: 10, trailingStopPercent: 5, trailingStopActive: true });
    expect(protectiveExit(both, 100, 100, at(95), null, 0)).toEqual({
      kind: 'stop',
      reason: 'trailing stop at 95 was reached (best price 100)',
      price: 95,
    });
    expect(protectiveExit(config({ ...both, trailingStopPercent: 20 }), 100, 100, at(90), null, 0)).toEqual({
      kind: 'stop',
      reason: 'stop-loss at 90 was reached (average entry 100)',
      price: 90,
    });
    expect(protectiveExit(config({ trailingStopPercent: 5, trailingStopActive: true }), 100, 120, at(114), null, 0)).toEqual({
      kind: 'stop',
      reason: 'trailing stop at 114 was reached (best price 120)',
      price: 114,
    });
    expect(protectiveExit(config({ takeProfitPercent: 10 }), 100, 110, at(110), null, 0)).toEqual({
      kind: 'target',
      reason: 'take-profit at 110 was reached (average entry 100)',
      price: 100 * 1.1,
    });
  });

  it('leave the fixed stop while no best price is known', () => {
    expect(stopPrice(config({ stopLossPercent: 10, trailingStopPercent: 5, trailingStopActive: true }), 100, Number.NaN, 0)).toBe(90);
    expect(bestAfter(Number.NaN, at(100))).toBe(100);
  });
});

describe('a stop or target within one tick of the price that it is measured from', () => {
  const tick = d('0.00000001');
  const order = (stop: Partial<TradingConfig>, average: number, best = average) =>
    stopOnTick(config(stop), average, best, tick)?.toFixed() ?? null;

  it('is the tick below, of which a stop at the price is none', () => {
    expect(order({ stopLossPercent: 1 }, 0.00000045)).toBe('0.00000044');
    expect(order({ stopLossPercent: 3 }, 0.00000045)).toBe('0.00000044');
    // An average between two ticks.
    expect(order({ stopLossPercent: 0.1 }, 0.000000452)).toBe('0.00000044');
    expect(order({ stopLossPercent: 20, trailingStopPercent: 1, trailingStopActive: true }, 0.00000045, 0.00000047)).toBe('0.00000046');
    expect(order({ stopLossPercent: 5 }, 20_000.33)).toBe('19000.3135');
    expect(order({}, 1)).toBeNull();
  });

  it('is reached in the engine a tick away too, and not at the price', () => {
    const reaches = (stop: Partial<TradingConfig>, price: number) =>
      protectiveExit(config(stop), 0.00000045, 0.00000045, at(price), null, tick.toNumber()) !== null;
    expect([reaches({ stopLossPercent: 1 }, 0.00000045), reaches({ stopLossPercent: 1 }, 0.00000044)]).toEqual([false, true]);
    expect([reaches({ takeProfitPercent: 1 }, 0.00000045), reaches({ takeProfitPercent: 1 }, 0.00000046)]).toEqual([false, true]);
    expect(stopPrice(config({ stopLossPercent: 0.1 }), 0.000000452, 0.000000452, 0.00000001)).toBeCloseTo(0.000000442, 12);
    expect(targetPrice(config({ takeProfitPercent: 0.1 }), 0.000000452, 0.00000001)).toBeCloseTo(0.000000462, 12);
  });

  it('is told without an exponent', () => {
    expect(protectiveExit(config({ stopLossPercent: 10 }), 0.00000045, 0.00000045, at(0.0000004), null, 0)?.reason).toBe(
      'stop-loss at 0.000000405 was reached (average entry 0.00000045)',
    );
  });
});
