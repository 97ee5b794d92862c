import { describe, expect, it } from 'vitest';
import { bestAfter, protectiveExit, stopPrice } from '../../../engine/trading/stops.ts';
import { config } from './given.ts';

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
          if (protectiveExit(config({ stopLossPercent: percent }), average, average, at(price), null) === null)
            missed.push(`stop ${price}`);
          if (protectiveExit(config({ stopLossPercent: percent }), average, average, at((down / 1_000 + 1) / 100), null) !== null)
            missed.push(`a tick above stop ${price}`);
        }
        if (up % 1_000 === 0) {
          const price = up / 100_000;
          if (protectiveExit(config({ takeProfitPercent: percent }), average, average, at(price), null) === null)
            missed.push(`target ${price}`);
          if (protectiveExit(config({ takeProfitPercent: percent }), average, average, at((up / 1_000 - 1) / 100), null) !== null)
            missed.push(`a tick below target ${price}`);
        }
      }
    expect(missed).toEqual([]);
  });

  it('name what was reached', () => {
    const both = config({ stopLossPercent: 10, trailingStopPercent: 5, trailingStopActive: true });
    expect(protectiveExit(both, 100, 100, at(95), null)).toEqual({
      kind: 'stop',
      reason: 'trailing stop at 95 was reached (best price 100)',
    });
    expect(protectiveExit(config({ ...both, trailingStopPercent: 20 }), 100, 100, at(90), null)).toEqual({
      kind: 'stop',
      reason: 'stop-loss at 90 was reached (average entry 100)',
    });
    expect(protectiveExit(config({ trailingStopPercent: 5, trailingStopActive: true }), 100, 120, at(114), null)).toEqual({
      kind: 'stop',
      reason: 'trailing stop at 114 was reached (best price 120)',
    });
    expect(protectiveExit(config({ takeProfitPercent: 10 }), 100, 110, at(110), null)).toEqual({
      kind: 'target',
      reason: 'take-profit at 110 was reached (average entry 100)',
    });
  });

  it('leave the fixed stop while no best price is known', () => {
    expect(stopPrice(config({ stopLossPercent: 10, trailingStopPercent: 5, trailingStopActive: true }), 100, Number.NaN)).toBe(90);
    expect(bestAfter(Number.NaN, at(100))).toBe(100);
  });
});
