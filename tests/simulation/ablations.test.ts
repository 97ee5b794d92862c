/** Without any one of the safety elements a promise breaks, so the simulation would notice its loss. */
import { describe, expect, it } from 'vitest';
import { fullSafety } from '../../engine/safety.ts';
import type { SafetyElement } from '../../engine/safety.ts';
import { brokenAt, elements, findFailing } from './ablations.ts';

/** As `npm run simulate -- --ablations` printed them; a change of the engine or the storms may move them. */
const firstFailingSeeds: Partial<Record<SafetyElement, number>> = {
  fence: 20,
  signedTimeBound: 3,
  horizon: 48,
  tradePolling: 73,
  uniqueFillKey: 1,
  singlePost: 19,
  positionCheck: 8,
  epochInWrites: 4484,
  protectionVerify: 100,
  askBeforeSale: 6,
  capital: 7,
  audit: 1257,
};
/** Bounds the search when a known seed does not fail any more. */
const searchMax = 10_000;

it('is whole by default', () => {
  expect(Object.values(fullSafety).every(Boolean)).toBe(true);
});

describe('without', () => {
  it.each(elements)('%s a promise breaks', async (element) => {
    const known = firstFailingSeeds[element];
    const broken = known === undefined ? [] : await brokenAt(element, known);
    if (broken.length > 0) return;
    expect((await findFailing(element, 1, searchMax)).firstFailingSeed).not.toBeNull();
  });
});
