/** Commands that users gave to running bots: durable rows, carried out in order by the bot's owner, answered in the row. */
import type { Pool } from 'pg';
import type { botCommandNames } from '../../entities/vocabulary.ts';

export type BotCommandName = (typeof botCommandNames)[number];

export interface PendingCommand {
  readonly id: string;
  readonly botId: string;
  readonly command: BotCommandName;
  readonly reason: string | null;
}

/** Commands of these bots that nobody has carried out, oldest first. */
export async function pendingCommands(pool: Pool, botIds: readonly string[]): Promise<readonly PendingCommand[]> {
  const { rows } = await pool.query<{ id: string; bot_id: string; command: BotCommandName; reason: string | null }>(
    `select id::text, bot_config_id::text as bot_id, command, reason from bot_commands
     where handled_at is null and bot_config_id = any($1::bigint[]) order by id limit 1000`,
    [botIds],
  );
  return rows.map((row) => ({ id: row.id, botId: row.bot_id, command: row.command, reason: row.reason }));
}

/** Marks commands as carried out, with what came of each. */
export async function finishCommands(pool: Pool, finished: readonly { readonly id: string; readonly outcome: string }[]): Promise<void> {
  await pool.query(
    `update bot_commands c set handled_at = now(), outcome = f.outcome
     from unnest($1::bigint[], $2::text[]) as f(id, outcome) where c.id = f.id and c.handled_at is null`,
    [finished.map((command) => command.id), finished.map((command) => command.outcome)],
  );
}
