/** `macd_adx`: follows a trend that gathers speed, and leaves it when it loses speed. */
import { against, between, crossedLevel } from './conditions.ts';
import { crossing } from './crossing.ts';
import { defineStrategy } from './define.ts';
import { level, period } from './parameters.ts';
import type { Signal } from './strategy.ts';

const enter: Signal = { action: 'enter-long', reason: 'MACD crossed above its signal line in an uptrend' };
const exit: Signal = { action: 'exit', reason: 'MACD crossed below its signal line' };
const noTrend: Signal = { action: 'hold', reason: 'MACD crossed above its signal line, but ADX shows no uptrend' };
const hold: Signal = { action: 'hold', reason: 'MACD did not cross its signal line' };

export const macdAdx = defineStrategy({
  name: 'macd_adx',
  summary: 'Enters when the MACD crosses above its signal line while the ADX shows an uptrend; leaves when it crosses below.',
  parameters: {
    macdFast: period(12, 1, 400, 'Candles of the fast EMA of the MACD.'),
    macdSlow: period(26, 2, 400, 'Candles of the slow EMA of the MACD.'),
    macdSignal: period(9, 1, 400, "Candles of the EMA that is the MACD's signal line."),
    adxPeriod: period(14, 2, 200, 'Candles of the ADX (Wilder).'),
    trendAdx: level(20, 'ADX at or above which the market counts as trending.'),
  },
  check: ({ macdFast, macdSlow }) =>
    macdFast < macdSlow
      ? []
      : [{ name: 'macdFast', problem: `the fast EMA (${macdFast}) must be shorter than the slow one (${macdSlow})` }],
  needs: ({ macdFast, macdSlow, macdSignal, adxPeriod }) => ({
    macd: { kind: 'macd', fastPeriod: macdFast, slowPeriod: macdSlow, signalPeriod: macdSignal },
    trend: { kind: 'adx', period: adxPeriod },
  }),
  signal({ now, before }, { trendAdx }) {
    const cross = crossing(before.macd.histogram, now.macd.histogram);
    if (cross === -1) return exit;
    if (cross === 0) return hold;
    return now.trend.adx >= trendAdx && now.trend.plusDi > now.trend.minusDi ? enter : noTrend;
  },
  explain({ now, before }, { trendAdx }) {
    const { adx, plusDi, minusDi } = now.trend;
    const histogram = { name: 'MACD histogram', now: now.macd.histogram, before: before.macd.histogram };
    return {
      entry: [
        ...crossedLevel('above', 0, histogram),
        against(trendAdx, 'now', 'at or above', { name: 'ADX', value: adx }),
        between('now', { name: '+DI', value: plusDi }, 'above', { name: '-DI', value: minusDi }),
      ],
      exits: [crossedLevel('below', 0, histogram)],
    };
  },
});
