import { Migration } from '@mikro-orm/migrations';

export class Migration20261130152000_command_fates extends Migration {
  override name = 'Migration20261130152000_command_fates';

  override up(): void | Promise<void> {
    this.addSql(
      `alter table "bot_commands" add "expires_at" timestamptz(3) not null default now() + interval '5 minutes', add "fate" text null;`,
    );
    this.addSql(`alter table "bot_commands" add constraint "bot_commands_fate_check" check ("fate" in ('done', 'refused'));`);
    // What has waited since before there was an end to waiting must not get five minutes more.
    this.addSql(`update "bot_commands" set "expires_at" = "created_at" + interval '5 minutes' where "handled_at" is null;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "bot_commands" drop constraint "bot_commands_fate_check";`);
    this.addSql(`alter table "bot_commands" drop column "expires_at", drop column "fate";`);
  }
}
