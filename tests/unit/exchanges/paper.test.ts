import { describe, expect, it } from 'vitest';
import { createPaperAccount } from '../../../engine/exchanges/paper.ts';
import type { PaperOptions } from '../../../engine/exchanges/paper.ts';
import { btc, d, fill } from '../trading/given.ts';

const account = (change: Partial<PaperOptions> = {}) =>
  createPaperAccount({
    botId: '7',
    initialCapital: d(1_000),
    fills: [],
    feePercent: 0.1,
    spreadPercent: 0,
    slippagePercent: 0,
    venueClock: { now: () => 1_700_000_000_000.4, trusted: true, resync: () => Promise.resolve() },
    instrument: () => btc,
    ...change,
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
    paper.onPrice(20_000);
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
    paper.onPrice(20_000);
    const bought = await paper.placeOrder(buy, window, null);
    const sold = await paper.placeOrder({ ...buy, clientOrderId: 'other', side: 'SELL', quantity: d('0.009') }, window, null);
    expect([bought, sold].map((outcome) => outcome.kind === 'accepted' && outcome.fills[0]?.price.toFixed())).toEqual(['20100', '19900']);
  });

  it('pays half the spread on either side, and slippage beyond it, rounded against the trader', async () => {
    const paper = account({ spreadPercent: 0.03, slippagePercent: 0.01 });
    paper.onPrice(20_000.01);
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
    paper.onPrice(20_000);
    expect(await paper.placeOrder({ ...buy, quantity: d('0.06') }, window, null)).toMatchObject({
      kind: 'rejected',
      refusal: { code: -2010, class: 'insufficient-balance' },
    });
  });

  it('holds after a restart what its fills add up to', async () => {
    const paper = account({
      fills: [fill('BUY', '0.02', 20_000, { commission: d('0.00002') }), fill('SELL', '0.01', 21_000, { commission: d('0.21') })],
    });
    paper.onPrice(20_000);
    expect((await paper.balances()).map((balance) => [balance.asset, balance.free.toFixed()])).toEqual([
      ['BTC', '0.00998'],
      ['USDT', '809.79'],
    ]);
  });

  it('refuses while there is no price, and knows no order that it did not fill', async () => {
    const paper = account();
    expect(await paper.placeOrder(buy, window, null)).toMatchObject({ kind: 'rejected' });
    expect(await paper.order('BTCUSDT', 'mine')).toEqual({ kind: 'absent' });
  });
});
