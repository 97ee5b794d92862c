/** `ema_trend_rsi`: buys the dip inside an uptrend; leaves when the dip is paid back or the trend breaks. */
import { against, between, crossedLevel } from './conditions.ts';
import { crossing } from './crossing.ts';
import { defineStrategy } from './define.ts';
import { classic } from './parameters.ts';
import type { Signal } from './strategy.ts';

const enter: Signal = { action: 'enter-long', reason: 'close is above the trend EMA and RSI recovers from oversold' };
const overbought: Signal = { action: 'exit', reason: 'RSI is overbought' };
const trendBroke: Signal = { action: 'exit', reason: 'close is below the trend EMA' };
const onTrend: Signal = { action: 'hold', reason: 'close is on the trend EMA' };
const hold: Signal = { action: 'hold', reason: 'above the trend EMA, RSI does not recover from oversold' };

export const emaTrendRsi = defineStrategy({
  name: 'ema_trend_rsi',
  summary: 'Enters when the close is above EMA(ema_period) and the RSI recovers from oversold; leaves when overbought or below the EMA.',
  parameters: {
    emaPeriod: classic.emaPeriod,
    rsiPeriod: classic.rsiPeriod,
    rsiOversold: classic.rsiOversold,
    rsiOverbought: classic.rsiOverbought,
  },
  needs: ({ emaPeriod, rsiPeriod }) => ({ trend: { kind: 'ema', period: emaPeriod }, rsi: { kind: 'rsi', period: rsiPeriod } }),
  signal({ candle, now, before }, { rsiOversold, rsiOverbought }) {
    if (now.rsi >= rsiOverbought) return overbought;
    if (candle.close < now.trend) return trendBroke;
    if (candle.close === now.trend) return onTrend;
    return candle.close > now.trend && crossing(before.rsi - rsiOversold, now.rsi - rsiOversold) === 1 ? enter : hold;
  },
  explain({ close, now, before }, { rsiOversold, rsiOverbought }) {
    const price = { name: 'close', value: close };
    const trend = { name: 'trend EMA', value: now.trend };
    const rsi = { name: 'RSI', value: now.rsi };
    return {
      entry: [
        between('now', price, 'above', trend),
        ...crossedLevel('above', rsiOversold, { name: 'RSI', now: now.rsi, before: before.rsi }),
        against(rsiOverbought, 'now', 'below', rsi),
      ],
      exits: [[against(rsiOverbought, 'now', 'at or above', rsi)], [between('now', price, 'below', trend)]],
    };
  },
});
