import { Migration } from '@mikro-orm/migrations';

export class Migration20261127232231_kill_switches extends Migration {
  override name = 'Migration20261127232231_kill_switches';

  override up(): void | Promise<void> {
    this.addSql(
      `create table "kill_switches" ("id" bigserial primary key, "key" varchar(36) not null, "scope" text not null, "subject" varchar(100) not null, "user_id" bigint null, "policy" text not null, "reason" varchar(300) not null, "set_by" varchar(100) not null, "created_at" timestamptz(3) not null, "expires_at" timestamptz(3) null, "released_at" timestamptz(3) null, "released_by" varchar(100) null);`,
    );
    this.addSql(`alter table "kill_switches" add constraint "kill_switches_key_unique" unique ("key");`);
    this.addSql(`create index "kill_switches_user_id_index" on "kill_switches" ("user_id");`);
    this.addSql(
      `create unique index "kill_switches_one_standing_unique" on "kill_switches" ("scope", "subject") where released_at is null;`,
    );

    this.addSql(
      `alter table "kill_switches" add constraint "kill_switches_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete restrict;`,
    );
    this.addSql(`alter table "kill_switches" add constraint "kill_switches_subject_check" check ((scope = 'engine') = (subject = ''));`);
    this.addSql(
      `alter table "kill_switches" add constraint "kill_switches_scope_check" check ("scope" in ('engine', 'account', 'user', 'bot'));`,
    );
    this.addSql(
      `alter table "kill_switches" add constraint "kill_switches_policy_check" check ("policy" in ('leave', 'cancel', 'flatten'));`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "kill_switches" cascade;`);
  }
}
