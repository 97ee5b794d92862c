import { Decimal } from 'decimal.js';
import { describe, expect, it } from 'vitest';
import type { ExchangeFill, ExchangeOrder, TradingAccount } from '../../../engine/exchanges/exchange.ts';
import { fullSafety } from '../../../engine/safety.ts';
import type { BotLink, LiveOrder } from '../../../engine/orders/order-line.ts';
import { lookUp } from '../../../engine/orders/look-up.ts';
import { d } from '../trading/given.ts';

const order: ExchangeOrder = {
  symbol: 'BTCUSDT',
  orderId: '7',
  clientOrderId: 'mine',
  side: 'BUY',
  type: 'MARKET',
  status: 'FILLED',
  quantity: d(1),
  executedQuantity: d(1),
  executedQuote: d(20_000),
  updatedAtMs: 5,
};
const foreign: ExchangeOrder = { ...order, clientOrderId: 'somebody-else' };

function given(finds: {
  order?: ExchangeOrder;
  open?: readonly ExchangeOrder[];
  history?: readonly ExchangeOrder[];
  trades?: readonly Pick<ExchangeFill, 'orderId' | 'atMs'>[];
  byId?: readonly ExchangeOrder[];
}) {
  const asked: string[] = [];
  const account = {
    order: async () => (asked.push('order'), finds.order === undefined ? { kind: 'absent' } : { kind: 'found', order: finds.order }),
    openOrders: async () => (asked.push('openOrders'), finds.open ?? []),
    ordersSince: async (_: string, since: number) => (asked.push(`allOrders since ${since}`), finds.history ?? []),
    fillsSince: async () => (asked.push('trades'), finds.trades ?? []),
    ordersFrom: async (_: string, id: string) => (asked.push(`allOrders from ${id}`), finds.byId ?? []),
    fillsOfOrder: async () => (asked.push('myTrades'), [{ tradeId: '1' } as ExchangeFill]),
  } as unknown as TradingAccount;
  const link = { account, horizonMs: 60_000 } as unknown as BotLink;
  const live: LiveOrder = {
    clientOrderId: 'mine',
    symbol: 'BTCUSDT',
    role: 'entry',
    decisionMs: 0,
    signedTimestampMs: 1_000_000,
    quantity: new Decimal(1),
    price: null,
    stopPrice: null,
    slot: 0,
    instrument: null,
    acceptedUntil: 4_000,
    openSince: 0,
    exchangeOrderId: null,
    executedQuantity: null,
    negativeRounds: 0,
    probes: 0,
    probeScheduled: false,
    awaitingAnswer: false,
    resting: false,
    gone: false,
    deniedSince: null,
  };
  return { asked, live, look: (at: number) => lookUp(link, live, at, fullSafety) };
}

describe('a look at an open order', () => {
  it('takes what is found, with its fills', async () => {
    const { look, asked } = given({ order });
    expect(await look(0)).toMatchObject({ kind: 'found', order: { orderId: '7' }, fills: [{ tradeId: '1' }] });
    expect(asked).toEqual(['order', 'myTrades']);
  });

  it('does not take "does not exist" for anything before the horizon', async () => {
    const { look, asked, live } = given({});
    for (const at of [0, 30_000, 59_999]) expect(await look(at)).toEqual({ kind: 'undecided' });
    expect([asked, live.negativeRounds]).toEqual([['order', 'order', 'order'], 0]);
  });

  it('never does so for an order that the exchange gave an id', async () => {
    const { look, live } = given({});
    live.exchangeOrderId = '7';
    for (const at of [60_000, 120_000, 180_000]) expect(await look(at)).toEqual({ kind: 'undecided' });
  });

  it('needs two rounds without a trace, apart in time and in several places, after the horizon', async () => {
    const { look, asked, live } = given({ open: [foreign], history: [foreign] });
    expect(await look(60_000)).toEqual({ kind: 'undecided' });
    expect(await look(61_000)).toEqual({ kind: 'undecided' });
    expect([live.negativeRounds, asked.at(-1)]).toEqual([1, 'order']);
    expect(await look(65_000)).toMatchObject({
      kind: 'never-placed',
      proof: { negativeRounds: 2, looked: ['order', 'openOrders', 'allOrders', 'myTrades'] },
    });
    const round = ['order', 'openOrders', 'allOrders since 940000', 'trades'];
    expect(asked).toEqual([...round, 'order', ...round]);
  });

  it('finds it behind a page of history that is full of orders of others', async () => {
    const history = Array.from({ length: 1_000 }, (_, index) => ({ ...foreign, orderId: String(1_000 + index) }));
    const { look, asked } = given({ history, byId: [{ ...order, orderId: '2005' }] });
    expect(await look(60_000)).toMatchObject({ kind: 'found', order: { orderId: '2005' } });
    expect(asked).toEqual(['order', 'openOrders', 'allOrders since 940000', 'allOrders from 2000', 'myTrades']);
  });

  it('finds it behind a trade that no list of orders explains', async () => {
    const { look, asked } = given({ trades: [{ orderId: '7', atMs: 1_000_500 }], byId: [order] });
    expect(await look(60_000)).toMatchObject({ kind: 'found', order: { orderId: '7' } });
    expect(asked).toContain('allOrders from 7');
  });

  it('decides nothing while the exchange tells of a trade and not of its order', async () => {
    const { look, live } = given({ trades: [{ orderId: '7', atMs: 1_000_500 }], byId: [{ ...foreign, orderId: '8' }] });
    for (const at of [60_000, 70_000, 80_000]) expect(await look(at)).toEqual({ kind: 'undecided' });
    expect(live.negativeRounds).toBe(0);
  });

  it.each([
    ['of another time', [{ orderId: '7', atMs: 900_000 }], []],
    ["of somebody else's older order", [{ orderId: '7', atMs: 1_000_500 }], [foreign]],
  ] as const)('is not misled by a trade %s', async (_, trades, byId) => {
    const { look } = given({ trades, byId });
    expect(await look(60_000)).toEqual({ kind: 'undecided' });
    expect(await look(70_000)).toMatchObject({ kind: 'never-placed' });
  });

  it.each([
    ['open orders', { open: [foreign, { ...order, status: 'NEW', executedQuantity: d(0) }] }, 'NEW'],
    ['history', { history: [foreign, order] }, 'FILLED'],
  ] as const)('finds it in %s although the query does not', async (_, finds, status) => {
    const { look, live } = given(finds);
    expect(await look(60_000)).toMatchObject({ kind: 'found', order: { status }, proof: { search: status } });
    expect(live.negativeRounds).toBe(0);
  });
});
