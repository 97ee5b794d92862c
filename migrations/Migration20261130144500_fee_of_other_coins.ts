import { Migration } from '@mikro-orm/migrations';

/**
 * `trade_results` folds as `applyFill` does: a fee in coins takes a position to nothing at most; what is more was paid with other coins
 * of the account, and costs what those were worth. The view is replaced in place: engines of the version before read the same columns.
 */
export class Migration20261130144500_fee_of_other_coins extends Migration {
  override name = 'Migration20261130144500_fee_of_other_coins';

  override up(): void | Promise<void> {
    this.addSql(
      tradeResults(
        'least(n.quantity + n.base_commission, f.quantity)',
        'least(n.quantity + n.base_commission - g.gone, n.base_commission) * n.price',
      ),
    );
  }

  override down(): void | Promise<void> {
    this.addSql(tradeResults('n.quantity + n.base_commission', '0'));
  }
}

function tradeResults(gone: string, elsewhere: string): string {
  return `create or replace view "trade_results" as
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
               case n.side when 'BUY' then 0 else n.quantity * n.price - s.cost - s.fees - m.fee - m.elsewhere end
        from fold f
        cross join lateral (select * from fills where bot_config_id = f.bot_config_id and id > f.fill_id order by id limit 1) n
        cross join lateral (select ${gone} as gone) g
        cross join lateral (select g.gone, coalesce(n.quote_commission, 0) as fee, ${elsewhere} as elsewhere) m
        cross join lateral (select share_of(f.cost, m.gone, f.quantity) as cost, share_of(f.entry_fees, m.gone, f.quantity) as fees,
                                   share_of(f.cost, n.quantity, f.quantity) as sold_cost) s
      )
      select order_id, bot_config_id, sum(filled) as quantity_filled, sum(filled_quote) as quote_quantity_filled,
             sum(pnl) as pnl, sum(realized_pnl) as realized_pnl
      from fold where order_id is not null group by order_id, bot_config_id;`;
}
