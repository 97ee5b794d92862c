/** From a bot's row to its settings: overrides applied, the strategy looked up. */
import type { BotConfigRow } from '../persistence/bot-rows.ts';
import type { DecisionSettings } from '../persistence/decision-store.ts';
import { outputNames } from '../indicators/need.ts';
import { findStrategy } from '../strategies/registry.ts';
import { applicable } from '../trading/edit-rules.ts';
import type { RefusedEdit, Standing } from '../trading/edit-rules.ts';
import type { StopKeeper } from '../trading/events.ts';
import { parameterProblems, resolveConfig } from '../trading/resolve-config.ts';
import type { BotSettings } from './session.ts';

/** The row asks for something that this build does not have. */
export class UnusableConfig extends Error {
  constructor(botId: string, problem: string) {
    super(`bot ${botId} cannot run: ${problem}`);
    this.name = 'UnusableConfig';
  }
}

/** A paper bot's stops are kept by the engine whatever `stops` says: paper orders fill by the rules of docs/bots.md. */
export function settingsOf(row: BotConfigRow, stops: StopKeeper): BotSettings {
  const strategy = findStrategy(row.columns.strategy);
  if (strategy === undefined) throw new UnusableConfig(row.id, `there is no strategy "${row.columns.strategy}"`);
  const problems = parameterProblems(strategy, row.columns);
  if (problems.length > 0) throw new UnusableConfig(row.id, problems.map(({ field, problem }) => `${field}: ${problem}`).join('; '));
  const { trading, parameters } = resolveConfig(row.columns, row.mode === 'live' ? stops : 'engine');
  const recordedAs: DecisionSettings = {
    botId: row.id,
    version: row.version,
    strategy: strategy.name,
    timeframe: trading.timeframe,
    parameters,
    indicators: strategy.needs(parameters).flatMap(outputNames),
  };
  return { trading, parameters, strategy, mode: row.mode, recordedAs };
}

/** The row as far as it may replace the one that the bot works with; the columns that wait keep their values. */
export function applicableRow(
  before: BotConfigRow,
  after: BotConfigRow,
  standing: Standing,
): { readonly row: BotConfigRow; readonly waiting: readonly RefusedEdit[] } {
  const { columns, waiting } = applicable({ ...before.columns, mode: before.mode }, { ...after.columns, mode: after.mode }, standing);
  return { row: { ...after, columns, mode: columns.mode }, waiting };
}

/** Another series is needed, or another account: the bot is built anew. */
export function needsRestart(before: BotSettings, next: BotSettings): boolean {
  const needsOf = ({ strategy, parameters }: BotSettings): string => JSON.stringify(strategy.needs(parameters));
  return (
    next.trading.symbol !== before.trading.symbol ||
    next.trading.timeframe !== before.trading.timeframe ||
    next.strategy !== before.strategy ||
    next.mode !== before.mode ||
    // A paper account is opened with the budget.
    (next.mode === 'paper' && !next.trading.initialCapital.eq(before.trading.initialCapital)) ||
    needsOf(next) !== needsOf(before)
  );
}
