/** Where a filter's verdict hangs on the average price, on the grid of two lots, or on prices that a stop or target may not have. */
import { describe, expect, it } from 'vitest';
import { brokenFilter } from '../../../engine/trading/filters.ts';
import type { FilterSubject } from '../../../engine/trading/filters.ts';
import { newExit, exitQuantity } from '../../../engine/trading/exits.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import { flooredToLot, marketLotOf } from '../../../engine/trading/lots.ts';
import { emptyPosition } from '../../../engine/trading/position.ts';
import { plannedProtection } from '../../../engine/trading/protect.ts';
import { RecentPrices } from '../../../engine/trading/recent-prices.ts';
import { btc, candle, config, d, emptyState, midnight } from './given.ts';

const notional = { min: d(10), applyMinToMarket: true, max: d(100), applyMaxToMarket: true, averagePriceMinutes: 5 };
const percentPrice = { bidUp: d('1.2'), bidDown: d('0.8'), askUp: d('1.2'), askDown: d('0.8'), averagePriceMinutes: 5 };
const between = (low: number, high: number) => ({ averagePrice: () => ({ low: d(low), high: d(high) }) });
const market = (quantity: number): FilterSubject => ({
  ...{ side: 'SELL', type: 'MARKET', quantity: d(quantity), price: null, stopPrice: null, trailingDelta: null, quoteQuantity: null },
});
const limit = (price: number): FilterSubject => ({ ...market(1), type: 'LIMIT_MAKER', price: d(price) });

describe('an average price that is known between bounds only', () => {
  it('must keep the least and the most worth wherever it lies', () => {
    const judged = (quantity: number, low: number, high: number) =>
      brokenFilter({ ...btc, notional }, market(quantity), between(low, high));
    expect([judged(1, 10, 20), judged(1, 9.99, 20)]).toEqual([null, 'NOTIONAL']);
    expect([judged(5, 10, 20), judged(5, 10, 20.01)]).toEqual([null, 'NOTIONAL']);
    expect(brokenFilter({ ...btc, notional: { ...notional, max: null } }, market(1), between(9, 20))).toBe('MIN_NOTIONAL');
    expect(brokenFilter({ ...btc, notional }, market(1), { averagePrice: () => null })).toBeNull();
  });

  it('must keep the bounds of a price wherever it lies', () => {
    const judged = (price: number, low: number, high: number) =>
      brokenFilter({ ...btc, notional: null, percentPrice }, limit(price), between(low, high));
    expect([judged(120, 100, 110), judged(120.01, 100, 110)]).toEqual([null, 'PERCENT_PRICE_BY_SIDE']);
    expect([judged(88, 100, 110), judged(87.99, 100, 110)]).toEqual([null, 'PERCENT_PRICE_BY_SIDE']);
  });
});

describe('two lots', () => {
  it('allow only what lies on both grids', () => {
    const both: Instrument = { ...btc, lot: { ...btc.lot, step: d('0.2') }, marketLot: { min: d(0), max: d(0), step: d('0.3') } };
    expect(marketLotOf(both).step.toFixed()).toBe('0.6');
    expect(flooredToLot(d(2), both).toFixed()).toBe('1.8');
  });
});

describe('an exit that is too large for one order', () => {
  const held = { ...emptyPosition, quantity: d(500), cost: d(5_000), openedAtMs: midnight };
  it('sells what one order may, by lot and by worth, and the rest follows', () => {
    expect(exitQuantity(newExit(null, 'x', 1), held, { ...btc, notional: null }, 10).toFixed()).toBe('100');
    const capped = { ...btc, notional: { ...notional, min: d(1) } };
    expect(exitQuantity(newExit(null, 'x', 1), held, capped, 10).toFixed()).toBe('9.5');
    expect(exitQuantity(newExit(null, 'x', 1), held, { ...capped, notional: { ...notional, applyMaxToMarket: false } }, 10).toFixed()).toBe(
      '100',
    );
  });

  it('never sells less than the smallest lot, which may be worth more than the room that is left for the average', () => {
    const lot = { ...btc, marketLot: null, lot: { min: d(2), max: d(1_000), step: d(1) }, notional: { ...notional, max: d(1_000) } };
    const sold = (price: number, change: Partial<Instrument> = {}) =>
      exitQuantity(newExit(null, 'x', 1), held, { ...lot, ...change }, price).toFixed();
    expect([475, 475.01, 500, 1_000].map((price) => sold(price))).toEqual(['2', '2', '2', '2']);
    expect(sold(316.66)).toBe('3');
    // A least quantity off the grid of both lots, and none at all.
    expect(sold(500, { lot: { ...lot.lot, min: d('1.5') } })).toBe('2');
    expect(sold(10_000, { lot: { ...lot.lot, min: d(0) } })).toBe('1');
  });

  it('is sold at once where its worth is not known or not bounded', () => {
    const sold = (price: number, change: Partial<typeof notional> | null = {}) =>
      exitQuantity(
        newExit(null, 'x', 1),
        { ...held, quantity: d(50) },
        { ...btc, notional: change === null ? null : { ...notional, ...change } },
        price,
      ).toFixed();
    expect([sold(Number.NaN), sold(0), sold(10, null)]).toEqual(['50', '50', '50']);
    expect([sold(10), sold(1.9), sold(1.901)]).toEqual(['9.5', '50', '49.97369']);
  });
});

describe('what the filters do not let rest', () => {
  const holding = { ...emptyState(), lastPrice: 100, position: { ...emptyPosition, quantity: d(1), cost: d(100), openedAtMs: midnight } };
  const plan = (change: Partial<Instrument>, trading = {}) =>
    plannedProtection(holding, config({ stops: 'exchange', stopLossPercent: 2, ...trading }), {
      ...btc,
      orderTypes: ['MARKET', 'LIMIT_MAKER', 'STOP_LOSS'],
      ...change,
    });

  it('is a target beyond the price bounds: it stays in the engine, and the stop rests alone', () => {
    expect(plan({ percentPrice }, { takeProfitPercent: 10 })?.targetPrice?.toFixed()).toBe('110');
    const far = plan({ percentPrice }, { takeProfitPercent: 30 });
    expect([far?.targetPrice, far?.stopPrice.toFixed()]).toEqual([null, '98']);
    expect(plan({ price: { ...btc.price, max: d(105) } }, { takeProfitPercent: 10 })?.targetPrice).toBeNull();
  });

  it('is a target that rests already: it stays where it is when the average moves away', () => {
    const resting = { quantity: d(1), stopPrice: d(98), targetPrice: d(130) };
    const state = { ...holding, protection: { ...holding.protection, resting } };
    const trading = config({ stops: 'exchange', stopLossPercent: 2, takeProfitPercent: 30 });
    const listed: Instrument = { ...btc, percentPrice, orderTypes: ['MARKET', 'LIMIT_MAKER', 'STOP_LOSS'] };
    expect(plannedProtection(state, trading, listed)?.targetPrice?.toFixed()).toBe('130');
  });

  it('is a stop below the least price, or whose limit no bound allows: the engine keeps it', () => {
    expect(plan({ price: { ...btc.price, min: d('98.5') } })).toBeNull();
    const limits: Partial<Instrument> = { orderTypes: ['MARKET', 'STOP_LOSS_LIMIT'], percentPrice: { ...percentPrice, askDown: d('0.9') } };
    expect(plan(limits, { stopLossPercent: 10 })).toBeNull();
    // The nearest price that is allowed, as long as it is not above the trigger.
    const nearest = plan(limits, { stopLossPercent: 5.2 });
    expect([nearest?.stopPrice.toFixed(), nearest?.limitPrice?.toFixed()]).toEqual(['94.8', '94.5']);
    expect(plan(limits)?.limitPrice?.toFixed()).toBe('97.51');
  });
});

describe('the bounds of the average price', () => {
  const bounds = (prices: RecentPrices, atMs: number) => {
    const found = prices.bounds(atMs);
    return found === null ? null : [found.low.toNumber(), found.high.toNumber()].map((price) => Math.round(price * 100) / 100);
  };
  const minute = (index: number, low: number, high: number) => candle(index, { open: low, high, low, close: low });
  const spanMs = 300_000;

  it('are wide until the span is known, then those of the last one to two spans', () => {
    const prices = new RecentPrices(spanMs);
    expect(bounds(prices, midnight)).toBeNull();
    for (let index = 0; index < 6; index += 1) {
      const one = minute(index, 100, 110);
      prices.saw(one, one.closeTime);
      if (index === 0) expect(bounds(prices, one.closeTime)).toEqual([95, 115.5]);
    }
    expect(bounds(prices, midnight + spanMs)).toEqual([99.9, 110.11]);
    for (let index = 6; index < 11; index += 1) prices.saw(minute(index, 200, 210), midnight + index * 60_000 + 59_999);
    expect(bounds(prices, midnight + 11 * 60_000)).toEqual([99.9, 210.21]);
    for (let index = 11; index < 18; index += 1) prices.saw(minute(index, 200, 210), midnight + index * 60_000 + 59_999);
    expect(bounds(prices, midnight + 18 * 60_000)).toEqual([199.8, 210.21]);
  });

  it('take of a long candle only the extremes that are new', () => {
    const prices = new RecentPrices(spanMs);
    const hour = (close: number, low: number, high: number) => ({
      ...candle(0, { open: 100, high, low, close }),
      closeTime: midnight + 3_599_999,
    });
    const at = midnight + 1_800_000;
    prices.saw(hour(100, 50, 150), at);
    expect(bounds(prices, at + spanMs)).toEqual([99.9, 100.1]);
    prices.saw(hour(100, 50, 160), at + 1_000);
    expect(bounds(prices, at + spanMs)).toEqual([99.9, 160.16]);
    prices.saw(hour(100, 40, 160), at + 2_000);
    expect(bounds(prices, at + spanMs)).toEqual([39.96, 160.16]);
  });
});
