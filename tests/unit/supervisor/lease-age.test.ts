/** A lock is as old as the question that took it, however late its answer came. */
import { expect, it } from 'vitest';
import type { Coordination } from '../../../engine/coordination/coordination.ts';
import { createMemoryCoordination, createMemoryStore } from '../../../engine/coordination/memory.ts';
import { Leases } from '../../../engine/supervisor/leases.ts';
import { FakeClock } from '../../support/fake-clock.ts';

it.each(['acquire', 'renew'] as const)('counts from before the question (%s)', async (question) => {
  const clock = new FakeClock();
  const inner = createMemoryCoordination({ clock, owner: 'a', store: createMemoryStore(clock) });
  // Redis acts at once, and its answer is slow.
  const slow: Coordination = {
    ...inner,
    reachable: true,
    locks: {
      ...inner.locks,
      acquire: async (names, ttlMs) => inner.locks.acquire(names, ttlMs).then((answer) => clock.sleep(3_000).then(() => answer)),
      renew: async (names, ttlMs) => inner.locks.renew(names, ttlMs).then((answer) => clock.sleep(3_000).then(() => answer)),
    },
  };
  const leases = new Leases({ coordination: slow, clock, ttlMs: 10_000 });
  const acquired = leases.acquire(['1']);
  await clock.advance(3_000);
  await acquired;
  if (question === 'renew') {
    const renewed = leases.renew();
    await clock.advance(3_000);
    await renewed;
  }
  expect(leases.leftMs('1')).toBe(7_000);
});
