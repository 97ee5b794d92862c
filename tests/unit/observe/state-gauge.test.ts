/** Gauges that are read from state when they are scraped. */
import { beforeEach, expect, it } from 'vitest';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import type { Metrics } from '../../../engine/observe/metrics.ts';

let metrics: Metrics;
beforeEach(() => {
  metrics = createMetrics();
});
const told = async (): Promise<unknown> => (await metrics.killSwitchActive.get()).values.map(({ labels, value }) => [labels.scope, value]);

it('say what the state says now, and forget labels that it no longer tells of', async () => {
  let state = new Map([['bot', 2]]);
  metrics.killSwitchActive.follow(() => [...state].map(([scope, count]) => [{ scope }, count]));
  expect(await told()).toEqual([['bot', 2]]);
  state = new Map([['user', 1]]);
  expect(await told()).toEqual([['user', 1]]);
});

it('add up what several sources say under the same labels, until one is followed no more', async () => {
  const stop = metrics.killSwitchActive.follow(() => [[{ scope: 'bot' }, 2]]);
  metrics.killSwitchActive.follow(() => [[{ scope: 'bot' }, 3]]);
  expect(await told()).toEqual([['bot', 5]]);
  stop();
  expect(await told()).toEqual([['bot', 3]]);
});

it('are in the text that is scraped', async () => {
  metrics.killSwitchActive.follow(() => [[{ scope: 'engine' }, 1]]);
  expect(await metrics.registry.metrics()).toContain('evenkeel_kill_switch_active{scope="engine"} 1');
});
