import { describe, expect, it } from 'vitest';
import { bollingerReversion } from '../../../engine/strategies/bollinger-reversion.ts';
import { candlesOf, signalsOf } from './play.ts';

/** Sideways, out of the bands at the eleventh close, back inside at the twelfth, at the middle at the fourteenth. */
const dip = candlesOf([100, 101, 100, 99, 100, 101, 100, 99, 100, 101, 97, 97.5, 98.5, 99, 100]);
const quick = { bandPeriod: 5, bandDeviations: 1.5, adxPeriod: 3, trendAdx: 60 };

describe('bollinger_reversion', () => {
  it('buys the return above the lower band and sells at the middle', () => {
    const actions = signalsOf(bollingerReversion, dip, quick).map(({ action }) => action);
    expect(actions.slice(10)).toEqual(['hold', 'enter-long', 'hold', 'exit', 'exit']);
  });

  it('does not buy in a trend', () => {
    const signal = signalsOf(bollingerReversion, dip, { ...quick, trendAdx: 40 })[11];
    expect(signal?.reason).toBe('close came back above the lower band, but ADX shows a trend');
  });

  it('does not buy a falling candle that widening bands have overtaken', () => {
    const falling = candlesOf([100, 101, 100, 99, 100, 101, 100, 99, 100, 101, 98, 97]);
    expect(signalsOf(bollingerReversion, falling, quick).map(({ action }) => action)).not.toContain('enter-long');
  });

  it('says what it waits for while an indicator has no value', () => {
    expect(signalsOf(bollingerReversion, dip, quick)[0]).toEqual({
      action: 'hold',
      reason: 'too few candles yet for the indicator "bands"',
    });
  });
});
