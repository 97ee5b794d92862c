/** Whether the owner of a bot could have done or heard anything just now. */
import type { BotConfigRow } from '../../engine/persistence/bot-rows.ts';
import type { Watched } from './watched.ts';

/** True while nobody runs the bot, or whoever does stands still or is cut off from the database or the exchange. */
export function outOfReach({ database, replicas, weather, exchange, bans, scheduler }: Watched, { id }: BotConfigRow): boolean {
  const holder = database.states.get(id)?.holder;
  const owner = replicas.find((replica) => replica.owner === holder);
  const session = owner?.fleet?.supervisor.bot(id)?.session ?? null;
  if (owner === undefined || session === null || owner.paused) return true;
  const away = (['database-down', 'database-split', 'database-slow', 'reads-fail'] as const).some((kind) =>
    weather.holds(kind, owner.index),
  );
  return away || exchange.now() < bans.untilMs || scheduler.now < owner.silentUntilMs;
}
