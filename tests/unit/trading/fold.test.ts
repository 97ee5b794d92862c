/** What fills add up to does not depend on where a recovery begins to read them. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fill } from '../../../engine/trading/events.ts';
import { foldBehind, foldOn, nothingFolded } from '../../../engine/trading/fold.ts';
import type { Behind, Folded } from '../../../engine/trading/fold.ts';
import { roundTripsMax } from '../../../engine/trading/round-trips.ts';
import { btc, d, fill, midnight } from './given.ts';

const minuteMs = 60_000;
const foldAll = (fills: readonly Fill[], before: Folded = nothingFolded): Folded =>
  fills.reduce((folded, one) => foldOn(folded, one, btc).folded, before);
const told = (folded: Folded): unknown => JSON.parse(JSON.stringify(folded));

const behind = (
  fills: readonly Fill[],
  change: { readonly before?: Folded; readonly neededFromMs?: number; readonly open?: readonly string[] } = {},
): Behind | null =>
  foldBehind({
    before: change.before ?? nothingFolded,
    fills,
    instrument: btc,
    neededFromMs: change.neededFromMs ?? Number.POSITIVE_INFINITY,
    open: new Set(change.open),
  });

/** So many round trips of two fills each, a minute apart. */
const trips = (count: number): Fill[] =>
  Array.from({ length: count * 2 }, (_, index) =>
    index % 2 === 0
      ? fill('BUY', '0.01', 20_000 + index, { atMs: midnight + index * minuteMs, commission: d('0.00001') })
      : fill('SELL', '0.00999', 20_100, { atMs: midnight + index * minuteMs, commission: d('0.2') }),
  );

describe('the fills that nobody needs one by one', () => {
  it('are those before the newest round trips that a rule may look at', () => {
    expect(behind(trips(roundTripsMax))).toBeNull();
    expect(behind(trips(roundTripsMax + 1))?.count).toBe(2);
    expect(behind(trips(roundTripsMax + 20))?.count).toBe(40);
    // A purchase behind them does not count.
    expect(behind([...trips(roundTripsMax + 1), fill('BUY', '0.01', 20_000)])?.count).toBe(2);
  });

  it('are none from the given time on, of whatever order they are told in', () => {
    const fills = trips(roundTripsMax + 20);
    expect(behind(fills, { neededFromMs: midnight + 10 * minuteMs })?.count).toBe(10);
    expect(behind(fills, { neededFromMs: midnight + 9 * minuteMs })?.count).toBe(8);
    const late = fills.map((one, index) => (index === 4 ? { ...one, atMs: midnight + 1_000 * minuteMs } : one));
    expect(behind(late, { neededFromMs: midnight + 900 * minuteMs })?.count).toBe(4);
    // More round trips behind the time than any rule looks at.
    expect(behind(trips(3 * roundTripsMax), { neededFromMs: midnight + 10 * minuteMs })?.count).toBe(10);
  });

  it('are none of an order that is not over', () => {
    const fills = trips(roundTripsMax + 20);
    expect(behind(fills, { open: [fills[7]?.clientOrderId ?? ''] })?.count).toBe(6);
    expect(behind(fills, { open: [fills[0]?.clientOrderId ?? ''] })).toBeNull();
  });
});

it('what is folded from there on is what all of them add up to', () => {
  const step = fc.record({
    kind: fc.constantFrom('buy', 'buy', 'sell-all', 'sell-all', 'sell-all', 'sell-half', 'sell-dust'),
    price: fc.integer({ min: 1_000, max: 90_000 }),
    feeIn: fc.constantFrom('BTC', 'USDT', 'BNB'),
  });
  let moved = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 200, maxLength: 400, size: 'max' }), fc.integer({ min: 0, max: 400 }), (steps, needed) => {
      let folded = nothingFolded;
      const fills: Fill[] = [];
      for (const [index, { kind, price, feeIn }] of steps.entries()) {
        const held = folded.position.quantity;
        const share = kind === 'sell-half' ? 0.5 : kind === 'sell-dust' ? 0.99 : 1;
        const quantity = kind === 'buy' ? d('0.0123') : held.times(share).toDecimalPlaces(5, 1);
        if (quantity.lte(0)) continue;
        const commission = feeIn === 'BTC' && kind === 'buy' ? quantity.times('0.001') : d('0.01');
        const commissionAsset = feeIn === 'BTC' && kind !== 'buy' ? 'USDT' : feeIn;
        const given = { commission, commissionAsset, atMs: midnight + index * minuteMs };
        fills.push(fill(kind === 'buy' ? 'BUY' : 'SELL', quantity.toFixed(), price, given));
        ({ folded } = foldOn(folded, fills.at(-1) ?? fill('BUY', '1', 1), btc));
      }
      const neededFromMs = midnight + needed * minuteMs;
      const first = behind(fills, { neededFromMs });
      if (first === null) return;
      const rest = fills.slice(first.count);
      expect(told(foldAll(rest, first.folded))).toEqual(told(folded));
      expect(first.folded.position.openedAtMs).toBeNull();
      // A second one is found from the first.
      const second = behind(rest, { before: first.folded });
      if (second === null) return;
      moved += 1;
      expect(told(foldAll(rest.slice(second.count), second.folded))).toEqual(told(folded));
    }),
  );
  expect(moved).toBeGreaterThan(0);
});
