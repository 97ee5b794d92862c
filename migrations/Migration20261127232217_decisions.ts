import { Migration } from '@mikro-orm/migrations';

export class Migration20261127232217_decisions extends Migration {
  override name = 'Migration20261127232217_decisions';

  override up(): void | Promise<void> {
    this.addSql(
      `create table "decisions" ("bot_config_id" bigint not null, "close_ms" bigint not null, "close" double precision not null, "version" int not null, "position_open" boolean not null, "outcome" text not null, "rule" varchar(40) null, "signal" varchar(20) not null, "signal_reason" text not null, "reason" text null, "indicator_values" double precision[] not null, primary key ("bot_config_id", "close_ms"));`,
    );
    this.addSql(`create index "decisions_close_ms_index" on "decisions" ("close_ms");`);

    this.addSql(
      `create table "decision_settings" ("bot_config_id" bigint not null, "version" int not null, "strategy" varchar(50) not null, "timeframe" text not null, "parameters" jsonb not null, "indicators" jsonb not null, primary key ("bot_config_id", "version"));`,
    );

    this.addSql(`alter table "decisions" add constraint "decisions_outcome_check" check ("outcome" in ('entered', 'exited', 'nothing'));`);

    this.addSql(
      `alter table "decision_settings" add constraint "decision_settings_timeframe_check" check ("timeframe" in ('1s', '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d'));`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists "decisions" cascade;`);
    this.addSql(`drop table if exists "decision_settings" cascade;`);
  }
}
