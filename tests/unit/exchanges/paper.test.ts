import { describe, expect, it } from 'vitest';
import { createPaperAccount } from '../../../engine/exchanges/paper.ts';
import type { PaperOptions } from '../../../engine/exchanges/paper.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { btc, candle, d, fill, midnight } from '../trading/given.ts';

const account = (change: Partial<PaperOptions> = {}) =>
  createPaperAccount({
    botId: '7',
    initialCapital: d(1_000),
    fills: [],
    feePercent: 0.1,
    spreadPercent: 0,
    slippagePercent: 0,
    clock: new FakeClock(),
    venueClock: { now: () => 1_700_000_000_000.4, trusted: true, resync: () => Promise.resolve() },
    instrument: () => btc,
    ...change,
  });

/** A candle that is under way at the venue's time. */
const at = (close: number) => ({
  ...candle(0, { close }),
  openTime: 1_700_000_000_000 - 30_000,
  closeTime: 1_700_000_000_000 + 29_999,
  closed: false,
});
const window = { timestampMs: 0, recvWindowMs: 1 };
const buy = {
  symbol: 'BTCUSDT',
  clientOrderId: 'mine',
  side: 'BUY',
  type: 'MARKET',
  selfTradePrevention: 'EXPIRE_MAKER',
  quantity: d('0.01'),
} as const;

describe('a paper account', () => {
  it('fills at the price it was told, with the fee taken from what is received', async () => {
    const paper = account();
    paper.onCandle(at(20_000));
    expect(await paper.placeOrder(buy, window, null)).toMatchObject({
      kind: 'accepted',
      order: { orderId: 'paper-mine', status: 'FILLED' },
      fills: [{ tradeId: 'paper-mine-1', commissionAsset: 'BTC', atMs: 1_700_000_000_000 }],
    });
    expect((await paper.balances()).map((balance) => [balance.asset, balance.free.toFixed()])).toEqual([
      ['BTC', '0.00999'],
      ['USDT', '800'],
    ]);
  });

  it('slips against the trader', async () => {
    const paper = account({ slippagePercent: 0.5 });
    paper.onCandle(at(20_000));
    const bought = await paper.placeOrder(buy, window, null);
    const sold = await paper.placeOrder({ ...buy, clientOrderId: 'other', side: 'SELL', quantity: d('0.009') }, window, null);
    expect([bought, sold].map((outcome) => outcome.kind === 'accepted' && outcome.fills[0]?.price.toFixed())).toEqual(['20100', '19900']);
  });

  it('pays half the spread on either side, and slippage beyond it, rounded against the trader', async () => {
    const paper = account({ spreadPercent: 0.03, slippagePercent: 0.01 });
    paper.onCandle(at(20_000.01));
    const bought = await paper.placeOrder(buy, window, null);
    const sold = await paper.placeOrder({ ...buy, clientOrderId: 'other', side: 'SELL', quantity: d('0.009') }, window, null);
    // 0.025 % of 20000.01 is 5.0000025.
    expect([bought, sold].map((outcome) => outcome.kind === 'accepted' && outcome.fills[0]?.price.toFixed())).toEqual([
      '20005.02',
      '19995',
    ]);
  });

  it('never spends more than the budget', async () => {
    const paper = account();
    paper.onCandle(at(20_000));
    expect(await paper.placeOrder({ ...buy, quantity: d('0.06') }, window, null)).toMatchObject({
      kind: 'rejected',
      refusal: { code: -2010, class: 'insufficient-balance' },
    });
  });

  it('holds after a restart what its fills add up to', async () => {
    const paper = account({
      fills: [fill('BUY', '0.02', 20_000, { commission: d('0.00002') }), fill('SELL', '0.01', 21_000, { commission: d('0.21') })],
    });
    paper.onCandle(at(20_000));
    expect((await paper.balances()).map((balance) => [balance.asset, balance.free.toFixed()])).toEqual([
      ['BTC', '0.00998'],
      ['USDT', '809.79'],
    ]);
  });

  it('refuses when there is no price, and knows no order that it did not fill', async () => {
    const clock = new FakeClock();
    const paper = account({ clock });
    const placed = paper.placeOrder(buy, window, null);
    await clock.advance(10_000);
    expect(await placed).toMatchObject({ kind: 'rejected', refusal: { message: 'no price was heard in time' } });
    expect(await paper.order('BTCUSDT', 'mine')).toEqual({ kind: 'absent' });
  });
});

describe('what was decided at a close', () => {
  const decided = { decisionMs: midnight + 59_999, triggerPrice: null };
  const order = { ...buy, decided };
  const next = (open: number, close = open) => ({ ...candle(1, { open, close }), closed: false });
  const priceAndTime = (outcome: Awaited<ReturnType<ReturnType<typeof account>['placeOrder']>>) =>
    outcome.kind === 'accepted' && [outcome.fills[0]?.price.toNumber(), outcome.fills[0]?.atMs];

  it('waits for the first price after it, which is the next open', async () => {
    const paper = account();
    paper.onCandle(candle(0, { close: 20_000 }));
    let ended = false;
    const placed = paper.placeOrder(order, window, null).finally(() => (ended = true));
    await settle();
    expect(ended).toBe(false);
    paper.onCandle(next(20_010, 20_040));
    expect(priceAndTime(await placed)).toEqual([20_010, midnight + 60_000]);
  });

  it('fills at the next open however late its order comes', async () => {
    const paper = account();
    for (const heard of [candle(0, { close: 20_000 }), next(20_010), candle(1, { open: 20_010, close: 20_300 })]) paper.onCandle(heard);
    for (let n = 2; n < 400; n += 1) paper.onCandle(candle(n, { open: 20_000 + n, close: 20_001 + n }));
    expect(priceAndTime(await paper.placeOrder(order, window, null))).toEqual([20_010, midnight + 60_000]);
  });

  it('waits for the next open too when the last that was heard of its candle is not the close', async () => {
    const paper = account();
    paper.onCandle({ ...candle(0, { close: 19_950 }), closed: false });
    const placed = paper.placeOrder(order, window, null);
    paper.onCandle(next(20_010));
    expect(priceAndTime(await placed)).toEqual([20_010, midnight + 60_000]);
  });

  it('fills at the last price when the market says nothing', async () => {
    const clock = new FakeClock();
    const paper = account({ clock });
    paper.onCandle(candle(0, { close: 20_000 }));
    const placed = paper.placeOrder(order, window, null);
    await clock.advance(10_000);
    expect(priceAndTime(await placed)).toEqual([20_000, 1_700_000_000_000]);
  });

  it('fills after a restart at the open of the candle under way, of which only later prices were heard', async () => {
    const paper = account();
    const placed = paper.placeOrder(order, window, null);
    paper.onCandle(next(20_010, 20_222));
    expect(priceAndTime(await placed)).toEqual([20_010, midnight + 60_000]);
  });

  it('is given up when it may not leave any more', async () => {
    const paper = account();
    paper.onCandle(candle(0, { close: 20_000 }));
    const placed = paper.placeOrder(order, window, () => false);
    paper.onCandle(next(20_010));
    expect(await placed).toMatchObject({ kind: 'rejected', refusal: { message: 'it was given up while it waited for a price' } });
  });
});

it('a stop or target fills at its trigger, on the grid, and slips from there', async () => {
  const paper = account({ initialCapital: d(1_000), slippagePercent: 0.1, fills: [fill('BUY', '0.02', 20_000)] });
  paper.onCandle(candle(0, { close: 18_000 }));
  const decided = { decisionMs: midnight + 40_000, triggerPrice: 19_000 * (1 - 1e-15) };
  const sold = await paper.placeOrder({ ...buy, side: 'SELL', decided }, window, null);
  expect(sold.kind === 'accepted' && [sold.fills[0]?.price.toNumber(), sold.fills[0]?.atMs]).toEqual([18_981, midnight + 40_000]);
});
