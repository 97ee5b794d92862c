/** Who may throw the kill switch while the database is away. */
import { beforeEach, describe, expect, it } from 'vitest';
import { RememberedCallers } from '../../../admin/remembered-callers.ts';
import type { Caller } from '../../../admin/tokens.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const caller: Caller = { userId: '1', tokenId: '2', tokenName: 'first', tokenExpiresAtMs: null, role: 'owner', scopes: ['operate'] };

describe('a remembered caller', () => {
  let clock: FakeClock;
  let remembered: RememberedCallers;
  beforeEach(() => {
    clock = new FakeClock();
    remembered = new RememberedCallers(clock);
    remembered.confirmed('token', caller);
  });

  it('is recalled for 15 minutes, by exactly that token', async () => {
    await clock.advance(15 * 60_000 - 1);
    expect([remembered.recall('token'), remembered.recall('other')]).toEqual([caller, null]);
    await clock.advance(1);
    expect(remembered.recall('token')).toBeNull();
  });

  it('is forgotten when the database refuses the token', () => {
    remembered.refused('token');
    expect(remembered.recall('token')).toBeNull();
  });

  it('is still known when it is recalled no more, until the database refuses it', async () => {
    await clock.advance(60 * 60_000);
    expect([remembered.recall('token'), remembered.knows('token'), remembered.knows('other')]).toEqual([null, true, false]);
    remembered.refused('token');
    expect(remembered.knows('token')).toBe(false);
  });

  it('may do what it could do when it was last confirmed, and no more', () => {
    remembered.confirmed('token', { ...caller, role: 'viewer', scopes: ['read'] });
    expect(remembered.recall('token')).toMatchObject({ role: 'viewer', scopes: ['read'] });
  });

  it('is not recalled by a token that has expired since', async () => {
    remembered.confirmed('short', { ...caller, tokenExpiresAtMs: clock.now() + 1_000 });
    await clock.advance(1_000);
    expect(remembered.recall('short')).toBeNull();
  });

  it('gives way to newer ones when there are too many', () => {
    for (let index = 0; index < 1_000; index += 1) remembered.confirmed(`token-${index}`, caller);
    expect([remembered.recall('token'), remembered.recall('token-0')]).toEqual([null, caller]);
  });
});
