/** What a replica takes on its own of a venue's request weight, while it cannot see what the others take. */
import { expect, it } from 'vitest';
import { createVenueBudget } from '../../../engine/coordination/weight-budget.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const third = 1 / 3;

function heard(used: number): ReturnType<typeof createVenueBudget> {
  const clock = new FakeClock();
  const budget = createVenueBudget('venue', clock);
  budget.observe(used, 6_000, clock.now());
  return budget;
}

it("takes a third of what the venue's count leaves to its priority", () => {
  const budget = heard(3_000);
  expect(budget.decide(400, 'audit', third)).toEqual({ granted: true });
  expect(budget.decide(401, 'audit', third)).toMatchObject({ granted: false, reason: expect.stringContaining('3400') as string });
  expect(budget.decide(1_000, 'exit', third)).toEqual({ granted: true });
  expect(budget.decide(1_001, 'exit', third)).toMatchObject({ granted: false });
});

it("counts what it took since until the venue's count has it", () => {
  const clock = new FakeClock();
  const budget = createVenueBudget('venue', clock);
  budget.observe(3_000, 6_000, clock.now());
  budget.window().pending += 900;
  expect(budget.decide(200, 'exit', third)).toMatchObject({ granted: false });
  budget.observe(3_900, null, clock.now());
  expect(budget.decide(700, 'exit', third)).toEqual({ granted: true });
  expect(budget.decide(701, 'exit', third)).toMatchObject({ granted: false });
});

it('takes nothing where the count has passed what its priority may fill', () => {
  expect(heard(4_300).decide(1, 'audit', third)).toMatchObject({ granted: false });
  expect(heard(4_300).decide(1, 'exit', third)).toEqual({ granted: true });
});
