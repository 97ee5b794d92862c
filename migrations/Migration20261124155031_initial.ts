import { Migration } from '@mikro-orm/migrations';

export class Migration20261124155031_initial extends Migration {
  override name = 'Migration20261124155031_initial';

  override up(): void | Promise<void> {
    this.addSql(
      `create table "audit_log" ("id" bigserial primary key, "at" timestamptz(3) not null, "actor" varchar(100) not null, "action" varchar(60) not null, "subject" varchar(100) not null, "detail" jsonb not null, "request_id" varchar(100) null, "previous_hash" varchar(64) null, "hash" varchar(64) not null);`,
    );
    this.addSql(`create index "audit_log_at_index" on "audit_log" ("at");`);
    this.addSql(`create index "audit_log_subject_index" on "audit_log" ("subject");`);

    this.addSql(
      `create table "installations" ("id" serial primary key, "code" varchar(4) not null, "created_at" timestamptz(3) not null);`,
    );

    this.addSql(
      `create table "users" ("id" bigserial primary key, "email" varchar(254) not null, "hashed_password" varchar(255) not null, "is_active" boolean not null, "role" text not null, "reset_token" varchar(64) null, "reset_token_expires" timestamptz(3) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null);`,
    );
    this.addSql(`alter table "users" add constraint "users_email_unique" unique ("email");`);
    this.addSql(`create index "users_reset_token_index" on "users" ("reset_token");`);

    this.addSql(
      `create table "backtests" ("id" bigserial primary key, "user_id" bigint not null, "name" varchar(100) not null, "symbol" varchar(30) not null, "timeframe" text not null, "start_date" timestamptz(3) not null, "end_date" timestamptz(3) not null, "initial_capital" numeric(38,18) not null, "final_value" numeric(38,18) null, "total_return" double precision null, "max_drawdown" double precision null, "total_trades" int null, "market_type" text not null, "status" text not null, "progress" double precision not null, "params" jsonb not null, "report" jsonb null, "error" text null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null);`,
    );
    this.addSql(`create index "backtests_user_id_index" on "backtests" ("user_id");`);
    this.addSql(`create index "backtests_status_index" on "backtests" ("status");`);

    this.addSql(
      `create table "api_tokens" ("id" bigserial primary key, "user_id" bigint not null, "name" varchar(100) not null, "token_hash" varchar(64) not null, "scopes" text[] not null, "created_at" timestamptz(3) not null, "last_used_at" timestamptz(3) null, "expires_at" timestamptz(3) null, "revoked_at" timestamptz(3) null);`,
    );
    this.addSql(`create index "api_tokens_user_id_index" on "api_tokens" ("user_id");`);
    this.addSql(`alter table "api_tokens" add constraint "api_tokens_token_hash_unique" unique ("token_hash");`);

    this.addSql(
      `create table "api_keys" ("id" bigserial primary key, "user_id" bigint not null, "key_name" varchar(100) not null, "api_key_encrypted" text not null, "secret_key_encrypted" text not null, "is_active" boolean not null, "venue" text not null, "market_permissions" text[] not null, "kek_id" varchar(64) not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null);`,
    );
    this.addSql(`create index "api_keys_user_id_index" on "api_keys" ("user_id");`);
    this.addSql(`alter table "api_keys" add constraint "api_keys_user_id_key_name_unique" unique ("user_id", "key_name");`);

    this.addSql(
      `create table "bot_configs" ("id" bigserial primary key, "user_id" bigint not null, "name" varchar(100) not null, "symbol" varchar(30) not null, "timeframe" text not null, "is_active" boolean not null, "initial_capital" numeric(38,18) not null, "daily_target_perc" double precision null, "max_daily_loss_perc" double precision null, "position_size_perc" double precision null, "position_size_fixed" numeric(38,18) null, "stop_loss_perc" double precision null, "take_profit_perc" double precision null, "trailing_stop_perc" double precision null, "trailing_stop_active" boolean not null, "ema_fast" int not null, "ema_slow" int not null, "rsi_period" int not null, "rsi_oversold" double precision not null, "rsi_overbought" double precision not null, "max_daily_trades" int null, "check_interval_seconds" int not null, "api_key_id" bigint null, "strategy" varchar(50) not null, "ema_period" int not null, "custom_ema_fast" int null, "custom_ema_slow" int null, "custom_rsi_period" int null, "custom_rsi_oversold" double precision null, "custom_rsi_overbought" double precision null, "custom_stop_loss" double precision null, "custom_take_profit" double precision null, "custom_trailing_stop" double precision null, "position_type" text not null, "transfer_amount" numeric(38,18) null, "auto_transfer_funds" boolean not null, "leverage" int not null, "mode" text not null, "venue" text not null, "direction" text not null, "margin_type" text not null, "version" int not null, "deleted_at" timestamptz(3) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null);`,
    );
    this.addSql(`create index "bot_configs_user_id_index" on "bot_configs" ("user_id");`);
    this.addSql(`create index "bot_configs_api_key_id_index" on "bot_configs" ("api_key_id");`);
    this.addSql(`create index "bot_configs_active_index" on "bot_configs" ("id") where is_active and deleted_at is null;`);
    this.addSql(`create index "bot_configs_symbol_index" on "bot_configs" ("symbol");`);

    this.addSql(
      `create table "outbox_events" ("id" bigserial primary key, "topic" varchar(60) not null, "bot_config_id" bigint null, "payload" jsonb not null, "created_at" timestamptz(3) not null, "delivered_at" timestamptz(3) null);`,
    );
    this.addSql(`create index "outbox_events_bot_config_id_index" on "outbox_events" ("bot_config_id");`);
    this.addSql(`create index "outbox_events_pending_index" on "outbox_events" ("id") where delivered_at is null;`);

    this.addSql(
      `create table "orders" ("id" bigserial primary key, "bot_config_id" bigint not null, "user_id" bigint not null, "venue" text not null, "account" varchar(100) not null, "market" text not null, "symbol" varchar(30) not null, "client_order_id" varchar(36) not null, "decision_ms" bigint not null, "role" text not null, "attempt" int not null, "side" text not null, "type" text not null, "quantity" numeric(38,18) not null, "reference_price" numeric(38,18) not null, "reason" varchar(500) not null, "state" text not null, "epoch" bigint not null, "signed_ts" bigint not null, "recv_window_ms" int not null, "exchange_order_id" varchar(80) null, "executed_quantity" numeric(38,18) not null, "executed_quote" numeric(38,18) not null, "evidence" jsonb null, "resolved_at" timestamptz(3) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null);`,
    );
    this.addSql(`create index "orders_user_id_index" on "orders" ("user_id");`);
    this.addSql(`alter table "orders" add constraint "orders_client_order_id_unique" unique ("client_order_id");`);
    this.addSql(`create index "orders_bot_config_id_created_at_index" on "orders" ("bot_config_id", "created_at");`);
    this.addSql(`create index "orders_exchange_order_id_index" on "orders" ("venue", "symbol", "exchange_order_id");`);
    this.addSql(`alter table "orders" add constraint "orders_decision_unique" unique ("bot_config_id", "decision_ms", "role", "attempt");`);
    this.addSql(
      `create unique index "orders_one_open_per_role_unique" on "orders" ("bot_config_id", "role") where state in ('intended', 'unknown', 'accepted');`,
    );

    this.addSql(
      `create table "trades" ("id" bigserial primary key, "bot_config_id" bigint not null, "user_id" bigint not null, "order_id" bigint not null, "venue" text not null, "binance_order_id" varchar(80) not null, "symbol" varchar(30) not null, "side" text not null, "order_type" text not null, "price" numeric(38,18) not null, "quantity_filled" numeric(38,18) not null, "quote_quantity_filled" numeric(38,18) not null, "commission_amount" numeric(38,18) not null, "commission_asset" varchar(20) not null, "pnl" numeric(38,18) not null, "realized_pnl" numeric(38,18) not null, "timestamp" timestamptz(3) not null);`,
    );
    this.addSql(`alter table "trades" add constraint "trades_order_id_unique" unique ("order_id");`);
    this.addSql(`create index "trades_bot_config_id_id_index" on "trades" ("bot_config_id", "id");`);
    this.addSql(`create index "trades_user_id_timestamp_index" on "trades" ("user_id", "timestamp");`);
    this.addSql(`alter table "trades" add constraint "trades_binance_order_id_unique" unique ("venue", "symbol", "binance_order_id");`);

    this.addSql(
      `create table "fills" ("id" bigserial primary key, "bot_config_id" bigint not null, "order_id" bigint not null, "venue" text not null, "market" text not null, "symbol" varchar(30) not null, "exchange_trade_id" varchar(80) not null, "client_order_id" varchar(36) not null, "role" text not null, "side" text not null, "price" numeric(38,18) not null, "quantity" numeric(38,18) not null, "commission_amount" numeric(38,18) not null, "commission_asset" varchar(20) not null, "is_maker" boolean not null, "source" text not null, "executed_at" timestamptz(3) not null, "created_at" timestamptz(3) not null);`,
    );
    this.addSql(`create index "fills_order_id_index" on "fills" ("order_id");`);
    this.addSql(`create index "fills_bot_config_id_id_index" on "fills" ("bot_config_id", "id");`);
    this.addSql(`alter table "fills" add constraint "fills_execution_unique" unique ("venue", "market", "symbol", "exchange_trade_id");`);

    this.addSql(
      `create table "bot_state" ("id" bigserial primary key, "bot_config_id" bigint not null, "is_running" boolean not null, "last_execution" timestamptz(3) null, "status_message" varchar(500) not null, "state_data" jsonb not null, "lock_holder" varchar(200) null, "lock_epoch" bigint not null, "version" int not null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null);`,
    );
    this.addSql(`alter table "bot_state" add constraint "bot_state_bot_config_id_unique" unique ("bot_config_id");`);

    this.addSql(
      `create table "bot_commands" ("id" bigserial primary key, "bot_config_id" bigint not null, "command" text not null, "reason" varchar(300) null, "requested_by" varchar(100) not null, "idempotency_key" varchar(200) null, "request_hash" varchar(64) null, "created_at" timestamptz(3) not null, "handled_at" timestamptz(3) null, "outcome" varchar(300) null);`,
    );
    this.addSql(`create index "bot_commands_pending_index" on "bot_commands" ("bot_config_id", "id") where handled_at is null;`);
    this.addSql(
      `alter table "bot_commands" add constraint "bot_commands_idempotency_key_unique" unique ("bot_config_id", "idempotency_key");`,
    );

    this.addSql(`alter table "installations" add constraint "installations_id_check" check (id = 1);`);

    this.addSql(`alter table "users" add constraint "users_role_check" check ("role" in ('owner', 'admin', 'operator', 'viewer'));`);

    this.addSql(
      `alter table "backtests" add constraint "backtests_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete restrict;`,
    );
    this.addSql(`alter table "backtests" add constraint "backtests_dates_check" check (start_date < end_date);`);
    this.addSql(`alter table "backtests" add constraint "backtests_initial_capital_check" check (initial_capital > 0);`);
    this.addSql(`alter table "backtests" add constraint "backtests_total_trades_check" check (total_trades >= 0);`);
    this.addSql(`alter table "backtests" add constraint "backtests_progress_check" check (progress >= 0 and progress <= 100);`);
    this.addSql(
      `alter table "backtests" add constraint "backtests_timeframe_check" check ("timeframe" in ('1s', '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d'));`,
    );
    this.addSql(`alter table "backtests" add constraint "backtests_market_type_check" check ("market_type" in ('spot', 'futures'));`);
    this.addSql(
      `alter table "backtests" add constraint "backtests_status_check" check ("status" in ('queued', 'running', 'done', 'failed', 'cancelled'));`,
    );

    this.addSql(
      `alter table "api_tokens" add constraint "api_tokens_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete restrict;`,
    );

    this.addSql(
      `alter table "api_keys" add constraint "api_keys_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete restrict;`,
    );
    this.addSql(
      `alter table "api_keys" add constraint "api_keys_venue_check" check ("venue" in ('simulated', 'binance', 'binance-demo', 'binance-testnet'));`,
    );

    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete restrict;`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_api_key_id_foreign" foreign key ("api_key_id") references "api_keys" ("id") on delete restrict;`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_rsi_levels_check" check (coalesce(custom_rsi_oversold, rsi_oversold) < coalesce(custom_rsi_overbought, rsi_overbought));`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_ema_periods_check" check (coalesce(custom_ema_fast, ema_fast) < coalesce(custom_ema_slow, ema_slow));`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_position_size_check" check (position_size_perc is not null or position_size_fixed is not null);`,
    );
    this.addSql(`alter table "bot_configs" add constraint "bot_configs_initial_capital_check" check (initial_capital > 0);`);
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_daily_target_perc_check" check (daily_target_perc > 0 and daily_target_perc <= 1000);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_max_daily_loss_perc_check" check (max_daily_loss_perc > 0 and max_daily_loss_perc <= 100);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_position_size_perc_check" check (position_size_perc > 0 and position_size_perc <= 100);`,
    );
    this.addSql(`alter table "bot_configs" add constraint "bot_configs_position_size_fixed_check" check (position_size_fixed > 0);`);
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_stop_loss_perc_check" check (stop_loss_perc > 0 and stop_loss_perc <= 100);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_take_profit_perc_check" check (take_profit_perc > 0 and take_profit_perc <= 1000);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_trailing_stop_perc_check" check (trailing_stop_perc > 0 and trailing_stop_perc <= 100);`,
    );
    this.addSql(`alter table "bot_configs" add constraint "bot_configs_ema_fast_check" check (ema_fast >= 1 and ema_fast <= 1000);`);
    this.addSql(`alter table "bot_configs" add constraint "bot_configs_ema_slow_check" check (ema_slow >= 1 and ema_slow <= 1000);`);
    this.addSql(`alter table "bot_configs" add constraint "bot_configs_rsi_period_check" check (rsi_period >= 2 and rsi_period <= 1000);`);
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_rsi_oversold_check" check (rsi_oversold >= 0 and rsi_oversold <= 100);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_rsi_overbought_check" check (rsi_overbought >= 0 and rsi_overbought <= 100);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_max_daily_trades_check" check (max_daily_trades >= 1 and max_daily_trades <= 100000);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_check_interval_seconds_check" check (check_interval_seconds >= 1 and check_interval_seconds <= 86400);`,
    );
    this.addSql(`alter table "bot_configs" add constraint "bot_configs_ema_period_check" check (ema_period >= 1 and ema_period <= 1000);`);
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_custom_ema_fast_check" check (custom_ema_fast >= 1 and custom_ema_fast <= 1000);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_custom_ema_slow_check" check (custom_ema_slow >= 1 and custom_ema_slow <= 1000);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_custom_rsi_period_check" check (custom_rsi_period >= 2 and custom_rsi_period <= 1000);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_custom_rsi_oversold_check" check (custom_rsi_oversold >= 0 and custom_rsi_oversold <= 100);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_custom_rsi_overbought_check" check (custom_rsi_overbought >= 0 and custom_rsi_overbought <= 100);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_custom_stop_loss_check" check (custom_stop_loss > 0 and custom_stop_loss <= 100);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_custom_take_profit_check" check (custom_take_profit > 0 and custom_take_profit <= 1000);`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_custom_trailing_stop_check" check (custom_trailing_stop > 0 and custom_trailing_stop <= 100);`,
    );
    this.addSql(`alter table "bot_configs" add constraint "bot_configs_transfer_amount_check" check (transfer_amount >= 0);`);
    this.addSql(`alter table "bot_configs" add constraint "bot_configs_leverage_check" check (leverage >= 1 and leverage <= 125);`);
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_timeframe_check" check ("timeframe" in ('1s', '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d'));`,
    );
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_position_type_check" check ("position_type" in ('spot', 'futures'));`,
    );
    this.addSql(`alter table "bot_configs" add constraint "bot_configs_mode_check" check ("mode" in ('paper', 'live'));`);
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_venue_check" check ("venue" in ('simulated', 'binance', 'binance-demo', 'binance-testnet'));`,
    );
    this.addSql(`alter table "bot_configs" add constraint "bot_configs_direction_check" check ("direction" in ('long', 'short', 'both'));`);
    this.addSql(
      `alter table "bot_configs" add constraint "bot_configs_margin_type_check" check ("margin_type" in ('isolated', 'crossed'));`,
    );

    this.addSql(
      `alter table "outbox_events" add constraint "outbox_events_bot_config_id_foreign" foreign key ("bot_config_id") references "bot_configs" ("id") on delete restrict;`,
    );

    this.addSql(
      `alter table "orders" add constraint "orders_bot_config_id_foreign" foreign key ("bot_config_id") references "bot_configs" ("id") on delete restrict;`,
    );
    this.addSql(
      `alter table "orders" add constraint "orders_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete restrict;`,
    );
    this.addSql(`alter table "orders" add constraint "orders_attempt_check" check (attempt > 0);`);
    this.addSql(`alter table "orders" add constraint "orders_quantity_check" check (quantity > 0);`);
    this.addSql(`alter table "orders" add constraint "orders_reference_price_check" check (reference_price >= 0);`);
    this.addSql(`alter table "orders" add constraint "orders_recv_window_ms_check" check (recv_window_ms > 0);`);
    this.addSql(`alter table "orders" add constraint "orders_executed_quantity_check" check (executed_quantity >= 0);`);
    this.addSql(`alter table "orders" add constraint "orders_executed_quote_check" check (executed_quote >= 0);`);
    this.addSql(
      `alter table "orders" add constraint "orders_venue_check" check ("venue" in ('simulated', 'binance', 'binance-demo', 'binance-testnet'));`,
    );
    this.addSql(`alter table "orders" add constraint "orders_market_check" check ("market" in ('spot', 'futures'));`);
    this.addSql(`alter table "orders" add constraint "orders_role_check" check ("role" in ('entry', 'exit'));`);
    this.addSql(`alter table "orders" add constraint "orders_side_check" check ("side" in ('BUY', 'SELL'));`);
    this.addSql(
      `alter table "orders" add constraint "orders_type_check" check ("type" in ('MARKET', 'LIMIT', 'LIMIT_MAKER', 'STOP_LOSS', 'STOP_LOSS_LIMIT', 'TAKE_PROFIT', 'TAKE_PROFIT_LIMIT'));`,
    );
    this.addSql(
      `alter table "orders" add constraint "orders_state_check" check ("state" in ('intended', 'unknown', 'accepted', 'filled', 'cancelled', 'expired', 'rejected', 'never-placed'));`,
    );

    this.addSql(
      `alter table "trades" add constraint "trades_bot_config_id_foreign" foreign key ("bot_config_id") references "bot_configs" ("id") on delete restrict;`,
    );
    this.addSql(
      `alter table "trades" add constraint "trades_user_id_foreign" foreign key ("user_id") references "users" ("id") on delete restrict;`,
    );
    this.addSql(
      `alter table "trades" add constraint "trades_order_id_foreign" foreign key ("order_id") references "orders" ("id") on delete restrict;`,
    );
    this.addSql(`alter table "trades" add constraint "trades_price_check" check (price > 0);`);
    this.addSql(`alter table "trades" add constraint "trades_quantity_filled_check" check (quantity_filled > 0);`);
    this.addSql(`alter table "trades" add constraint "trades_quote_quantity_filled_check" check (quote_quantity_filled > 0);`);
    this.addSql(`alter table "trades" add constraint "trades_commission_amount_check" check (commission_amount >= 0);`);
    this.addSql(
      `alter table "trades" add constraint "trades_venue_check" check ("venue" in ('simulated', 'binance', 'binance-demo', 'binance-testnet'));`,
    );
    this.addSql(`alter table "trades" add constraint "trades_side_check" check ("side" in ('BUY', 'SELL'));`);
    this.addSql(
      `alter table "trades" add constraint "trades_order_type_check" check ("order_type" in ('MARKET', 'LIMIT', 'LIMIT_MAKER', 'STOP_LOSS', 'STOP_LOSS_LIMIT', 'TAKE_PROFIT', 'TAKE_PROFIT_LIMIT'));`,
    );

    this.addSql(
      `alter table "fills" add constraint "fills_bot_config_id_foreign" foreign key ("bot_config_id") references "bot_configs" ("id") on delete restrict;`,
    );
    this.addSql(
      `alter table "fills" add constraint "fills_order_id_foreign" foreign key ("order_id") references "orders" ("id") on delete restrict;`,
    );
    this.addSql(`alter table "fills" add constraint "fills_price_check" check (price > 0);`);
    this.addSql(`alter table "fills" add constraint "fills_quantity_check" check (quantity > 0);`);
    this.addSql(`alter table "fills" add constraint "fills_commission_amount_check" check (commission_amount >= 0);`);
    this.addSql(
      `alter table "fills" add constraint "fills_venue_check" check ("venue" in ('simulated', 'binance', 'binance-demo', 'binance-testnet'));`,
    );
    this.addSql(`alter table "fills" add constraint "fills_market_check" check ("market" in ('spot', 'futures'));`);
    this.addSql(`alter table "fills" add constraint "fills_role_check" check ("role" in ('entry', 'exit'));`);
    this.addSql(`alter table "fills" add constraint "fills_side_check" check ("side" in ('BUY', 'SELL'));`);
    this.addSql(`alter table "fills" add constraint "fills_source_check" check ("source" in ('ack', 'stream', 'history'));`);

    this.addSql(
      `alter table "bot_state" add constraint "bot_state_bot_config_id_foreign" foreign key ("bot_config_id") references "bot_configs" ("id") on delete restrict;`,
    );
    this.addSql(`alter table "bot_state" add constraint "bot_state_lock_epoch_check" check (lock_epoch >= 0);`);

    this.addSql(
      `alter table "bot_commands" add constraint "bot_commands_bot_config_id_foreign" foreign key ("bot_config_id") references "bot_configs" ("id") on delete restrict;`,
    );
    this.addSql(
      `alter table "bot_commands" add constraint "bot_commands_command_check" check ("command" in ('start', 'stop', 'pause-entries', 'resume', 'close-position'));`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table "backtests" drop constraint "backtests_user_id_foreign";`);
    this.addSql(`alter table "api_tokens" drop constraint "api_tokens_user_id_foreign";`);
    this.addSql(`alter table "api_keys" drop constraint "api_keys_user_id_foreign";`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_user_id_foreign";`);
    this.addSql(`alter table "orders" drop constraint "orders_user_id_foreign";`);
    this.addSql(`alter table "trades" drop constraint "trades_user_id_foreign";`);
    this.addSql(`alter table "bot_configs" drop constraint "bot_configs_api_key_id_foreign";`);
    this.addSql(`alter table "outbox_events" drop constraint "outbox_events_bot_config_id_foreign";`);
    this.addSql(`alter table "orders" drop constraint "orders_bot_config_id_foreign";`);
    this.addSql(`alter table "trades" drop constraint "trades_bot_config_id_foreign";`);
    this.addSql(`alter table "fills" drop constraint "fills_bot_config_id_foreign";`);
    this.addSql(`alter table "bot_state" drop constraint "bot_state_bot_config_id_foreign";`);
    this.addSql(`alter table "bot_commands" drop constraint "bot_commands_bot_config_id_foreign";`);
    this.addSql(`alter table "trades" drop constraint "trades_order_id_foreign";`);
    this.addSql(`alter table "fills" drop constraint "fills_order_id_foreign";`);

    this.addSql(`drop table if exists "audit_log" cascade;`);
    this.addSql(`drop table if exists "installations" cascade;`);
    this.addSql(`drop table if exists "users" cascade;`);
    this.addSql(`drop table if exists "backtests" cascade;`);
    this.addSql(`drop table if exists "api_tokens" cascade;`);
    this.addSql(`drop table if exists "api_keys" cascade;`);
    this.addSql(`drop table if exists "bot_configs" cascade;`);
    this.addSql(`drop table if exists "outbox_events" cascade;`);
    this.addSql(`drop table if exists "orders" cascade;`);
    this.addSql(`drop table if exists "trades" cascade;`);
    this.addSql(`drop table if exists "fills" cascade;`);
    this.addSql(`drop table if exists "bot_state" cascade;`);
    this.addSql(`drop table if exists "bot_commands" cascade;`);
  }
}
