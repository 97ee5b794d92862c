/**
 * Compares the rows with the simulator's true ledger. Every difference is a line; lost, doubled and orphaned orders are also counted.
 */
import { Decimal as Standard } from 'decimal.js';
import type { LedgerAccount } from '../e2e/support/simulator-process.ts';

const Decimal = Standard.clone({ precision: 60 });

export interface OrderRow {
  readonly id: string;
  readonly bot: string;
  readonly decision_ms: string;
  readonly role: 'entry' | 'exit' | 'stop' | 'target';
  readonly attempt: number;
  readonly state: string;
  readonly epoch: string;
  readonly signed_ms: string;
  readonly window_ms: number;
  readonly created_ms: string;
  readonly executed: string;
  readonly evidence: unknown;
}

export interface FillRow {
  readonly symbol: string;
  readonly trade_id: string;
  readonly client_order_id: string;
  readonly bot: string;
  readonly side: string;
  readonly price: string;
  readonly quantity: string;
  readonly commission: string;
  readonly commission_asset: string;
}

export interface Rows {
  readonly orders: readonly OrderRow[];
  readonly fills: readonly FillRow[];
  readonly positions: readonly { readonly bot: string; readonly symbol: string; readonly quantity: string | null }[];
  /** Trade rows: one per executed order, the sum of its fills. */
  readonly trades: readonly { readonly client_order_id: string; readonly quantity: string }[];
}

export interface Verdict {
  readonly orders: number;
  readonly executions: number;
  /** Executed on the exchange and not in the rows, or called over although the exchange has it. */
  readonly lost: readonly string[];
  /** A second accepted order of one decision, or an entry on top of an entry. */
  readonly doubled: readonly string[];
  /** On the exchange with our mark and without an intent, or a position that nobody knows of. */
  readonly orphaned: readonly string[];
  /** Other differences. */
  readonly wrong: readonly string[];
}

export function passes(verdict: Verdict): boolean {
  return [verdict.lost, verdict.doubled, verdict.orphaned, verdict.wrong].every((lines) => lines.length === 0);
}

/** A stop or target that waits at the exchange: at rest too it is not over. */
function mayRest({ state, role }: OrderRow): boolean {
  return state === 'accepted' && (role === 'stop' || role === 'target');
}

function isOpen(status: string): boolean {
  return status === 'NEW' || status === 'PARTIALLY_FILLED' || status === 'PENDING_NEW';
}

/** What a clock of the same host may be read apart in commit and arrival. */
const clockSlackMs = 50;
/** An entry is decided at most this long after its close. */
const lateEntryMs = 5_000;
/** The most that the simulator delays an order behind its check of the time. */
const orderDelayMs = 250;

/** Selects what `verify` compares; the harness runs them past every link. */
export const selects = {
  orders: `select client_order_id as id, bot_config_id::text as bot, decision_ms::text, role, attempt, state, epoch::text, signed_ts::text as signed_ms,
                  recv_window_ms as window_ms, (extract(epoch from created_at) * 1000)::bigint::text as created_ms, executed_quantity::text as executed, evidence
           from orders order by id`,
  fills: `select symbol, exchange_trade_id as trade_id, client_order_id, bot_config_id::text as bot, side, price::text, quantity::text,
                 commission_amount::text as commission, commission_asset from fills order by id`,
  positions: `select s.bot_config_id::text as bot, c.symbol, s.state_data->'position'->>'quantity' as quantity
              from bot_state s join bot_configs c on c.id = s.bot_config_id`,
  trades: `select o.client_order_id, t.quantity_filled::text as quantity from trades t join orders o on o.id = t.order_id`,
} as const;

/** `steps`: step size per symbol; what is held below it cannot be protected or sold. */
export function verify(rows: Rows, ledger: LedgerAccount, steps: ReadonlyMap<string, string>): Verdict {
  const lost: string[] = [];
  const doubled: string[] = [];
  const orphaned: string[] = [];
  const wrong: string[] = [];
  const byId = new Map(rows.orders.map((order) => [order.id, order]));

  for (const told of ledger.orders) {
    const row = byId.get(told.clientOrderId);
    if (row === undefined) {
      orphaned.push(`order ${told.clientOrderId} (${told.side} ${told.executedQuantity} ${told.symbol}) has no intent`);
      continue;
    }
    if (row.state === 'never-placed' || row.state === 'rejected')
      lost.push(`order ${row.id} is called ${row.state}, but the exchange has it ${told.status}`);
    if (isOpen(told.status) !== mayRest(row)) wrong.push(`order ${row.id} is ${row.state} in its row and ${told.status} on the exchange`);
    if (!new Decimal(row.executed).eq(told.executedQuantity))
      lost.push(`order ${row.id} executed ${told.executedQuantity} on the exchange, ${row.executed} in its row`);
    const ageMs = told.arrivedAtMs - Number(row.signed_ms);
    if (ageMs > row.window_ms + orderDelayMs)
      wrong.push(`order ${row.id} was accepted ${ageMs} ms after its signature; its window is ${row.window_ms} ms`);
    if (told.arrivedAtMs + clockSlackMs < Number(row.created_ms)) wrong.push(`order ${row.id} arrived before its intent was committed`);
  }
  compareTrades(rows, ledger, lost, wrong);
  comparePositions(rows, ledger, byId, steps, orphaned);
  findDoubles(ledger, byId, doubled);

  const epochs = new Map<string, number>();
  for (const order of rows.orders) {
    if (mayRest(order)) continue;
    if (['intended', 'unknown', 'accepted'].includes(order.state)) wrong.push(`order ${order.id} is still ${order.state}`);
    else if (order.evidence === null) wrong.push(`order ${order.id} is ${order.state} without evidence`);
    if (order.role === 'entry' && Number(order.signed_ms) - Number(order.decision_ms) > lateEntryMs + clockSlackMs)
      wrong.push(`entry ${order.id} was signed ${Number(order.signed_ms) - Number(order.decision_ms)} ms after its candle's close`);
    if (Number(order.epoch) < (epochs.get(order.bot) ?? 0)) wrong.push(`order ${order.id} carries epoch ${order.epoch} after a later one`);
    epochs.set(order.bot, Number(order.epoch));
  }
  return { orders: ledger.orders.length, executions: ledger.trades.length, lost, doubled, orphaned, wrong };
}

/** The set of executions is the same on both sides, to the last digit; so is the sum in each trade row. */
function compareTrades(rows: Rows, ledger: LedgerAccount, lost: string[], wrong: string[]): void {
  const plain = (value: string): string => new Decimal(value).toFixed();
  const told = new Set(
    ledger.trades.map((t) =>
      [t.symbol, t.tradeId, t.clientOrderId, t.side, plain(t.price), plain(t.quantity), plain(t.commission), t.commissionAsset].join(' '),
    ),
  );
  const stored = rows.fills.map((f) =>
    [f.symbol, f.trade_id, f.client_order_id, f.side, plain(f.price), plain(f.quantity), plain(f.commission), f.commission_asset].join(' '),
  );
  const storedSet = new Set(stored);
  for (const trade of told) if (!storedSet.has(trade)) lost.push(`execution ${trade} has no row`);
  for (const fill of stored) if (!told.has(fill)) wrong.push(`fill ${fill} is not on the exchange`);
  if (storedSet.size !== stored.length) wrong.push('an execution has two rows');
  const sums = new Map<string, Standard>();
  for (const fill of rows.fills) sums.set(fill.client_order_id, (sums.get(fill.client_order_id) ?? new Decimal(0)).plus(fill.quantity));
  for (const trade of rows.trades)
    if (!new Decimal(trade.quantity).eq(sums.get(trade.client_order_id) ?? 0))
      wrong.push(`the trade row of ${trade.client_order_id} is not the sum of its fills`);
  if (rows.trades.length !== sums.size) wrong.push(`${sums.size} orders have fills and ${rows.trades.length} a trade row`);
}

/** Per bot: what its row says it holds is what the exchange's trades of its orders add up to, and a stop rests for it, neither more nor less. */
function comparePositions(
  rows: Rows,
  ledger: LedgerAccount,
  byId: ReadonlyMap<string, OrderRow>,
  steps: ReadonlyMap<string, string>,
  orphaned: string[],
): void {
  const held = new Map<string, Standard>();
  for (const trade of ledger.trades) {
    const bot = byId.get(trade.clientOrderId)?.bot ?? 'nobody';
    const base = trade.symbol.replace(/USDT$/, '');
    const sign = trade.side === 'BUY' ? 1 : -1;
    held.set(
      bot,
      (held.get(bot) ?? new Decimal(0))
        .plus(new Decimal(trade.quantity).times(sign))
        .minus(trade.commissionAsset === base ? trade.commission : 0),
    );
  }
  for (const { bot, quantity } of rows.positions)
    if (!new Decimal(quantity ?? 0).eq(held.get(bot) ?? 0))
      orphaned.push(
        `bot ${bot} holds ${(held.get(bot) ?? new Decimal(0)).toFixed()} by the exchange's trades, its row says ${quantity ?? 'nothing'}`,
      );
  // The two legs of a list close the same coins, so each role counts by itself.
  const resting = new Map<string, Standard>();
  for (const told of ledger.orders) {
    const row = byId.get(told.clientOrderId);
    if (row === undefined || !isOpen(told.status)) continue;
    const key = `${row.bot} ${row.role}`;
    resting.set(key, (resting.get(key) ?? new Decimal(0)).plus(told.quantity).minus(told.executedQuantity));
  }
  for (const [key, quantity] of resting) {
    const [bot = '', role] = key.split(' ');
    if (quantity.gt(held.get(bot) ?? 0))
      orphaned.push(`bot ${bot} has ${role} orders for ${quantity.toFixed()} and holds ${(held.get(bot) ?? new Decimal(0)).toFixed()}`);
  }
  for (const { bot, symbol } of rows.positions) {
    const bare = (held.get(bot) ?? new Decimal(0)).minus(resting.get(`${bot} stop`) ?? 0);
    if (bare.gte(steps.get(symbol) ?? 0)) orphaned.push(`bot ${bot} holds ${bare.toFixed()} ${symbol} for which no stop rests`);
  }
}

/**
 * One accepted order per bot, decision and role (of stops and targets: one that is open or executed, for they are moved);
 * what opens and what closes take turns (nothing here fills in part).
 */
function findDoubles(ledger: LedgerAccount, byId: ReadonlyMap<string, OrderRow>, doubled: string[]): void {
  const perDecision = new Map<string, string[]>();
  const last = new Map<string, { readonly id: string; readonly turn: 'entry' | 'exit' }>();
  const ordered = [...ledger.orders].sort((a, b) => a.arrivedAtMs - b.arrivedAtMs || (BigInt(a.orderId) < BigInt(b.orderId) ? -1 : 1));
  for (const { clientOrderId, executedQuantity, status } of ordered) {
    const row = byId.get(clientOrderId);
    if (row === undefined) continue;
    const key = `${row.bot} ${row.decision_ms} ${row.role}`;
    const executed = !new Decimal(executedQuantity).isZero();
    const moved = (row.role === 'stop' || row.role === 'target') && !executed && !isOpen(status);
    if (!moved) perDecision.set(key, [...(perDecision.get(key) ?? []), clientOrderId]);
    if (!executed) continue;
    const before = last.get(row.bot);
    const turn = row.role === 'entry' ? 'entry' : 'exit';
    if (before?.turn === turn)
      doubled.push(`bot ${row.bot}: ${turn} ${clientOrderId} follows ${turn} ${before.id} with nothing in between`);
    last.set(row.bot, { id: clientOrderId, turn });
  }
  for (const [key, ids] of perDecision)
    if (ids.length > 1) doubled.push(`decision ${key} has ${ids.length} accepted orders: ${ids.join(', ')}`);
  const unique = new Set(ledger.orders.map((order) => order.clientOrderId));
  if (unique.size !== ledger.orders.length) doubled.push('a client order id was used twice');
}
