/** Orders stay within the filters that the exchange would refuse them by: each bound itself, and a tick beyond it. */
import { describe, expect, it } from 'vitest';
import { exitQuantity, newExit } from '../../../engine/trading/exits.ts';
import type { Instrument, NotionalFilter } from '../../../engine/trading/instrument.ts';
import { emptyPosition } from '../../../engine/trading/position.ts';
import { plannedProtection } from '../../../engine/trading/protect.ts';
import { mayRest } from '../../../engine/trading/resting-order.ts';
import { entrySize } from '../../../engine/trading/sizing.ts';
import { btc, config, d, emptyState } from './given.ts';

const open: Instrument = {
  ...btc,
  orderTypes: ['MARKET', 'LIMIT_MAKER', 'STOP_LOSS', 'STOP_LOSS_LIMIT'],
  marketLot: null,
  notional: null,
};
const worth = (change: Partial<NotionalFilter>): NotionalFilter => ({
  min: d(0),
  applyMinToMarket: true,
  max: null,
  applyMaxToMarket: false,
  averagePriceMinutes: 5,
  ...change,
});
const percentPrice = { bidUp: d(9), bidDown: d('0.01'), askUp: d(5), askDown: d('0.2'), averagePriceMinutes: 5 };

describe('the most that an account may hold', () => {
  const sized = (maxPosition: string, quantity = '0') => {
    const trading = config({ positionSizeFixed: d(500) });
    const state = { ...emptyState(trading), position: { ...emptyPosition, quantity: d(quantity) } };
    const size = entrySize(state, trading, { ...open, maxPosition: d(maxPosition) }, 100);
    return size.ok ? size.quantity.toFixed() : size.reason;
  };

  it('bounds an entry together with what is held', () => {
    expect([sized('6'), sized('5'), sized('4.5'), sized('4.5', '0.000007')]).toEqual(['5', '5', '4.5', '4.49999']);
  });

  it('is named where it leaves nothing to buy', () => {
    expect(sized('0.000009')).toBe(
      'no entry: the exchange lets an account hold only 0.000009 BTC, which leaves less than the smallest lot of 0.00001',
    );
    expect(sized('1', '1')).toMatch(/lets an account hold only 1 BTC/);
    expect(sized('0.00001')).toBe('0.00001');
  });
});

describe('the largest order value', () => {
  const sold = (notional: NotionalFilter | null, quantity = '12', price = 100) =>
    exitQuantity(newExit('x', 0), { ...emptyPosition, quantity: d(quantity), cost: d(100) }, { ...open, notional }, price).toFixed();

  it('splits an exit that has grown beyond it, with room for a price that rises until the order is there', () => {
    expect(sold(worth({ max: d(1_000), applyMaxToMarket: true }))).toBe('9.95');
    expect(sold(worth({ max: d(1_000), applyMaxToMarket: true }), '9.95')).toBe('9.95');
    expect(sold(worth({ max: d(1_000), applyMaxToMarket: true }), '9.96')).toBe('9.95');
  });

  it('never makes an exit smaller than a lot', () => {
    const lot = { ...open, lot: { min: d(2), max: d(100), step: d(1) }, notional: worth({ max: d(1_000), applyMaxToMarket: true }) };
    const exit = (price: number) =>
      exitQuantity(newExit('x', 0), { ...emptyPosition, quantity: d(12), cost: d(100) }, lot, price).toFixed();
    expect([497.5, 497.6, 1_000].map(exit)).toEqual(['2', '12', '12']);
    const free = { ...lot, lot: { ...lot.lot, min: d(0) } };
    expect(exitQuantity(newExit('x', 0), { ...emptyPosition, quantity: d(12), cost: d(100) }, free, 1_000).toFixed()).toBe('12');
  });

  it('leaves an exit whole where it is not asked of market orders, or there is none', () => {
    expect(sold(worth({ max: d(1_000) }))).toBe('12');
    expect(sold(worth({ applyMaxToMarket: true }))).toBe('12');
    expect(sold(null)).toBe('12');
    expect(sold(worth({ max: d(1_000), applyMaxToMarket: true }), '12', Number.NaN)).toBe('12');
    expect(sold(worth({ max: d(1_000), applyMaxToMarket: true }), '12', 0)).toBe('12');
  });
});

describe('an order that rests', () => {
  const rests = (change: Partial<Instrument>, trigger: string | null, limit: string | null, reference = 100, quantity = '1') =>
    mayRest({ ...open, ...change }, d(quantity), trigger === null ? null : d(trigger), limit === null ? null : d(limit), d(reference));

  it('has its prices within those of the symbol, both of them', () => {
    const price = { min: d(10), max: d(1_000), tick: d('0.01') };
    expect(['10', '9.99', '1000', '1000.01'].map((one) => rests({ price }, one, null))).toEqual([true, false, true, false]);
    expect(['10', '9.99', '1000', '1000.01'].map((one) => rests({ price }, '100', one))).toEqual([true, false, true, false]);
    expect(rests({ price: { ...price, max: d(0) } }, '1000.01', null)).toBe(true);
    expect(rests({ price: { ...price, min: d(0) } }, '0', null)).toBe(false);
  });

  it('has its limit within a share of the average price; a trigger is free', () => {
    expect(['20', '19.99', '500', '500.01'].map((one) => rests({ percentPrice }, null, one))).toEqual([true, false, true, false]);
    expect(rests({ percentPrice }, '19.99', null)).toBe(true);
    expect(rests({ percentPrice }, '19.99', '20')).toBe(true);
  });

  it('is worth the least order value at its worst price, and not more than the largest', () => {
    const least = worth({ min: d(100) });
    expect([rests({ notional: least }, '100', null), rests({ notional: least }, '99.99', null)]).toEqual([true, false]);
    expect([rests({ notional: least }, '101', '100'), rests({ notional: least }, '101', '99.99')]).toEqual([true, false]);
    const largest = worth({ max: d(100) });
    expect(['100', '100.01'].map((limit) => rests({ notional: largest }, '50', limit))).toEqual([true, false]);
    expect([100, 101].map((reference) => rests({ notional: largest }, '90', null, reference))).toEqual([true, true]);
    const atMarket = worth({ max: d(100), applyMaxToMarket: true });
    expect([100, 101].map((reference) => rests({ notional: atMarket }, '90', null, reference))).toEqual([true, false]);
  });
});

describe('what shall rest', () => {
  const planned = (change: Partial<Instrument>, trading: Parameters<typeof config>[0], bestPrice = 100, lastPrice = 100) => {
    const columns = config({ stops: 'exchange', ...trading });
    const position = { ...emptyPosition, quantity: d(1), cost: d(100), openedAtMs: 1 };
    return plannedProtection({ ...emptyState(columns), position, bestPrice, lastPrice }, columns, { ...open, ...change });
  };

  it('leaves a target in the engine that the exchange would refuse, and puts up the stop alone', () => {
    const target = (takeProfitPercent: number) =>
      planned({ percentPrice }, { stopLossPercent: 10, takeProfitPercent })?.targetPrice?.toFixed() ?? null;
    // 450 is five times the stop at 90, the lowest that the average can be while the position is held.
    expect([target(350), target(351)]).toEqual(['450', null]);
    expect(planned({ percentPrice }, { stopLossPercent: 10, takeProfitPercent: 900 })?.stopPrice.toFixed()).toBe('90');
  });

  it('leaves a stop in the engine whose limit the exchange would refuse at the best price', () => {
    const limited = { percentPrice, orderTypes: ['MARKET', 'STOP_LOSS_LIMIT'] } as const;
    expect(planned(limited, { stopLossPercent: 79 })?.limitPrice?.toFixed()).toBe('20.89');
    expect(planned(limited, { stopLossPercent: 80 })).toBeNull();
    expect(planned(limited, { stopLossPercent: 79 }, 104.45)?.limitPrice?.toFixed()).toBe('20.89');
    expect(planned(limited, { stopLossPercent: 79 }, 104.46)).toBeNull();
    // The close that it was entered on was higher than its fill.
    expect(planned(limited, { stopLossPercent: 79 }, 100, 104.45)?.limitPrice?.toFixed()).toBe('20.89');
    expect(planned(limited, { stopLossPercent: 79 }, 100, 104.46)).toBeNull();
    // A position whose best price is not known is judged by what it cost.
    expect(planned(limited, { stopLossPercent: 79 }, Number.NaN, Number.NaN)?.limitPrice?.toFixed()).toBe('20.89');
    expect(planned(limited, { stopLossPercent: 80 }, Number.NaN, Number.NaN)).toBeNull();
  });
});
