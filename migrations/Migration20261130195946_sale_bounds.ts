import { Migration } from '@mikro-orm/migrations';

export class Migration20261130195946_sale_bounds extends Migration {
  override name = 'Migration20261130195946_sale_bounds';

  override up(): void | Promise<void> {
    this.addSql(`alter table "orders" add "sale_bounds" jsonb null;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "orders" drop column "sale_bounds";`);
  }
}
