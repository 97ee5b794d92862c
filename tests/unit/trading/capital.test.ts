import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entryReservation, refusedBy } from '../../../engine/trading/capital.ts';
import { decide } from '../../../engine/trading/decide.ts';
import type { AccountRule } from '../../../engine/trading/events.ts';
import { uncommitted } from '../../../engine/trading/pnl.ts';
import { entrySize } from '../../../engine/trading/sizing.ts';
import { btc, candle, config, d, emptyState, midnight } from './given.ts';

describe('what an entry reserves', () => {
  it('covers its cost at the reference price with the reserve, and is in the quote asset', () => {
    expect(entryReservation(d('0.5'), 19_900, 'USDT')).toEqual({ asset: 'USDT', amount: expect.anything() as unknown });
    expect(entryReservation(d('0.5'), 19_900, 'USDT').amount.toFixed()).toBe('10000');
  });

  it('is never more than what the bot may commit, so the only bot of an account can spend all of it', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 20, max: 1e7, noNaN: true }),
        fc.double({ min: 1, max: 100, noNaN: true }),
        fc.double({ min: 0.01, max: 200_000, noNaN: true }),
        (capital, percent, price) => {
          const trading = config({ initialCapital: d(capital), positionSizePercent: percent });
          const state = emptyState(trading);
          const sized = entrySize(state, trading, btc, price);
          if (!sized.ok) return;
          const { amount } = entryReservation(sized.quantity, price, 'USDT');
          expect(amount.lte(uncommitted(state, trading))).toBe(true);
          expect(amount.gte(sized.quantity.times(price))).toBe(true);
        },
      ),
    );
  });
});

describe('an entry that its account cannot bear', () => {
  const of = { account: 'binance', asset: 'USDT' };

  it.each([
    ['account-capital', d(12), /needs 1005\.00 USDT .* 12\.00 USDT remain/],
    [
      'account-capital',
      null,
      /needs 1005\.00 USDT, and what the account binance has is not known: its balance was not read within the last 120 s/,
    ],
    ['account-exposure', d(1_000), /would have 1005\.00 USDT .* max_exposure is 1000\.00 USDT/],
    ['account-loss', d(900), /until the next UTC midnight: .* max_daily_loss of 900\.00 USDT \(it is 1005\.00 USDT now\)/],
  ] as const)('says why, by %s (%s)', (rule, bound, reason) => {
    expect(refusedBy(rule, { amount: d(1_005), bound }, of)).toEqual({ rule, reason: expect.stringMatching(reason) as unknown });
  });

  it('is over with its close: its rule is counted, its reason is the status, and it is no entry of the day', () => {
    const trading = config();
    const closed = candle(1, { close: 20_000 });
    const entered = decide(
      emptyState(trading),
      { type: 'candle-closed', candle: closed, signal: { action: 'enter-long', reason: 'test' }, atMs: closed.closeTime },
      trading,
      btc,
    ).state;
    expect([entered.working?.role, entered.day.entries]).toEqual(['entry', 1]);
    const refusedByRule: AccountRule = 'account-capital';
    const { state, reason, blockedBy, commands } = decide(
      entered,
      {
        type: 'order-ended',
        clientOrderId: 'x',
        role: 'entry',
        outcome: 'rejected',
        reason: 'no entry: too little',
        rule: refusedByRule,
        atMs: midnight + 61_000,
      },
      trading,
      btc,
    );
    expect([state.working, state.day.entries, reason, blockedBy, commands]).toEqual([
      null,
      0,
      'no entry: too little',
      'account-capital',
      [],
    ]);
  });
});
