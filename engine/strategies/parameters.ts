/**
 * Parameters of strategies. The classic six have columns of their own in `bot_configs`; every other one is a strategy's own
 * and stands in the column `strategy_parameters`, by its name in snake case.
 */
import type { ParameterField, ParameterFields, Strategy, StrategyParameters } from './strategy.ts';

/** Candles that an indicator looks back; `standard` is the default. */
export const period = (standard: number, minimum: number, maximum: number, description: string): ParameterField => ({
  type: 'integer',
  minimum,
  maximum,
  default: standard,
  description,
});

/** A height on an indicator's scale from 0 to 100. */
export const level = (standard: number, description: string): ParameterField => ({
  type: 'number',
  minimum: 0,
  maximum: 100,
  default: standard,
  description,
});

/** The parameters that have columns. A strategy takes them as they are. */
export const classic = {
  emaFast: period(12, 1, 1_000, 'Candles of the fast EMA.'),
  emaSlow: period(26, 1, 1_000, 'Candles of the slow EMA.'),
  emaPeriod: period(200, 1, 1_000, 'Candles of the trend EMA.'),
  rsiPeriod: period(14, 2, 1_000, 'Candles of the RSI (Wilder).'),
  rsiOversold: { ...level(30, 'RSI at or below which the market counts as oversold.'), type: 'integer' },
  rsiOverbought: { ...level(70, 'RSI at or above which the market counts as overbought.'), type: 'integer' },
} as const satisfies ParameterFields;

export type ClassicParameters = { readonly [Name in keyof typeof classic]: number };

export function isClassic(name: string): name is keyof typeof classic {
  return Object.hasOwn(classic, name);
}

/** The name of a parameter or a column outside of the code: in rows, bodies and problems. */
export function columnName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const ownColumn = 'strategy_parameters';

/** Where a bot's row holds a parameter, as the API names it. */
export function fieldOf(name: string): string {
  return isClassic(name) ? columnName(name) : `${ownColumn}.${columnName(name)}`;
}

/** The parameters that the strategy has beside the classic ones, by declared name. */
export function ownFields({ parameters }: Pick<Strategy, 'parameters'>): readonly (readonly [name: string, field: ParameterField])[] {
  return Object.entries(parameters).filter(([name]) => !isClassic(name));
}

/** The strategy's own parameters: what the row's `strategy_parameters` says, and defaults for the rest. */
export function ownParameters(strategy: Strategy, stored: Readonly<Record<string, unknown>> | null): StrategyParameters {
  return Object.fromEntries(
    ownFields(strategy).map(([name, field]) => {
      const value = stored?.[columnName(name)];
      return [name, typeof value === 'number' ? value : field.default];
    }),
  );
}

/** Everything that is wrong with a row's `strategy_parameters`, by field. */
export function ownProblems(
  strategy: Strategy,
  stored: Readonly<Record<string, unknown>> | null,
): readonly { readonly field: string; readonly problem: string }[] {
  const fields = ownFields(strategy);
  const known = fields.map(([name]) => columnName(name));
  const unknown = Object.keys(stored ?? {}).filter((name) => !known.includes(name));
  return [
    ...unknown.map((name) => ({ field: `${ownColumn}.${name}`, problem: unknownProblem(strategy, name, known) })),
    ...fields.flatMap(([name, field]) => {
      const value = stored?.[columnName(name)];
      const problem = value === undefined ? null : valueProblem(value, field);
      return problem === null ? [] : [{ field: fieldOf(name), problem }];
    }),
  ];
}

function unknownProblem({ name, parameters }: Strategy, unknown: string, known: readonly string[]): string {
  if (Object.keys(parameters).some((one) => isClassic(one) && columnName(one) === unknown))
    return `is a field of the bot itself: set ${unknown}`;
  return `${name} has no such parameter of its own; ${known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`}`;
}

function valueProblem(value: unknown, { type, minimum, maximum }: ParameterField): string | null {
  const whole = type === 'integer';
  if (typeof value === 'number' && value >= minimum && value <= maximum && (!whole || Number.isInteger(value))) return null;
  return `${typeof value === 'number' ? value : JSON.stringify(value)} is not a ${whole ? 'whole ' : ''}number from ${minimum} to ${maximum}`;
}
