/** `rsi`: buys the recovery from oversold, sells when overbought strength fades. */
import { against } from './conditions.ts';
import type { Condition } from './conditions.ts';
import { rsiWarmUp, schemaOf } from './parameters.ts';
import type { ExplainInput, Signal, SignalInput, Strategy, StrategyParameters } from './strategy.ts';

const enter: Signal = { action: 'enter-long', reason: 'RSI crossed back up through oversold' };
const exit: Signal = { action: 'exit', reason: 'RSI crossed down through overbought' };
const hold: Signal = { action: 'hold', reason: 'RSI crossed neither level' };

/** True at the close at which the RSI (at place `rsi`) left the oversold zone upwards. */
export function recovered({ current, previous }: SignalInput, rsi: number, { rsiOversold }: StrategyParameters): boolean {
  return (previous[rsi] ?? Number.NaN) <= rsiOversold && (current[rsi] ?? Number.NaN) > rsiOversold;
}

/** The conditions of `recovered`. */
export function recoveryConditions(
  { current, previous }: ExplainInput,
  rsi: number,
  { rsiOversold }: StrategyParameters,
): readonly Condition[] {
  return [
    against(rsiOversold, 'before', 'at or below', { name: 'RSI', value: previous[rsi] ?? Number.NaN }),
    against(rsiOversold, 'now', 'above', { name: 'RSI', value: current[rsi] ?? Number.NaN }),
  ];
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
  explain(input, parameters) {
    const { rsiOverbought } = parameters;
    const faded = [
      against(rsiOverbought, 'before', 'at or above', { name: 'RSI', value: input.previous[0] ?? Number.NaN }),
      against(rsiOverbought, 'now', 'below', { name: 'RSI', value: input.current[0] ?? Number.NaN }),
    ];
    return { entry: recoveryConditions(input, 0, parameters), exits: [faded] };
  },
};
