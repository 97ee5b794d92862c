/** `rsi`: buys the recovery from oversold, sells when overbought strength fades. */
import { rsiWarmUp, schemaOf } from './parameters.ts';
import type { Signal, SignalInput, Strategy, StrategyParameters } from './strategy.ts';

const enter: Signal = { action: 'enter-long', reason: 'RSI crossed back up through oversold' };
const exit: Signal = { action: 'exit', reason: 'RSI crossed down through overbought' };
const hold: Signal = { action: 'hold', reason: 'RSI crossed neither level' };

/** True at the close at which the RSI (at place `rsi`) left the oversold zone upwards. */
export function recovered({ current, previous }: SignalInput, rsi: number, { rsiOversold }: StrategyParameters): boolean {
  return (previous[rsi] ?? Number.NaN) <= rsiOversold && (current[rsi] ?? Number.NaN) > rsiOversold;
}

export const rsi: Strategy = {
  name: 'rsi',
  summary: 'Enters when the RSI crosses back up through oversold; leaves when it crosses down through overbought.',
  parameters: schemaOf('rsiPeriod', 'rsiOversold', 'rsiOverbought'),
  check: () => [],
  needs: ({ rsiPeriod }) => [{ kind: 'rsi', period: rsiPeriod }],
  warmUpCandles: ({ rsiPeriod }) => rsiWarmUp(rsiPeriod),
  signal(input, parameters) {
    if (recovered(input, 0, parameters)) return enter;
    const faded =
      (input.previous[0] ?? Number.NaN) >= parameters.rsiOverbought && (input.current[0] ?? Number.NaN) < parameters.rsiOverbought;
    return faded ? exit : hold;
  },
};
