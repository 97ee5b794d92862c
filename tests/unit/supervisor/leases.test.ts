import { describe, expect, it } from 'vitest';
import { createMemoryCoordination, createMemoryStore } from '../../../engine/coordination/memory.ts';
import type { Coordination, LockAnswer } from '../../../engine/coordination/coordination.ts';
import { Leases } from '../../../engine/supervisor/leases.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function two() {
  const clock = new FakeClock();
  const store = createMemoryStore(clock);
  const of = (owner: string) => new Leases({ coordination: createMemoryCoordination({ clock, owner, store }), clock, ttlMs: 10_000 });
  return { clock, a: of('a'), b: of('b') };
}

describe('bot locks', () => {
  it('belong to one engine, whose remaining time is known', async () => {
    const { clock, a, b } = two();
    expect(await a.acquire(['1', '2'])).toEqual(['1', '2']);
    expect(await b.acquire(['2', '3'])).toEqual(['3']);
    await clock.advance(4_000);
    expect([a.leftMs('1'), a.leftMs('9')]).toEqual([6_000, 0]);
  });

  it('tell which bots were lost when they are renewed too late', async () => {
    const { clock, a, b } = two();
    await a.acquire(['1', '2']);
    await clock.advance(11_000);
    await b.acquire(['2']);
    expect(await a.renew()).toEqual(['2']);
    expect(a.leftMs('1')).toBe(10_000);
  });

  it('are free again at once when they are let go', async () => {
    const { a, b } = two();
    await a.acquire(['1']);
    await a.release(['1']);
    expect(await b.acquire(['1'])).toEqual(['1']);
  });

  it('are unknown, not lost, when the service answers and renews nothing, and known again when it does', async () => {
    const clock = new FakeClock();
    let answer: LockAnswer = 'held';
    const locks = { owner: 'a', acquire: async () => [answer], renew: async () => [answer], release: async () => undefined };
    const coordination = { locks, reachable: true } as unknown as Coordination;
    const leases = new Leases({ coordination, clock, ttlMs: 10_000 });
    await leases.acquire(['1']);
    answer = 'unknown';
    await clock.advance(12_000);
    expect(await leases.renew()).toEqual([]);
    expect(leases.leftMs('1')).toBeNull();
    answer = 'held';
    await leases.renew();
    expect(leases.leftMs('1')).toBe(10_000);
    answer = 'taken';
    expect(await leases.renew()).toEqual(['1']);
    expect(leases.leftMs('1')).toBe(0);
  });

  it('of somebody else say nothing once the rows have said whose the bot is, until they are asked for again', async () => {
    const { clock, a, b } = two();
    await a.acquire(['1']);
    await clock.advance(11_000);
    await b.acquire(['1']);
    await a.renew();
    a.overruled('1');
    a.overruled('9');
    expect([a.leftMs('1'), a.leftMs('9')]).toEqual([null, 0]);
    await a.renew();
    expect(a.leftMs('1')).toBe(0);
    a.overruled('1');
    a.forget('1');
    expect(a.leftMs('1')).toBe(0);
  });

  it('are neither gained nor lost while nobody answers', async () => {
    const clock = new FakeClock();
    let answer: LockAnswer = 'held';
    const locks = { owner: 'a', acquire: async () => [answer], renew: async () => [answer], release: async () => undefined };
    const coordination = { locks, reachable: false } as unknown as Coordination;
    const leases = new Leases({ coordination, clock, ttlMs: 10_000 });
    await leases.acquire(['1']);
    answer = 'unknown';
    expect(await leases.renew()).toEqual([]);
    expect(leases.held).toBe(1);
    expect(leases.leftMs('1')).toBeNull();
    expect(await leases.acquire(['2'])).toEqual([]);
  });
});
