/** `rsi`: buys the recovery from oversold, sells when overbought strength fades. */
import { crossedLevel } from './conditions.ts';
import { crossing } from './crossing.ts';
import { defineStrategy } from './define.ts';
import { classic } from './parameters.ts';
import type { Signal } from './strategy.ts';

const enter: Signal = { action: 'enter-long', reason: 'RSI crossed back up through oversold' };
const exit: Signal = { action: 'exit', reason: 'RSI crossed down through overbought' };
const hold: Signal = { action: 'hold', reason: 'RSI crossed neither level' };

export const rsi = defineStrategy({
  name: 'rsi',
  summary: 'Enters when the RSI crosses back up through oversold; leaves when it crosses down through overbought.',
  parameters: { rsiPeriod: classic.rsiPeriod, rsiOversold: classic.rsiOversold, rsiOverbought: classic.rsiOverbought },
  needs: ({ rsiPeriod }) => ({ rsi: { kind: 'rsi', period: rsiPeriod } }),
  signal({ now, before }, { rsiOversold, rsiOverbought }) {
    if (crossing(before.rsi - rsiOversold, now.rsi - rsiOversold) === 1) return enter;
    return crossing(before.rsi - rsiOverbought, now.rsi - rsiOverbought) === -1 ? exit : hold;
  },
  explain({ now, before }, { rsiOversold, rsiOverbought }) {
    const rsi = { name: 'RSI', now: now.rsi, before: before.rsi };
    return { entry: crossedLevel('above', rsiOversold, rsi), exits: [crossedLevel('below', rsiOverbought, rsi)] };
  },
});
