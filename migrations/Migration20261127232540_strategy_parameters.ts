import { Migration } from '@mikro-orm/migrations';

export class Migration20261127232540_strategy_parameters extends Migration {
  override name = 'Migration20261127232540_strategy_parameters';

  override up(): void | Promise<void> {
    this.addSql(`alter table "bot_configs" add "strategy_parameters" jsonb null;`);
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_strategy_parameters_check" check (jsonb_typeof(strategy_parameters) = 'object');`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_strategy_parameters_check";`);
    this.addSql(`alter table "bot_configs" drop column "strategy_parameters";`);
  }
}
