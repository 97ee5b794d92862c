/**
 * A bot's rows as recovery needs them, loaded in sets: a handful of queries however many bots were claimed.
 */
import { Decimal } from 'decimal.js';
import type { Pool } from 'pg';
import { readColumns } from '../trading/bot-columns.ts';
import type { NamedColumn, TradingColumns } from '../trading/bot-columns.ts';
import type { ExitKind, Fill, OrderRole } from '../trading/events.ts';
import type { OrderSide, OrderType } from '../trading/instrument.ts';
import type { OrderState, StoredOrder } from './order-store.ts';
import { readSaleBounds, readStateData } from './state-data.ts';
import type { SaleBoundsJson, StateData, StateDataJson } from './state-data.ts';

/** One row of `bot_configs`, money as Decimal. */
export interface BotConfigRow {
  readonly id: string;
  readonly userId: string;
  readonly version: number;
  readonly mode: 'live' | 'paper';
  readonly venue: string;
  readonly columns: TradingColumns;
}

export interface BotRows {
  readonly config: BotConfigRow;
  readonly stateData: StateData;
  /** Venue time of the newest close that was decided on, as last written; null before the first. */
  readonly lastExecutionMs: number | null;
  /** Orders that are not over, and the recent ones, oldest first. */
  readonly orders: readonly StoredOrder[];
  /** The bot's fills after its checkpoint (all of them without one), in the order in which they are folded. */
  readonly fills: readonly StoredFill[];
}

export interface StoredFill extends Fill {
  /** Of its row. Those of one bot count up. */
  readonly id: string;
}

/** It has ever bought. */
export function hasTraded({ fills, stateData }: Pick<BotRows, 'fills' | 'stateData'>): boolean {
  return fills.length > 0 || stateData.checkpoint !== null;
}

/** The last price in the rows: of the newest close, or of the newest execution if that came later. NaN when there is none. */
export function lastKnownPrice({ stateData, lastExecutionMs, fills }: Pick<BotRows, 'stateData' | 'lastExecutionMs' | 'fills'>): number {
  const lastFill = fills.at(-1);
  if (lastFill !== undefined && (lastExecutionMs === null || lastFill.atMs > lastExecutionMs)) return lastFill.price.toNumber();
  return stateData.lastPrice ?? lastFill?.price.toNumber() ?? Number.NaN;
}

/** Orders older than this are needed no more: they are over, and their fills tell the rest. */
const recentOrders = '3 days';

export async function loadConfigs(pool: Pool, botIds: readonly string[]): Promise<ReadonlyMap<string, BotConfigRow>> {
  const { rows } = await pool.query<Record<string, unknown>>('select * from bot_configs where id = any($1::bigint[])', [botIds]);
  return new Map(rows.map((row) => [String(row['id']), configRow(row)]));
}

export async function loadBots(pool: Pool, botIds: readonly string[]): Promise<ReadonlyMap<string, BotRows>> {
  const [configs, states, orders] = await Promise.all([
    loadConfigs(pool, botIds),
    pool.query<{ id: string; data: StateDataJson | null; last_ms: string | null }>(
      `select bot_config_id as id, state_data as data, (extract(epoch from last_execution) * 1000)::bigint::text as last_ms
       from bot_state where bot_config_id = any($1::bigint[])`,
      [botIds],
    ),
    pool.query<OrderRecord>(
      `${selectOrder} where bot_config_id = any($1::bigint[])
         and (state in ('intended', 'unknown', 'accepted') or created_at > now() - interval '${recentOrders}')
       order by id`,
      [botIds],
    ),
  ]);
  // After the states: the fills are those behind the checkpoints that were read.
  const fills = await pool.query<FillRecord>(
    `${selectFill} join unnest($1::bigint[], $2::bigint[]) as s(bot_config_id, through_id) on f.bot_config_id = s.bot_config_id and f.id > s.through_id
     order by f.id`,
    [states.rows.map(({ id }) => id), states.rows.map(({ data }) => data?.checkpoint?.throughFillId ?? '0')],
  );
  const stateById = new Map(states.rows.map((row) => [row.id, row]));
  const ordersById = Map.groupBy(orders.rows, (row) => row.bot_config_id);
  const fillsById = Map.groupBy(fills.rows, (row) => row.bot_config_id);
  const bots = new Map<string, BotRows>();
  for (const [id, config] of configs) {
    const state = stateById.get(id);
    bots.set(id, {
      config,
      stateData: readStateData(state?.data ?? {}),
      lastExecutionMs: state?.last_ms === null || state?.last_ms === undefined ? null : Number(state.last_ms),
      orders: (ordersById.get(id) ?? []).map(storedOrder),
      fills: (fillsById.get(id) ?? []).map(storedFill),
    });
  }
  return bots;
}

/** Columns of `orders` that make a `StoredOrder`; callers add the condition. */
export const selectOrder = `
  select bot_config_id::text, client_order_id, symbol, role, exit_kind, side, type, quantity::text, price::text, stop_price::text, slot, decision_ms::text, attempt, reason, sale_bounds, state, exchange_order_id,
         executed_quantity::text, signed_ts::text, recv_window_ms, (extract(epoch from created_at) * 1000)::bigint::text as created_ms
  from orders`;

export interface OrderRecord {
  readonly bot_config_id: string;
  readonly client_order_id: string;
  readonly symbol: string;
  readonly role: OrderRole;
  readonly exit_kind: ExitKind | null;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly quantity: string;
  readonly price: string | null;
  readonly stop_price: string | null;
  readonly slot: number;
  readonly decision_ms: string;
  readonly attempt: number;
  readonly reason: string;
  readonly sale_bounds: SaleBoundsJson | null;
  readonly state: OrderState;
  readonly exchange_order_id: string | null;
  readonly executed_quantity: string;
  readonly signed_ts: string;
  readonly recv_window_ms: number;
  readonly created_ms: string;
}

export function storedOrder(row: OrderRecord): StoredOrder {
  return {
    botId: row.bot_config_id,
    clientOrderId: row.client_order_id,
    symbol: row.symbol,
    role: row.role,
    exitKind: row.exit_kind,
    side: row.side,
    type: row.type,
    quantity: new Decimal(row.quantity),
    price: row.price === null ? null : new Decimal(row.price),
    stopPrice: row.stop_price === null ? null : new Decimal(row.stop_price),
    slot: row.slot,
    decisionMs: Number(row.decision_ms),
    attempt: row.attempt,
    reason: row.reason,
    saleBounds: readSaleBounds(row.sale_bounds),
    state: row.state,
    exchangeOrderId: row.exchange_order_id,
    executedQuantity: new Decimal(row.executed_quantity),
    signedTimestampMs: Number(row.signed_ts),
    recvWindowMs: row.recv_window_ms,
    createdAtMs: Number(row.created_ms),
  };
}

const selectFill = `
  select f.id::text, f.bot_config_id::text, f.exchange_trade_id, f.client_order_id, f.role, o.exit_kind, o.sale_bounds, f.side, f.price::text, f.quantity::text,
         f.commission_amount::text, f.commission_asset, f.quote_commission::text, (extract(epoch from f.executed_at) * 1000)::bigint::text as executed_ms
  from fills f join orders o on o.id = f.order_id`;

interface FillRecord {
  readonly id: string;
  readonly bot_config_id: string;
  readonly exchange_trade_id: string;
  readonly client_order_id: string;
  readonly role: OrderRole;
  readonly exit_kind: ExitKind | null;
  readonly sale_bounds: SaleBoundsJson | null;
  readonly side: OrderSide;
  readonly price: string;
  readonly quantity: string;
  readonly commission_amount: string;
  readonly commission_asset: string;
  readonly quote_commission: string | null;
  readonly executed_ms: string;
}

function storedFill(row: FillRecord): StoredFill {
  return {
    id: row.id,
    tradeId: row.exchange_trade_id,
    clientOrderId: row.client_order_id,
    role: row.role,
    exitKind: row.exit_kind,
    side: row.side,
    price: new Decimal(row.price),
    quantity: new Decimal(row.quantity),
    commission: new Decimal(row.commission_amount),
    commissionAsset: row.commission_asset,
    commissionWorth: row.quote_commission === null ? null : new Decimal(row.quote_commission),
    saleBounds: readSaleBounds(row.sale_bounds),
    atMs: Number(row.executed_ms),
  };
}

function configRow(row: Readonly<Record<string, unknown>>): BotConfigRow {
  const { mode, venue, ...columns } = readColumns((column) => columnValue(column, row[column.name]));
  return { id: String(row['id']), userId: String(row['user_id']), version: Number(row['version']), mode, venue, columns };
}

/** The driver returns numeric columns as text. */
function columnValue({ name, kind }: NamedColumn, value: unknown): unknown {
  if (value === undefined) throw new Error(`bot_configs has no column ${name}: is the database migrated?`);
  if (value === null) return null;
  if (kind === 'money') return new Decimal(value as string);
  return kind === 'percent' ? Number(value) : value;
}
