/** What `state_data` keeps of a position is read as it was written. */
import { expect, it } from 'vitest';
import { readStateData, writePosition } from '../../../engine/persistence/state-data.ts';
import { applyFill, emptyPosition } from '../../../engine/trading/position.ts';
import { btc, fill } from '../trading/given.ts';

it('reads a position as it was written, with the filters of its opening', () => {
  const { position } = applyFill(emptyPosition, fill('BUY', '0.5', 20_000), btc);
  for (const written of [
    position,
    emptyPosition,
    applyFill(emptyPosition, fill('BUY', '0.5', 20_000), { ...btc, notional: null }).position,
  ])
    expect(JSON.stringify(readStateData({ position: writePosition(written) }).position)).toBe(JSON.stringify(written));
});

it('reads a position of a version that did not keep them', () => {
  const { position } = readStateData({ position: { quantity: '1', cost: '100', entryFees: '0', openedAtMs: 5 } });
  expect([position.openedAtMs, position.openedUnder]).toEqual([5, null]);
});
