/** Whether the owner of a bot could have done or heard anything just now. */
import type { BotConfigRow } from '../../engine/persistence/bot-rows.ts';
import type { Replica } from './replica.ts';
import type { Watched } from './watched.ts';

/** True while nobody runs the bot, or whoever does stands still or is cut off from the database or the exchange. */
export function outOfReach(world: Watched, row: BotConfigRow): boolean {
  const { weather, exchange, bans, scheduler } = world;
  const owner = ownerOf(world, row);
  const session = owner?.fleet?.supervisor.bot(row.id)?.session ?? null;
  if (owner === undefined || session === null || owner.paused) return true;
  const away = (['database-down', 'database-split', 'database-slow', 'reads-fail'] as const).some((kind) =>
    weather.holds(kind, owner.index),
  );
  return away || exchange.now() < bans.untilMs || scheduler.now < owner.silentUntilMs;
}

/** The exchange has not answered a cancel of the bot's owner: what rests is not known to it. */
export function awaitsCancel(world: Watched, row: BotConfigRow): boolean {
  return ownerOf(world, row)?.awaitsCancel === true;
}

function ownerOf({ database, replicas }: Watched, { id }: BotConfigRow): Replica | undefined {
  const holder = database.states.get(id)?.holder;
  return replicas.find((replica) => replica.owner === holder);
}
