import { Migration } from '@mikro-orm/migrations';

/**
 * Sum of the day's results of an account's live bots, as their owners publish them (equity now minus equity at midnight); null
 * when no bot has any.
 */
const dayResult = `create function account_day_result(p_venue text, p_account text, p_asset text, p_day_ms bigint) returns numeric
language sql as $$
  select sum((s.state_data->'day'->>'equity')::numeric - (s.state_data->'day'->>'startEquity')::numeric)
  from bot_state s join bot_configs c on c.id = s.bot_config_id
  where c.mode = 'live' and c.venue = p_venue and (s.state_data->'day'->>'startMs')::bigint = p_day_ms
    and s.state_data->'funds'->>'account' = p_account and s.state_data->'funds'->>'asset' = p_asset
$$;`;

/**
 * What entries have taken from an account that no reading of its balance contains: all of it (an entry that still moves takes what it
 * has reserved), and the part of it that may still be spent.
 */
const reservedByEntries = `create function account_reserved(p_venue text, p_account text, p_asset text, out reserved numeric, out pending numeric)
language sql as $$
  select coalesce(sum(case when u.moving then greatest(u.reserved_quote, u.executed_quote) else u.executed_quote end), 0),
         coalesce(sum(case when u.moving then greatest(u.reserved_quote - u.executed_quote, 0) else 0 end), 0)
  from (select o.reserved_quote, o.executed_quote,
               o.state in ('intended', 'unknown', 'accepted') or (o.state = 'never-placed' and o.exchange_order_id is not null) as moving
        from orders o
        where o.venue = p_venue and o.account = p_account and o.quote_asset = p_asset
          and o.reserved_quote is not null and o.capital_settled_at is null) u
$$;`;

/**
 * Which of these entries their accounts can bear, one after the other. Locks the account's row, then reads what is reserved: a
 * function that is volatile (as this one) sees in each of its queries what was committed until then, so whoever waited for the lock
 * also sees the entries of whoever had it. Answers a rule with two numbers for each entry that is refused, and null for the others.
 */
const admitEntries = `create function admit_entries(p_ids text[], p_venues text[], p_accounts text[], p_assets text[], p_costs numeric[], p_at_ms bigint[], p_max_age_ms bigint)
returns table (id text, rule text, amount numeric, bound numeric) language plpgsql as $$
#variable_conflict use_column
declare
  e record;
  capital account_capital%rowtype;
  limits account_limits%rowtype;
  v_venue text; v_account text; v_asset text;
  v_reserved numeric; v_pending numeric; v_left numeric; v_exposure numeric; v_loss numeric; v_day bigint;
begin
  for e in
    select w.* from unnest(p_ids, p_venues, p_accounts, p_assets, p_costs, p_at_ms) with ordinality
      as w(entry_id, venue, account, asset, cost, at_ms, place)
    order by w.venue, w.account, w.asset, w.place
  loop
    if v_venue is null or (e.venue, e.account, e.asset) is distinct from (v_venue, v_account, v_asset) then
      v_venue := e.venue; v_account := e.account; v_asset := e.asset;
      select * into capital from account_capital c
      where c.venue = v_venue and c.account = v_account and c.asset = v_asset for update;
      select r.reserved, r.pending into v_reserved, v_pending from account_reserved(v_venue, v_account, v_asset) r;
      v_left := case when capital.read_at > clock_timestamp() - p_max_age_ms * interval '1 millisecond' then capital.free - v_reserved end;
      select * into limits from account_limits l where l.venue = v_venue and l.account = v_account and l.asset = v_asset;
      v_exposure := null;
      if limits.max_exposure is not null then
        select coalesce(sum((s.state_data->'position'->>'cost')::numeric + (s.state_data->'position'->>'entryFees')::numeric), 0) + v_pending
        into v_exposure
        from bot_state s join bot_configs c on c.id = s.bot_config_id
        where c.mode = 'live' and c.venue = v_venue
          and s.state_data->'funds'->>'account' = v_account and s.state_data->'funds'->>'asset' = v_asset;
      end if;
      v_loss := null;
      if limits.max_daily_loss is not null then
        v_day := e.at_ms / 86400000 * 86400000;
        v_loss := -coalesce(account_day_result(v_venue, v_account, v_asset, v_day), 0);
        if v_loss >= limits.max_daily_loss then
          capital.loss_reached_ms := v_day;
          update account_capital c set loss_reached_ms = v_day where c.id = capital.id;
        end if;
      end if;
    end if;
    id := e.entry_id; rule := null; amount := null; bound := null;
    if limits.max_daily_loss is not null and capital.loss_reached_ms = v_day then
      rule := 'account-loss'; amount := v_loss; bound := limits.max_daily_loss;
    elsif limits.max_exposure is not null and v_exposure + e.cost > limits.max_exposure then
      rule := 'account-exposure'; amount := v_exposure + e.cost; bound := limits.max_exposure;
    elsif v_left is null or e.cost > v_left then
      rule := 'account-capital'; amount := e.cost; bound := v_left;
    else
      v_left := v_left - e.cost;
      v_exposure := v_exposure + e.cost;
    end if;
    return next;
  end loop;
end
$$;`;

export class Migration20261127231937_account_capital extends Migration {
  override name = 'Migration20261127231937_account_capital';

  override up(): void | Promise<void> {
    this.addSql(
      `create table "account_capital" ("id" bigserial primary key, "venue" text not null, "account" varchar(100) not null, "asset" varchar(20) not null, "free" numeric(38,18) not null, "read_at" timestamptz(3) not null, "version" bigint not null, "loss_reached_ms" bigint null, "updated_at" timestamptz(3) not null);`,
    );
    this.addSql(
      `alter table "account_capital" add constraint "account_capital_account_asset_unique" unique ("venue", "account", "asset");`,
    );

    this.addSql(
      `create table "account_limits" ("id" bigserial primary key, "venue" text not null, "account" varchar(100) not null, "asset" varchar(20) not null, "max_exposure" numeric(38,18) null, "max_daily_loss" numeric(38,18) null, "created_at" timestamptz(3) not null, "updated_at" timestamptz(3) not null);`,
    );
    this.addSql(`alter table "account_limits" add constraint "account_limits_account_asset_unique" unique ("venue", "account", "asset");`);

    this.addSql(
      `alter table "orders" add "reserved_quote" numeric(38,18) null, add "quote_asset" varchar(20) null, add "capital_settled_at" timestamptz(3) null;`,
    );
    this.addSql(
      `create index "orders_unsettled_entries_index" on "orders" ("venue", "account", "quote_asset") where reserved_quote is not null and capital_settled_at is null;`,
    );
    this.addSql(`alter table "orders" add constraint "orders_reserved_quote_check" check (reserved_quote >= 0);`);
    this.addSql(dayResult);
    this.addSql(reservedByEntries);
    this.addSql(admitEntries);

    this.addSql(`alter table "account_capital" add constraint "account_capital_free_check" check (free >= 0);`);
    this.addSql(
      `alter table "account_capital" add constraint "account_capital_venue_check" check ("venue" in ('simulated', 'binance', 'binance-demo', 'binance-testnet'));`,
    );

    this.addSql(`alter table "account_limits" add constraint "account_limits_max_exposure_check" check (max_exposure > 0);`);
    this.addSql(`alter table "account_limits" add constraint "account_limits_max_daily_loss_check" check (max_daily_loss > 0);`);
    this.addSql(
      `alter table "account_limits" add constraint "account_limits_venue_check" check ("venue" in ('simulated', 'binance', 'binance-demo', 'binance-testnet'));`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop function admit_entries(text[], text[], text[], text[], numeric[], bigint[], bigint);`);
    this.addSql(`drop function account_reserved(text, text, text);`);
    this.addSql(`drop function account_day_result(text, text, text, bigint);`);
    this.addSql(`drop table if exists "account_capital" cascade;`);
    this.addSql(`drop table if exists "account_limits" cascade;`);

    this.addSql(`drop index "orders_unsettled_entries_index";`);
    this.addSql(`alter table "orders" drop constraint "orders_reserved_quote_check";`);
    this.addSql(`alter table "orders" drop column "reserved_quote", drop column "quote_asset", drop column "capital_settled_at";`);
  }
}
