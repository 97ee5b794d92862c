import { expect, it } from 'vitest';
import { lastKnownPrice } from '../../../engine/persistence/bot-rows.ts';
import { readStateData } from '../../../engine/persistence/state-data.ts';
import { nothingFolded } from '../../../engine/trading/fold.ts';
import { restoreState } from '../../../engine/trading/restore.ts';
import { btc, config, d, fill, midnight } from '../trading/given.ts';

const bought = { ...fill('BUY', '0.05', 20_000, { atMs: midnight + 1_000 }), id: '1' };
const rows = (lastExecutionMs: number | null, lastPrice: number | null) => ({
  stateData: readStateData({ lastPrice }),
  lastExecutionMs,
  fills: [bought],
});

it('is that of the newest close or of the newest execution, whichever came later', () => {
  expect(lastKnownPrice(rows(midnight + 59_999, 19_000))).toBe(19_000);
  expect(lastKnownPrice(rows(midnight - 1, 19_000))).toBe(20_000);
  expect(lastKnownPrice(rows(null, null))).toBe(20_000);
  expect(lastKnownPrice({ ...rows(midnight - 1, 19_000), fills: [] })).toBe(19_000);
  expect(lastKnownPrice({ ...rows(null, null), fills: [] })).toBeNaN();
});

it('values the position when a day began while nobody ran the bot: what was lost before is not the new day’s loss', () => {
  const { day } = restoreState(config(), btc, {
    folded: nothingFolded,
    fills: [bought],
    orders: [],
    day: { startMs: midnight, startEquity: d(1_000), capital: null, lossReached: false },
    notices: [],
    bestPrice: Number.NaN,
    lastPrice: lastKnownPrice(rows(midnight + 59_999, 19_000)),
    blocks: [],
    atMs: midnight + 86_400_000 + 1_800_000,
  });
  expect(day.startEquity.toFixed()).toBe('950');
});
