/** `bollinger_reversion`: buys when a rising price comes back into the bands from below, in a market without a trend; sells at the middle. */
import { crossing } from './crossing.ts';
import { defineStrategy } from './define.ts';
import { level, period } from './parameters.ts';
import type { Signal } from './strategy.ts';

const enter: Signal = { action: 'enter-long', reason: 'a rising candle closed back above the lower band and ADX shows no trend' };
const reverted: Signal = { action: 'exit', reason: 'close reached the middle band' };
const trending: Signal = { action: 'hold', reason: 'a rising candle closed back above the lower band, but ADX shows a trend' };
const hold: Signal = { action: 'hold', reason: 'close is below the middle band, and no rising candle came back above the lower one' };

export const bollingerReversion = defineStrategy({
  name: 'bollinger_reversion',
  summary:
    'Enters when a rising candle closes back above the lower Bollinger band while the ADX shows no trend; leaves at the middle band.',
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
    if (candle.close >= now.bands.middle) return reverted;
    // Bands that widen can pass a falling price: only a rising candle comes back.
    const cameBack = crossing(before.bands.percentB, now.bands.percentB) === 1 && candle.close > candle.open;
    if (!cameBack) return hold;
    return now.trend.adx < trendAdx ? enter : trending;
  },
});
