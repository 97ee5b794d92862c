/** On the way from decided to answered: an entry that its account cannot bear is not sent, and nothing else waits for the account. */
import { Decimal } from 'decimal.js';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { reachNothing } from '../../../engine/crash-points.ts';
import { Sender } from '../../../engine/orders/send.ts';
import type { Outgoing, SendResult } from '../../../engine/orders/send.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import type { Intent, IntentVerdict } from '../../../engine/persistence/commit-intents.ts';
import { fullSafety } from '../../../engine/safety.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { intent } from '../../integration/persistence/given.ts';
import { MemoryOrderStore } from './order-store.ts';

type Commit = (intents: readonly Intent[]) => Promise<ReadonlyMap<string, IntentVerdict>>;

async function sent(
  commit: Commit,
  ...intents: readonly Intent[]
): Promise<{ readonly transmitted: string[]; readonly results: SendResult[] }> {
  const clock = new FakeClock();
  const store = Object.assign(new MemoryOrderStore(), { commit });
  const transmitted: string[] = [];
  const results: SendResult[] = [];
  const sender = new Sender({
    store,
    clock,
    venueClock: { now: () => clock.now(), trusted: true, resync: () => Promise.resolve() },
    log: pino({ level: 'silent' }),
    metrics: createMetrics(),
    reach: reachNothing,
    safety: fullSafety,
    entriesStopped: () => null,
  });
  for (const one of intents)
    void sender
      .submit({
        intents: [one],
        transmit: async () => {
          transmitted.push(one.clientOrderId);
          return [{ kind: 'not-attempted', reason: 'these tests have no exchange' }];
        },
        signedAt: 0,
        triggeredAt: null,
        mode: 'live',
      } satisfies Outgoing)
      .then((result) => results.push(result));
  await clock.advance(10);
  return { transmitted, results };
}

const entry = intent('1', { clientOrderId: 'entry', reservation: { asset: 'USDT', amount: new Decimal(100) } });
const exit = intent('1', { clientOrderId: 'exit', botId: '2', role: 'exit', side: 'SELL' });
const refusal = { rule: 'account-capital', reason: 'no entry: 12 USDT remain' } as const;

describe('an entry', () => {
  it('is not sent when its account cannot bear it, and the rule and its reason are told', async () => {
    const { transmitted, results } = await sent(async () => new Map([['entry', refusal]]), entry);
    expect(transmitted).toEqual([]);
    expect(results).toEqual([{ kind: 'not-admitted', ...refusal }]);
  });

  it('that waits for its account holds no exit of the same turn back', async () => {
    const commit: Commit = (intents) =>
      intents.some(({ reservation }) => reservation !== null)
        ? new Promise(() => undefined)
        : Promise.resolve(new Map(intents.map(({ clientOrderId }) => [clientOrderId, 'committed'])));
    expect((await sent(commit, entry, exit)).transmitted).toEqual(['exit']);
  });
});
