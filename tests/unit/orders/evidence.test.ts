/** What a bot is told of an order that is over. */
import { expect, it } from 'vitest';
import { outcomeOf } from '../../../engine/orders/evidence.ts';

it.each([
  ['filled', true, 'filled'],
  ['cancelled', true, 'filled'],
  ['expired', true, 'filled'],
  ['rejected', true, 'filled'],
  ['never-placed', true, 'filled'],
  ['cancelled', false, 'unfilled'],
  ['expired', false, 'unfilled'],
  ['rejected', false, 'rejected'],
  ['never-placed', false, 'never-placed'],
] as const)('an order that is %s (executed: %s) is %s to its bot', (state, executed, outcome) => {
  expect(outcomeOf(state, executed)).toBe(outcome);
});
