/** What leaves for a venue, and what waits. */
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { ExchangeError } from '../../../engine/exchanges/exchange.ts';
import { RequestGate } from '../../../engine/exchanges/request-gate.ts';
import type { RequestBudget } from '../../../engine/exchanges/request-gate.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A budget that grants everything after a while, during which the venue may ask for silence. */
function given(answerAfterMs: number) {
  const clock = new FakeClock(1_000_000);
  let silence: { readonly untilMs: number; readonly reason: string } | null = null;
  const budget: RequestBudget = {
    take: async () => {
      await clock.sleep(answerAfterMs);
      return { granted: true };
    },
    observe: () => undefined,
    blockUntil: async (untilMs, reason) => {
      silence = { untilMs, reason };
    },
    silence: () => (silence !== null && silence.untilMs > clock.now() ? silence : null),
    reserveOrders: () => ({ granted: true, release: () => undefined }),
    observeOrders: () => undefined,
    pauseOrders: () => undefined,
    setOrderLimits: () => undefined,
    orderLimits: () => [],
  };
  const gate = new RequestGate({ budget, clock, venueClock: clock, log: pino({ level: 'silent' }), metrics: createMetrics() });
  return { clock, budget, gate };
}

it('a read waits for a silence that the venue asked for while its weight was being taken', async () => {
  const { clock, budget, gate } = given(200);
  let left = false;
  const admitted = gate.admit('order', 4, 'audit').then(() => (left = true));
  await clock.advance(100);
  await budget.blockUntil(clock.now() + 10_000, 'HTTP 429: Too many requests.');
  await clock.advance(9_900);
  expect(left).toBe(false);
  await clock.advance(1_000);
  await admitted;
  expect(left).toBe(true);
});

it('a read that would have to wait too long for such a silence fails', async () => {
  const { clock, budget, gate } = given(200);
  const answer = gate.admit('order', 4, 'audit').catch((error: unknown) => error);
  await budget.blockUntil(clock.now() + 120_000, 'HTTP 418: banned.');
  await clock.advance(300);
  expect(await answer).toBeInstanceOf(ExchangeError);
});
