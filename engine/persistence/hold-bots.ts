/** Facts about bots that recovery writes into their state: why one enters nothing until a user resumes it, how far it was compared. */
import type { Pool } from 'pg';
import type { BotHold } from './reconcile-store.ts';

/** Sets or lifts the hold of bots that are still ours. */
export async function holdBots(pool: Pool, holder: string, bots: readonly BotHold[]): Promise<void> {
  await merge(
    pool,
    holder,
    bots.map((bot) => ({ ...bot, data: { heldReason: bot.reason } })),
  );
}

export async function markCompared(
  pool: Pool,
  holder: string,
  bots: readonly { readonly botId: string; readonly epoch: number }[],
  throughMs: number,
): Promise<void> {
  await merge(
    pool,
    holder,
    bots.map((bot) => ({ ...bot, data: { comparedThroughMs: Math.floor(throughMs) } })),
  );
}

/** Rows are locked in the same order as by the commit of intents, so that the two cannot deadlock. */
async function merge(
  pool: Pool,
  holder: string,
  bots: readonly { readonly botId: string; readonly epoch: number; readonly data: Readonly<Record<string, unknown>> }[],
): Promise<void> {
  if (bots.length === 0) return;
  await pool.query(
    `with u as (
       select * from unnest($2::bigint[], $3::bigint[], $4::text[]) as t(bot_config_id, epoch, data)
     ), ours as materialized (
       select s.bot_config_id, u.data from bot_state s join u on s.bot_config_id = u.bot_config_id and s.lock_epoch = u.epoch
       where s.lock_holder = $1 order by s.bot_config_id for update of s
     )
     update bot_state s set state_data = s.state_data || o.data::jsonb, version = s.version + 1, updated_at = now()
     from ours o where s.bot_config_id = o.bot_config_id`,
    [holder, bots.map((bot) => bot.botId), bots.map((bot) => bot.epoch), bots.map((bot) => JSON.stringify(bot.data))],
  );
}
