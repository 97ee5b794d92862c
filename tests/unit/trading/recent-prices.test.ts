/** The bounds of the average price, exactly where a half turns, a candle becomes a long one, or nothing is known. */
import { describe, expect, it } from 'vitest';
import { RecentPrices, averageSpanMs, boundsAround } from '../../../engine/trading/recent-prices.ts';
import { btc, d, midnight } from './given.ts';

const spanMs = 300_000;
const notional = { min: d(10), applyMinToMarket: true, max: null, applyMaxToMarket: false, averagePriceMinutes: 5 };
const percentPrice = { bidUp: d(2), bidDown: d('0.5'), askUp: d(2), askDown: d('0.5'), averagePriceMinutes: 7 };
const lasting = (lengthMs: number, openTime: number, close: number, low = close, high = close) => ({
  ...{ openTime, closeTime: openTime + lengthMs - 1, open: close, high, low, close, volume: 1, closed: false },
});
const bounds = (prices: RecentPrices, atMs: number) => {
  const found = prices.bounds(atMs);
  return found === null ? null : [found.low, found.high].map((price) => Number(price.toFixed(2)));
};

it('the span is that of the filter that looks farther back, a minute at least', () => {
  const minutes = (change: Partial<typeof btc>) => averageSpanMs({ ...btc, notional: null, percentPrice: null, ...change }) / 60_000;
  expect([minutes({}), minutes({ notional }), minutes({ percentPrice }), minutes({ notional, percentPrice })]).toEqual([1, 5, 7, 7]);
  expect(minutes({ notional: { ...notional, averagePriceMinutes: 0 } })).toBe(1);
});

it('a half turns when its span has passed, and the one before it is forgotten with the next', () => {
  const prices = new RecentPrices(spanMs);
  const saw = (afterMs: number, price: number) => {
    prices.saw(lasting(60_000, midnight + afterMs, price), midnight + afterMs);
    return bounds(prices, midnight + 10 * spanMs);
  };
  expect(saw(0, 100)).toEqual([99.9, 100.1]);
  expect(saw(spanMs, 200)).toEqual([99.9, 200.2]);
  expect(saw(2 * spanMs - 1, 150)).toEqual([99.9, 200.2]);
  expect(saw(2 * spanMs, 150)).toEqual([149.85, 200.2]);
  expect(saw(3 * spanMs, 150)).toEqual([149.85, 150.15]);
});

it('the span is known from its end on', () => {
  const prices = new RecentPrices(spanMs);
  prices.saw(lasting(3_600_000, midnight, 100), midnight + 1_000);
  expect(bounds(prices, midnight + 1_000 + spanMs - 1)).toEqual([95, 105]);
  expect(bounds(prices, midnight + 1_000 + spanMs)).toEqual([99.9, 100.1]);
});

describe('the extremes of a candle', () => {
  const seen = (...candles: readonly ReturnType<typeof lasting>[]) => {
    const prices = new RecentPrices(spanMs);
    candles.forEach((candle, index) => {
      prices.saw(candle, midnight + index);
    });
    return bounds(prices, midnight + 10 * spanMs);
  };

  it('count as long as it is not longer than the span', () => {
    expect(seen(lasting(spanMs, midnight, 100, 50, 150))).toEqual([49.95, 150.15]);
    expect(seen(lasting(spanMs + 1, midnight, 100, 50, 150))).toEqual([99.9, 100.1]);
  });

  const hour = (low: number, high: number, openTime = midnight) => lasting(3_600_000, openTime, 100, low, high);
  it('of a long one count when they are new in it', () => {
    expect(seen(hour(50, 150), hour(50, 150))).toEqual([99.9, 100.1]);
    expect(seen(hour(50, 150), hour(49, 151))).toEqual([48.95, 151.15]);
    expect(seen(hour(50, 150), hour(40, 160, midnight + 3_600_000))).toEqual([99.9, 100.1]);
  });
});

it('around a price they are wide, and around none there are none', () => {
  const around = boundsAround(100);
  expect([around?.low.toNumber(), around?.high.toNumber()]).toEqual([95, 105]);
  expect([boundsAround(0), boundsAround(-1), boundsAround(Number.NaN)]).toEqual([null, null, null]);
});

describe('a watch', () => {
  const watched = (...later: readonly ReturnType<typeof lasting>[]) => {
    const prices = new RecentPrices(spanMs);
    prices.saw(lasting(60_000, midnight, 100, 50, 150), midnight);
    const watch = prices.watch();
    for (const candle of later) prices.saw(candle, midnight);
    return [watch?.low, watch?.high];
  };

  it('knows the prices since it began, not the extremes that its first candle had before', () => {
    expect(watched()).toEqual([Infinity, 0]);
    expect(watched(lasting(60_000, midnight, 101, 50, 150))).toEqual([101, 101]);
    expect(watched(lasting(60_000, midnight, 101, 49, 150))).toEqual([49, 101]);
    expect(watched(lasting(60_000, midnight, 101, 50, 151))).toEqual([101, 151]);
  });

  it('counts later candles whole, and older ones that are told late not at all', () => {
    expect(watched(lasting(60_000, midnight + 60_000, 101, 90, 110))).toEqual([90, 110]);
    expect(watched(lasting(60_000, midnight - 60_000, 20, 10, 300))).toEqual([Infinity, 0]);
  });

  it('begins with the first price', () => {
    expect(new RecentPrices(spanMs).watch()).toBe(null);
  });

  it('says when prices went by unheard, and hears nothing once it is stopped', () => {
    const prices = new RecentPrices(spanMs);
    prices.saw(lasting(60_000, midnight, 100), midnight);
    const [watch, stopped] = [prices.watch(), prices.watch()];
    stopped?.stop();
    expect(watch?.gapped).toBe(false);
    prices.missed();
    prices.saw(lasting(60_000, midnight, 100), midnight);
    expect([watch?.gapped, watch?.low, stopped?.gapped, stopped?.low]).toEqual([true, 100, false, Infinity]);
  });
});
