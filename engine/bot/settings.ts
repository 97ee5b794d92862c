/** From a bot's row to its settings: overrides applied, the strategy looked up. */
import type { BotConfigRow } from '../persistence/bot-rows.ts';
import { findStrategy } from '../strategies/registry.ts';
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

/** A paper bot's stops are kept by the engine whatever `stops` says: the fill model of design.md section 5. */
export function settingsOf(row: BotConfigRow, stops: StopKeeper): BotSettings {
  const strategy = findStrategy(row.columns.strategy);
  if (strategy === undefined) throw new UnusableConfig(row.id, `there is no strategy "${row.columns.strategy}"`);
  const problems = parameterProblems(strategy, row.columns);
  if (problems.length > 0) throw new UnusableConfig(row.id, problems.map(({ field, problem }) => `${field}: ${problem}`).join('; '));
  const { trading, parameters } = resolveConfig(row.columns, row.mode === 'live' ? stops : 'engine');
  return { trading, parameters, strategy, mode: row.mode };
}
