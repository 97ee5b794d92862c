import { Migration } from '@mikro-orm/migrations';

export class Migration20261125022835_protective_orders extends Migration {
  override name = 'Migration20261125022835_protective_orders';

  override up(): void | Promise<void> {
    this.addSql(`drop index "orders_one_open_per_role_unique";`);
    this.addSql(`alter table "orders" drop constraint "orders_role_check";`);
    this.addSql(
      `alter table "orders" add "price" numeric(38,18) null, add "stop_price" numeric(38,18) null, add "slot" int not null default 0;`,
    );
    this.addSql(
      `create unique index "orders_one_open_per_role_unique" on "orders" ("bot_config_id", "role", "slot") where state in ('intended', 'unknown', 'accepted');`,
    );
    this.addSql(`alter table "orders" add constraint "orders_price_check" check (price > 0);`);
    this.addSql(`alter table "orders" add constraint "orders_stop_price_check" check (stop_price > 0);`);
    this.addSql(`alter table "orders" add constraint "orders_slot_check" check (slot = 0 or (slot = 1 and role = 'stop'));`);
    this.addSql(`alter table "orders" add constraint "orders_role_check" check ("role" in ('entry', 'exit', 'stop', 'target'));`);

    this.addSql(`alter table "fills" drop constraint "fills_role_check";`);
    this.addSql(`alter table "fills" add constraint "fills_role_check" check ("role" in ('entry', 'exit', 'stop', 'target'));`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "fills" drop constraint "fills_role_check";`);
    this.addSql(`alter table "fills" add constraint "fills_role_check" check ("role" in ('entry', 'exit'));`);

    this.addSql(`drop index "orders_one_open_per_role_unique";`);
    this.addSql(`alter table "orders" drop constraint "orders_price_check";`);
    this.addSql(`alter table "orders" drop constraint "orders_stop_price_check";`);
    this.addSql(`alter table "orders" drop constraint "orders_slot_check";`);
    this.addSql(`alter table "orders" drop constraint "orders_role_check";`);
    this.addSql(`alter table "orders" drop column "price", drop column "stop_price", drop column "slot";`);
    this.addSql(
      `create unique index "orders_one_open_per_role_unique" on "orders" ("bot_config_id", "role") where state in ('intended', 'unknown', 'accepted');`,
    );
    this.addSql(`alter table "orders" add constraint "orders_role_check" check ("role" in ('entry', 'exit'));`);
  }
}
