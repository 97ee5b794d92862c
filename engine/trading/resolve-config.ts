/**
 * From a bot's columns to what the core works with: `custom_*` columns override the base ones, percent stays percent.
 * `validateColumns` is the one place that says what a row may hold; the API reports it, the table's checks stand behind it.
 */
import type { Decimal } from 'decimal.js';
import { findStrategy, strategies } from '../strategies/registry.ts';
import { columnName, fieldOf, ownParameters, ownProblems } from '../strategies/parameters.ts';
import type { ClassicParameters } from '../strategies/parameters.ts';
import type { Strategy, StrategyParameters } from '../strategies/strategy.ts';
import { isTimeframe, timeframes } from './candle.ts';
import type { StopKeeper, TradingConfig } from './events.ts';
import { noProtectionColumns, protectionBounds, protectionProblems, resolveProtections } from './protection-columns.ts';
import type { NumberBound, ProtectionColumns } from './protection-columns.ts';

/** The trading columns of `bot_configs`, as the table names them in camel case. Percent in percent; null where unset. */
export interface BotColumns extends ProtectionColumns {
  readonly name: string;
  readonly symbol: string;
  readonly timeframe: string;
  readonly strategy: string;
  readonly initialCapital: Decimal;
  readonly positionSizePerc: number | null;
  readonly positionSizeFixed: Decimal | null;
  readonly stopLossPerc: number | null;
  readonly takeProfitPerc: number | null;
  readonly trailingStopPerc: number | null;
  readonly trailingStopActive: boolean;
  readonly dailyTargetPerc: number | null;
  readonly maxDailyLossPerc: number | null;
  readonly maxDailyTrades: number | null;
  readonly checkIntervalSeconds: number;
  readonly emaFast: number;
  readonly emaSlow: number;
  readonly emaPeriod: number;
  readonly rsiPeriod: number;
  readonly rsiOversold: number;
  readonly rsiOverbought: number;
  readonly customEmaFast: number | null;
  readonly customEmaSlow: number | null;
  readonly customRsiPeriod: number | null;
  readonly customRsiOversold: number | null;
  readonly customRsiOverbought: number | null;
  readonly customStopLoss: number | null;
  readonly customTakeProfit: number | null;
  readonly customTrailingStop: number | null;
  /** Parameters that the strategy has beside the classic columns, by their names in snake case; null for defaults only. Not checked. */
  readonly strategyParameters: Readonly<Record<string, unknown>> | null;
  readonly positionType: string;
  readonly direction: string;
  readonly leverage: number;
}

/** Columns a new bot gets when it names no other value. */
export const defaultColumns = {
  ...noProtectionColumns,
  positionSizePerc: null,
  positionSizeFixed: null,
  stopLossPerc: null,
  takeProfitPerc: null,
  trailingStopPerc: null,
  dailyTargetPerc: null,
  maxDailyLossPerc: null,
  maxDailyTrades: null,
  customEmaFast: null,
  customEmaSlow: null,
  customRsiPeriod: null,
  customRsiOversold: null,
  customRsiOverbought: null,
  customStopLoss: null,
  customTakeProfit: null,
  customTrailingStop: null,
  strategyParameters: null,
  trailingStopActive: false,
  checkIntervalSeconds: 1,
  emaFast: 12,
  emaSlow: 26,
  emaPeriod: 200,
  rsiPeriod: 14,
  rsiOversold: 30,
  rsiOverbought: 70,
  positionType: 'spot',
  direction: 'long',
  leverage: 1,
} as const satisfies Partial<BotColumns>;

/** Throws on a timeframe that does not exist: such a row was never valid. */
export function resolveConfig(
  columns: BotColumns,
  stops: StopKeeper = 'engine',
): { readonly trading: TradingConfig; readonly parameters: StrategyParameters } {
  const { timeframe, direction } = columns;
  if (!isTimeframe(timeframe)) throw new Error(`timeframe "${timeframe}" does not exist; it is one of ${timeframes.join(', ')}`);
  return {
    trading: {
      symbol: columns.symbol,
      timeframe,
      initialCapital: columns.initialCapital,
      positionSizePercent: columns.positionSizePerc,
      positionSizeFixed: columns.positionSizeFixed,
      stopLossPercent: columns.customStopLoss ?? columns.stopLossPerc,
      takeProfitPercent: columns.customTakeProfit ?? columns.takeProfitPerc,
      trailingStopPercent: columns.customTrailingStop ?? columns.trailingStopPerc,
      trailingStopActive: columns.trailingStopActive,
      dailyTargetPercent: columns.dailyTargetPerc,
      maxDailyLossPercent: columns.maxDailyLossPerc,
      maxDailyTrades: columns.maxDailyTrades,
      protections: resolveProtections(columns),
      checkIntervalMs: columns.checkIntervalSeconds * 1_000,
      direction: direction === 'short' || direction === 'both' ? direction : 'long',
      stops,
    },
    parameters: strategyParameters(columns),
  };
}

/** Of a strategy that does not exist: the classic ones. */
function strategyParameters(columns: BotColumns): ClassicParameters & StrategyParameters {
  const strategy = findStrategy(columns.strategy);
  return strategy === undefined
    ? classicParameters(columns)
    : { ...ownParameters(strategy, columns.strategyParameters), ...classicParameters(columns) };
}

function classicParameters(columns: BotColumns): ClassicParameters {
  return {
    emaFast: columns.customEmaFast ?? columns.emaFast,
    emaSlow: columns.customEmaSlow ?? columns.emaSlow,
    emaPeriod: columns.emaPeriod,
    rsiPeriod: columns.customRsiPeriod ?? columns.rsiPeriod,
    rsiOversold: columns.customRsiOversold ?? columns.rsiOversold,
    rsiOverbought: columns.customRsiOverbought ?? columns.rsiOverbought,
  };
}

/** One thing that is wrong with a row. `field` is the column's name. */
export interface ColumnProblem {
  readonly field: string;
  readonly problem: string;
}

type NumberColumn = { [K in keyof BotColumns]: BotColumns[K] extends number | null ? K : never }[keyof BotColumns];

/** Bounds of the number columns: [least, most, whole]. The least of a percentage is excluded. */
const percent = { above: 0, most: 100, whole: false, unit: ' percent' };
/** At 100 percent below the price there is nothing left to protect. */
const stopPercent = { ...percent, below: 100 };
const period = { least: 1, most: 1_000, whole: true, unit: ' candles' };
const rsiPeriod = { ...period, least: 2 };
const level = { least: 0, most: 100, whole: true, unit: '' };
const bounds: readonly (readonly [NumberColumn, NumberBound])[] = [
  ['positionSizePerc', percent],
  ['stopLossPerc', stopPercent],
  ['takeProfitPerc', { ...percent, most: 1_000 }],
  ['trailingStopPerc', stopPercent],
  ['dailyTargetPerc', { ...percent, most: 1_000 }],
  ['maxDailyLossPerc', percent],
  ['customStopLoss', stopPercent],
  ['customTakeProfit', { ...percent, most: 1_000 }],
  ['customTrailingStop', stopPercent],
  ['maxDailyTrades', { least: 1, most: 100_000, whole: true, unit: '' }],
  ['checkIntervalSeconds', { least: 1, most: 86_400, whole: true, unit: ' seconds' }],
  ['emaFast', period],
  ['emaSlow', period],
  ['emaPeriod', period],
  ['customEmaFast', period],
  ['customEmaSlow', period],
  ['rsiPeriod', rsiPeriod],
  ['customRsiPeriod', rsiPeriod],
  ['rsiOversold', level],
  ['rsiOverbought', level],
  ['customRsiOversold', level],
  ['customRsiOverbought', level],
  ['leverage', { least: 1, most: 125, whole: true, unit: '' }],
  ...protectionBounds,
];

/** Everything that is wrong with the columns, all at once; empty when a bot can run with them. Whether the symbol exists is asked of the venue elsewhere. */
export function validateColumns(columns: BotColumns): readonly ColumnProblem[] {
  const problems: ColumnProblem[] = [];
  const say = (field: keyof BotColumns, problem: string): void => {
    problems.push({ field: columnName(field), problem });
  };
  for (const [field, bound] of bounds) {
    const value = columns[field];
    if (value === null) continue;
    const tooLow = bound.above !== undefined ? !(value > bound.above) : !(value >= (bound.least ?? Number.NEGATIVE_INFINITY));
    const tooHigh = !(value <= bound.most) || (bound.below !== undefined && value >= bound.below);
    if (tooLow || tooHigh || (bound.whole && !Number.isInteger(value))) {
      say(
        field,
        `${value} is not ${bound.whole ? 'a whole number ' : ''}${bound.above !== undefined ? `above ${bound.above} and ${bound.below !== undefined ? `below ${bound.below}` : `at most ${bound.most}`}` : `from ${bound.least ?? 0} to ${bound.most}`}${bound.unit}`,
      );
    }
  }
  if (columns.name.trim() === '' || columns.name.length > 100) say('name', 'must have 1 to 100 characters');
  if (!isTimeframe(columns.timeframe)) say('timeframe', `"${columns.timeframe}" does not exist; it is one of ${timeframes.join(', ')}`);
  if (!columns.initialCapital.isFinite() || columns.initialCapital.lte(0)) say('initialCapital', 'must be above 0');
  if (columns.positionSizeFixed !== null && (!columns.positionSizeFixed.isFinite() || columns.positionSizeFixed.lte(0)))
    say('positionSizeFixed', 'must be above 0');
  if (columns.positionSizePerc === null && columns.positionSizeFixed === null)
    say('positionSizePerc', 'set position_size_perc or position_size_fixed: a bot needs to know how much to buy');
  if (columns.trailingStopActive && columns.trailingStopPerc === null && columns.customTrailingStop === null)
    say('trailingStopPerc', 'trailing_stop_active needs trailing_stop_perc or custom_trailing_stop');
  if (!columns.trailingStopActive)
    for (const column of ['trailingStopPerc', 'customTrailingStop'] as const)
      if (columns[column] !== null)
        say(
          'trailingStopActive',
          `${columnName(column)} does nothing while trailing_stop_active is false: set it to true, or leave ${columnName(column)} out`,
        );
  for (const { column, problem } of protectionProblems(columns)) say(column, problem);
  if (columns.positionType !== 'spot') say('positionType', `"${columns.positionType}" cannot be traded by this version; use spot`);
  else if (columns.direction !== 'long') say('direction', `a spot bot only goes long; "${columns.direction}" needs futures`);
  problems.push(...checkStrategy(columns, say));
  return problems;
}

/** Columns that only futures read; `BotColumns` has `leverage`. */
export interface FuturesColumns {
  readonly leverage: number;
  readonly marginType: string;
  readonly transferAmount: Decimal | null;
  readonly autoTransferFunds: boolean;
}

/** On spot these columns have no effect: only their default values are accepted. */
export function futuresProblems({ leverage, marginType, transferAmount, autoTransferFunds }: FuturesColumns): readonly ColumnProblem[] {
  const without = (field: string, only: string): ColumnProblem => ({ field, problem: `has no effect on spot: only ${only} is accepted` });
  return [
    ...(leverage === 1 ? [] : [without('leverage', '1')]),
    ...(marginType === 'isolated' ? [] : [without('margin_type', 'isolated')]),
    ...(transferAmount === null ? [] : [without('transfer_amount', 'null')]),
    ...(autoTransferFunds ? [without('auto_transfer_funds', 'false')] : []),
  ];
}

function checkStrategy(columns: BotColumns, say: (field: keyof BotColumns, problem: string) => void): readonly ColumnProblem[] {
  const { emaFast, emaSlow, rsiOversold, rsiOverbought } = classicParameters(columns);
  if (emaFast >= emaSlow)
    say(
      columns.customEmaFast === null ? 'emaFast' : 'customEmaFast',
      `the fast EMA (${emaFast}) must be shorter than the slow one (${emaSlow})`,
    );
  if (rsiOversold >= rsiOverbought) {
    say(
      columns.customRsiOversold === null ? 'rsiOversold' : 'customRsiOversold',
      `oversold (${rsiOversold}) must be below overbought (${rsiOverbought})`,
    );
  }
  const strategy = findStrategy(columns.strategy);
  if (strategy !== undefined) return parameterProblems(strategy, columns);
  say('strategy', `"${columns.strategy}" does not exist; it is one of ${strategies.map((known) => known.name).join(', ')}`);
  return [];
}

/** What is wrong with the strategy's parameters beyond the bounds of their columns; empty when it can run with them. */
export function parameterProblems(strategy: Strategy, columns: BotColumns): readonly ColumnProblem[] {
  const own = ownProblems(strategy, columns.strategyParameters);
  if (own.length > 0) return own;
  return strategy.check(strategyParameters(columns)).map(({ name, problem }) => ({ field: fieldOf(name), problem }));
}
