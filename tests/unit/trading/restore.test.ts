import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../../engine/trading/decide.ts';
import type { Fill } from '../../../engine/trading/events.ts';
import { nothingFolded } from '../../../engine/trading/fold.ts';
import { restoreState } from '../../../engine/trading/restore.ts';
import type { RestoreInput } from '../../../engine/trading/restore.ts';
import { btc, config, d, fill, midnight } from './given.ts';

const nothing: RestoreInput = {
  folded: nothingFolded,
  fills: [],
  orders: [],
  day: null,
  notices: [],
  bestPrice: Number.NaN,
  lastPrice: Number.NaN,
  blocks: [],
  atMs: midnight + 3_600_000,
};
const restored = (input: Partial<RestoreInput>, trading = config()) => restoreState(trading, btc, { ...nothing, ...input });
const order = {
  role: 'entry',
  exitKind: null,
  quantity: d(1),
  price: null,
  decisionMs: midnight + 59_999,
  attempt: 1,
  clientOrderId: 'a',
  reason: 'go',
  stopPrice: null,
  outcome: 'filled',
} as const;

describe('a restored state', () => {
  it('goes on as if there had been no restart, wherever it was cut', () => {
    const fills: Fill[] = [
      fill('BUY', '0.02', 20_000),
      fill('SELL', '0.01', 21_000),
      fill('BUY', '0.005', 22_000),
      fill('SELL', '0.015', 19_000),
    ];
    const whole = restored({ fills });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: fills.length }), (cut) => {
        let state = restored({ fills: fills.slice(0, cut) });
        for (const next of fills.slice(cut))
          state = decide(state, { type: 'fill-received', fill: next, atMs: next.atMs }, config(), btc).state;
        expect(state.position.quantity.toFixed()).toBe(whole.position.quantity.toFixed());
        expect(state.realisedTotal.toFixed()).toBe(whole.realisedTotal.toFixed());
        expect(state.day.realised.toFixed()).toBe(whole.day.realised.toFixed());
      }),
    );
  });

  it('counts the entries of this day that were not refused', () => {
    const { day } = restored({
      orders: [
        // The close of yesterday's last candle was decided on yesterday.
        { ...order, decisionMs: midnight - 1 },
        { ...order, decisionMs: midnight },
        order,
        { ...order, outcome: 'rejected' },
        { ...order, outcome: 'unfilled' },
        { ...order, role: 'exit' },
        { ...order, outcome: null },
      ],
    });
    expect(day.entries).toBe(3);
  });

  it('keeps the stored start of the same day and its loss verdict, and not those of another day', () => {
    const stored = { startMs: midnight, startEquity: d(900), capital: null, lossReached: true };
    expect(restored({ day: stored }).day).toMatchObject({ lossReached: true });
    expect(restored({ day: stored }).day.startEquity.toFixed()).toBe('900');
    expect(restored({ day: { ...stored, startMs: midnight - 86_400_000 } }).day).toMatchObject({ lossReached: false });
  });

  it('counts what was put into the budget since the day was stored as no profit', () => {
    const stored = { startMs: midnight, startEquity: d(900), capital: d(1_000), lossReached: false };
    expect(restored({ day: stored }, config({ initialCapital: d(1_500) })).day.startEquity.toFixed()).toBe('1400');
  });

  it('finds the day target reached by an earlier fill even if a later one lost', () => {
    const fills = [fill('BUY', '0.02', 20_000), fill('SELL', '0.01', 22_000), fill('SELL', '0.01', 18_000)];
    const state = restored({ fills }, config({ dailyTargetPercent: 1 }));
    expect(state.day.targetReached).toBe(true);
    // The engine died before it had written that.
    expect(state.notices.map(({ topic, atMs }) => [topic, atMs])).toEqual([['daily-target-reached', midnight]]);
    expect(restored({ fills, notices: state.notices }, config({ dailyTargetPercent: 1 })).notices).toBe(state.notices);
  });

  it('waits for an order whose fate is open', () => {
    expect(restored({ orders: [{ ...order, outcome: null }] }).working).toEqual({ role: 'entry', decisionMs: order.decisionMs });
  });

  it('still means to exit when the newest order was an exit and something is left', () => {
    const fills = [fill('BUY', '0.02', 20_000)];
    const exit = { ...order, role: 'exit', exitKind: 'stop', outcome: 'never-placed', reason: 'stop-loss' } as const;
    expect(restored({ fills, orders: [order, exit] }).exiting).toEqual({
      kind: 'stop',
      reason: 'stop-loss',
      decisionMs: order.decisionMs,
      triggerPrice: null,
      failures: 0,
      unsent: 0,
      pausing: false,
      available: null,
      requested: null,
    });
    expect(restored({ fills, orders: [exit, order] }).exiting).toBeNull();
  });

  it('does not enter twice on one close, unless the first order never got out', () => {
    expect(restored({ orders: [order] }).lastEntryMs).toBe(order.decisionMs);
    expect(restored({ orders: [{ ...order, outcome: 'never-placed' }] }).lastEntryMs).toBe(0);
  });

  it('takes the stored best price when it is better than the entry', () => {
    const fills = [fill('BUY', '0.02', 20_000)];
    expect(restored({ fills, bestPrice: 21_000 }).bestPrice).toBe(21_000);
    expect(restored({ fills }).bestPrice).toBe(20_000);
    expect(restored({ fills, bestPrice: 19_000 }).bestPrice).toBe(20_000);
    const added = [...fills, fill('BUY', '0.01', 20_500), fill('BUY', '0.01', 20_200), fill('SELL', '0.01', 30_000)];
    expect(restored({ fills: added }).bestPrice).toBe(20_500);
    const anew = [...added, fill('SELL', '0.03', 20_000), fill('BUY', '0.01', 19_000, { atMs: midnight + 1_000 })];
    expect(restored({ fills: anew }).bestPrice).toBe(19_000);
  });

  it('owns the fills of its day from midnight on', () => {
    const realised = (atMs: number) =>
      restored({ fills: [fill('BUY', '3', 100, { atMs: midnight - 1_000 }), fill('SELL', '3', 110, { atMs })] }).day.realised.toFixed();
    expect([realised(midnight - 1), realised(midnight)]).toEqual(['0', '30']);
  });
});
