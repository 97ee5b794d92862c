import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exact } from '../../../engine/trading/exact.ts';
import { entrySize } from '../../../engine/trading/sizing.ts';
import { btc, config, d, emptyState } from './given.ts';

const size = (trading: ReturnType<typeof config>, price: number, instrument = btc) =>
  entrySize(emptyState(trading), trading, instrument, price);

describe('the size of an entry', () => {
  it('is the percentage of equity, floored to the step size', () => {
    expect(size(config(), 23_141.57)).toEqual({ ok: true, quantity: exact('0.02160') });
  });

  it('prefers the fixed quote amount', () => {
    const sized = size(config({ positionSizeFixed: d(100) }), 20_000);
    expect(sized.ok && sized.quantity.toFixed()).toBe('0.005');
  });

  it('never commits more than the budget, with room for a fill above the price it was sized at', () => {
    const sized = size(config({ positionSizePercent: 100 }), 20_000);
    expect(sized.ok && sized.quantity.times(20_000).toFixed()).toBe('995');
  });

  it('says why it is too small', () => {
    expect(size(config({ positionSizeFixed: d('4.99') }), 20_000)).toMatchObject({ ok: false, rule: 'size-below-minimum' });
    expect(size(config({ positionSizeFixed: d('0.01') }), 20_000)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('smallest lot') as string,
    });
  });

  it('obeys whichever of lot and market lot is stricter', () => {
    const lots = (lot: string, market: string | null) => ({
      ...btc,
      lot: { ...btc.lot, ...parts(lot) },
      marketLot: market === null ? null : parts(market),
    });
    const parts = (text: string) => {
      const [min = '0', max = '0', step = '0'] = text.split(' ');
      return { min: d(min), max: d(max), step: d(step) };
    };
    const rich = config({ initialCapital: d(1_000_000), positionSizeFixed: d(100_123.4) });
    const of = (lot: string, market: string | null): string => {
      const sized = size(rich, 100, lots(lot, market));
      return sized.ok ? sized.quantity.toFixed() : sized.rule;
    };
    expect(of('0.01 9000 0.01', null)).toBe('1001.23');
    expect(of('0.01 9000 0.01', '0 0 0')).toBe('1001.23');
    expect(of('0.01 9000 0.01', '0 0 1')).toBe('1001');
    expect(of('0.01 9000 1', '0 0 0.01')).toBe('1001');
    expect(of('0.01 500 0.01', null)).toBe('500');
    expect(of('0.01 500 0.01', '0 600 0')).toBe('500');
    expect(of('0.01 600 0.01', '0 500 0')).toBe('500');
    expect(of('0.01 0 0.01', '0 500 0')).toBe('500');
    expect(of('0.01 0 0.01', null)).toBe('1001.23');
    expect(of('1001.23 9000 0.01', null)).toBe('1001.23');
    expect(of('1001.24 9000 0.01', null)).toBe('size-below-minimum');
    expect(of('0.01 9000 0.01', '1001.24 0 0')).toBe('size-below-minimum');
    expect(of('1001.24 9000 0.01', '1 0 0')).toBe('size-below-minimum');
    expect(of('0 0 2000', null)).toBe('size-below-minimum');
  });

  it('sends no more decimals than the venue accepts where no step says so', () => {
    const free = { ...btc, basePrecision: 3, lot: { ...btc.lot, step: d(0) }, marketLot: null };
    const sized = size(config({ positionSizeFixed: d(100) }), 30_000, free);
    expect(sized.ok && sized.quantity.toFixed()).toBe('0.003');
  });

  it('obeys the bounds of the notional as far as they apply to market orders', () => {
    const notional = { min: d(100), applyMinToMarket: true, max: d(200), applyMaxToMarket: true, averagePriceMinutes: 5 };
    const of = (fixed: number, change: Partial<typeof notional> | { max: null } | null): string => {
      const sized = size(config({ positionSizeFixed: d(fixed) }), 100, {
        ...btc,
        notional: change === null ? null : { ...notional, ...change },
      });
      return sized.ok ? sized.quantity.toFixed() : sized.reason;
    };
    expect(of(101, {})).toBe('1.01');
    expect(of(99.99, {})).toBe("no entry: 99.99 USDT is below the exchange's least order value of 100");
    expect(of(99.99, { applyMinToMarket: false })).toBe('0.9999');
    expect(of(99.99, null)).toBe('0.9999');
    // The average that the exchange judges by may lie above the price.
    expect(of(300, {})).toBe('1.9');
    expect(of(300, { applyMaxToMarket: false })).toBe('3');
    expect(of(300, { max: null })).toBe('3');
    expect(of(300, null)).toBe('3');
  });

  it('is refused when what is left at its stop could not be sold', () => {
    const of = (fixed: string, stopLossPercent: number | null) => {
      const sized = size(config({ positionSizeFixed: d(fixed), stopLossPercent }), 20_000);
      return sized.ok ? 'entered' : sized.reason;
    };
    expect(of('5.4', null)).toBe('entered');
    expect(of('5.4', 10)).toMatch(/would be 4.84 after fees and at its stop.*could not be sold/);
    expect(of('5.8', 10)).toBe('entered');
    expect(of('5', null)).toMatch(/could not be sold/);
  });

  it('counts what is bound in a position and its fees as committed', () => {
    const trading = config({ positionSizePercent: 100 });
    const held = { ...emptyState(trading), position: { quantity: d('0.00001'), cost: d(600), entryFees: d(100), openedAtMs: null } };
    const sized = entrySize(held, trading, btc, 100);
    expect(sized.ok && sized.quantity.toFixed()).toBe('2.985');
  });

  it('says when nothing of the budget is left', () => {
    const trading = config();
    const broke = { ...emptyState(trading), realisedTotal: d(-1_000) };
    expect(entrySize(broke, trading, btc, 20_000)).toMatchObject({ ok: false, rule: 'capital-exhausted' });
  });

  it('is on the grid, within lots and affordable, whatever the price and the budget', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000_000 }),
        fc.integer({ min: 1, max: 100_000_000 }),
        fc.integer({ min: 1, max: 100 }),
        (cents, capital, percent) => {
          const price = cents / 100;
          const trading = config({ initialCapital: d(capital), positionSizePercent: percent });
          const sized = size(trading, price);
          if (!sized.ok) return;
          expect(sized.quantity.mod('0.00001').isZero()).toBe(true);
          expect(sized.quantity.lte(100)).toBe(true);
          expect(sized.quantity.times(price).gte(5)).toBe(true);
          expect(sized.quantity.times(price).lte(exact(capital).times(percent).div(100))).toBe(true);
        },
      ),
    );
  });
});
