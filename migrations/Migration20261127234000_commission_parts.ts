import { Migration } from '@mikro-orm/migrations';

/**
 * Fills say what their commission took from the coins and what it cost in quote, so that profit follows from fills alone; the view
 * `trade_results` derives it, by the same fold as `applyFill` (engine/trading/position.ts).
 */
export class Migration20261127234000_commission_parts extends Migration {
  override name = 'Migration20261127234000_commission_parts';

  override up(): void | Promise<void> {
    this.addSql(`alter table "fills" add "base_commission" numeric(38,18) null, add "quote_commission" numeric(38,18) null;`);
    // A symbol is its base and its quote. Commissions in a third asset were not valued before.
    this.addSql(`update "fills" set
      "base_commission" = case when right(symbol, length(commission_asset)) <> commission_asset and left(symbol, length(commission_asset)) = commission_asset
                               then commission_amount else 0 end,
      "quote_commission" = case when right(symbol, length(commission_asset)) = commission_asset or commission_amount = 0 then commission_amount
                                when left(symbol, length(commission_asset)) = commission_asset then 0 end;`);
    this.addSql(`alter table "fills" alter column "base_commission" set not null;`);
    this.addSql(`alter table "fills" add constraint "fills_base_commission_check" check (base_commission >= 0);`);
    this.addSql(`alter table "fills" add constraint "fills_quote_commission_check" check (quote_commission >= 0);`);
    // What `part` of `whole` has of an amount, half to even at the 18th decimal; div() is exact where a numeric quotient is rounded.
    this
      .addSql(`create function share_of(amount numeric, part numeric, whole numeric) returns numeric language sql immutable parallel safe as $$
      select case when part >= whole then amount else (
        select (q + case when 2 * r > whole or (2 * r = whole and mod(q, 2) = 1) then 1 else 0 end) * 0.000000000000000001
        from (select q, amount * part * 1000000000000000000 - q * whole as r
              from (select div(amount * part * 1000000000000000000, whole) as q) as quotient) as divided
      ) end $$;`);
    this.addSql(`create view "trade_results" as
      with recursive fold as (
        select id as bot_config_id, 0::bigint as fill_id, null::bigint as order_id, 0::numeric as filled, 0::numeric as filled_quote,
               0::numeric as quantity, 0::numeric as cost, 0::numeric as entry_fees, 0::numeric as pnl, 0::numeric as realized_pnl
        from bot_configs
        union all
        select f.bot_config_id, n.id, n.order_id, n.quantity, n.quantity * n.price,
               case n.side when 'BUY' then f.quantity + n.quantity - n.base_commission else f.quantity - m.gone end,
               case n.side when 'BUY' then f.cost + (n.quantity - n.base_commission) * n.price else f.cost - s.cost end,
               case n.side when 'BUY' then f.entry_fees + n.base_commission * n.price + m.fee else f.entry_fees - s.fees end,
               case n.side when 'BUY' then 0 else n.quantity * n.price - s.sold_cost end,
               case n.side when 'BUY' then 0 else n.quantity * n.price - s.cost - s.fees - m.fee end
        from fold f
        cross join lateral (select * from fills where bot_config_id = f.bot_config_id and id > f.fill_id order by id limit 1) n
        cross join lateral (select n.quantity + n.base_commission as gone, coalesce(n.quote_commission, 0) as fee) m
        cross join lateral (select share_of(f.cost, m.gone, f.quantity) as cost, share_of(f.entry_fees, m.gone, f.quantity) as fees,
                                   share_of(f.cost, n.quantity, f.quantity) as sold_cost) s
      )
      select order_id, bot_config_id, sum(filled) as quantity_filled, sum(filled_quote) as quote_quantity_filled,
             sum(pnl) as pnl, sum(realized_pnl) as realized_pnl
      from fold where order_id is not null group by order_id, bot_config_id;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop view "trade_results";`);
    this.addSql(`drop function share_of(numeric, numeric, numeric);`);
    this.addSql(`alter table "fills" drop column "base_commission", drop column "quote_commission";`);
  }
}
