/** What is remembered of a protection: for how long, and what a restart makes of it. */
import { describe, expect, it } from 'vitest';
import { decide } from '../../../engine/trading/decide.ts';
import { nothingFolded } from '../../../engine/trading/fold.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import { newExit } from '../../../engine/trading/exits.ts';
import { afterChange, noProtection, stopKeeper } from '../../../engine/trading/protect.ts';
import { restoreState } from '../../../engine/trading/restore.ts';
import type { RestoredOrder } from '../../../engine/trading/restore.ts';
import { entrySize } from '../../../engine/trading/sizing.ts';
import type { Protection, RestingProtection, TradingState } from '../../../engine/trading/state.ts';
import { btc, config, d, emptyState, fill, midnight } from './given.ts';

const stoppable: Instrument = { ...btc, orderTypes: ['MARKET', 'STOP_LOSS'] };
const stops = config({ stops: 'exchange', stopLossPercent: 5 });
const resting = (change: Partial<RestingProtection> = {}): RestingProtection => ({
  quantity: d(3),
  stopPrice: d(95),
  targetPrice: null,
  ...change,
});
const held = { quantity: d(3), cost: d(300), entryFees: d(0), openedAtMs: midnight, openedUnder: null };
const pass = (change: Partial<TradingState>, instrument = stoppable) =>
  decide({ ...emptyState(stops), lastPrice: 100, ...change }, { type: 'time-passed', atMs: midnight + 60_000 }, stops, instrument);

it('stops are kept by the exchange where bot and symbol both allow it', () => {
  expect([stopKeeper(stops, stoppable), stopKeeper(stops, btc), stopKeeper(config(), stoppable)]).toEqual(['exchange', 'engine', 'engine']);
});

describe('a protection that nothing needs any more', () => {
  const placing: Protection = { ...noProtection, operation: 'place' };

  it('is waited for while its fate is open, unless its coins are to be sold', () => {
    expect(pass({ protection: placing }).commands).toEqual([]);
    expect(pass({ protection: placing, position: held, exiting: newExit('signal', 'leave', 1) }).commands).toMatchObject([
      { type: 'cancel-protection' },
    ]);
    expect(pass({ protection: { ...noProtection, resting: resting() } }).commands).toMatchObject([{ type: 'cancel-protection' }]);
    expect(pass({ protection: { ...noProtection, resting: resting(), operation: 'cancel' } }).commands).toEqual([]);
  });

  it('rests while the order that sells pauses, for there was no room for it, unless a kill switch wants it down', () => {
    const state = {
      position: held,
      protection: { ...noProtection, resting: resting() },
      exiting: { ...newExit('signal', 'leave', 1), unsent: 1, pausing: true },
    };
    expect(pass(state).commands).toEqual([]);
    const blocks = [{ rule: 'kill-switch', reason: 'all down', policy: 'cancel' }] as const;
    expect(pass({ ...state, blocks }).commands).toMatchObject([{ type: 'cancel-protection', follows: null }]);
    expect(pass({ ...state, exiting: newExit('signal', 'leave', 1) }).commands).toMatchObject([{ follows: 'exit' }]);
  });

  it('leaves nothing to the next position but the number of its last operation', () => {
    for (const left of [{ tightest: d(95) }, { waits: true }, { overrun: true }])
      expect(pass({ protection: { ...noProtection, ...left, decisionMs: 7 } }).state.protection).toEqual({
        ...noProtection,
        decisionMs: 7,
      });
  });

  it('stays as it rests when nothing differs, also on a symbol without ticks', () => {
    const free = { ...stoppable, price: { ...btc.price, tick: d(0) } };
    expect(pass({ position: held, bestPrice: 100, protection: { ...noProtection, resting: resting() } }, free).commands).toEqual([]);
  });
});

describe('news of what rests', () => {
  const changed = (before: Partial<Protection>, now: RestingProtection | null) =>
    afterChange(
      { ...noProtection, ...before },
      {
        type: 'protection-changed',
        resting: now,
        settled: true,
        unresolved: false,
        refused: null,
        atMs: midnight,
      },
    );

  it('waits after an operation that did not get what it asked for', () => {
    expect(changed({ operation: 'place' }, null).waits).toBe(true);
    expect(changed({ operation: 'place' }, resting()).waits).toBe(false);
    expect(changed({ operation: 'replace', resting: resting() }, resting()).waits).toBe(true);
    expect(changed({ operation: 'replace', resting: resting() }, resting({ stopPrice: d(96) })).waits).toBe(false);
    expect(changed({ operation: 'cancel', resting: resting() }, resting()).waits).toBe(true);
    expect(changed({ operation: 'cancel', resting: resting() }, null).waits).toBe(false);
  });

  it('keeps an overrun only while the same orders rest', () => {
    const overrun = (now: RestingProtection) => changed({ overrun: true, resting: resting() }, now).overrun;
    expect(overrun(resting())).toBe(true);
    for (const other of [resting({ quantity: d(2) }), resting({ stopPrice: null }), resting({ targetPrice: d(120) })])
      expect(overrun(other)).toBe(false);
  });

  it('remembers the tightest stop', () => {
    const tightest = (stopPrice: string) => changed({ tightest: d(95) }, resting({ stopPrice: d(stopPrice) })).tightest?.toFixed();
    expect([tightest('94'), tightest('95'), tightest('96')]).toEqual(['95', '95', '96']);
  });
});

describe('after a restart', () => {
  const order = {
    attempt: 1,
    clientOrderId: 'a',
    reason: 'go',
    exitKind: null,
    quantity: d(1),
    price: null,
    stopPrice: null,
    decisionMs: midnight,
    outcome: 'filled',
  } as const;
  const restored = (orders: readonly RestoredOrder[]) =>
    restoreState(stops, stoppable, {
      folded: nothingFolded,
      fills: [fill('BUY', '3', 100)],
      orders,
      day: null,
      notices: [],
      bestPrice: Number.NaN,
      lastPrice: 100,
      blocks: [],
      atMs: midnight + 1_000,
    });

  it('an open target is an operation under way, as an open stop is', () => {
    for (const role of ['stop', 'target'] as const)
      expect(restored([{ ...order, role, outcome: null }]).protection.operation).toBe('place');
    expect(restored([{ ...order, role: 'target' }]).protection.operation).toBeNull();
  });

  it('the tightest stop of the position counts, whichever came last', () => {
    const stop = { ...order, role: 'stop' } as const;
    const of = (...prices: string[]) => restored(prices.map((price) => ({ ...stop, stopPrice: d(price) }))).protection.tightest?.toFixed();
    expect([of('95', '94'), of('94', '95'), of('95')]).toEqual(['95', '95', '95']);
  });

  it('entries that were filled are counted, and no others that ended', () => {
    const entry = { ...order, role: 'entry' } as const;
    const entries = restored([
      entry,
      { ...entry, outcome: 'rejected' },
      { ...entry, outcome: 'unfilled' },
      { ...entry, outcome: 'never-placed' },
    ]);
    expect(entries.day.entries).toBe(1);
  });
});

it('an entry of nothing is none, also where the exchange names no least lot and no least value', () => {
  const trading = config({ positionSizeFixed: d(1) });
  const free = { ...btc, lot: { min: d(0), max: d(0), step: d(1) }, marketLot: null, notional: null };
  expect(entrySize(emptyState(trading), trading, free, 100)).toMatchObject({ ok: false, rule: 'size-below-minimum' });
});
