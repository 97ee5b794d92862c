/** The comparison finds every kind of difference between rows and ledger, and names it. */
import { describe, expect, it } from 'vitest';
import { passes, verify as compare } from '../../chaos/verify.ts';
import type { FillRow, OrderRow, Rows } from '../../chaos/verify.ts';
import type { LedgerAccount, LedgerOrder, LedgerTrade } from '../../e2e/support/simulator-process.ts';

const decisionMs = 1_700_000_000_999;

const order = (id: string, over: Partial<OrderRow> = {}): OrderRow => ({
  id,
  bot: '1',
  decision_ms: String(decisionMs),
  role: 'entry',
  attempt: 1,
  state: 'filled',
  epoch: '1',
  signed_ms: String(decisionMs + 10),
  window_ms: 800,
  created_ms: String(decisionMs + 12),
  executed: '1',
  evidence: {},
  ...over,
});
const told = (id: string, over: Partial<LedgerOrder> = {}): LedgerOrder => ({
  symbol: 'BTCUSDT',
  orderId: '1',
  clientOrderId: id,
  side: 'BUY',
  type: 'MARKET',
  status: 'FILLED',
  quantity: '1',
  price: '0',
  stopPrice: null,
  executedQuantity: '1',
  arrivedAtMs: decisionMs + 20,
  ...over,
});
const fill = (id: string, over: Partial<FillRow> = {}): FillRow => ({
  symbol: 'BTCUSDT',
  trade_id: '1',
  client_order_id: id,
  bot: '1',
  side: 'BUY',
  price: '100.00',
  quantity: '1',
  commission: '0.001',
  commission_asset: 'BTC',
  ...over,
});
const trade = (id: string, over: Partial<LedgerTrade> = {}): LedgerTrade => ({
  symbol: 'BTCUSDT',
  tradeId: '1',
  clientOrderId: id,
  side: 'BUY',
  price: '100',
  quantity: '1',
  commission: '0.001',
  commissionAsset: 'BTC',
  atMs: decisionMs + 20,
  ...over,
});
const rows = (over: Partial<Rows> = {}): Rows => ({
  orders: [order('a')],
  fills: [fill('a')],
  positions: [{ bot: '1', symbol: 'BTCUSDT', quantity: '0.999' }],
  trades: [{ client_order_id: 'a', quantity: '1' }],
  ...over,
});
const ledger = (over: Partial<LedgerAccount> = {}): LedgerAccount => ({
  name: 'main',
  balances: [],
  orders: [told('a')],
  trades: [trade('a')],
  ...over,
});

/** What the usual account holds is below the usual step: no stop is asked for it. */
const verify = (stored: Rows, exchange: LedgerAccount, step = '1') => compare(stored, exchange, new Map([['BTCUSDT', step]]));

describe('the comparison of rows and ledger', () => {
  it('passes what is equal', () => {
    const verdict = verify(rows(), ledger());
    expect(verdict).toEqual({ orders: 1, executions: 1, lost: [], doubled: [], orphaned: [], wrong: [] });
    expect(passes(verdict)).toBe(true);
  });

  it('lets stops and targets rest for what is held', () => {
    const at = { side: 'SELL', status: 'NEW', executedQuantity: '0', quantity: '0.999' };
    const resting = { state: 'accepted', executed: '0', evidence: null };
    const verdict = verify(
      rows({ orders: [order('a'), order('s', { role: 'stop', ...resting }), order('t', { role: 'target', ...resting })] }),
      ledger({ orders: [told('a'), told('s', { ...at, orderId: '2' }), told('t', { ...at, orderId: '3' })] }),
    );
    expect(passes(verdict)).toBe(true);
  });

  it('tells of a position for which no stop rests, or for a part of it only', () => {
    expect(verify(rows(), ledger(), '0.001').orphaned).toEqual(['bot 1 holds 0.999 BTCUSDT for which no stop rests']);
    const stop = order('s', { role: 'stop', state: 'accepted', executed: '0', evidence: null });
    const rests = (quantity: string): LedgerAccount =>
      ledger({ orders: [told('a'), told('s', { side: 'SELL', status: 'NEW', executedQuantity: '0', quantity })] });
    expect(verify(rows({ orders: [order('a'), stop] }), rests('0.5'), '0.001').orphaned).toHaveLength(1);
    expect(passes(verify(rows({ orders: [order('a'), stop] }), rests('0.999'), '0.001'))).toBe(true);
  });

  it.each<[string, 'lost' | 'doubled' | 'orphaned' | 'wrong', Rows, LedgerAccount, RegExp]>([
    ['an execution without a row', 'lost', rows({ fills: [], trades: [] }), ledger(), /has no row/],
    ['an execution of another price', 'lost', rows({ fills: [fill('a', { price: '100.01' })] }), ledger(), /has no row/],
    ['an order called never placed', 'lost', rows({ orders: [order('a', { state: 'never-placed' })] }), ledger(), /called never-placed/],
    ['an order without an intent', 'orphaned', rows({ orders: [], fills: [], trades: [], positions: [] }), ledger(), /has no intent/],
    [
      'a position that its row does not know',
      'orphaned',
      rows({ positions: [{ bot: '1', symbol: 'BTCUSDT', quantity: '0' }] }),
      ledger(),
      /holds 0.999/,
    ],
    [
      'a second order of one decision',
      'doubled',
      rows({ orders: [order('a'), order('b', { attempt: 2 })] }),
      ledger({ orders: [told('a'), told('b', { orderId: '2' })] }),
      /2 accepted orders/,
    ],
    [
      'an entry on top of an entry',
      'doubled',
      rows({ orders: [order('a'), order('b', { decision_ms: String(decisionMs + 1_000) })] }),
      ledger({ orders: [told('a'), told('b', { orderId: '2' })] }),
      /follows entry a/,
    ],
    [
      'an order accepted after its window',
      'wrong',
      rows(),
      ledger({ orders: [told('a', { arrivedAtMs: decisionMs + 2_000 })] }),
      /after its signature/,
    ],
    [
      'an order that arrived before its commit',
      'wrong',
      rows({ orders: [order('a', { created_ms: String(decisionMs + 500) })] }),
      ledger(),
      /before its intent/,
    ],
    [
      'a stop that rests only in its row',
      'wrong',
      rows({ orders: [order('a'), order('s', { role: 'stop', state: 'accepted', executed: '0' })] }),
      ledger({ orders: [told('a'), told('s', { side: 'SELL', status: 'CANCELED', executedQuantity: '0' })] }),
      /accepted in its row and CANCELED/,
    ],
    [
      'a stop for more than is held',
      'orphaned',
      rows({ orders: [order('a'), order('s', { role: 'stop', state: 'accepted', executed: '0' })] }),
      ledger({ orders: [told('a'), told('s', { side: 'SELL', status: 'NEW', executedQuantity: '0', quantity: '1' })] }),
      /has stop orders for 1 and holds 0.999/,
    ],
    ['an order whose fate is open', 'wrong', rows({ orders: [order('a', { state: 'unknown' })] }), ledger(), /still unknown/],
    ['a verdict without evidence', 'wrong', rows({ orders: [order('a', { evidence: null })] }), ledger(), /without evidence/],
    [
      'an entry on a stale candle',
      'wrong',
      rows({ orders: [order('a', { signed_ms: String(decisionMs + 6_000) })] }),
      ledger(),
      /after its candle's close/,
    ],
    [
      'an epoch that goes back',
      'wrong',
      rows({ orders: [order('a', { epoch: '2' }), order('b', { epoch: '1', role: 'exit' })] }),
      ledger(),
      /after a later one/,
    ],
    [
      'a row of an execution that never was',
      'wrong',
      rows({ fills: [fill('a'), fill('a', { trade_id: '2' })] }),
      ledger(),
      /not on the exchange/,
    ],
    ['a trade row that is not the sum', 'wrong', rows({ trades: [{ client_order_id: 'a', quantity: '2' }] }), ledger(), /not the sum/],
  ])('tells of %s', (_what, kind, stored, exchange, line) => {
    const verdict = verify(stored, exchange);
    expect(verdict[kind].join('\n')).toMatch(line);
    expect(passes(verdict)).toBe(false);
  });
});
