import { describe, expect, it } from 'vitest';
import { createOrderCount } from '../../../engine/coordination/order-budget.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('order counts that replicas tell each other', () => {
  it('are not undone by an older count that comes back from another replica', () => {
    const clock = new FakeClock();
    const [a, b] = [createOrderCount('main', clock), createOrderCount('main', clock)];
    for (const one of [a, b]) one.setLimits([{ windowMs: 10_000, limit: 10 }]);
    const at = 1_700_000_000_000;
    a.observe(new Map([[10_000, 9]]), at);
    b.hear('a', a.news());
    const echo = b.news();
    a.observe(new Map([[10_000, 2]]), at + 1);
    a.hear('b', echo);
    expect(a.refusal(1, 'entry', at + 2)).toBeNull();
    b.hear('a', a.news());
    expect(b.refusal(1, 'entry', at + 2)).toBeNull();
  });
});
