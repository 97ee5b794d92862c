/** Plays candles to a strategy as the engine does: indicators first, then its signal at each close. */
import { playRow } from '../../../engine/indicators/row.ts';
import { findStrategy } from '../../../engine/strategies/registry.ts';
import type { Signal, Strategy, StrategyParameters } from '../../../engine/strategies/strategy.ts';
import type { Candle } from '../../../engine/trading/candle.ts';
import { candle } from '../trading/given.ts';

export function known(name: string): Strategy {
  const strategy = findStrategy(name);
  if (strategy === undefined) throw new Error(`no strategy ${name}`);
  return strategy;
}

/** The strategy's defaults with `change` on top. */
export function parametersOf(strategy: Strategy, change: StrategyParameters = {}): StrategyParameters {
  return { ...Object.fromEntries(Object.entries(strategy.parameters).map(([name, field]) => [name, field.default])), ...change };
}

/** One candle a minute; each opens where the one before closed. */
export function candlesOf(closes: readonly number[]): readonly Candle[] {
  return closes.map((close, index) => candle(index, { open: closes[index - 1] ?? close, close }));
}

export function signalsOf(strategy: Strategy, candles: readonly Candle[], change: StrategyParameters = {}): readonly Signal[] {
  const parameters = parametersOf(strategy, change);
  const row = playRow(strategy.needs(parameters));
  return candles.map((one) => {
    row.next(one);
    return strategy.signal({ candle: one, current: row.current, previous: row.previous }, parameters);
  });
}
