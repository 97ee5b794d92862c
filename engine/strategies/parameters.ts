/** Schemas of the parameters that strategies choose from, and how long indicators must run before their start is forgotten. */
import type { ParameterField, ParameterSchema, StrategyParameters } from './strategy.ts';

const period = (standard: number, minimum: number, description: string): ParameterField => ({
  type: 'integer',
  minimum,
  maximum: 1_000,
  default: standard,
  description,
});
const level = (standard: number, description: string): ParameterField => ({
  type: 'number',
  minimum: 0,
  maximum: 100,
  default: standard,
  description,
});

const fields: Readonly<Record<keyof StrategyParameters, ParameterField>> = {
  emaFast: period(12, 1, 'Candles of the fast EMA.'),
  emaSlow: period(26, 1, 'Candles of the slow EMA.'),
  emaPeriod: period(200, 1, 'Candles of the trend EMA.'),
  rsiPeriod: period(14, 2, 'Candles of the RSI (Wilder).'),
  rsiOversold: level(30, 'RSI at or below which the market counts as oversold.'),
  rsiOverbought: level(70, 'RSI at or above which the market counts as overbought.'),
};

export function schemaOf(...names: readonly (keyof StrategyParameters)[]): ParameterSchema {
  return {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, fields[name]])),
    required: names,
    additionalProperties: false,
  };
}

/**
 * An average that started too late differs from one without a start by a factor that shrinks with every candle:
 * (1 - 2/(n+1)) for an EMA, (1 - 1/n) for Wilder's. After this many candles it is below 1e-9, far under a tick.
 */
export function emaWarmUp(period: number): number {
  return period + Math.ceil(10.4 * (period + 1));
}

export function rsiWarmUp(period: number): number {
  return period + 1 + Math.ceil(20.8 * period);
}
