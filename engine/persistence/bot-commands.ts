/**
 * Commands that users gave to bots: durable rows, carried out in order by the bot's owner, answered in the row. One that has
 * expired is not carried out: what a user wanted a while ago may be wrong for the position of now. The database's clock decides.
 */
import type { Pool } from 'pg';
import type { botCommandNames, commandFates } from '../../entities/vocabulary.ts';

export type BotCommandName = (typeof botCommandNames)[number];

export interface PendingCommand {
  readonly id: string;
  readonly botId: string;
  readonly command: BotCommandName;
  readonly reason: string | null;
  /** How long it may still be carried out, from the moment of the question. */
  readonly leftMs: number;
}

export interface FinishedCommand {
  readonly id: string;
  readonly fate: (typeof commandFates)[number];
  /** In words for the user who gave it. */
  readonly outcome: string;
}

/** Of a row of `bot_commands`. */
export const isPending = 'handled_at is null and expires_at > now()';

/** Commands of these bots that nobody has carried out and that have not expired, oldest first. */
export async function pendingCommands(pool: Pool, botIds: readonly string[]): Promise<readonly PendingCommand[]> {
  const { rows } = await pool.query<Omit<PendingCommand, 'botId' | 'leftMs'> & { bot_id: string; left_ms: number }>(
    `select id::text, bot_config_id::text as bot_id, command, reason, (extract(epoch from expires_at - now()) * 1000)::float8 as left_ms
     from bot_commands where ${isPending} and bot_config_id = any($1::bigint[]) order by id limit 1000`,
    [botIds],
  );
  return rows.map(({ bot_id, left_ms, ...row }) => ({ ...row, botId: bot_id, leftMs: left_ms }));
}

/** Writes what became of commands, also of one that expired while it was carried out. */
export async function finishCommands(pool: Pool, finished: readonly FinishedCommand[]): Promise<void> {
  await pool.query(
    `update bot_commands c set handled_at = now(), fate = f.fate, outcome = f.outcome
     from unnest($1::bigint[], $2::text[], $3::text[]) as f(id, fate, outcome) where c.id = f.id and c.handled_at is null`,
    [finished.map(({ id }) => id), finished.map(({ fate }) => fate), finished.map(({ outcome }) => outcome.slice(0, 300))],
  );
}
