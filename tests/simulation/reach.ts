/** Whether the owner of a bot could have done or heard anything just now. */
import type { BotConfigRow } from '../../engine/persistence/bot-rows.ts';
import { isTimeframe, timeframeMs } from '../../engine/trading/candle.ts';
import type { FaultKind } from './faults.ts';
import type { Replica } from './replica.ts';
import type { Watched } from './watched.ts';

/** Calls of the database that fail one by one. */
const failures: readonly FaultKind[] = [
  'commit-lost',
  'commit-unheard',
  'commit-refused',
  'commit-orphaned',
  'record-lost',
  'record-refused',
  'record-unheard',
  'record-orphaned',
  'write-orphaned',
  'lock-wait',
];
/** A statement is orphaned for 4 s at most, and what failed is tried again after 2 s. */
const failureLastsMs = 6_500;

/** True while no engine runs the bot, or its engine stands still, is cut off from the database or the exchange, or has calls fail there. */
export function outOfReach(world: Watched, row: BotConfigRow): boolean {
  const { weather, exchange, bans, scheduler } = world;
  const owner = ownerOf(world, row);
  const session = owner?.fleet?.supervisor.bot(row.id)?.session ?? null;
  if (owner === undefined || session === null || owner.paused) return true;
  const away = (['database-down', 'database-split', 'database-slow', 'reads-fail'] as const).some((kind) =>
    weather.holds(kind, owner.index),
  );
  const failing = failures.some((kind) => weather.struck(kind, failureLastsMs));
  return away || failing || exchange.now() < bans.untilMs || scheduler.now < owner.silentUntilMs;
}

/** The bot's symbol does not trade, or its owner has not read yet that it does again. */
export function isHalted(world: Watched, row: BotConfigRow): boolean {
  const { symbol } = row.columns;
  const known = ownerOf(world, row)?.instrument(symbol)?.status ?? 'TRADING';
  return known !== 'TRADING' || world.exchange.matching.instrument(symbol)?.status !== 'TRADING';
}

/** The exchange has not answered a cancel of the bot's owner: what rests is not known to it. */
export function awaitsCancel(world: Watched, row: BotConfigRow): boolean {
  return ownerOf(world, row)?.awaitsCancel === true;
}

/** Of the candles that the bot decides on. */
export function lengthOf({ columns: { timeframe } }: BotConfigRow): number {
  return isTimeframe(timeframe) ? timeframeMs[timeframe] : Number.NaN;
}

function ownerOf({ database, replicas }: Watched, { id }: BotConfigRow): Replica | undefined {
  const holder = database.states.get(id)?.holder;
  return replicas.find((replica) => replica.owner === holder);
}
