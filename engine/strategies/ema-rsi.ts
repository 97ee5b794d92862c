/** `ema_rsi`: an EMA cross that the RSI must not call overheated; overheating also ends the trade. */
import { against, crossed } from './conditions.ts';
import { crossing } from './crossing.ts';
import { defineStrategy } from './define.ts';
import { classic } from './parameters.ts';
import type { Signal } from './strategy.ts';

const enter: Signal = { action: 'enter-long', reason: 'fast EMA crossed above slow EMA and RSI is not overbought' };
const overheated: Signal = { action: 'exit', reason: 'fast EMA crossed above slow EMA, but RSI is overbought' };
const crossedDown: Signal = { action: 'exit', reason: 'fast EMA crossed below slow EMA' };
const overbought: Signal = { action: 'exit', reason: 'RSI is overbought' };
const hold: Signal = { action: 'hold', reason: 'no EMA cross and RSI is not overbought' };

export const emaRsi = defineStrategy({
  name: 'ema_rsi',
  summary: 'Enters on an EMA cross while the RSI is not overbought; leaves on a cross down or when the RSI is overbought.',
  parameters: {
    emaFast: classic.emaFast,
    emaSlow: classic.emaSlow,
    rsiPeriod: classic.rsiPeriod,
    rsiOverbought: classic.rsiOverbought,
  },
  needs: ({ emaFast, emaSlow, rsiPeriod }) => ({
    fast: { kind: 'ema', period: emaFast },
    slow: { kind: 'ema', period: emaSlow },
    rsi: { kind: 'rsi', period: rsiPeriod },
  }),
  signal({ now, before }, { rsiOverbought }) {
    const cross = crossing(before.fast - before.slow, now.fast - now.slow);
    if (cross === -1) return crossedDown;
    if (now.rsi >= rsiOverbought) return cross === 1 ? overheated : overbought;
    // NaN is not hot, but it confirms nothing either.
    return cross === 1 && now.rsi < rsiOverbought ? enter : hold;
  },
  explain({ now, before }, { rsiOverbought }) {
    const fast = { name: 'fast EMA', now: now.fast, before: before.fast };
    const slow = { name: 'slow EMA', now: now.slow, before: before.slow };
    const rsi = { name: 'RSI', value: now.rsi };
    return {
      entry: [...crossed('above', fast, slow), against(rsiOverbought, 'now', 'below', rsi)],
      exits: [crossed('below', fast, slow), [against(rsiOverbought, 'now', 'at or above', rsi)]],
    };
  },
});
