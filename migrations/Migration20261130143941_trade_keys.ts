import { Migration } from '@mikro-orm/migrations';

/**
 * Keys of executions and trades contain account, order and market: two orders of ours that match each other share the exchange's trade id,
 * and two markets may give one number to two orders. What engines of before write fits still: the old keys were narrower, and a trade of
 * theirs is of the spot market and names no account.
 */
export class Migration20261130143941_trade_keys extends Migration {
  override name = 'Migration20261130143941_trade_keys';

  override up(): void | Promise<void> {
    this.addSql(`alter table "trades" drop constraint "trades_binance_order_id_unique";`);
    this.addSql(`alter table "trades" add "account" varchar(100) null, add "market" text not null default 'spot';`);
    this.addSql(`update "trades" t set "account" = o."account", "market" = o."market" from "orders" o where o."id" = t."order_id";`);
    this.addSql(
      `alter table "trades" add constraint "trades_binance_order_id_unique" unique ("venue", "account", "market", "symbol", "binance_order_id");`,
    );
    this.addSql(`alter table "trades" add constraint "trades_market_check" check ("market" in ('spot', 'futures'));`);
    this.addSql(`alter table "fills" drop constraint "fills_execution_unique";`);
    this.addSql(`create index "fills_execution_index" on "fills" ("venue", "market", "symbol", "exchange_trade_id");`);
    this.addSql(`alter table "fills" add constraint "fills_order_trade_unique" unique ("order_id", "exchange_trade_id");`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop index "fills_execution_index";`);
    this.addSql(`alter table "fills" drop constraint "fills_order_trade_unique";`);
    this.addSql(`alter table "fills" add constraint "fills_execution_unique" unique ("venue", "market", "symbol", "exchange_trade_id");`);
    this.addSql(`alter table "trades" drop constraint "trades_binance_order_id_unique";`);
    this.addSql(`alter table "trades" drop constraint "trades_market_check";`);
    this.addSql(`alter table "trades" drop column "account", drop column "market";`);
    this.addSql(`alter table "trades" add constraint "trades_binance_order_id_unique" unique ("venue", "symbol", "binance_order_id");`);
  }
}
