/**
 * Who runs which bot, as the rows say it. Taking a bot bumps its epoch; every later write and intent carries that epoch
 * and does nothing when it is stale. All statements work on sets.
 */
import type { Pool } from 'pg';
import { isPending } from './bot-commands.ts';

/** What the supervisor needs to know of a bot that should run or needs an engine. */
export interface Wish {
  readonly botId: string;
  /** False for a bot that is switched off, and that somebody must still take care of. */
  readonly wanted: boolean;
  /** A position is open or an order is not over: somebody takes care of it, whether the bot shall run or not. */
  readonly unfinished: boolean;
  readonly configVersion: number;
  readonly venue: string;
  readonly epoch: number;
  readonly holder: string | null;
  /** Commands wait for its owner. */
  readonly commanded: boolean;
}

/**
 * Every bot that should run, and those that are switched off but still have a position, an order that is not over, a close to carry out,
 * or a holder (which may be dead): an engine must look after the position and write how the orders end. Dust, which cannot be sold, is no
 * position (`openedAtMs` is null then).
 */
export async function readWishes(pool: Pool): Promise<readonly Wish[]> {
  const { rows } = await pool.query<Omit<Wish, 'botId' | 'configVersion' | 'epoch'> & { id: string; version: number; epoch: string }>(
    `select c.id::text, c.is_active as wanted, c.version, c.venue, coalesce(s.lock_epoch, 0)::text as epoch, s.lock_holder as holder,
       u.unfinished, p.commands is not null as commanded
     from bot_configs c left join bot_state s on s.bot_config_id = c.id
     left join (select bot_config_id, array_agg(command) as commands from bot_commands where ${isPending} group by 1) p
       on p.bot_config_id = c.id
     cross join lateral (
       select coalesce(s.state_data->'position'->>'openedAtMs', '') <> ''
         or exists (select 1 from orders o where o.bot_config_id = c.id and o.state in ('intended', 'unknown', 'accepted')) as unfinished
     ) u
     where c.deleted_at is null and (c.is_active or s.lock_holder is not null or u.unfinished or 'close-position' = any(p.commands))
     order by c.id`,
  );
  return rows.map(({ id, version, epoch, ...row }) => ({ ...row, botId: id, configVersion: version, epoch: Number(epoch) }));
}

/** Takes the bots: answers the new epoch of each. */
export async function claimBots(pool: Pool, holder: string, botIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { rows } = await pool.query<{ id: string; epoch: string }>(
    `insert into bot_state (bot_config_id, is_running, status_message, state_data, lock_holder, lock_epoch, version, created_at, updated_at)
     select id, true, 'starting', '{}', $1, 1, 1, now(), now() from bot_configs where id = any($2::bigint[]) order by id
     on conflict (bot_config_id) do update
       set lock_holder = excluded.lock_holder, lock_epoch = bot_state.lock_epoch + 1, is_running = true, status_message = 'starting',
           version = bot_state.version + 1, updated_at = now()
     returning bot_config_id::text as id, lock_epoch::text as epoch`,
    [holder, botIds],
  );
  return new Map(rows.map((row) => [row.id, Number(row.epoch)]));
}

/** Lets go of bots that are still ours; their epoch stays, the next owner raises it. */
export async function releaseBots(
  pool: Pool,
  holder: string,
  released: readonly { readonly botId: string; readonly message: string }[],
): Promise<void> {
  await pool.query(
    `update bot_state s set lock_holder = null, is_running = false, status_message = r.message, version = s.version + 1, updated_at = now()
     from unnest($2::bigint[], $3::text[]) as r(bot_config_id, message)
     where s.bot_config_id = r.bot_config_id and s.lock_holder = $1`,
    [holder, released.map((bot) => bot.botId), released.map((bot) => bot.message)],
  );
}

/** Says why bots are not started, of those that nobody took meanwhile. A bot that never ran has its row from then on. */
export async function tellWaiting(
  pool: Pool,
  bots: readonly { readonly botId: string; readonly holder: string | null; readonly message: string }[],
): Promise<void> {
  await pool.query(
    `with told as (select * from unnest($1::bigint[], $2::text[], $3::text[]) as t(bot_config_id, holder, message))
     insert into bot_state as s (bot_config_id, is_running, status_message, state_data, lock_holder, lock_epoch, version, created_at, updated_at)
     select bot_config_id, false, message, '{}', null, 0, 1, now(), now() from told
     where holder is null or exists (select 1 from bot_state h where h.bot_config_id = told.bot_config_id)
     order by bot_config_id
     on conflict (bot_config_id) do update set status_message = excluded.status_message, version = s.version + 1, updated_at = now()
       where s.lock_holder is not distinct from (select holder from told where told.bot_config_id = s.bot_config_id)
         and s.status_message <> excluded.status_message`,
    [bots.map((bot) => bot.botId), bots.map((bot) => bot.holder), bots.map((bot) => bot.message.slice(0, 500))],
  );
}

export interface BotStatus {
  readonly botId: string;
  readonly epoch: number;
  readonly message: string;
  /** Venue time of the newest candle decided on, ms; null before the first. */
  readonly lastExecutionMs: number | null;
  /** Merged into `state_data`; keys that are absent stay. Of `notices`, those that the row does not have yet become outbox events. */
  readonly stateData: Readonly<Record<string, unknown>>;
}

/**
 * Writes the status of bots whose epoch is still ours, and an outbox event for each notice that the row does not have yet: so each is
 * written once. Answers the bots that were written.
 */
export async function writeStatuses(pool: Pool, holder: string, statuses: readonly BotStatus[]): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ id: string }>(
    // Rows are locked in the same order as by the commit of intents, so that the two statements cannot deadlock.
    `with u as (
       select * from unnest($2::bigint[], $3::bigint[], $4::text[], $5::float8[], $6::text[]) as t(bot_config_id, epoch, message, last_ms, data)
     ), ours as materialized (
       select s.bot_config_id, u.message, u.last_ms, u.data::jsonb as data, coalesce(s.state_data->'notices', '[]') as told
       from bot_state s join u on s.bot_config_id = u.bot_config_id and s.lock_epoch = u.epoch
       where s.lock_holder = $1 order by s.bot_config_id for update of s
     ), events as (
       insert into outbox_events (topic, bot_config_id, payload, created_at)
       select n->>'topic', o.bot_config_id, n - 'topic', now()
       from ours o cross join lateral jsonb_array_elements(o.data->'notices') n
       where not o.told @> jsonb_build_array(jsonb_build_object('topic', n->'topic', 'dayStartMs', n->'dayStartMs'))
     )
     update bot_state s
     set status_message = o.message, state_data = s.state_data || o.data,
         last_execution = coalesce(to_timestamp(o.last_ms / 1000.0), s.last_execution), version = s.version + 1, updated_at = now()
     from ours o where s.bot_config_id = o.bot_config_id
     returning s.bot_config_id::text as id`,
    [
      holder,
      statuses.map((status) => status.botId),
      statuses.map((status) => status.epoch),
      statuses.map((status) => status.message.slice(0, 500)),
      statuses.map((status) => status.lastExecutionMs),
      statuses.map((status) => JSON.stringify(status.stateData)),
    ],
  );
  return new Set(rows.map((row) => row.id));
}
