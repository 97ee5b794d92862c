/** What is said and done while a kill switch keeps a position's stop down. The rest of the watch is tested at an exchange (protector.test.ts). */
import { expect, it } from 'vitest';
import { ProtectionWatch } from '../../../engine/bot/protection-watch.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordedLog } from '../../support/recorded-log.ts';

it('a position whose stop a kill switch keeps down is told once and counted, and nothing is asked or sold', async () => {
  const clock = new FakeClock();
  const metrics = createMetrics();
  const { log, told } = recordedLog();
  const done: string[] = [];
  const watch = new ProtectionWatch({
    clock,
    metrics,
    log,
    ask: async () => done.push('asked') > 0,
    tell: (event) => void done.push(event),
  });
  watch.changed('disarmed');
  await clock.advance(10_000);
  watch.changed('disarmed');
  expect([told(), done]).toEqual([['error: nothing protects the position of a bot: a kill switch keeps its stop down'], []]);
  expect((await metrics.unprotectedSeconds.get()).values[0]?.value).toBeCloseTo(10);
  watch.stop();
  expect((await metrics.positionsUnprotected.get()).values[0]?.value).toBe(0);
});
