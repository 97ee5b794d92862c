/** OCO lists: which leg may lie on which side, and what a cancel of the whole list does. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createMatching } from '../../../engine/matching/engine.ts';
import type { BookEvent, MatchingEngine, OcoRequest } from '../../../engine/matching/matching.ts';
import { instrumentOf } from '../../../simulator/instruments.ts';
import { d } from '../trading/given.ts';

const me = 'me';
const symbol = 'BTCUSDT';
const atMs = 2_000;
let book: MatchingEngine;

beforeEach(() => {
  book = createMatching();
  book.list(instrumentOf(symbol));
  book.openAccount(me, { maker: d(0), taker: d(0), asset: 'received' });
  book.deposit(me, 'USDT', d(100_000), 1_000);
  book.deposit(me, 'BTC', d(1), 1_000);
  book.tick({ symbol, price: d(20_000), bid: d(20_000), ask: d(20_000), liquidity: null, atMs: 1_000 });
});

type Leg = OcoRequest['above'];
const limit = (price: number): Omit<Leg, 'clientOrderId'> => ({ type: 'LIMIT_MAKER', price: d(price) });
const stop = (price: number): Omit<Leg, 'clientOrderId'> => ({ type: 'STOP_LOSS', stopPrice: d(price) });
const target = (price: number): Omit<Leg, 'clientOrderId'> => ({ type: 'TAKE_PROFIT', stopPrice: d(price) });

function place(side: 'BUY' | 'SELL', above: Omit<Leg, 'clientOrderId'>, below: Omit<Leg, 'clientOrderId'>) {
  const legs = { above: { ...above, clientOrderId: 'above' }, below: { ...below, clientOrderId: 'below' } };
  return book.placeOco(me, { symbol, side, quantity: d('0.5'), listClientOrderId: 'list', ...legs }, atMs);
}

const codeOf = (placed: ReturnType<typeof place>): number | 'accepted' => (placed.ok ? 'accepted' : placed.refusal.code);
const locked = (asset: string): string | undefined =>
  book
    .balances(me)
    .find((one) => one.asset === asset)
    ?.locked.toFixed();

describe('the legs of an OCO list', () => {
  it.each([
    ['a sale takes profit above and stops below', 'SELL', limit(21_000), stop(19_000), 'accepted'],
    ['a sale may trigger its target', 'SELL', target(21_000), stop(19_000), 'accepted'],
    ['a purchase stops above and waits below', 'BUY', stop(21_000), limit(19_000), 'accepted'],
    ['a purchase may trigger its target', 'BUY', stop(21_000), target(19_000), 'accepted'],
    ['a sale has no limit below', 'SELL', stop(21_000), limit(19_000), -1166],
    ['a sale has no stop above', 'SELL', stop(21_000), stop(19_000), -1197],
    ['a sale has no target below', 'SELL', limit(21_000), target(19_000), -1199],
    ['a purchase has no limit above', 'BUY', limit(21_000), stop(19_000), -1165],
    ['a purchase has no stop below', 'BUY', stop(21_000), stop(19_000), -1196],
    ['a purchase has no target above', 'BUY', target(21_000), limit(19_000), -1198],
    ['two limits are no list', 'BUY', limit(21_000), limit(19_000), -1168],
  ] as const)('%s', (_, side, above, below, expected) => {
    expect(codeOf(place(side, above, below))).toBe(expected);
  });

  it.each([
    ['above', limit(19_900), stop(19_000)],
    ['below', limit(21_000), stop(20_100)],
  ] as const)('are refused when the one %s lies on the other side of the market', (_, above, below) => {
    expect(codeOf(place('SELL', above, below))).toBe(-2010);
    expect(book.openOrders(me, symbol)).toEqual([]);
  });

  it('of a purchase lock what the dearer one costs, once', () => {
    place('BUY', stop(21_000), limit(19_000));
    expect(locked('USDT')).toBe('10500');
  });
});

describe('the cancel of a list', () => {
  const ended = (events: readonly BookEvent[]): readonly string[] =>
    events.flatMap((event) => (event.type === 'order' ? [`${event.order.clientOrderId} ${event.order.status}`] : []));

  it.each([
    ['its name', (): object => ({ listClientOrderId: 'list' })],
    ['its number', (): object => ({ orderListId: book.orderLists(me)[0]?.list.orderListId })],
  ])('takes down both legs by %s, frees what they locked, and tells of each', (_, targetOf) => {
    place('SELL', limit(21_000), stop(19_000));
    expect(locked('BTC')).toBe('0.5');
    const cancelled = book.cancelList(me, symbol, targetOf() as Parameters<MatchingEngine['cancelList']>[2], atMs);
    expect(cancelled.ok && ended(cancelled.events).toSorted()).toEqual(['above CANCELED', 'below CANCELED']);
    expect(book.openOrders(me, symbol)).toEqual([]);
    expect(locked('BTC')).toBe('0');
    expect(cancelled.ok && cancelled.value.orders.map(({ status }) => status)).toEqual(['CANCELED', 'CANCELED']);
  });

  it('of a list that is over, of nobody, or of another symbol is an unknown order', () => {
    book.list(instrumentOf('ETHUSDT'));
    place('SELL', limit(21_000), stop(19_000));
    const codeOfCancel = (of: string, name: string): number | 'cancelled' => {
      const answer = book.cancelList(me, of, { listClientOrderId: name }, atMs);
      return answer.ok ? 'cancelled' : answer.refusal.code;
    };
    expect(codeOfCancel('ETHUSDT', 'list')).toBe(-2011);
    expect(codeOfCancel(symbol, 'another')).toBe(-2011);
    expect(codeOfCancel(symbol, 'list')).toBe('cancelled');
    expect(codeOfCancel(symbol, 'list')).toBe(-2011);
  });

  it('waits while the market is closed', () => {
    place('SELL', limit(21_000), stop(19_000));
    book.setStatus(symbol, 'HALT');
    const answer = book.cancelList(me, symbol, { listClientOrderId: 'list' }, atMs);
    expect(answer).toMatchObject({ ok: false, refusal: { message: 'Market is closed.' } });
    expect(book.openOrders(me, symbol)).toHaveLength(2);
  });

  it('frees its name for the next list', () => {
    place('SELL', limit(21_000), stop(19_000));
    book.cancelList(me, symbol, { listClientOrderId: 'list' }, atMs);
    expect(codeOf(place('SELL', limit(21_000), stop(19_000)))).toBe('accepted');
  });
});
