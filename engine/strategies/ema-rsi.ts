/** `ema_rsi`: an EMA cross that the RSI must not call overheated; overheating also ends the trade. */
import { against } from './conditions.ts';
import { crossConditions, crossOf } from './ema-cross.ts';
import { emaWarmUp, rsiWarmUp, schemaOf } from './parameters.ts';
import type { Signal, Strategy } from './strategy.ts';

const enter: Signal = { action: 'enter-long', reason: 'fast EMA crossed above slow EMA and RSI is not overbought' };
const overheated: Signal = { action: 'exit', reason: 'fast EMA crossed above slow EMA, but RSI is overbought' };
const crossedDown: Signal = { action: 'exit', reason: 'fast EMA crossed below slow EMA' };
const overbought: Signal = { action: 'exit', reason: 'RSI is overbought' };
const hold: Signal = { action: 'hold', reason: 'no EMA cross and RSI is not overbought' };

export const emaRsi: Strategy = {
  name: 'ema_rsi',
  summary: 'Enters on an EMA cross while the RSI is not overbought; leaves on a cross down or when the RSI is overbought.',
  parameters: schemaOf('emaFast', 'emaSlow', 'rsiPeriod', 'rsiOverbought'),
  check: () => [],
  needs: ({ emaFast, emaSlow, rsiPeriod }) => [
    { kind: 'ema', period: emaFast },
    { kind: 'ema', period: emaSlow },
    { kind: 'rsi', period: rsiPeriod },
  ],
  warmUpCandles: ({ emaSlow, rsiPeriod }) => Math.max(emaWarmUp(emaSlow), rsiWarmUp(rsiPeriod)),
  signal(input, { rsiOverbought }) {
    const cross = crossOf(input, 0, 1);
    const hot = (input.current[2] ?? Number.NaN) >= rsiOverbought;
    if (cross === -1) return crossedDown;
    if (hot) return cross === 1 ? overheated : overbought;
    // NaN is not hot, but it confirms nothing either.
    return cross === 1 && (input.current[2] ?? Number.NaN) < rsiOverbought ? enter : hold;
  },
  explain(input, { rsiOverbought }) {
    const rsi = { name: 'RSI', value: input.current[2] ?? Number.NaN };
    return {
      entry: [...crossConditions(input, 0, 1, 'above'), against(rsiOverbought, 'now', 'below', rsi)],
      exits: [crossConditions(input, 0, 1, 'below'), [against(rsiOverbought, 'now', 'at or above', rsi)]],
    };
  },
};
