import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exact } from '../../../engine/trading/exact.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import { applyFill, emptyPosition, unsellableBy } from '../../../engine/trading/position.ts';
import { plannedProtection } from '../../../engine/trading/protect.ts';
import { entrySize, neverEnters } from '../../../engine/trading/sizing.ts';
import { stopPrice } from '../../../engine/trading/stops.ts';
import { btc, config, d, emptyState, fill } from './given.ts';
import { stoppable } from './guarded.ts';

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
    expect(of('996.22 9000 0.01', null)).toBe('1001.23');
    // After the fee less than the smallest lot would be left.
    expect(of('996.23 9000 0.01', null)).toBe('size-below-minimum');
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
    expect(of(99.99, {})).toBe("no entry: 99.99 USDT is below the exchange's least order value of 100 USDT");
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
    expect(of('5.4', 10)).toBe(
      'no entry: of 0.00027 BTC 0.00026 could be sold after the fee, worth 4.68 USDT at its stop of 18000, but the least order value is 5 USDT: it could not be sold',
    );
    expect(of('5.8', 10)).toBe('entered');
    expect(of('5', null)).toMatch(/could not be sold/);
  });

  it('counts what is bound in a position and its fees as committed', () => {
    const trading = config({ positionSizePercent: 100 });
    const held = {
      ...emptyState(trading),
      position: { quantity: d('0.00001'), cost: d(600), entryFees: d(100), openedAtMs: null, openedUnder: null },
    };
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

  it.each<[string, string, number, number]>([
    ['6', '100000', 2, 0.001],
    ['5.10', '30000', 2, 0.001],
  ])(
    'is refused when %s at %s would leave less than the least order value after the fee, at its stop',
    (fixed, price, stopLossPercent, fee) => {
      const trading = config({ positionSizeFixed: d(fixed), stopLossPercent });
      const paid = { ...emptyState(trading), baseFeeShare: fee };
      expect(entrySize(paid, trading, btc, Number(price))).toMatchObject({ ok: false, rule: 'size-below-minimum' });
      expect(size(trading, Number(price))).toMatchObject({ ok: false, rule: 'size-below-minimum' });
    },
  );

  it('counts the fee that the account pays, and a higher one while that is not known', () => {
    const trading = config({ positionSizeFixed: d(100) });
    const least = { ...btc, notional: btc.notional && { ...btc.notional, min: d('99.5') } };
    const paid = (baseFeeShare: number | null) => entrySize({ ...emptyState(trading), baseFeeShare }, trading, least, 100).ok;
    expect([paid(0.001), paid(0.004), paid(null)]).toEqual([true, false, false]);
  });

  it.each<[string, Partial<ReturnType<typeof config>>, number, string, string | null]>([
    [
      'a stop',
      { stopLossPercent: 1 },
      0.00000045,
      '0.00000001',
      'a stop 1 % below 0.00000045 would lie within one tick of the price (the tick of 0.00000001 is 2.22 % of it)',
    ],
    ['a stop just a tick below', { stopLossPercent: 1 }, 100, '1', null],
    [
      'a stop nearer than a tick',
      { stopLossPercent: 0.99 },
      100,
      '1',
      'a stop 0.99 % below 100 would lie within one tick of the price (the tick of 1 is 1.00 % of it)',
    ],
    [
      'a trailing stop',
      { stopLossPercent: 5, trailingStopPercent: 0.5, trailingStopActive: true },
      100,
      '1',
      'a stop 0.5 % below 100 would lie within one tick of the price (the tick of 1 is 1.00 % of it)',
    ],
    ['a trailing stop that is off', { stopLossPercent: 5, trailingStopPercent: 0.5 }, 100, '1', null],
    ['a symbol without ticks', { stopLossPercent: 0.001 }, 100, '0', null],
  ])('is refused for a stop within one tick of the price: %s', (_, stop, price, tick, reason) => {
    const coarse = {
      ...btc,
      basePrecision: 8,
      lot: { min: d(1), max: d(0), step: d(1) },
      marketLot: null,
      notional: null,
      price: { ...btc.price, tick: d(tick) },
    };
    for (const stops of ['engine', 'exchange'] as const) {
      const sized = size(config({ positionSizePercent: 90, initialCapital: d(1_000), stops, ...stop }), price, coarse);
      if (reason === null) expect(sized.ok).toBe(true);
      else expect(sized).toEqual({ ok: false, rule: 'PRICE_FILTER', reason: `no entry: ${reason}` });
    }
  });

  it('can be sold at its stop after the fee, and its stop lies a tick below, whatever the filters and the price', () => {
    const grid = fc.integer({ min: -8, max: 2 }).map((exponent) => d(10).pow(exponent));
    let entered = 0;
    fc.assert(
      fc.property(
        fc.record({
          step: grid,
          tick: grid,
          least: fc.integer({ min: 0, max: 200 }),
          price: fc.double({ min: 1e-6, max: 100_000, noNaN: true }),
        }),
        fc.record({ capital: fc.integer({ min: 5, max: 100_000 }), percent: fc.integer({ min: 1, max: 100 }) }),
        fc.record({
          stop: fc.option(fc.double({ min: 0.01, max: 60, noNaN: true })),
          fee: fc.constantFrom(null, 0.00075, 0.001, 0.01),
          engine: fc.boolean(),
        }),
        ({ step, tick, least, price: near }, { capital, percent }, { stop, fee, engine }) => {
          const price = Decimal.max(d(near).toNearest(tick), tick).toNumber();
          const filters: Instrument = {
            ...stoppable,
            lot: { min: step, max: d(0), step },
            marketLot: null,
            price: { min: d(0), max: d(0), tick },
            notional: btc.notional && { ...btc.notional, min: d(least) },
          };
          const trading = config({
            initialCapital: d(capital),
            positionSizePercent: percent,
            stopLossPercent: stop,
            stops: engine ? 'engine' : 'exchange',
          });
          const sized = entrySize({ ...emptyState(trading), baseFeeShare: fee }, trading, filters, price);
          if (!sized.ok) return;
          entered += 1;
          const commission = sized.quantity.times(fee ?? 0.005);
          const { position } = applyFill(emptyPosition, fill('BUY', sized.quantity.toFixed(), price, { commission }), filters);
          expect(position.openedAtMs).not.toBeNull();
          const level = stop === null ? price : stopPrice(trading, price, price, tick.toNumber());
          if (level > 0) expect(unsellableBy(position, filters, level)).toBeNull();
          const plan = plannedProtection({ ...emptyState(trading), position, bestPrice: price, lastPrice: price }, trading, filters);
          if (plan === null) return;
          expect(plan.stopPrice.lte(exact(price.toPrecision(12)).minus(tick))).toBe(true);
          expect(plan.stopPrice.gte(exact(level.toPrecision(12)).minus(tick))).toBe(true);
        },
      ),
      { numRuns: 500, examples: [] },
    );
    expect(entered).toBeGreaterThan(20);
  });
});

describe('a capital that can never enter', () => {
  const of = (initialCapital: string, positionSizeFixed: string | null, positionSizePerc: number | null = null, instrument = btc) =>
    neverEnters(
      { initialCapital: d(initialCapital), positionSizeFixed: positionSizeFixed === null ? null : d(positionSizeFixed), positionSizePerc },
      instrument,
    );

  it('is named with the column at fault', () => {
    expect(of('5.02', '5.02')?.column).toBe('initialCapital');
    expect(of('5.03', '5')).toBeNull();
    expect(of('1000', '4.99')).toEqual({
      column: 'positionSizeFixed',
      problem: "an entry of 4.99 USDT is below the exchange's least order value of 5 USDT: the bot would never enter",
    });
    expect([of('1000', null, 0.5), of('999', null, 0.5)?.column]).toEqual([null, 'positionSizePerc']);
  });

  it('is none where no least value applies to market orders', () => {
    expect(of('1', '1', null, { ...btc, notional: null })).toBeNull();
    expect(of('1', '1', null, { ...btc, notional: btc.notional && { ...btc.notional, applyMinToMarket: false } })).toBeNull();
  });
});
