/** Why there is no decision on a candle, as far as the rows show it. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { DecisionRow } from '../engine/persistence/decision-store.ts';
import type { BotConfig } from '../entities/index.ts';

/** What the rows know around the candle. Times are the venue's, ms UTC. */
export interface Surroundings {
  readonly closeMs: number;
  readonly nowMs: number;
  readonly keptMs: number;
  readonly before: DecisionRow | null;
  readonly after: DecisionRow | null;
  readonly isActive: boolean;
  readonly isRunning: boolean;
  readonly statusMessage: string | null;
  /** The newest `start` or `stop` before the close. */
  readonly lastSwitch: { readonly command: 'start' | 'stop'; readonly atMs: number } | null;
}

export const missingReasons = ['not-closed', 'not-kept', 'not-written', 'not-decided', 'not-running', 'gap'] as const;
export type MissingReason = (typeof missingReasons)[number];

export interface Missing {
  readonly reason: MissingReason;
  readonly sentence: string;
}

/** A verdict that was made is in the rows after this, unless the database was away. */
const writtenAfterMs = 5_000;
const hourMs = 3_600_000;

export function whyMissing(around: Surroundings): Missing {
  const { closeMs, nowMs, keptMs, before, after, isRunning, isActive, lastSwitch } = around;
  const closed = timeText(closeMs + 1);
  if (closeMs >= nowMs) return { reason: 'not-closed', sentence: `no decision yet: the candle closes at ${closed}` };
  if (closeMs < nowMs - keptMs)
    return {
      reason: 'not-kept',
      sentence: `no decision is kept: the candle closed at ${closed}, and decisions are kept for ${keptMs / hourMs} hours`,
    };
  if (lastSwitch?.command === 'stop')
    return { reason: 'not-running', sentence: `no decision: the bot had been switched off at ${timeText(lastSwitch.atMs)}` };
  const status = around.statusMessage === null ? 'it has never run' : `its status: ${around.statusMessage}`;
  if (after === null) {
    if (!isRunning)
      return {
        reason: 'not-running',
        sentence: `no decision: ${isActive ? 'the bot is switched on, but no engine runs it' : 'the bot is switched off'} (${status})`,
      };
    if (nowMs - closeMs <= writtenAfterMs)
      return { reason: 'not-written', sentence: `no decision is written yet: the candle closed at ${closed}, a moment ago` };
    return {
      reason: 'not-decided',
      sentence: `no decision: the bot runs, but has not decided on a candle that closed at ${closed} (${status})`,
    };
  }
  if (before === null)
    return {
      reason: 'not-running',
      sentence: `no decision: the first one that is kept of this bot is on the candle that closed at ${timeText(after.closeMs + 1)}`,
    };
  return {
    reason: 'gap',
    sentence: `no decision: between the candles that closed at ${timeText(before.closeMs + 1)} and ${timeText(after.closeMs + 1)} the bot did not run, the exchange had no candles, or what was decided could not be written`,
  };
}

/** UTC to the second, as the API writes times. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

interface StateRecord {
  readonly is_running: boolean | null;
  readonly status_message: string | null;
  readonly command: 'start' | 'stop' | null;
  readonly command_ms: string | null;
}

/** What the rows say of whether the bot runs now, and whether it was switched on at that close. */
export async function readSwitches(
  em: EntityManager,
  bot: BotConfig,
  closeMs: number,
): Promise<Pick<Surroundings, 'isActive' | 'isRunning' | 'statusMessage' | 'lastSwitch'>> {
  const [row]: StateRecord[] = await em.getConnection().execute(
    `select s.is_running, s.status_message, k.command, (extract(epoch from k.created_at) * 1000)::bigint::text as command_ms
     from bot_configs c
     left join bot_state s on s.bot_config_id = c.id
     left join lateral (
       select command, created_at from bot_commands
       where bot_config_id = c.id and command in ('start', 'stop') and created_at <= to_timestamp(?::float8 / 1000)
       order by id desc limit 1) k on true
     where c.id = ?`,
    [closeMs, bot.id],
  );
  const { command = null, command_ms: commandMs = null } = row ?? {};
  return {
    isActive: bot.isActive,
    isRunning: row?.is_running ?? false,
    statusMessage: row?.status_message ?? null,
    lastSwitch: command === null ? null : { command, atMs: Number(commandMs) },
  };
}
