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
