/** `ema_cross`: long while the fast EMA is above the slow one; acts on the candle at which they cross. */
import { crossed } from './conditions.ts';
import { crossing } from './crossing.ts';
import { defineStrategy } from './define.ts';
import { classic } from './parameters.ts';
import type { Signal } from './strategy.ts';

const enter: Signal = { action: 'enter-long', reason: 'fast EMA crossed above slow EMA' };
const exit: Signal = { action: 'exit', reason: 'fast EMA crossed below slow EMA' };
const hold: Signal = { action: 'hold', reason: 'no EMA cross' };

export const emaCross = defineStrategy({
  name: 'ema_cross',
  summary: 'Enters when the fast EMA crosses above the slow EMA; leaves when it crosses below.',
  parameters: { emaFast: classic.emaFast, emaSlow: classic.emaSlow },
  needs: ({ emaFast, emaSlow }) => ({ fast: { kind: 'ema', period: emaFast }, slow: { kind: 'ema', period: emaSlow } }),
  signal({ now, before }) {
    const cross = crossing(before.fast - before.slow, now.fast - now.slow);
    return cross === 1 ? enter : cross === -1 ? exit : hold;
  },
  explain({ now, before }) {
    const fast = { name: 'fast EMA', now: now.fast, before: before.fast };
    const slow = { name: 'slow EMA', now: now.slow, before: before.slow };
    return { entry: crossed('above', fast, slow), exits: [crossed('below', fast, slow)] };
  },
});
