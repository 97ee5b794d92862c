/** The gauges of bots say who runs now, in which state, and who holds a position. */
import { expect, it } from 'vitest';
import type { Bot } from '../../../engine/bot/bot.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { countBots } from '../../../engine/supervisor/bot-counts.ts';

type Counted = { readonly bot: Bot; readonly mode: 'live' | 'paper' };
const one = (mode: 'live' | 'paper', life: string, phase: string | null): Counted => ({
  bot: { life, session: phase === null ? null : { phase } } as unknown as Bot,
  mode,
});

it('counts those that run at the moment of the question', async () => {
  const metrics = createMetrics();
  let running: Counted[] = [];
  countBots(metrics, () => running);
  const told = async (gauge: 'bots' | 'positionsOpen') =>
    (await metrics[gauge].get()).values.map(({ labels, value }) => [labels.mode, 'state' in labels ? labels.state : null, value]);
  expect([await told('bots'), await told('positionsOpen')]).toEqual([
    [],
    [
      ['live', null, 0],
      ['paper', null, 0],
    ],
  ]);
  running = [
    one('live', 'running', 'holding'),
    one('live', 'running', 'flat'),
    one('live', 'recovering', null),
    one('paper', 'running', 'entering'),
  ];
  expect([await told('bots'), await told('positionsOpen')]).toEqual([
    [
      ['live', 'running', 2],
      ['live', 'recovering', 1],
      ['paper', 'running', 1],
    ],
    [
      ['live', null, 1],
      ['paper', null, 1],
    ],
  ]);
});
