import { Migration } from '@mikro-orm/migrations';

/** The newest trade number of a symbol is found at the end of an index. The index that goes served the search for it, badly. */
export class Migration20261130164755_fill_numbers extends Migration {
  override name = 'Migration20261130164755_fill_numbers';

  override up(): void | Promise<void> {
    this.addSql(`drop index "fills_execution_index";`);
    this.addSql(
      `create index "fills_trade_number_index" on "fills" ("venue", "market", "symbol", (exchange_trade_id::numeric)) where exchange_trade_id ~ '^[0-9]+$';`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop index "fills_trade_number_index";`);
    this.addSql(`create index "fills_execution_index" on "fills" ("venue", "market", "symbol", "exchange_trade_id");`);
  }
}
