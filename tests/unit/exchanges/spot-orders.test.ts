/** What goes out for lists, cancels and replacements, and what each answer proves of each half. */
import { describe, expect, it } from 'vitest';
import type { Refusal, SignedWindow } from '../../../engine/exchanges/exchange.ts';
import { cancelOrder, placeOco, replaceOrder } from '../../../engine/exchanges/binance/spot-orders.ts';
import type { RestClient } from '../../../engine/exchanges/binance/rest.ts';
import { d } from '../trading/given.ts';

const signed: SignedWindow = { timestampMs: 1_700_000_000_000, recvWindowMs: 3_000 };
const report = (clientOrderId: string, change: Record<string, unknown> = {}) => ({
  symbol: 'BTCUSDT',
  orderId: 7,
  clientOrderId,
  side: 'SELL',
  type: 'STOP_LOSS',
  status: 'NEW',
  origQty: '0.5',
  executedQty: '0',
  cummulativeQuoteQty: '0',
  transactTime: 1_700_000_000_001,
  ...change,
});
const cancelled = report('c-1', { origClientOrderId: 'old', status: 'CANCELED' });

/** A connection that answers once, and remembers what was sent. */
function given(status: number, body: unknown, refusal: Refusal | null = null) {
  const sent: unknown[][] = [];
  const rest = {
    send: async (...request: unknown[]) => (sent.push(request), { status, body, retryAfterSeconds: null, refusal }),
  } as unknown as RestClient;
  return { rest, sent };
}

describe('two orders that cancel one another', () => {
  const request = {
    symbol: 'BTCUSDT',
    side: 'SELL',
    quantity: d('0.5'),
    selfTradePrevention: 'EXPIRE_MAKER',
    above: { clientOrderId: 'up', type: 'LIMIT_MAKER', price: d('20600') },
    below: { clientOrderId: 'down', type: 'STOP_LOSS_LIMIT', stopPrice: d('19600'), price: d('19502'), timeInForce: 'GTC' },
  } as const;

  it('go out in one request, under the names of their legs', async () => {
    const { rest, sent } = given(200, { orderReports: [report('down'), report('up')] });
    expect(await placeOco(rest, request, signed)).toMatchObject({
      kind: 'accepted',
      orders: [{ clientOrderId: 'down' }, { clientOrderId: 'up' }],
    });
    expect(sent).toEqual([
      [
        'POST',
        'orderList',
        '/api/v3/orderList/oco',
        {
          symbol: 'BTCUSDT',
          side: 'SELL',
          quantity: '0.5',
          aboveType: 'LIMIT_MAKER',
          aboveClientOrderId: 'up',
          abovePrice: '20600',
          belowType: 'STOP_LOSS_LIMIT',
          belowClientOrderId: 'down',
          belowPrice: '19502',
          belowStopPrice: '19600',
          belowTimeInForce: 'GTC',
          selfTradePreventionMode: 'EXPIRE_MAKER',
          newOrderRespType: 'RESULT',
          recvWindow: 3_000,
          timestamp: 1_700_000_000_000,
        },
        null,
      ],
    ]);
  });

  it.each([
    [200, { orderReports: [report('down')] }, 'unknown'],
    [200, 'OK', 'unknown'],
    [504, { code: -1007, msg: 'Timeout' }, 'unknown'],
    [400, { code: -2010, msg: 'Stop price would trigger immediately.' }, 'rejected'],
    [400, { code: -1013, msg: 'Filter failure: MAX_NUM_ALGO_ORDERS' }, 'rejected'],
    [400, { code: -2010, msg: 'Duplicate order sent.' }, 'unknown'],
  ])('answered with %i %o are %s', async (status, body, kind) => {
    expect((await placeOco(given(status, body).rest, request, signed)).kind).toBe(kind);
  });
});

describe('a cancel', () => {
  it('tells of the order by our id, and of all of a list', async () => {
    const one = await cancelOrder(given(200, cancelled).rest, 'BTCUSDT', 'old', signed);
    expect(one).toMatchObject({ kind: 'cancelled', orders: [{ clientOrderId: 'old', status: 'CANCELED' }] });
    const list = await cancelOrder(
      given(200, { orderReports: [cancelled, { ...cancelled, origClientOrderId: 'other' }] }).rest,
      'BTCUSDT',
      'old',
      signed,
    );
    expect(list).toMatchObject({ orders: [{ clientOrderId: 'old' }, { clientOrderId: 'other' }] });
  });

  it.each([
    [400, { code: -2011, msg: 'Unknown order sent.' }, 'refused'],
    [502, '<html>', 'unknown'],
    [200, {}, 'unknown'],
  ])('answered with %i %o is %s', async (status, body, kind) => {
    expect((await cancelOrder(given(status, body).rest, 'BTCUSDT', 'old', signed)).kind).toBe(kind);
  });
});

describe('a replacement', () => {
  const stop = {
    symbol: 'BTCUSDT',
    clientOrderId: 'new',
    side: 'SELL',
    type: 'STOP_LOSS',
    quantity: d('0.5'),
    stopPrice: d('19700'),
    selfTradePrevention: 'EXPIRE_MAKER',
  } as const;
  const replaced = (status: number, body: unknown, refusal: Refusal | null = null) =>
    replaceOrder(given(status, body, refusal).rest, 'old', stop, signed);
  const failed = { code: -2011, msg: 'Unknown order sent.' };

  it('names both orders in one request that stops when the cancel fails', async () => {
    const { rest, sent } = given(200, {
      cancelResult: 'SUCCESS',
      newOrderResult: 'SUCCESS',
      cancelResponse: cancelled,
      newOrderResponse: report('new'),
    });
    expect(await replaceOrder(rest, 'old', stop, signed)).toMatchObject({
      cancel: { kind: 'cancelled', orders: [{ clientOrderId: 'old' }] },
      place: { kind: 'accepted', order: { clientOrderId: 'new' } },
    });
    expect(sent[0]?.[2]).toBe('/api/v3/order/cancelReplace');
    expect(sent[0]?.[3]).toMatchObject({
      cancelReplaceMode: 'STOP_ON_FAILURE',
      cancelOrigClientOrderId: 'old',
      newClientOrderId: 'new',
      stopPrice: '19700',
      quantity: '0.5',
      selfTradePreventionMode: 'EXPIRE_MAKER',
    });
  });

  it('of which the cancel succeeded and the new order did not (409) says so of each half', async () => {
    const refused = { code: -2010, msg: 'Stop price would trigger immediately.' };
    const data = { cancelResult: 'SUCCESS', newOrderResult: 'FAILURE', cancelResponse: cancelled, newOrderResponse: refused };
    expect(await replaced(409, { code: -2021, msg: 'partially failed', data })).toMatchObject({
      cancel: { kind: 'cancelled' },
      place: { kind: 'rejected', refusal: { code: -2010 } },
    });
  });

  it('of which the new order may stand (409 with an unknown half) leaves that half open', async () => {
    const timeout = { code: -1007, msg: 'Timeout' };
    const data = { cancelResult: 'SUCCESS', newOrderResult: 'FAILURE', cancelResponse: cancelled, newOrderResponse: timeout };
    expect(await replaced(409, { code: -2021, msg: 'partially failed', data })).toMatchObject({
      cancel: { kind: 'cancelled' },
      place: { kind: 'unknown' },
    });
  });

  it('whose cancel failed (400) placed nothing', async () => {
    const data = { cancelResult: 'FAILURE', newOrderResult: 'NOT_ATTEMPTED', cancelResponse: failed, newOrderResponse: null };
    expect(await replaced(400, { code: -2022, msg: 'failed', data })).toMatchObject({
      cancel: { kind: 'refused', refusal: { code: -2011, class: 'not-found' } },
      place: { kind: 'not-attempted' },
    });
  });

  it.each<[number, unknown, string, string]>([
    [400, { code: -1021, msg: 'Timestamp for this request is outside of the recvWindow.' }, 'refused', 'rejected'],
    [503, { code: -1006, msg: 'Execution status unknown.' }, 'unknown', 'unknown'],
    [409, { code: -2021, msg: 'partially failed' }, 'unknown', 'unknown'],
    [200, { cancelResult: 'SUCCESS', newOrderResult: 'SUCCESS' }, 'unknown', 'unknown'],
  ])('answered with %i %o is %s and %s', async (status, body, cancel, place) => {
    expect(await replaced(status, body)).toMatchObject({ cancel: { kind: cancel }, place: { kind: place } });
  });
});
