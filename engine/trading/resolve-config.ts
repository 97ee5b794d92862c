/**
 * From a bot's columns to what the core works with: `custom_*` columns override the base ones, percent stays percent.
 * `validateColumns` is the one place that says what a row may hold; the API reports it, the table's checks stand behind it.
 */
import { Decimal } from 'decimal.js';
import { findStrategy, strategies } from '../strategies/registry.ts';
import { columnName, fieldOf, ownParameters, ownProblems } from '../strategies/parameters.ts';
import type { ClassicParameters } from '../strategies/parameters.ts';
import type { Strategy, StrategyParameters } from '../strategies/strategy.ts';
import { botColumns, columnGroups, columnList } from './bot-columns.ts';
import type { Bounds, NamedColumn, TradingColumns } from './bot-columns.ts';
import { isTimeframe, timeframes } from './candle.ts';
import type { StopKeeper, TradingConfig } from './events.ts';
import type { Protections } from './protections.ts';

/** Throws on a timeframe that does not exist: such a row was never valid. */
export function resolveConfig(
  columns: TradingColumns,
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
function strategyParameters(columns: TradingColumns): ClassicParameters & StrategyParameters {
  const strategy = findStrategy(columns.strategy);
  return strategy === undefined
    ? classicParameters(columns)
    : { ...ownParameters(strategy, columns.strategyParameters), ...classicParameters(columns) };
}

function classicParameters(columns: TradingColumns): ClassicParameters {
  return {
    emaFast: columns.customEmaFast ?? columns.emaFast,
    emaSlow: columns.customEmaSlow ?? columns.emaSlow,
    emaPeriod: columns.emaPeriod,
    rsiPeriod: columns.customRsiPeriod ?? columns.rsiPeriod,
    rsiOversold: columns.customRsiOversold ?? columns.rsiOversold,
    rsiOverbought: columns.customRsiOverbought ?? columns.rsiOverbought,
  };
}

function resolveProtections(columns: TradingColumns): Protections {
  const { stopGuardStops: stops, lowProfitTrades: trades, lowProfitMinPerc: minPercent } = columns;
  const guard = { windowMs: ms(columns.stopGuardWindowMinutes), pauseMs: ms(columns.stopGuardPauseMinutes) };
  const low = { windowMs: ms(columns.lowProfitWindowMinutes), pauseMs: ms(columns.lowProfitPauseMinutes) };
  return {
    cooldownAfterLossMs: ms(columns.cooldownAfterLossMinutes),
    stopGuard:
      stops === null || guard.windowMs === null || guard.pauseMs === null
        ? null
        : { stops, windowMs: guard.windowMs, pauseMs: guard.pauseMs },
    lowProfit:
      trades === null || minPercent === null || low.windowMs === null || low.pauseMs === null
        ? null
        : { trades, minPercent, windowMs: low.windowMs, pauseMs: low.pauseMs },
  };
}

function ms(minutesOrNull: number | null): number | null {
  return minutesOrNull === null ? null : minutesOrNull * 60_000;
}

/** One thing that is wrong with a row. `field` is the column's name. */
export interface ColumnProblem {
  readonly field: string;
  readonly problem: string;
}

/** Everything that is wrong with the columns, all at once; empty when a bot can run with them. Whether the symbol exists is asked of the venue elsewhere. */
export function validateColumns(columns: TradingColumns): readonly ColumnProblem[] {
  const problems: ColumnProblem[] = [];
  const say = (key: keyof TradingColumns, problem: string): void => {
    problems.push({ field: columnName(key), problem });
  };
  const values: Readonly<Record<string, unknown>> = columns;
  for (const column of columnList) {
    const problem = valueProblem(column, values[column.key]) ?? (columns.positionType === 'spot' ? spotProblem(column, values) : null);
    if (problem !== null) problems.push({ field: column.name, problem });
  }
  const { longest } = botColumns.name;
  if (columns.name.trim() === '' || columns.name.length > longest) say('name', `must have 1 to ${longest} characters`);
  if (!isTimeframe(columns.timeframe)) say('timeframe', `"${columns.timeframe}" does not exist; it is one of ${timeframes.join(', ')}`);
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
  for (const group of columnGroups.values()) {
    const missing = group.filter(({ key }) => values[key] === null);
    if (missing.length === group.length) continue;
    for (const { name } of missing)
      problems.push({ field: name, problem: 'is missing: the columns of a protection are set together, or none of them' });
  }
  if (columns.positionType !== 'spot') say('positionType', `"${columns.positionType}" cannot be traded by this version; use spot`);
  else if (columns.direction !== 'long') say('direction', `a spot bot only goes long; "${columns.direction}" needs futures`);
  problems.push(...checkStrategy(columns, say));
  return problems;
}

/** Of a number or an amount that is not within its column's bounds; NaN never is. */
function valueProblem(column: NamedColumn, value: unknown): string | null {
  if (column.kind === 'money') {
    if (!Decimal.isDecimal(value) || (value.isFinite() && within(column, value))) return null;
    return column.above === undefined ? `must be at least ${column.least ?? 0}` : `must be above ${column.above}`;
  }
  if ((column.kind !== 'percent' && column.kind !== 'whole') || typeof value !== 'number') return null;
  const whole = column.kind === 'whole';
  if (within(column, new Decimal(value)) && (!whole || Number.isInteger(value))) return null;
  const unit = whole ? column.unit : 'percent';
  return `${value} is not ${whole ? 'a whole number ' : ''}${boundsText(column)}${unit === undefined ? '' : ` ${unit}`}`;
}

function within({ above, least, most, below }: Bounds, value: Decimal): boolean {
  return (
    (above === undefined || value.gt(above)) &&
    (least === undefined || value.gte(least)) &&
    (most === undefined || value.lte(most)) &&
    (below === undefined || value.lt(below))
  );
}

function boundsText({ above, least = 0, most = Infinity, below }: Bounds): string {
  if (above === undefined) return `from ${least} to ${most}`;
  return `above ${above} and ${below === undefined ? `at most ${most}` : `below ${below}`}`;
}

/** What only futures read has no effect on spot: nothing but its default is accepted, so that nobody relies on it. */
function spotProblem(column: NamedColumn, values: Readonly<Record<string, unknown>>): string | null {
  if (column.futures === undefined || values[column.key] === column.default) return null;
  return `has no effect on spot: only ${String(column.default)} is accepted`;
}

function checkStrategy(columns: TradingColumns, say: (key: keyof TradingColumns, problem: string) => void): readonly ColumnProblem[] {
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
export function parameterProblems(strategy: Strategy, columns: TradingColumns): readonly ColumnProblem[] {
  const own = ownProblems(strategy, columns.strategyParameters);
  if (own.length > 0) return own;
  return strategy.check(strategyParameters(columns)).map(({ name, problem }) => ({ field: fieldOf(name), problem }));
}
