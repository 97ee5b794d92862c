/** Decisions that are made once more, and that end with their bot. */
import { beforeEach, expect, it } from 'vitest';
import { LateDecisions } from '../../../engine/bot/late-decisions.ts';
import type { BotSession } from '../../../engine/bot/session.ts';
import type { SeriesSubscription } from '../../../engine/market/market.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { candle, emptyState } from '../trading/given.ts';

let clock: FakeClock;
let decided: number;
let late: LateDecisions;

beforeEach(() => {
  clock = new FakeClock();
  decided = 0;
  const session = { state: emptyState(), onClose: () => (decided += 1) } as unknown as BotSession;
  late = new LateDecisions({ session, clock, venueClock: { now: () => clock.now(), trusted: true, resync: async () => undefined } });
  const view = { candle: candle(0, { close: 100 }), current: [], previous: [] };
  late.begin({ view: () => view, missedSince: () => [] } as unknown as SeriesSubscription, 0);
});

it('an entry that never reached the exchange is decided on again at once, and then after a pause', async () => {
  late.entryAgain(1);
  expect(decided).toBe(2);
  late.entryAgain(1);
  expect(decided).toBe(2);
  await clock.advance(60_000);
  expect(decided).toBe(3);
});

it('a bot that has ended decides on nothing again', async () => {
  late.entryAgain(1);
  late.entryAgain(1);
  late.stop();
  await clock.advance(60_000);
  expect(decided).toBe(2);
});
