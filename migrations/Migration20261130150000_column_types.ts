/**
 * Percentages are exact decimals and RSI levels whole numbers, as their columns say. Levels that were set between two whole numbers are
 * rounded away from each other, so that oversold stays below overbought. Each check is made anew: with the old type it kept a cast.
 */
import { Migration } from '@mikro-orm/migrations';

/** Column and what its check says. */
const percentages = [
  ['daily_target_perc', 'daily_target_perc > 0 and daily_target_perc <= 1000'],
  ['max_daily_loss_perc', 'max_daily_loss_perc > 0 and max_daily_loss_perc <= 100'],
  ['position_size_perc', 'position_size_perc > 0 and position_size_perc <= 100'],
  ['stop_loss_perc', 'stop_loss_perc > 0 and stop_loss_perc <= 100'],
  ['take_profit_perc', 'take_profit_perc > 0 and take_profit_perc <= 1000'],
  ['trailing_stop_perc', 'trailing_stop_perc > 0 and trailing_stop_perc <= 100'],
  ['custom_stop_loss', 'custom_stop_loss > 0 and custom_stop_loss <= 100'],
  ['custom_take_profit', 'custom_take_profit > 0 and custom_take_profit <= 1000'],
  ['custom_trailing_stop', 'custom_trailing_stop > 0 and custom_trailing_stop <= 100'],
  ['low_profit_min_perc', 'low_profit_min_perc >= -100 and low_profit_min_perc <= 100'],
] as const;
const levels = [
  ['rsi_oversold', 'floor'],
  ['rsi_overbought', 'ceil'],
  ['custom_rsi_oversold', 'floor'],
  ['custom_rsi_overbought', 'ceil'],
] as const;
/** Names the four levels, so it goes while they change. */
const levelsCheck = 'coalesce(custom_rsi_oversold, rsi_oversold) < coalesce(custom_rsi_overbought, rsi_overbought)';
const results = ['total_return', 'max_drawdown', 'progress'] as const;

export class Migration20261130150000_column_types extends Migration {
  override name = 'Migration20261130150000_column_types';

  override up(): void {
    for (const [column, check] of percentages) this.#retype('bot_configs', column, check, 'numeric', `"${column}"::numeric`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_rsi_levels_check";`);
    for (const [column, rounded] of levels)
      this.#retype('bot_configs', column, `${column} >= 0 and ${column} <= 100`, 'int', `${rounded}("${column}")::int`);
    this.addSql(`alter table "bot_configs" add constraint "bot_configs_rsi_levels_check" check (${levelsCheck});`);
    for (const column of results) {
      const check = column === 'progress' ? 'progress >= 0 and progress <= 100' : null;
      this.#retype('backtests', column, check, 'numeric', `"${column}"::numeric`);
    }
  }

  override down(): void {
    const back = 'double precision';
    for (const [column, check] of percentages) this.#retype('bot_configs', column, check, back, `"${column}"::${back}`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_rsi_levels_check";`);
    for (const [column] of levels) this.#retype('bot_configs', column, `${column} >= 0 and ${column} <= 100`, back, `"${column}"::${back}`);
    this.addSql(`alter table "bot_configs" add constraint "bot_configs_rsi_levels_check" check (${levelsCheck});`);
    for (const column of results) {
      const check = column === 'progress' ? 'progress >= 0 and progress <= 100' : null;
      this.#retype('backtests', column, check, back, `"${column}"::${back}`);
    }
  }

  #retype(table: string, column: string, check: string | null, type: string, using: string): void {
    if (check !== null) this.addSql(`alter table "${table}" drop constraint "${table}_${column}_check";`);
    this.addSql(`alter table "${table}" alter column "${column}" type ${type} using (${using});`);
    if (check !== null) this.addSql(`alter table "${table}" add constraint "${table}_${column}_check" check (${check});`);
  }
}
