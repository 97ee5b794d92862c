import { Migration } from '@mikro-orm/migrations';

export class Migration20261127232440_protections extends Migration {
  override name = 'Migration20261127232440_protections';

  override up(): void | Promise<void> {
    this.addSql(
      `alter table "bot_configs" add "cooldown_after_loss_minutes" int null, add "stop_guard_stops" int null, add "stop_guard_window_minutes" int null, add "stop_guard_pause_minutes" int null, add "low_profit_trades" int null, add "low_profit_window_minutes" int null, add "low_profit_min_perc" double precision null, add "low_profit_pause_minutes" int null;`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_stop_guard_check" check (num_nulls(stop_guard_stops, stop_guard_window_minutes, stop_guard_pause_minutes) in (0, 3));`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_low_profit_check" check (num_nulls(low_profit_trades, low_profit_window_minutes, low_profit_min_perc, low_profit_pause_minutes) in (0, 4));`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_cooldown_after_loss_minutes_check" check (cooldown_after_loss_minutes >= 1 and cooldown_after_loss_minutes <= 43200);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_stop_guard_stops_check" check (stop_guard_stops >= 1 and stop_guard_stops <= 50);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_stop_guard_window_minutes_check" check (stop_guard_window_minutes >= 1 and stop_guard_window_minutes <= 43200);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_stop_guard_pause_minutes_check" check (stop_guard_pause_minutes >= 1 and stop_guard_pause_minutes <= 43200);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_low_profit_trades_check" check (low_profit_trades >= 1 and low_profit_trades <= 50);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_low_profit_window_minutes_check" check (low_profit_window_minutes >= 1 and low_profit_window_minutes <= 43200);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_low_profit_min_perc_check" check (low_profit_min_perc >= -100 and low_profit_min_perc <= 100);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_low_profit_pause_minutes_check" check (low_profit_pause_minutes >= 1 and low_profit_pause_minutes <= 43200);`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_stop_guard_check";`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_low_profit_check";`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_cooldown_after_loss_minutes_check";`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_stop_guard_stops_check";`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_stop_guard_window_minutes_check";`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_stop_guard_pause_minutes_check";`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_low_profit_trades_check";`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_low_profit_window_minutes_check";`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_low_profit_min_perc_check";`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_low_profit_pause_minutes_check";`);
    this.addSql(
      `alter table "bot_configs" drop column "cooldown_after_loss_minutes", drop column "stop_guard_stops", drop column "stop_guard_window_minutes", drop column "stop_guard_pause_minutes", drop column "low_profit_trades", drop column "low_profit_window_minutes", drop column "low_profit_min_perc", drop column "low_profit_pause_minutes";`,
    );
  }
}
