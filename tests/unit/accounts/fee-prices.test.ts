import type { Decimal } from 'decimal.js';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { FeePrices } from '../../../engine/accounts/fee-prices.ts';
import type { ReportedFill } from '../../../engine/persistence/order-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { btc, d } from '../trading/given.ts';

const fillIn = (commissionAsset: string, commission = '0.002'): ReportedFill => ({
  tradeId: '1',
  price: d(20_000),
  quantity: d('0.1'),
  commission: d(commission),
  commissionAsset,
  isMaker: false,
  atMs: 1,
});

describe('the worth of a commission', () => {
  let clock: FakeClock;
  let asked: string[];
  let price: () => Promise<Decimal>;
  let prices: FeePrices;
  const worthOf = (fill: ReportedFill): string | null | undefined => {
    const [valued] = prices.valued([fill], btc);
    return valued?.commissionWorth === undefined ? undefined : (valued.commissionWorth?.toFixed() ?? null);
  };

  beforeEach(() => {
    clock = new FakeClock();
    asked = [];
    price = async () => d('612.5');
    prices = new FeePrices({
      priceOf: (symbol) => {
        asked.push(symbol);
        return price();
      },
      isListed: (symbol) => symbol === 'BNBUSDT',
      clock,
      log: pino({ level: 'silent' }),
    });
  });

  it('paid in the fee coin is its price in quote, as far as that is known', async () => {
    expect(worthOf(fillIn('BNB'))).toBeNull();
    prices.follow('USDT');
    await clock.advance(0);
    expect([
      worthOf(fillIn('BNB')),
      worthOf(fillIn('XYZ')),
      worthOf(fillIn('BTC')),
      worthOf(fillIn('USDT')),
      worthOf(fillIn('', '0')),
    ]).toEqual(['1.225', null, undefined, undefined, undefined]);
  });

  it('follows the price minute by minute, and forgets one that is ten minutes old', async () => {
    prices.follow('USDT');
    await clock.advance(0);
    price = async () => d(700);
    await clock.advance(60_000);
    expect([asked, worthOf(fillIn('BNB'))]).toEqual([['BNBUSDT', 'BNBUSDT'], '1.4']);
    price = () => Promise.reject(new Error('away'));
    await clock.advance(600_000);
    expect(worthOf(fillIn('BNB'))).toBe('1.4');
    await clock.advance(1);
    expect(worthOf(fillIn('BNB'))).toBeNull();
  });

  it('asks once for a quote however many bots trade in it, and not for one without such a market', async () => {
    for (let bots = 0; bots < 100; bots += 1) for (const quote of ['USDT', 'PLN', 'BNB']) prices.follow(quote);
    await clock.advance(0);
    expect(asked).toEqual(['BNBUSDT']);
    prices.stop();
    await clock.advance(600_000);
    expect(asked).toHaveLength(1);
  });
});
