/** Whether Redis is there, as status, log and gauge say it. */
import { expect, it } from 'vitest';
import { createRedisHealth } from '../../../engine/coordination/redis-health.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { silent } from '../memory-fleet.ts';

it('is gauged as reachable from its first write until it fails, and again after the next', async () => {
  const metrics = createMetrics();
  const health = createRedisHealth({ clock: systemClock, log: silent, metrics });
  const gauged = async (): Promise<unknown> => (await metrics.redisReachable.get()).values[0]?.value;
  const told = [await gauged()];
  health.wrote();
  told.push(await gauged());
  health.failed('OOM command not allowed');
  told.push(await gauged());
  health.wrote();
  health.lost();
  told.push(await gauged());
  health.wrote();
  expect([...told, await gauged()]).toEqual([0, 1, 0, 0, 1]);
});
