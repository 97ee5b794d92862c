/**
 * Makes the row of an order again that the exchange has and the database lost (it was restored from an older backup).
 * Its state is `unknown` until the exchange's evidence is recorded like that of any other order; the row says where it
 * came from.
 */
import type { Pool } from 'pg';
import type { FillInAnswer, LostOrder } from './reconcile-store.ts';

const fillInSql = `
with owned as (
  select s.bot_config_id, c.user_id from bot_state s join bot_configs c on c.id = s.bot_config_id
  where s.bot_config_id = $2 and s.lock_epoch = $3 and s.lock_holder = $1
  for share of s
), known as (
  select 1 from orders where client_order_id = $8
), inserted as (
  insert into orders (bot_config_id, user_id, venue, account, market, symbol, client_order_id, decision_ms, role, attempt, side, type,
                      quantity, reference_price, reason, state, epoch, signed_ts, recv_window_ms, executed_quantity, executed_quote,
                      evidence, created_at, updated_at)
  select bot_config_id, user_id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, $15, 'unknown', $3, $9, 1, 0, 0, $16, now(), now()
  from owned where not exists (select 1 from known)
  on conflict do nothing
  returning client_order_id
)
select case when exists (select 1 from inserted) then 'filled-in'
            when not exists (select 1 from owned) then 'fenced'
            when exists (select 1 from known) then 'exists'
            else 'conflict' end as answer`;

export async function fillInOrder(pool: Pool, holder: string, order: LostOrder): Promise<FillInAnswer> {
  const { rows } = await pool.query<{ answer: FillInAnswer }>(fillInSql, [
    holder,
    order.botId,
    order.epoch,
    order.venue,
    order.account,
    order.market,
    order.symbol,
    order.clientOrderId,
    // The real signature was later; a search that begins at the decision finds the order all the same.
    order.decisionMs,
    order.role,
    order.attempt,
    order.side,
    order.type,
    order.quantity.toFixed(),
    order.reason,
    JSON.stringify({ 'filled-in': order.evidence }),
  ]);
  return rows[0]?.answer ?? 'fenced';
}
