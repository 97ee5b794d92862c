/** Every filter exactly at its bounds and a hair beyond, and where a filter does not apply. */
import { describe, expect, it } from 'vitest';
import { brokenAccountFilter, brokenFilter } from '../../../engine/trading/filters.ts';
import type { AccountContext, FilterSubject } from '../../../engine/trading/filters.ts';
import type { Instrument, NotionalFilter, OrderSide, OrderType } from '../../../engine/trading/instrument.ts';
import { btc, d } from './given.ts';

const free: Instrument = {
  ...btc,
  price: { min: d(0), max: d(0), tick: d(0) },
  lot: { min: d(0), max: d(0), step: d(0) },
  ...{ marketLot: null, notional: null, percentPrice: null, trailingDelta: null },
};
const order: FilterSubject = {
  ...{ side: 'SELL', type: 'STOP_LOSS_LIMIT', quantity: d(1), price: d(100), stopPrice: d(100), trailingDelta: null, quoteQuantity: null },
};
const known = (low: number, high = low) => ({ averagePrice: () => ({ low: d(low), high: d(high) }) });
const unknown = { averagePrice: () => null };
const broken = (
  change: Partial<Instrument>,
  subject: Partial<FilterSubject> = {},
  context: typeof unknown | ReturnType<typeof known> = known(100),
) => brokenFilter({ ...free, ...change }, { ...order, ...subject }, context);

it('an order of an instrument without bounds keeps them all', () => {
  expect(broken({})).toBeNull();
});

describe('PRICE_FILTER', () => {
  const price = { min: d(10), max: d(1_000), tick: d('0.5') };

  it.each(['price', 'stopPrice'] as const)('bounds the %s', (which) => {
    const at = (value: string, change: Partial<typeof price> = {}) => broken({ price: { ...price, ...change } }, { [which]: d(value) });
    expect([at('10'), at('9.5'), at('1000'), at('1000.5'), at('100.5'), at('100.4')]).toEqual([
      null,
      'PRICE_FILTER',
      null,
      'PRICE_FILTER',
      null,
      'PRICE_FILTER',
    ]);
    expect([at('9.5', { min: d(0) }), at('1000.5', { max: d(0) }), at('100.4', { tick: d(0) })]).toEqual([null, null, null]);
  });

  it('is none of an order without a price', () => {
    expect(broken({ price }, { type: 'MARKET', price: null, stopPrice: null })).toBeNull();
  });
});

describe('LOT_SIZE and MARKET_LOT_SIZE', () => {
  const lot = { min: d(2), max: d(10), step: d('0.5') };
  const sized = (quantity: string, change: Partial<typeof lot> = {}) => broken({ lot: { ...lot, ...change } }, { quantity: d(quantity) });

  it('bound the quantity', () => {
    expect(['2', '1.5', '10', '10.5', '3.5', '3.4'].map((quantity) => sized(quantity))).toEqual([
      null,
      'LOT_SIZE',
      null,
      'LOT_SIZE',
      null,
      'LOT_SIZE',
    ]);
    expect([sized('10.5', { max: d(0) }), sized('3.4', { step: d(0) }), sized('1.5', { min: d(0) })]).toEqual([null, null, null]);
    expect(sized('0', { min: d(0) })).toBe('LOT_SIZE');
  });

  it('are two for a market order, and one for the others', () => {
    const of = (type: OrderType, quantity: string) => broken({ marketLot: lot }, { type, quantity: d(quantity) });
    expect([of('MARKET', '2'), of('MARKET', '1.5'), of('STOP_LOSS', '1.5'), of('LIMIT', '1.5')]).toEqual([
      null,
      'MARKET_LOT_SIZE',
      null,
      null,
    ]);
  });
});

describe('TRAILING_DELTA', () => {
  const trailingDelta = { minAbove: 10, maxAbove: 2_000, minBelow: 20, maxBelow: 1_000 };
  const delta = (value: number, type: OrderType, side: OrderSide, filter: typeof trailingDelta | null = trailingDelta) =>
    broken({ trailingDelta: filter }, { type, side, trailingDelta: value }) === null;

  it.each([
    ['STOP_LOSS', 'BUY', 10, 2_000],
    ['STOP_LOSS_LIMIT', 'BUY', 10, 2_000],
    ['TAKE_PROFIT', 'SELL', 10, 2_000],
    ['TAKE_PROFIT_LIMIT', 'SELL', 10, 2_000],
    ['STOP_LOSS', 'SELL', 20, 1_000],
    ['STOP_LOSS_LIMIT', 'SELL', 20, 1_000],
    ['TAKE_PROFIT', 'BUY', 20, 1_000],
  ] as const)('of a %s %s goes from %d to %d', (type, side, least, most) => {
    expect([least - 1, least, most, most + 1].map((value) => delta(value, type, side))).toEqual([false, true, true, false]);
  });

  it('is a whole share of the price, also where the symbol names no bounds', () => {
    expect([0, 1, 9_999, 10_000, 1.5].map((value) => delta(value, 'STOP_LOSS', 'SELL', null))).toEqual([false, true, true, false, false]);
    expect(broken({ trailingDelta }, { trailingDelta: 19 })).toBe('TRAILING_DELTA');
    expect(broken({ trailingDelta }, { trailingDelta: null })).toBeNull();
  });
});

describe('PERCENT_PRICE_BY_SIDE', () => {
  const percentPrice = { bidUp: d('1.1'), bidDown: d('0.9'), askUp: d('1.5'), askDown: d('0.5'), averagePriceMinutes: 5 };
  const at = (side: OrderSide, price: string | null, context: typeof unknown | ReturnType<typeof known> = known(100)) =>
    broken({ percentPrice }, { side, price: price === null ? null : d(price) }, context) === null;

  it('bounds the price of each side by its own shares of the average', () => {
    expect(['90', '89.99', '110', '110.01'].map((price) => at('BUY', price))).toEqual([true, false, true, false]);
    expect(['50', '49.99', '150', '150.01'].map((price) => at('SELL', price))).toEqual([true, false, true, false]);
    expect(broken({ percentPrice }, { price: d(1) })).toBe('PERCENT_PRICE_BY_SIDE');
  });

  it('passes an order without a price, and one of which nothing is known', () => {
    expect([at('SELL', null), at('SELL', '1', unknown)]).toEqual([true, true]);
  });
});

describe('NOTIONAL and MIN_NOTIONAL', () => {
  const notional: NotionalFilter = { min: d(50), applyMinToMarket: true, max: d(200), applyMaxToMarket: true, averagePriceMinutes: 5 };
  const worth = (
    price: string | null,
    type: OrderType,
    change: Partial<NotionalFilter> = {},
    context: typeof unknown | ReturnType<typeof known> = known(100),
  ) => broken({ notional: { ...notional, ...change } }, { type, price: price === null ? null : d(price) }, context);

  it('bound a limit order by its own price', () => {
    expect(['50', '49.99', '200', '200.01'].map((price) => worth(price, 'LIMIT'))).toEqual([null, 'NOTIONAL', null, 'NOTIONAL']);
    // What is not asked of market orders is asked of these.
    const noMarket = { applyMinToMarket: false, applyMaxToMarket: false };
    expect(['49.99', '200.01'].map((price) => worth(price, 'LIMIT', noMarket))).toEqual(['NOTIONAL', 'NOTIONAL']);
    expect([worth('49.99', 'LIMIT', { max: null }), worth('200.01', 'LIMIT', { max: null })]).toEqual(['MIN_NOTIONAL', null]);
    expect(worth('49.99', 'LIMIT', {}, unknown)).toBe('NOTIONAL');
  });

  it.each(['MARKET', 'STOP_LOSS', 'TAKE_PROFIT'] as const)('bound a %s by the average price, as far as they are asked of it', (type) => {
    const at = (low: number, high: number, change: Partial<NotionalFilter> = {}) => worth(null, type, change, known(low, high));
    expect([at(50, 200), at(49.99, 200), at(50, 200.01)]).toEqual([null, 'NOTIONAL', 'NOTIONAL']);
    expect([at(49.99, 200, { applyMinToMarket: false }), at(50, 200.01, { applyMinToMarket: false })]).toEqual([null, 'NOTIONAL']);
    expect([at(50, 200.01, { applyMaxToMarket: false }), at(49.99, 200, { applyMaxToMarket: false })]).toEqual([null, 'NOTIONAL']);
    expect(at(1, 1_000, { applyMinToMarket: false, applyMaxToMarket: false })).toBeNull();
    expect([at(50, 1_000, { max: null }), at(49, 1_000, { max: null })]).toEqual([null, 'MIN_NOTIONAL']);
    expect(worth(null, type, {}, unknown)).toBeNull();
  });

  it('ask for the average of the minutes that the symbol names', () => {
    const asked: number[] = [];
    const averagePrice = (minutes: number) => {
      asked.push(minutes);
      return { low: d(100), high: d(100) };
    };
    brokenFilter({ ...free, notional }, { ...order, type: 'MARKET', price: null, stopPrice: null }, { averagePrice });
    expect(asked).toEqual([5]);
  });

  it('take what a market order spends for its worth', () => {
    const spending = (quote: string, context: typeof unknown | ReturnType<typeof known> = known(1)) =>
      broken({ notional }, { type: 'MARKET', price: null, stopPrice: null, quoteQuantity: d(quote) }, context);
    expect([spending('50'), spending('49.99'), spending('200'), spending('200.01')]).toEqual([null, 'NOTIONAL', null, 'NOTIONAL']);
    expect([spending('50', unknown), spending('49.99', unknown)]).toEqual([null, 'NOTIONAL']);
  });
});

describe('the places and the coins of an account', () => {
  const nothing: AccountContext = {
    ...{ openOrders: 0, openAlgoOrders: 0, openLists: 0, addedOrders: 0, addedAlgoOrders: 0, addedLists: 0 },
    position: () => d(0),
  };
  const full = (
    change: Partial<Instrument>,
    subject: Partial<Pick<FilterSubject, 'type' | 'side' | 'quantity'>>,
    context: Partial<AccountContext>,
  ) =>
    brokenAccountFilter(
      { ...free, maxOrders: null, maxAlgoOrders: null, maxOrderLists: null, maxPosition: null, ...change },
      { type: 'STOP_LOSS', side: 'SELL', quantity: d(1), ...subject },
      { ...nothing, ...context },
    );

  it('MAX_NUM_ORDERS counts what is open and what comes, but no market order', () => {
    const orders = (openOrders: number, type: OrderType = 'LIMIT') => full({ maxOrders: 5 }, { type }, { openOrders, addedOrders: 2 });
    expect([orders(3), orders(4), orders(4, 'MARKET')]).toEqual([null, 'MAX_NUM_ORDERS', null]);
    expect(full({}, { type: 'LIMIT' }, { openOrders: 999, addedOrders: 1 })).toBeNull();
  });

  it('MAX_NUM_ALGO_ORDERS counts those that wait for a trigger', () => {
    const orders = (openAlgoOrders: number, type: OrderType = 'STOP_LOSS') =>
      full({ maxAlgoOrders: 5 }, { type }, { openAlgoOrders, addedAlgoOrders: 1 });
    expect([orders(4), orders(5), orders(5, 'LIMIT'), orders(5, 'LIMIT_MAKER'), orders(5, 'MARKET')]).toEqual([
      null,
      'MAX_NUM_ALGO_ORDERS',
      null,
      null,
      null,
    ]);
    expect(orders(5, 'TAKE_PROFIT_LIMIT')).toBe('MAX_NUM_ALGO_ORDERS');
    expect(full({}, {}, { openAlgoOrders: 999, addedAlgoOrders: 1 })).toBeNull();
  });

  it('MAX_NUM_ORDER_LISTS is asked of what adds a list', () => {
    const lists = (openLists: number, addedLists = 1) => full({ maxOrderLists: 3 }, {}, { openLists, addedLists });
    expect([lists(2), lists(3), lists(4, 0)]).toEqual([null, 'MAX_NUM_ORDER_LISTS', null]);
    expect(full({}, {}, { openLists: 999, addedLists: 1 })).toBeNull();
  });

  it('MAX_POSITION bounds what is held together with a purchase', () => {
    const holds = (held: string, side: OrderSide = 'BUY') =>
      full({ maxPosition: d(3) }, { side, type: 'MARKET' }, { position: () => d(held) });
    expect([holds('2'), holds('2.01'), holds('9', 'SELL')]).toEqual([null, 'MAX_POSITION', null]);
    expect(full({}, { side: 'BUY' }, { position: () => d(999) })).toBeNull();
  });
});
