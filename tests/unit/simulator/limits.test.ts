/** What counts against an account's order limits, and what gives counts back. */
import { Decimal } from 'decimal.js';
import { beforeEach, expect, it } from 'vitest';
import { createMatching } from '../../../engine/matching/engine.ts';
import type { MatchingEngine } from '../../../engine/matching/matching.ts';
import { instrumentOf } from '../../../simulator/instruments.ts';
import { Limits, defaultLimits } from '../../../simulator/limits.ts';
import { createVenueTime } from '../../../simulator/venue-time.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const d = (value: number | string): Decimal => new Decimal(value);
let book: MatchingEngine;
let limits: Limits;

const tick = (price: number): void =>
  limits.note(book.tick({ symbol: 'BTCUSDT', price: d(price), bid: d(price), ask: d(price), liquidity: d('0.01'), atMs: 0 }));

function place(type: 'MARKET' | 'LIMIT', quantity: string): void {
  limits.order('a', 1);
  const limit = type === 'LIMIT' ? { price: d(19_000), timeInForce: 'GTC' as const } : {};
  const placed = book.place(
    'a',
    { symbol: 'BTCUSDT', side: 'BUY', type, clientOrderId: `${type}${quantity}`, quantity: d(quantity), ...limit },
    0,
  );
  if (placed.ok) limits.note(placed.events);
}

beforeEach(() => {
  limits = new Limits(createVenueTime(new FakeClock(), { kind: 'stepped' }, 0), defaultLimits);
  book = createMatching();
  book.list(instrumentOf('BTCUSDT'));
  book.openAccount('a', { maker: d(0), taker: d(0), asset: 'received' });
  book.deposit('a', 'USDT', d(10_000), 0);
  tick(20_000);
});

it('a taker gives its own count back with its first fill, a resting order keeps it', () => {
  place('MARKET', '0.02');
  expect(limits.order('a', 0).short).toBe(0);
  place('LIMIT', '0.01');
  expect(limits.order('a', 0).short).toBe(1);
});

it('a maker gives more back with its first fill, and nothing with those that follow', () => {
  for (let n = 0; n < 8; n += 1) limits.order('a', 1);
  place('LIMIT', '0.03');
  for (const price of [19_000, 19_000, 19_000]) tick(price);
  expect(book.openOrders('a', null)).toEqual([]);
  expect(limits.order('a', 0)).toEqual({ short: 4, day: 4 });
});
