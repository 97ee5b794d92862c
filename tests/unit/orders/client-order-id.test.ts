import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientOrderIdPrefix, formatClientOrderId, parseClientOrderId } from '../../../engine/orders/client-order-id.ts';

const parts = fc.record({
  installation: fc.stringMatching(/^[0-9a-z]{4}$/),
  botId: fc.bigInt({ min: 1n, max: 10n ** 9n }).map(String),
  decisionMs: fc.integer({ min: 1, max: Date.UTC(2058, 0) }),
  role: fc.constantFrom('entry' as const, 'exit' as const),
  attempt: fc.integer({ min: 1, max: 1295 }),
});

describe('client order ids', () => {
  it('come back from their text as they went in', () => {
    fc.assert(
      fc.property(parts, (given) => {
        expect(parseClientOrderId(formatClientOrderId(given))).toEqual(given);
      }),
    );
  });

  it('fit what the exchange accepts: at most 36 characters of letters, digits, dash and underscore', () => {
    fc.assert(
      fc.property(parts, (given) => {
        expect(formatClientOrderId(given)).toMatch(/^[A-Za-z0-9_-]{1,36}$/);
      }),
    );
  });

  it('differ whenever any part differs', () => {
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        expect(formatClientOrderId(one)).not.toBe(formatClientOrderId(other));
      }),
    );
  });

  it('carry the installation first, so that orders of another installation are foreign', () => {
    const id = formatClientOrderId({ installation: 'ab12', botId: '7', decisionMs: 1_677_628_859_999, role: 'exit', attempt: 2 });
    expect(id.startsWith(clientOrderIdPrefix('ab12'))).toBe(true);
    expect(parseClientOrderId(id)?.installation).toBe('ab12');
  });

  it.each(['', 'web_123', 'x-ABC123', 'ekab12-', 'ekab12-7-abc-1', 'EKab12-7-abce-1', 'ekab12-7-abce-1-2', 'autoclose-1'])(
    'refuse the foreign id "%s"',
    (id) => {
      expect(parseClientOrderId(id)).toBeNull();
    },
  );
});
