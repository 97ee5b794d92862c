/** `ema_trend_rsi`: buys the dip inside an uptrend; leaves when the dip is paid back or the trend breaks. */
import { against, between } from './conditions.ts';
import { emaWarmUp, rsiWarmUp, schemaOf } from './parameters.ts';
import { recovered, recoveryConditions } from './rsi.ts';
import type { Signal, Strategy } from './strategy.ts';

const enter: Signal = { action: 'enter-long', reason: 'close is above the trend EMA and RSI recovers from oversold' };
const overbought: Signal = { action: 'exit', reason: 'RSI is overbought' };
const trendBroke: Signal = { action: 'exit', reason: 'close is below the trend EMA' };
const hold: Signal = { action: 'hold', reason: 'above the trend EMA, RSI does not recover from oversold' };

export const emaTrendRsi: Strategy = {
  name: 'ema_trend_rsi',
  summary: 'Enters when the close is above EMA(ema_period) and the RSI recovers from oversold; leaves when overbought or below the EMA.',
  parameters: schemaOf('emaPeriod', 'rsiPeriod', 'rsiOversold', 'rsiOverbought'),
  check: () => [],
  needs: ({ emaPeriod, rsiPeriod }) => [
    { kind: 'ema', period: emaPeriod },
    { kind: 'rsi', period: rsiPeriod },
  ],
  warmUpCandles: ({ emaPeriod, rsiPeriod }) => Math.max(emaWarmUp(emaPeriod), rsiWarmUp(rsiPeriod)),
  signal(input, parameters) {
    const trend = input.current[0] ?? Number.NaN;
    if ((input.current[1] ?? Number.NaN) >= parameters.rsiOverbought) return overbought;
    if (input.candle.close < trend) return trendBroke;
    return input.candle.close > trend && recovered(input, 1, parameters) ? enter : hold;
  },
  explain(input, parameters) {
    const close = { name: 'close', value: input.candle.close };
    const trend = { name: 'trend EMA', value: input.current[0] ?? Number.NaN };
    const rsi = { name: 'RSI', value: input.current[1] ?? Number.NaN };
    return {
      entry: [
        between('now', close, 'above', trend),
        ...recoveryConditions(input, 1, parameters),
        against(parameters.rsiOverbought, 'now', 'below', rsi),
      ],
      exits: [[against(parameters.rsiOverbought, 'now', 'at or above', rsi)], [between('now', close, 'below', trend)]],
    };
  },
};
