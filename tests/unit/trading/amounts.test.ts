/** Texts with numbers: of a price of 0.00000045, and of amounts in an asset of which two decimals tell nothing. */
import { describe, expect, it } from 'vitest';
import { amountText, priceText, quoteText } from '../../../engine/trading/amounts.ts';
import { refusedBy } from '../../../engine/trading/capital.ts';
import { withLossJudged, withTargetTold } from '../../../engine/trading/day.ts';
import { entryRefusal } from '../../../engine/trading/allowance.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import { noProtections, pauseAt } from '../../../engine/trading/protections.ts';
import { entrySize, neverEnters } from '../../../engine/trading/sizing.ts';
import { protectiveExit, stopWithinTick } from '../../../engine/trading/stops.ts';
import { btc, config, d, emptyState, midnight } from './given.ts';

/** Priced in BTC, at 45 of its smallest steps. */
const coin: Instrument = {
  ...btc,
  ...{ symbol: 'COINBTC', baseAsset: 'COIN', quoteAsset: 'BTC' },
  price: { min: d('0.00000001'), max: d(1), tick: d('0.00000001') },
  lot: { min: d(1), max: d(90_000_000), step: d(1) },
  marketLot: null,
  notional: { min: d('0.0001'), applyMinToMarket: true, max: null, applyMaxToMarket: false, averagePriceMinutes: 5 },
};
const price = 4.5e-7;

describe('a number', () => {
  it.each([
    [4.5e-7, '0.00000045'],
    [1e-18, '0.000000000000000001'],
    [-2.5e-9, '-0.0000000025'],
    [0.1 + 0.2, '0.3'],
    [20_000.5, '20000.5'],
    [1e21, '1000000000000000000000'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [d('4.5e-10'), '0.00000000045'],
  ])('%s is written as %s', (value, text) => {
    expect(priceText(value)).toBe(text);
  });

  it('keeps ten digits', () => {
    expect(priceText(1 / 3)).toBe('0.3333333333');
  });
});

describe('an amount', () => {
  it.each([
    ['12.5', '12.50 USDT'],
    ['12', '12.00 USDT'],
    ['5.9883059', '5.9883059 USDT'],
    ['0.00000001', '0.00000001 USDT'],
    ['0.000000015', '0.00000002 USDT'],
    ['-3.1000', '-3.10 USDT'],
    ['0', '0.00 USDT'],
  ])('of %s is written as %s', (amount, text) => {
    expect(amountText(d(amount), 'USDT')).toBe(text);
  });

  it('has the digits of the instrument', () => {
    expect(quoteText(d('1.23456'), { quoteAsset: 'EUR', quotePrecision: 4 })).toBe('1.2346 EUR');
  });
});

describe('of a bot at a tiny price, in BTC', () => {
  const columns = config({ initialCapital: d('0.01'), maxDailyLossPercent: 5, stopLossPercent: 10 });
  const state = { ...emptyState(columns), lastPrice: price };
  const day = { ...state.day, realised: d('0.00012345') };

  it('the day is told with its amounts', () => {
    const lost = { ...state, realisedTotal: d('-0.00045678') };
    expect(withLossJudged(lost, columns, coin, price, midnight + 1).notices.map(({ reason }) => reason)).toEqual([
      "the day's loss of 0.00045678 BTC reached 80 % of its limit (5 % of 0.01 BTC)",
    ]);
    expect(withTargetTold([], { ...day, targetReached: true }, midnight + 1, coin)[0]?.reason).toContain("day's profit of 0.00012345 BTC");
    const refused = (change: Partial<typeof day>): string =>
      entryRefusal({ ...state, day: { ...day, ...change } }, columns, coin, price, midnight + 1)?.reason ?? '';
    expect(refused({ lossReached: true })).toMatch(/the day's loss reached 5 % of 0\.01 BTC$/);
    expect(refused({ targetReached: true })).toMatch(/the day's profit of 0\.00012345 BTC reached the target$/);
  });

  it('a large loss is told to the last digit, whatever floats make of it', () => {
    const large = config({ initialCapital: d('10000000.01'), maxDailyLossPercent: 5 });
    const lost = { ...emptyState(large), realisedTotal: d('-450000.02') };
    expect(withLossJudged(lost, large, btc, 20_000, midnight + 1).notices[0]?.reason).toContain(
      "day's loss of 450000.02 USDT reached 80 %",
    );
  });

  it('a pause tells what was lost', () => {
    const trip = { closedAtMs: midnight, result: d('-0.00001234'), spent: d('0.005'), stopped: false };
    expect(pauseAt([trip], { ...noProtections, cooldownAfterLossMs: 60_000 }, midnight + 1, coin)?.reason).toMatch(/lost 0\.00001234 BTC$/);
  });

  it('a size that cannot be is told with its amounts', () => {
    const sized = (change: Parameters<typeof config>[0]): string => {
      const size = entrySize(state, { ...columns, ...change }, coin, price);
      return size.ok ? '' : size.reason;
    };
    expect(sized({ positionSizeFixed: d('0.00009') })).toBe(
      "no entry: 0.00009 BTC is below the exchange's least order value of 0.0001 BTC",
    );
    expect(sized({ positionSizeFixed: d('0.0000004') })).toBe('no entry: 0.0000004 BTC buys less than the smallest lot of 1 COIN');
    expect(sized({ initialCapital: d(0) })).toBe('no entry: nothing of the budget is left (0.00 BTC)');
    expect(sized({ positionSizeFixed: d('0.000105') })).toMatch(
      /worth 0\.00009356 BTC at its stop of 0\.000000405, but the least order value is 0\.0001 BTC/,
    );
    expect(neverEnters({ initialCapital: d('0.00001'), positionSizeFixed: null, positionSizePerc: 50 }, coin)?.problem).toMatch(
      /^0\.00000995 BTC of it can be spent, below the exchange's least order value of 0\.0001 BTC/,
    );
  });

  it('stops and targets are told with their prices', () => {
    const [stop, target] = [
      protectiveExit(columns, price, price, { low: 4e-7, high: price }, null, 1e-8),
      protectiveExit({ ...columns, takeProfitPercent: 10 }, price, price, { low: price, high: 5e-7 }, null, 1e-8),
    ];
    expect([stop?.reason, target?.reason]).toEqual([
      'stop-loss at 0.000000405 was reached (average entry 0.00000045)',
      'take-profit at 0.000000495 was reached (average entry 0.00000045)',
    ]);
    expect(stopWithinTick({ ...columns, stopLossPercent: 1 }, price, d('0.00000001'))).toMatch(
      /^a stop 1 % below 0\.00000045 would lie within one tick of the price \(the tick of 0\.00000001 is 2\.22 % of it\)$/,
    );
  });

  it('what the account refuses is told with both amounts', () => {
    expect(
      refusedBy('account-capital', { amount: d('0.00050251'), bound: d('0.0000012') }, { account: 'binance', asset: 'BTC' }).reason,
    ).toBe(
      'no entry: it needs 0.00050251 BTC with the reserve for price and fees, and of the account binance 0.0000012 BTC remain beside what other entries have reserved',
    );
  });
});
