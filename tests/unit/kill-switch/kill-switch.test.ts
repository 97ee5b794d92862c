/** Whom a kill switch concerns, and which one counts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { killBlock, killPolicies, killScopes, standsAt } from '../../../engine/kill-switch/kill-switch.ts';
import type { KillSwitch } from '../../../engine/kill-switch/kill-switch.ts';

const bot = { botId: '7', userId: '3', account: 'simulated' };
const given = (change: Partial<KillSwitch>): KillSwitch => ({
  scope: 'engine',
  subject: '',
  policy: 'leave',
  reason: 'test',
  expiresAtMs: null,
  ...change,
});

describe('a kill switch', () => {
  it.each([
    ['engine', '', '-'],
    ['account', 'simulated', 'binance'],
    ['user', '3', '7'],
    ['bot', '7', '3'],
  ] as const)('of the %s concerns its bots and no others', (scope, subject, other) => {
    expect(killBlock([given({ scope, subject })], bot)?.rule).toBe('kill-switch');
    if (scope !== 'engine') expect(killBlock([given({ scope, subject: other })], bot)).toBeNull();
  });

  it('that is the strictest counts, wherever it stands in the list, and the widest of equals', () => {
    const standing = killPolicies.flatMap((policy) => killScopes.map((scope) => given({ scope, policy, subject: subjectOf(scope) })));
    fc.assert(
      fc.property(fc.shuffledSubarray(standing, { minLength: 1 }), (some) => {
        const strictest = Math.max(...some.map(({ policy }) => killPolicies.indexOf(policy)));
        const among = some.filter(({ policy }) => killPolicies.indexOf(policy) === strictest);
        const widest = Math.min(...among.map(({ scope }) => killScopes.indexOf(scope)));
        const block = killBlock(some, bot);
        expect(block?.policy).toBe(killPolicies[strictest]);
        expect(block?.reason).toContain(`(${killScopes[widest]}, ${killPolicies[strictest]})`);
      }),
    );
  });

  it('that came first counts among equals, and says what becomes of stops and position', () => {
    expect(killBlock([given({ reason: 'first' }), given({ reason: 'second' })], bot)?.reason).toMatch(/: first;/);
    expect(killPolicies.map((policy) => killBlock([given({ policy })], bot)?.reason)).toEqual([
      'kill switch (engine, leave): test; stops and exits go on',
      'kill switch (engine, cancel): test; stops and targets are down: nothing protects an open position',
      'kill switch (engine, flatten): test; an open position is closed',
    ]);
    expect(killBlock([], bot)).toBeNull();
  });

  it('is over at the moment that it expires, not before', () => {
    expect([standsAt(given({}), 10), standsAt(given({ expiresAtMs: 10 }), 9), standsAt(given({ expiresAtMs: 10 }), 10)]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

function subjectOf(scope: KillSwitch['scope']): string {
  return { engine: '', account: bot.account, user: bot.userId, bot: bot.botId }[scope];
}
