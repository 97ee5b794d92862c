/** `bollinger_reversion`: buys when the price comes back into the bands from below, in a market without a trend; sells at the middle. */
import { against, between, crossedLevel } from './conditions.ts';
import { crossing } from './crossing.ts';
import { defineStrategy } from './define.ts';
import { level, period } from './parameters.ts';
import type { Signal } from './strategy.ts';

const enter: Signal = { action: 'enter-long', reason: 'close came back above the lower band and ADX shows no trend' };
const reverted: Signal = { action: 'exit', reason: 'close reached the middle band' };
const trending: Signal = { action: 'hold', reason: 'close came back above the lower band, but ADX shows a trend' };
const hold: Signal = { action: 'hold', reason: 'close is below the middle band and did not come back above the lower one' };

export const bollingerReversion = defineStrategy({
  name: 'bollinger_reversion',
  summary: 'Enters when the close comes back above the lower Bollinger band while the ADX shows no trend; leaves at the middle band.',
  parameters: {
    bandPeriod: period(20, 2, 1_000, 'Candles of the Bollinger Bands.'),
    bandDeviations: {
      type: 'number',
      minimum: 0.1,
      maximum: 10,
      default: 2,
      description: 'Distance of the bands from the middle in standard deviations.',
    },
    adxPeriod: period(14, 2, 200, 'Candles of the ADX (Wilder).'),
    trendAdx: level(25, 'ADX at or above which the market counts as trending: nothing is entered.'),
  },
  needs: ({ bandPeriod, bandDeviations, adxPeriod }) => ({
    bands: { kind: 'bollinger', period: bandPeriod, deviations: bandDeviations },
    trend: { kind: 'adx', period: adxPeriod },
  }),
  signal({ candle, now, before }, { trendAdx }) {
    const { close } = candle;
    if (close >= now.bands.middle) return reverted;
    // Bands that widen can pass a falling price: it must be above where the lower band was before as well.
    const inside = close > before.bands.lower && close < now.bands.middle;
    const cameBack = inside && crossing(before.bands.percentB, now.bands.percentB) === 1;
    if (!cameBack) return hold;
    return now.trend.adx < trendAdx ? enter : trending;
  },
  explain({ close, now, before }, { trendAdx }) {
    const price = { name: 'close', value: close };
    const middle = { name: 'middle band', value: now.bands.middle };
    return {
      entry: [
        ...crossedLevel('above', 0, { name: '%b', now: now.bands.percentB, before: before.bands.percentB }),
        between('now', price, 'above', { name: 'lower band of one candle before', value: before.bands.lower }),
        between('now', price, 'below', middle),
        against(trendAdx, 'now', 'below', { name: 'ADX', value: now.trend.adx }),
      ],
      exits: [[between('now', price, 'at or above', middle)]],
    };
  },
});
