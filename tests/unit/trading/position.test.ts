import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exact, zero } from '../../../engine/trading/exact.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import {
  applyFill,
  baseFeeShareAfter,
  emptyPosition,
  figuresOf,
  isDust,
  saleBoundsOf,
  sellableQuantity,
} from '../../../engine/trading/position.ts';
import { btc, d, fill, midnight } from './given.ts';

describe('the position', () => {
  it('holds what was received: a spot buy pays its fee from the coins', () => {
    const { position } = applyFill(emptyPosition, fill('BUY', '0.5', 20_000, { commission: d('0.0005') }), btc);
    expect(position.quantity.toFixed()).toBe('0.4995');
    expect(position.cost.toFixed()).toBe('9990');
    expect(position.entryFees.toFixed()).toBe('10');
  });

  it('realises a sale net of the entry fee share and of its own fee', () => {
    const { position } = applyFill(emptyPosition, fill('BUY', '0.5', 20_000, { commission: d('0.0005') }), btc);
    const sold = applyFill(position, fill('SELL', '0.4995', 21_000, { commission: d('10.4895') }), btc);
    expect(sold.pnl.toFixed()).toBe('499.5');
    expect(sold.realisedPnl.toFixed()).toBe('479.0105');
    expect(sold.position.quantity.isZero()).toBe(true);
    expect(sold.position.openedAtMs).toBeNull();
  });

  it('keeps cost and fees of what a partial sale leaves', () => {
    const { position } = applyFill(emptyPosition, fill('BUY', '3', 100, { commission: d('0') }), btc);
    const { position: rest } = applyFill(position, fill('SELL', '1', 130), btc);
    expect(rest.cost.toFixed()).toBe('200');
    expect(rest.openedAtMs).not.toBeNull();
  });

  it('counts a fee in a third asset as what it was worth in quote', () => {
    const worth = (amount: string) => ({ commission: d('0.01'), commissionAsset: 'BNB', commissionWorth: d(amount) });
    const { position } = applyFill(emptyPosition, fill('BUY', '2', 100, worth('6')), btc);
    expect([position.quantity.toFixed(), position.cost.toFixed(), position.entryFees.toFixed()]).toEqual(['2', '200', '6']);
    const sold = applyFill(position, fill('SELL', '1', 110, worth('4')), btc);
    expect([sold.position.quantity.toFixed(), sold.pnl.toFixed(), sold.realisedPnl.toFixed()]).toEqual(['1', '10', '3']);
  });

  it('does not change coins or profit for a fee in a third asset whose worth is not known', () => {
    const { position } = applyFill(emptyPosition, fill('BUY', '1', 100, { commission: d('0.01'), commissionAsset: 'BNB' }), btc);
    expect(position.quantity.toFixed()).toBe('1');
    expect(position.entryFees.isZero()).toBe(true);
  });

  it('calls dust flat, by lot and by least notional', () => {
    const held = (quantity: string) => ({ ...emptyPosition, quantity: d(quantity), cost: d(quantity).times(20_000) });
    expect(isDust(held('0.00000999'), btc, 20_000)).toBe(true);
    expect(isDust(held('0.00024'), btc, 20_000)).toBe(true);
    // The exchange judges by an average that may lie a little below the price.
    expect(isDust(held('0.00025'), btc, 20_000)).toBe(true);
    expect(isDust(held('0.00025'), btc, 20_041)).toBe(false);
    expect(isDust(held('0.00024'), btc, 22_000)).toBe(false);
  });

  it('is not ended by a sale under filters that were raised meanwhile, but by one that leaves dust under those of its opening', () => {
    const raised: Instrument = {
      ...btc,
      notional: { min: d(20_000), max: null, applyMinToMarket: true, applyMaxToMarket: false, averagePriceMinutes: 5 },
    };
    const coarser: Instrument = { ...btc, lot: { ...btc.lot, min: d(1), step: d(1) } };
    const { position } = applyFill(emptyPosition, fill('BUY', '1', 20_000, { commission: d(0) }), btc);
    for (const instrument of [raised, coarser]) {
      const left = (quantity: string) => applyFill(position, fill('SELL', quantity, 20_000), instrument).position;
      expect(left('0.7').openedAtMs).toBe(position.openedAtMs);
      // 4.8 in quote, and less than the smallest lot.
      expect([left('0.99976').openedAtMs, left('0.99976').openedUnder]).toEqual([null, null]);
      expect(left('0.999995').openedAtMs).toBeNull();
      expect(left('0.99974').openedAtMs).toBe(position.openedAtMs);
    }
    const finer: Instrument = { ...btc, notional: null };
    expect(applyFill(position, fill('SELL', '0.9999', 20_000), finer).position.openedAtMs).toBe(position.openedAtMs);
  });

  it('is opened by a purchase that could be sold by the filters of its decision, though they were raised before it was booked', () => {
    const raised: Instrument = { ...btc, lot: { ...btc.lot, min: d(1), step: d(1) } };
    const buy = (quantity: string) => fill('BUY', quantity, 20_000, { commission: d(0), saleBounds: saleBoundsOf(btc) });
    const { position } = applyFill(emptyPosition, buy('0.3'), raised);
    expect(position.openedAtMs).not.toBeNull();
    expect(applyFill(position, fill('SELL', '0.2', 20_000), raised).position.openedAtMs).toBe(position.openedAtMs);
    expect(applyFill(emptyPosition, buy('0.0001'), raised).position.openedAtMs).toBeNull();
    expect(applyFill(emptyPosition, fill('BUY', '0.3', 20_000), raised).position.openedAtMs).toBeNull();
  });

  it('values a fee in quote on the way in, and one in coins on the way out', () => {
    const { position } = applyFill(emptyPosition, fill('BUY', '2', 100, { commission: d(3), commissionAsset: 'USDT' }), btc);
    expect([position.quantity.toFixed(), position.cost.toFixed(), position.entryFees.toFixed()]).toEqual(['2', '200', '3']);
    const sold = applyFill(position, fill('SELL', '1', 110, { commission: d('0.5'), commissionAsset: 'BTC' }), btc);
    expect([sold.position.quantity.toFixed(), sold.pnl.toFixed(), sold.realisedPnl.toFixed()]).toEqual(['0.5', '10', '-42.25']);
  });

  it('keeps the time at which it was opened while more is bought', () => {
    const { position } = applyFill(emptyPosition, fill('BUY', '1', 100, { atMs: midnight + 1 }), btc);
    expect(applyFill(position, fill('BUY', '1', 100, { atMs: midnight + 2 }), btc).position.openedAtMs).toBe(midnight + 1);
  });

  it('sells what lot and market lot allow', () => {
    const of = (quantity: string, change: Partial<typeof btc>): string =>
      sellableQuantity({ ...emptyPosition, quantity: d(quantity) }, { ...btc, ...change }).toFixed();
    const lot = { min: d('0.01'), max: d(50), step: d('0.01') };
    expect(of('0.01', { lot, marketLot: null })).toBe('0.01');
    expect(of('0.0199', { lot, marketLot: null })).toBe('0.01');
    expect(of('0.0099', { lot, marketLot: null })).toBe('0');
    expect(of('60', { lot, marketLot: null })).toBe('50');
    expect(of('60', { lot, marketLot: { min: d(0), max: d(60), step: d(0) } })).toBe('50');
    expect(of('60', { lot: { ...lot, max: d(0) }, marketLot: null })).toBe('60');
    expect(of('60', { lot: { ...lot, max: d(0) }, marketLot: { min: d(0), max: d(40), step: d(0) } })).toBe('40');
    expect(of('1.5', { lot, marketLot: { min: d(1), max: d(0), step: d(1) } })).toBe('1');
    expect(of('0.5', { lot, marketLot: { min: d('0.51'), max: d(0), step: d(0) } })).toBe('0');
    expect(of('0.51', { lot, marketLot: { min: d('0.51'), max: d(0), step: d(0) } })).toBe('0.51');
    expect(of('0', { lot: { min: d(0), max: d(0), step: d(0) }, marketLot: null })).toBe('0');
  });

  it('is held however little it is worth where no least notional applies to market orders', () => {
    const little = { ...emptyPosition, quantity: d('0.00001'), cost: d('0.2') };
    expect(isDust(little, { ...btc, notional: null }, 20_000)).toBe(false);
    expect(isDust(little, { ...btc, notional: btc.notional && { ...btc.notional, applyMinToMarket: false } }, 20_000)).toBe(false);
  });

  it('sells at most the largest market lot at once', () => {
    expect(sellableQuantity({ ...emptyPosition, quantity: d('250.123456') }, btc).toFixed()).toBe('100');
  });

  it('tells what the newest purchase paid of its coins, and nothing once one was paid in another asset', () => {
    const paid = (known: number | null, side: 'BUY' | 'SELL', commissionAsset: string) =>
      baseFeeShareAfter(known, fill(side, '2', 100, { commission: d('0.002'), commissionAsset }), btc);
    expect([paid(null, 'BUY', 'BTC'), paid(0.5, 'BUY', 'BNB'), paid(0.5, 'BUY', 'USDT'), paid(0.5, 'SELL', 'USDT')]).toEqual([
      0.001,
      null,
      null,
      0.5,
    ]);
  });

  it('never goes below nothing when a fee in coins is paid with others of the account, and the next average is that of what is held', () => {
    const bnb = { ...btc, symbol: 'BNBUSDT', baseAsset: 'BNB', lot: { min: d('0.001'), max: d(9_000), step: d('0.001') } };
    const buy = () => fill('BUY', '1', 600, { commission: d('0.00075'), commissionAsset: 'BNB' });
    const bought = applyFill(emptyPosition, buy(), bnb).position;
    const sold = applyFill(bought, fill('SELL', '0.999', 610, { commission: d('0.00074925'), commissionAsset: 'BNB' }), bnb);
    expect([sold.position.quantity.toFixed(), sold.position.cost.toFixed(), sold.position.openedAtMs]).toEqual(['0', '0', null]);
    // 0.00025 of the fee were the position's, 0.00049925 others of the account, at 610.
    expect(sold.realisedPnl.toFixed()).toBe(
      d('0.999').times(610).minus(d('0.99925').times(600)).minus('0.45').minus(d('0.00049925').times(610)).toFixed(),
    );
    const again = applyFill(sold.position, buy(), bnb).position;
    expect([again.quantity.toFixed(), figuresOf(again, bnb).averagePrice]).toEqual(['0.99925', 600]);
    // Whatever was sold.
    expect(
      applyFill(bought, fill('SELL', '2', 610, { commission: d('0.001'), commissionAsset: 'BNB' }), bnb).position.quantity.toFixed(),
    ).toBe('0');
  });

  it('equals the balances to the last digit, whatever was bought and sold and in whichever asset fees were paid', () => {
    const step = fc.record({
      buy: fc.boolean(),
      lots: fc.integer({ min: 1, max: 1_000_000 }),
      cents: fc.integer({ min: 1, max: 10_000_000 }),
      feeBp: fc.integer({ min: 0, max: 50 }),
      feeIn: fc.constantFrom('BTC', 'USDT', 'BNB'),
      all: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let position = emptyPosition;
        let [cash, coins, realised] = [zero, zero, zero];
        for (const { buy, lots, cents, feeBp, feeIn, all } of steps) {
          const price = exact(cents).div(100);
          const wanted = exact(lots).times('0.00001');
          const rate = exact(feeBp).div(10_000);
          // A seller pays a fee in coins from what is left.
          const most = feeIn === 'BTC' ? exact(coins).div(rate.plus(1)).toDecimalPlaces(8, 1) : coins;
          const quantity = buy ? wanted : all || wanted.gt(most) ? most : wanted;
          if (quantity.lte(0)) continue;
          const commission = (feeIn === 'USDT' ? quantity.times(price) : quantity).times(rate);
          const booked = applyFill(
            position,
            fill(buy ? 'BUY' : 'SELL', quantity.toFixed(), price.toFixed(), { commission, commissionAsset: feeIn }),
            btc,
          );
          cash = buy ? cash.minus(quantity.times(price)) : cash.plus(quantity.times(price));
          coins = buy ? coins.plus(quantity) : coins.minus(quantity);
          if (feeIn === 'USDT') cash = cash.minus(commission);
          if (feeIn === 'BTC') coins = coins.minus(commission);
          realised = realised.plus(booked.realisedPnl);
          position = booked.position;
          expect(position.quantity.toFixed()).toBe(coins.toFixed());
          expect(realised.minus(position.cost).minus(position.entryFees).toFixed()).toBe(cash.toFixed());
          if (coins.isZero()) expect([position.cost.toFixed(), position.entryFees.toFixed()]).toEqual(['0', '0']);
        }
      }),
      { numRuns: 300 },
    );
  });
});
