/** What the core makes of events that come at an odd time: late, twice, or about something that is not there. */
import { describe, expect, it } from 'vitest';
import { decide } from '../../../engine/trading/decide.ts';
import type { TradingEvent } from '../../../engine/trading/events.ts';
import { newExit } from '../../../engine/trading/exits.ts';
import type { TradingState } from '../../../engine/trading/state.ts';
import { btc, candle, config, d, emptyState, fill, midnight } from './given.ts';

const told = (state: TradingState, event: TradingEvent, trading = config()) => decide(state, event, trading, btc);
const holding = (change: Partial<TradingState> = {}): TradingState => ({
  ...emptyState(),
  position: { quantity: d(3), cost: d(300), entryFees: d(0), openedAtMs: midnight, openedUnder: null },
  bestPrice: 100,
  lastPrice: 100,
  ...change,
});
const ended = { type: 'order-ended', clientOrderId: 'x', reason: 'told so', atMs: midnight } as const;

describe('a block that is lifted', () => {
  const paused = { rule: 'paused', reason: 'a' } as const;
  const draining = { rule: 'draining', reason: 'b' } as const;

  it('leaves the others', () => {
    const state = { ...emptyState(), blocks: [paused, draining] };
    expect(told(state, { type: 'entries-unblocked', rule: 'paused', atMs: midnight }).state.blocks).toEqual([draining]);
  });

  it('changes nothing when it did not stand', () => {
    const state = { ...emptyState(), blocks: [paused] };
    expect(told(state, { type: 'entries-unblocked', rule: 'held', atMs: midnight })).toEqual({
      state,
      commands: [],
      reason: null,
      blockedBy: null,
    });
  });
});

describe('the end of an order', () => {
  it('of the other kind leaves the one in flight', () => {
    const working = { role: 'entry', decisionMs: 1 } as const;
    expect(told({ ...emptyState(), working }, { ...ended, role: 'exit', outcome: 'unfilled' }).state.working).toEqual(working);
    const exit = { role: 'exit', decisionMs: 1 } as const;
    const state = holding({ working: exit, day: { ...emptyState().day, entries: 2 }, lastEntryMs: 5 });
    expect(told(state, { ...ended, role: 'entry', outcome: 'never-placed' }).state).toMatchObject({
      working: exit,
      day: { entries: 2 },
      lastEntryMs: 5,
    });
  });

  it('is silent when it was filled, and says why when it was not', () => {
    const entry = { ...emptyState(), working: { role: 'entry', decisionMs: 1 } } as const;
    expect(told(entry, { ...ended, role: 'entry', outcome: 'filled' }).reason).toBeNull();
    const exit = holding({ working: { role: 'exit', decisionMs: 1 }, exiting: newExit('signal', 'leave', 1) });
    expect(told(exit, { ...ended, role: 'exit', outcome: 'unfilled' }).reason).toBe('the exit order was not filled: told so');
    expect(told(exit, { ...ended, role: 'exit', outcome: 'rejected', available: d(2) }).reason).toBe(
      'the exit order was not filled: the position is 3 BTC, but the account has only 2 free; the next order sells at most that (told so)',
    );
  });

  it('ends an exit that left nothing to sell', () => {
    const dust = holding({ working: { role: 'exit', decisionMs: 1 }, exiting: newExit('signal', 'leave', 1) });
    const sold = told(dust, { type: 'fill-received', fill: fill('SELL', '3', 100), atMs: midnight }).state;
    expect(told(sold, { ...ended, role: 'exit', outcome: 'filled' })).toMatchObject({
      commands: [],
      state: { exiting: null, working: null },
    });
  });

  it('of an exit that nobody decided asks for no other', () => {
    const { commands, state } = told(holding({ working: { role: 'exit', decisionMs: 1 } }), {
      ...ended,
      role: 'exit',
      outcome: 'unfilled',
    });
    expect([commands, state.exiting, state.working]).toEqual([[], null, null]);
  });
});

describe('a request to close', () => {
  const asked = { type: 'close-requested', reason: 'asked', atMs: midnight + 0.5 } as const;

  it('sells at once, numbered by its whole millisecond', () => {
    expect(told(holding(), asked).commands).toMatchObject([{ role: 'exit', decisionMs: midnight, reason: 'asked', referencePrice: 100 }]);
  });

  it('changes nothing when the position is being closed, or there is none', () => {
    const closing = holding({ exiting: { ...newExit('stop', 'stop', 1), pausing: true } });
    expect(told(closing, asked)).toMatchObject({ commands: [], reason: 'asked: the position is being closed already' });
    expect(told(closing, asked).state.exiting?.reason).toBe('stop');
    expect(told(emptyState(), asked).reason).toBe('asked: there is no position to close');
  });

  it('waits for the entry in flight, also when nothing is held yet', () => {
    const entering: TradingState = { ...emptyState(), working: { role: 'entry', decisionMs: 1 } };
    expect(told(entering, asked)).toMatchObject({ commands: [], state: { exiting: { reason: 'asked' } } });
  });
});

describe('a price', () => {
  const forming = (close: number): TradingEvent => ({
    type: 'price-moved',
    candle: { ...candle(1, { close }), closed: false },
    atMs: midnight + 60_001,
  });

  it('places an exit that waits, between two checks too, at that price', () => {
    const state = holding({ exiting: newExit('signal', 'leave', 7), lastCheckMs: midnight + 60_000 });
    expect(told(state, forming(110)).commands).toMatchObject([{ role: 'exit', referencePrice: 110, decisionMs: 7 }]);
  });

  it('places nothing while an order is in flight', () => {
    const state = holding({ exiting: newExit('signal', 'leave', 7), working: { role: 'exit', decisionMs: 7 } });
    expect(told(state, forming(110)).commands).toEqual([]);
  });

  it('forgets the best price of a position that is gone', () => {
    expect(told({ ...emptyState(), bestPrice: 120 }, forming(100)).state.bestPrice).toBeNaN();
  });
});

describe('a fill', () => {
  it('gives the last price while none is known, and takes no later one back', () => {
    const bought = { type: 'fill-received', fill: fill('BUY', '3', 101), atMs: midnight } as const;
    expect(told(emptyState(), bought).state.lastPrice).toBe(101);
    expect(told({ ...emptyState(), lastPrice: 99 }, bought).state.lastPrice).toBe(99);
  });

  it('of a purchase realises nothing, and of a sale in its own day', () => {
    const next = midnight + 86_400_000;
    const sold = told(holding(), { type: 'fill-received', fill: fill('SELL', '3', 110, { atMs: next }), atMs: next }).state;
    expect([sold.day.startMs, sold.day.realised.toFixed(), sold.realisedTotal.toFixed()]).toEqual([next, '30', '30']);
    const bought = told(holding(), { type: 'fill-received', fill: fill('BUY', '3', 110), atMs: midnight }).state;
    expect([bought.day.realised.toFixed(), bought.realisedTotal.toFixed()]).toEqual(['0', '0']);
  });
});
