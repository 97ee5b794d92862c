import { Migration } from '@mikro-orm/migrations';

export class Migration20261127232441_exit_kind extends Migration {
  override name = 'Migration20261127232441_exit_kind';

  override up(): void | Promise<void> {
    this.addSql(`alter table "orders" add "exit_kind" text null;`);
    this.addSql(`alter table "orders" add constraint "orders_exit_kind_role_check" check (exit_kind is null or role = 'exit');`);
    this.addSql(
      `alter table "orders" add constraint "orders_exit_kind_check" check ("exit_kind" in ('signal', 'stop', 'target', 'daily-loss', 'unprotected', 'request'));`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "orders" drop constraint "orders_exit_kind_role_check";`);
    this.addSql(`alter table "orders" drop constraint "orders_exit_kind_check";`);
    this.addSql(`alter table "orders" drop column "exit_kind";`);
  }
}
