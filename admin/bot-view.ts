/** Bots as JSON: one query joins configuration and state for a whole page; what a position is worth follows from the last price. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { Decimal } from 'decimal.js';
import type { Static } from 'typebox';
import { readStateData } from '../engine/persistence/state-data.ts';
import type { StateData, StateDataJson } from '../engine/persistence/state-data.ts';
import { exact, toRowScale } from '../engine/trading/exact.ts';
import type { EngineView } from './ports.ts';
import { botSchema } from './schemas/bot.ts';
import { answerOf } from './schemas/fields.ts';

export type BotAnswer = Static<typeof botSchema>;

export interface BotQuery {
  readonly userId: string;
  readonly botId?: string;
  readonly after?: string;
  readonly limit?: number;
}

interface BotRecord extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly state_data: StateDataJson | null;
}

/** Bots of one user in id order; deleted ones are gone. */
export async function readBots(
  em: EntityManager,
  engine: Pick<EngineView, 'heardPrice'>,
  { userId, botId, after = '0', limit = 1 }: BotQuery,
): Promise<BotAnswer[]> {
  const rows: BotRecord[] = await em.getConnection().execute(
    `select c.*, coalesce(s.is_running, false) as is_running, s.status_message, s.last_execution, s.lock_holder, s.state_data
     from bot_configs c left join bot_state s on s.bot_config_id = c.id
     where c.user_id = ? and c.deleted_at is null and c.id > ? and (?::bigint is null or c.id = ?::bigint)
     order by c.id limit ?`,
    [userId, after, botId ?? null, botId ?? null, limit],
    'all',
    em.getTransactionContext(),
  );
  return rows.map((row) =>
    answerOf(botSchema, { ...row, ...resultOf(readStateData(row.state_data ?? {}), engine.heardPrice(String(row.id))) }),
  );
}

/** Digits of an average that is shown: more than any price has, and not all decimals of a division. */
const averageDigits = 12;

/** The position and its result, from the rows and at the last known price. */
function resultOf(stored: StateData, heard: ReturnType<EngineView['heardPrice']>) {
  const { quantity, cost, entryFees, openedAtMs } = stored.position;
  const held = openedAtMs !== null;
  const last = heard ?? { price: stored.lastPrice, atMs: stored.lastPriceAtMs };
  const worth = last.price === null ? null : exact(quantity).times(last.price);
  return {
    position_quantity: held ? quantity : 0,
    dust_quantity: held ? 0 : quantity,
    entry_price: held && quantity.gt(0) ? exact(cost).div(quantity).toSignificantDigits(averageDigits) : null,
    last_price: last.price,
    last_price_at: last.atMs,
    unrealized_pnl: !held ? new Decimal(0) : worth === null ? null : toRowScale(worth.minus(cost).minus(entryFees)),
    realized_pnl: stored.realisedTotal,
  };
}
