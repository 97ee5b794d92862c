import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextState } from '../../../engine/persistence/order-life.ts';
import { isTerminal, orderStates } from '../../../engine/persistence/order-store.ts';

const nothing = { executed: false, known: false, complete: true };

describe('the life of an order row', () => {
  it.each([
    ['intended', 'accepted', { ...nothing, known: true }, 'accepted'],
    ['intended', 'unknown', nothing, 'unknown'],
    ['accepted', 'unknown', { ...nothing, known: true }, 'accepted'],
    ['unknown', 'never-placed', nothing, 'never-placed'],
    ['unknown', 'never-placed', { ...nothing, executed: true }, 'accepted'],
    ['accepted', 'rejected', { ...nothing, known: true }, 'accepted'],
    ['intended', 'rejected', nothing, 'rejected'],
    ['accepted', 'filled', { executed: true, known: true, complete: false }, 'accepted'],
    ['accepted', 'filled', { executed: true, known: true, complete: true }, 'filled'],
    ['never-placed', 'filled', { executed: true, known: true, complete: true }, 'filled'],
    ['never-placed', null, { executed: true, known: true, complete: true }, 'never-placed'],
    ['never-placed', 'accepted', { executed: false, known: true, complete: true }, 'never-placed'],
    ['never-placed', 'filled', { executed: true, known: true, complete: false }, 'never-placed'],
    ['never-placed', 'cancelled', { executed: false, known: true, complete: true }, 'cancelled'],
    ['never-placed', 'rejected', { executed: false, known: false, complete: true }, 'never-placed'],
    ['unknown', null, { executed: true, known: true, complete: true }, 'accepted'],
    ['filled', 'accepted', { executed: true, known: true, complete: true }, 'filled'],
    ['expired', 'filled', { executed: true, known: true, complete: true }, 'expired'],
  ] as const)('%s, told %s', (current, told, known, next) => {
    expect(nextState(current, told, known)).toBe(next);
  });

  it('never leaves an end that the exchange told', () => {
    const told = fc.constantFrom(...orderStates, null);
    const known = fc.record({ executed: fc.boolean(), known: fc.boolean(), complete: fc.boolean() });
    fc.assert(
      fc.property(fc.constantFrom(...orderStates), told, known, (current, next, facts) => {
        if (isTerminal(current) && current !== 'never-placed') expect(nextState(current, next, facts)).toBe(current);
      }),
    );
  });
});
