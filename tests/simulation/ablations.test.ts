/** Without any one of the safety elements a promise breaks, so the simulation would notice its loss. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fullSafety } from '../../engine/safety.ts';
import type { SafetyElement } from '../../engine/safety.ts';
import { brokenAt, brokenBy, elements, findFailing } from './ablations.ts';
import type { Schedule } from './schedule.ts';

/** As `npm run simulate -- --ablations` printed them; a change of the engine or the storms may move them. */
const firstFailingSeeds: Partial<Record<SafetyElement, number>> = {
  fence: 19,
  signedTimeBound: 4,
  horizon: 314,
  tradePolling: 37,
  uniqueFillKey: 1,
  singlePost: 19,
  positionCheck: 13,
  protectionVerify: 32,
  askBeforeSale: 13,
  capital: 12,
};
/** Elements that seeds need thousands of tries to miss: each has a schedule of its own, drawn for it and kept. */
const keptSchedules: readonly SafetyElement[] = ['epochInWrites', 'audit'];
/** Bounds the search when a known seed does not fail any more. */
const searchMax = 10_000;

function readSchedule(element: SafetyElement): Schedule {
  return JSON.parse(readFileSync(new URL(`ablated/${element}.json`, import.meta.url), 'utf8')) as Schedule;
}

it('is whole by default', () => {
  expect(Object.values(fullSafety).every(Boolean)).toBe(true);
});

describe('without', () => {
  it.each(elements)('%s a promise breaks', async (element) => {
    const known = firstFailingSeeds[element];
    const broken = keptSchedules.includes(element)
      ? await brokenBy(element, readSchedule(element))
      : known === undefined
        ? []
        : await brokenAt(element, known);
    if (broken.length > 0) return;
    expect((await findFailing(element, 1, searchMax)).firstFailingSeed).not.toBeNull();
  });
});
