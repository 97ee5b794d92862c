/** Executions count whatever becomes of the rest of their order. */
import { describe, expect, it } from 'vitest';
import { readUserEvent } from '../../../engine/exchanges/binance/user-stream.ts';
import { readAckFills, readOrder } from '../../../engine/exchanges/binance/wire.ts';

const ends = ['PARTIALLY_FILLED', 'FILLED', 'EXPIRED', 'CANCELED', 'EXPIRED_IN_MATCH'] as const;

describe('an execution in the answer to a placement', () => {
  it.each(ends)('counts when the order is %s', (status) => {
    const body = {
      symbol: 'BTCUSDT',
      orderId: 28,
      clientOrderId: 'ours',
      side: 'BUY',
      type: 'MARKET',
      status,
      origQty: '2',
      executedQty: '0.7',
      cummulativeQuoteQty: '14',
      transactTime: 1_700_000_000_000,
      fills: [
        { price: '20', qty: '0.5', commission: '0.0005', commissionAsset: 'BTC', tradeId: 56 },
        { price: '20', qty: '0.2', commission: '0.0002', commissionAsset: 'BTC', tradeId: 57 },
      ],
    };
    const told = readAckFills(body, readOrder(body)).map(({ tradeId, quantity }) => `${tradeId}: ${quantity.toFixed()}`);
    expect(told).toEqual(['56: 0.5', '57: 0.2']);
  });
});

describe('an execution told by the user stream', () => {
  const report = (change: Record<string, unknown>): Record<string, unknown> => ({
    e: 'executionReport',
    E: 1_700_000_000_001,
    T: 1_700_000_000_000,
    s: 'BTCUSDT',
    c: 'ours',
    C: '',
    S: 'SELL',
    o: 'LIMIT_MAKER',
    i: 28,
    q: '2',
    z: '0.5',
    Z: '10',
    x: 'TRADE',
    X: 'PARTIALLY_FILLED',
    r: 'NONE',
    t: 56,
    l: '0.5',
    L: '20',
    n: '0.01',
    N: 'USDT',
    m: true,
    ...change,
  });

  it.each(ends)('counts when the order is %s by then', (status) => {
    expect(readUserEvent(report({ X: status }))).toMatchObject({ type: 'order-updated', fill: { tradeId: '56', clientOrderId: 'ours' } });
  });

  it.each(['NEW', 'CANCELED', 'EXPIRED', 'REPLACED'])('is not made up from a report of type %s', (type) => {
    expect(readUserEvent(report({ x: type, X: 'NEW' }))).toMatchObject({ type: 'order-updated', fill: null });
  });
});
