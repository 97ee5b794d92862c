import { Migration } from '@mikro-orm/migrations';

export class Migration20261130150303_last_trade extends Migration {
  override name = 'Migration20261130150303_last_trade';

  override up(): void | Promise<void> {
    this.addSql(`create index "fills_symbol_time_index" on "fills" ("venue", "market", "symbol", "executed_at");`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop index "fills_symbol_time_index";`);
  }
}
