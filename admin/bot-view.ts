/** Bots as JSON: one query joins configuration and state for a whole page. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { Decimal } from 'decimal.js';

type Row = Record<string, unknown>;

export interface BotQuery {
  readonly userId: string;
  readonly botId?: string;
  readonly after?: string;
  readonly limit?: number;
}

/** Bots of one user in id order; deleted ones are gone. */
export async function readBots(em: EntityManager, { userId, botId, after = '0', limit = 1 }: BotQuery): Promise<Row[]> {
  const rows: Row[] = await em.getConnection().execute(
    `select c.*, coalesce(s.is_running, false) as is_running, s.status_message, s.last_execution, s.lock_holder,
            case when p.opened then p.quantity else 0 end as position_quantity, case when p.opened then 0 else p.quantity end as dust_quantity
     from bot_configs c left join bot_state s on s.bot_config_id = c.id
     cross join lateral (select coalesce(s.state_data->'position'->>'openedAtMs', '') <> '' as opened,
                                coalesce(s.state_data->'position'->>'quantity', '0')::numeric as quantity) p
     where c.user_id = ? and c.deleted_at is null and c.id > ? and (?::bigint is null or c.id = ?::bigint)
     order by c.id limit ?`,
    [userId, after, botId ?? null, botId ?? null, limit],
    'all',
    em.getTransactionContext(),
  );
  return rows.map(({ user_id: _owner, deleted_at: _deleted, ...row }) => jsonRow(row));
}

/** Ids and money as text without trailing zeros, percentages as numbers, times as RFC 3339. Plain columns stay. */
export function jsonRow(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, jsonValue(name, value)]));
}

const timeColumn = /_at$|_until$|^timestamp$|^last_execution$/;
const idColumn = /(^|_)id$|^decision_ms$|^epoch$|^lock_epoch$|^signed_ts$/;
const percentColumn = /_perc$|^custom_(stop_loss|take_profit|trailing_stop)$/;
const moneyColumns = new Set([
  'initial_capital',
  'position_size_fixed',
  'transfer_amount',
  'price',
  'quantity',
  'position_quantity',
  'dust_quantity',
  'quantity_filled',
  'quote_quantity_filled',
  'commission_amount',
  'pnl',
  'realized_pnl',
  'reference_price',
  'executed_quantity',
  'executed_quote',
  'max_exposure',
  'max_daily_loss',
  'free',
  'reserved',
  'reserved_quote',
  'day_result',
]);

function jsonValue(name: string, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (timeColumn.test(name)) return new Date(value as string | Date).toISOString();
  if (moneyColumns.has(name)) return new Decimal(value as string).toFixed();
  // The driver gives `numeric` as text; a percentage is a number in JSON.
  if (percentColumn.test(name)) return Number(value);
  if (idColumn.test(name)) return typeof value === 'string' ? value : (value as number).toString();
  return value;
}
