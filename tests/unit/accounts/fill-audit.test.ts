/** The trade history as the third path of fills. */
import { Decimal } from 'decimal.js';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { reachNothing } from '../../../engine/crash-points.ts';
import type { ExchangeFill, TradingAccount } from '../../../engine/exchanges/exchange.ts';
import { FillAudit } from '../../../engine/accounts/fill-audit.ts';
import type { OrderDesk } from '../../../engine/orders/order-desk.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import type { OrderStore, StoredOrder } from '../../../engine/persistence/order-store.ts';
import { fullSafety } from '../../../engine/safety.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const ours = '7';
const theirs = '8';

function fill(tradeId: number, orderId: string): ExchangeFill {
  const [price, quantity, commission] = [new Decimal(100), new Decimal(1), new Decimal(0)];
  const side = 'SELL' as const;
  return {
    ...{ symbol: 'BTCUSDT', tradeId: String(tradeId), orderId, clientOrderId: null, side, price, quantity, commission },
    ...{ commissionAsset: 'USDT', isMaker: false, atMs: 1 },
  };
}

describe('the audit of an account', () => {
  let history: ExchangeFill[];
  let asked: (string | null)[];
  let written: string[];
  let unknown: boolean[];
  let clock: FakeClock;
  let inRows: string;
  let audit: FillAudit;

  beforeEach(() => {
    history = [];
    asked = [];
    written = [];
    unknown = [];
    clock = new FakeClock();
    inRows = '10';
    const account: Pick<TradingAccount, 'name' | 'fillsSince'> = {
      name: 'scripted',
      async fillsSince(_symbol, from) {
        asked.push(from);
        return history.filter(({ tradeId }) => Number(tradeId) >= Number(from ?? 0)).slice(0, 1_000);
      },
    };
    const orders: Pick<OrderStore, 'lastTradeId' | 'byExchangeId'> = {
      lastTradeId: async () => inRows,
      byExchangeId: async (_place, ids) => ids.filter((id) => id !== theirs).map((id) => ({ exchangeOrderId: id }) as StoredOrder),
    };
    const desk: Pick<OrderDesk, 'recordHistory'> = {
      recordHistory: (_order, fills) => void written.push(...fills.map(({ tradeId }) => tradeId)),
    };
    audit = new FillAudit({
      account,
      venue: 'simulated',
      desk,
      orders,
      clock,
      log: pino({ level: 'silent' }),
      metrics: createMetrics(),
      reach: reachNothing,
      safety: fullSafety,
    });
  });

  it('hands over every execution since the last one in the rows, page by page, each once', async () => {
    history = Array.from({ length: 2_300 }, (_, index) => fill(index + 1, ours));
    unknown.push(await audit.run('BTCUSDT'));
    expect(asked).toEqual(['11', '1010', '2009']);
    expect(written).toEqual(history.slice(10).map(({ tradeId }) => tradeId));
    history.push(fill(2_301, ours));
    await audit.run('BTCUSDT');
    expect(asked.slice(3)).toEqual(['2009']);
    expect(written.slice(2_290)).toEqual(['2301']);
    expect(unknown).toEqual([false]);
  });

  it('hands over both sides of a match of two orders of ours, which share the trade id, also where a page ends between them', async () => {
    history = [...Array.from({ length: 1_000 }, (_, index) => fill(11 + index, ours)), fill(1_010, 'ours too'), fill(1_011, ours)];
    await audit.run('BTCUSDT');
    expect(written.filter((tradeId) => tradeId === '1010')).toHaveLength(2);
    expect(written).toHaveLength(1_002);
  });

  it('finds an execution that nobody told, although a later one was told and written before it looked', async () => {
    await audit.run('BTCUSDT');
    history = [fill(11, ours), fill(12, ours)];
    inRows = '12';
    await audit.run('BTCUSDT');
    expect(written).toContain('11');
  });

  it('finds an execution that history shows later than its successor', async () => {
    history = [fill(12, ours)];
    await audit.run('BTCUSDT');
    history = [fill(11, ours), fill(12, ours)];
    await clock.advance(30_000);
    await audit.run('BTCUSDT');
    expect(written).toEqual(['12', '11']);
  });

  it('asks only for what is younger than the lag of a read', async () => {
    history = [fill(11, ours), fill(12, ours)];
    await audit.run('BTCUSDT');
    await clock.advance(61_000);
    await audit.run('BTCUSDT');
    await audit.run('BTCUSDT');
    expect(asked).toEqual(['11', '11', '13']);
    expect(written).toEqual(['11', '12']);
  });

  it('leaves trades of others alone and tells of them, once a minute at most', async () => {
    for (const tradeId of [11, 12]) {
      history.push(fill(tradeId, theirs));
      unknown.push(await audit.run('BTCUSDT'));
    }
    expect(written).toEqual([]);
    expect(unknown).toEqual([true, false]);
  });
});
