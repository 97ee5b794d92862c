/** `ema_cross`: long while the fast EMA is above the slow one; acts on the candle at which they cross. */
import { crossed } from './conditions.ts';
import type { Condition } from './conditions.ts';
import { emaWarmUp, schemaOf } from './parameters.ts';
import type { ExplainInput, Signal, SignalInput, Strategy } from './strategy.ts';

const enter: Signal = { action: 'enter-long', reason: 'fast EMA crossed above slow EMA' };
const exit: Signal = { action: 'exit', reason: 'fast EMA crossed below slow EMA' };
const hold: Signal = { action: 'hold', reason: 'no EMA cross' };

/** 1 at a cross up, -1 at a cross down, else 0; `fast` and `slow` are places in the input's values. NaN never crosses. */
export function crossOf({ current, previous }: SignalInput, fast: number, slow: number): -1 | 0 | 1 {
  const fastNow = current[fast] ?? Number.NaN;
  const slowNow = current[slow] ?? Number.NaN;
  const fastBefore = previous[fast] ?? Number.NaN;
  const slowBefore = previous[slow] ?? Number.NaN;
  if (fastBefore <= slowBefore && fastNow > slowNow) return 1;
  return fastBefore >= slowBefore && fastNow < slowNow ? -1 : 0;
}

/** The conditions of `crossOf` being 1 (`above`) or -1 (`below`). */
export function crossConditions(
  { current, previous }: ExplainInput,
  fast: number,
  slow: number,
  direction: 'above' | 'below',
): readonly Condition[] {
  const at = (name: string, place: number) => ({ name, now: current[place] ?? Number.NaN, before: previous[place] ?? Number.NaN });
  return crossed(direction, at('fast EMA', fast), at('slow EMA', slow));
}

export const emaCross: Strategy = {
  name: 'ema_cross',
  summary: 'Enters when the fast EMA crosses above the slow EMA; leaves when it crosses below.',
  parameters: schemaOf('emaFast', 'emaSlow'),
  check: () => [],
  needs: ({ emaFast, emaSlow }) => [
    { kind: 'ema', period: emaFast },
    { kind: 'ema', period: emaSlow },
  ],
  warmUpCandles: ({ emaSlow }) => emaWarmUp(emaSlow),
  signal(input) {
    const cross = crossOf(input, 0, 1);
    return cross === 1 ? enter : cross === -1 ? exit : hold;
  },
  explain: (input) => ({ entry: crossConditions(input, 0, 1, 'above'), exits: [crossConditions(input, 0, 1, 'below')] }),
};
