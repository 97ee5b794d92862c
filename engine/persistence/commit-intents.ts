/**
 * Makes order intents durable before anything is sent. All intents of one turn of the event loop go in one statement,
 * which checks the epoch under a row lock: a stale owner commits nothing. The partial unique index refuses a second
 * unresolved intent of the same role (except the new stop that replaces one), the unique client order id refuses a repeated decision.
 * Entries that spend an account's money are admitted in the same statement, under a lock of the account (`admit_entries`).
 */
import { Decimal } from 'decimal.js';
import type { Pool } from 'pg';
import { balanceMaxAgeMs, refusedBy } from '../trading/capital.ts';
import type { AccountRefusal, Reservation } from '../trading/capital.ts';
import type { AccountRule, ExitKind, OrderRole } from '../trading/events.ts';
import type { SaleBounds } from '../trading/state.ts';
import { isSqlState } from '../database/trouble.ts';
import { poolNames } from '../database/pools.ts';
import { writeSaleBounds } from './state-data.ts';
import type { Market, OrderSide, OrderType } from '../trading/instrument.ts';

export interface Intent {
  readonly botId: string;
  readonly userId: string;
  readonly epoch: number;
  readonly venue: string;
  readonly account: string;
  readonly market: Market;
  readonly symbol: string;
  readonly clientOrderId: string;
  readonly decisionMs: number;
  readonly role: OrderRole;
  /** What closes the position, for orders of the role `exit`. */
  readonly exitKind: ExitKind | null;
  readonly attempt: number;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly quantity: Decimal;
  readonly price: Decimal | null;
  readonly stopPrice: Decimal | null;
  /** 0, except for a stop that replaces one: it gets the number (0 or 1) that the replaced stop has not, because both rows are open for a while. */
  readonly slot: number;
  /** What a live entry takes from its account at most; null for everything else, which never waits for money. */
  readonly reservation: Reservation | null;
  /** What the filters ask of a sale now, of an entry; null for everything else. */
  readonly saleBounds: SaleBounds | null;
  readonly referencePrice: number;
  readonly reason: string;
  /** The venue's time, taken before this commit; the exchange drops the order when it arrives later than the window. */
  readonly signedTimestampMs: number;
  readonly recvWindowMs: number;
}

/**
 * `fenced`: another owner holds the bot. `refused`: an unresolved intent of the role, or this decision, exists already. A rule: the
 * account cannot bear the entry.
 */
export type IntentVerdict = 'committed' | 'fenced' | 'refused' | AccountRefusal;

/** The statement's outcome is not known: the intents may or may not be durable. Nothing of them may be sent. */
export class CommitUnknown extends Error {
  /** The server's process behind the broken connection, which may still be at work; null when it is not known. */
  readonly backendPid: number | null;
  constructor(cause: unknown, backendPid: number | null = null) {
    super('it is not known whether the intents were committed; they must be re-read by client order id', { cause });
    this.name = 'CommitUnknown';
    this.backendPid = backendPid;
  }
}

const readOnly = '25006';

const commitSql = `
with wanted as (
  select * from unnest(
    $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
    $11::text[], $12::int[], $13::text[], $14::text[], $15::numeric[], $16::numeric[], $17::text[], $18::bigint[], $19::int[],
    $20::numeric[], $21::numeric[], $22::int[], $23::text[], $24::numeric[], $25::text[], $27::text[]
  ) with ordinality as w(bot_config_id, user_id, epoch, venue, account, market, symbol, client_order_id, decision_ms,
         role, attempt, side, type, quantity, reference_price, reason, signed_ts, recv_window_ms,
         price, stop_price, slot, exit_kind, reserved_quote, quote_asset, sale_bounds, place)
), owned as (
  select s.bot_config_id, s.lock_epoch
  from bot_state s
  where (s.bot_config_id, s.lock_epoch) in (select bot_config_id, epoch from wanted) and s.lock_holder = $1
  order by s.bot_config_id
  for share of s
), admitted as materialized (
  select a.*
  from (
    select array_agg(w.client_order_id order by w.place) as ids, array_agg(w.venue order by w.place) as venues,
           array_agg(w.account order by w.place) as accounts, array_agg(w.quote_asset order by w.place) as assets,
           array_agg(w.reserved_quote order by w.place) as costs, array_agg(w.signed_ts order by w.place) as at_ms
    from wanted w join owned o on o.bot_config_id = w.bot_config_id and o.lock_epoch = w.epoch
    where w.reserved_quote is not null
  ) e, lateral admit_entries(e.ids, e.venues, e.accounts, e.assets, e.costs, e.at_ms, $26) a
  where e.ids is not null
), inserted as (
  insert into orders (bot_config_id, user_id, venue, account, market, symbol, client_order_id, decision_ms, role, attempt, side, type,
                      quantity, reference_price, reason, state, epoch, signed_ts, recv_window_ms, executed_quantity, executed_quote,
                      price, stop_price, slot, exit_kind, reserved_quote, quote_asset, sale_bounds,
                      created_at, updated_at)
  select w.bot_config_id, w.user_id, w.venue, w.account, w.market, w.symbol, w.client_order_id, w.decision_ms, w.role, w.attempt, w.side, w.type,
         w.quantity, w.reference_price, w.reason, 'intended', w.epoch, w.signed_ts, w.recv_window_ms, 0, 0, w.price, w.stop_price, w.slot,
         w.exit_kind, w.reserved_quote, w.quote_asset, w.sale_bounds::jsonb, now(), now()
  from wanted w join owned o on o.bot_config_id = w.bot_config_id and o.lock_epoch = w.epoch
  left join admitted a on a.id = w.client_order_id
  where a.rule is null
  order by w.place
  on conflict do nothing
  returning client_order_id
)
select w.client_order_id as id,
       case when i.client_order_id is not null then 'committed' when o.bot_config_id is null then 'fenced' else 'refused' end as verdict,
       a.rule, a.amount::text, a.bound::text
from wanted w
left join owned o on o.bot_config_id = w.bot_config_id
left join admitted a on a.id = w.client_order_id
left join inserted i on i.client_order_id = w.client_order_id`;

/**
 * Commits the intents of one turn. Answers a verdict per client order id. Throws `CommitUnknown` when the connection
 * broke after the statement was handed over, and the database's error when it answered with one (nothing is durable then).
 */
export async function commitIntents(pool: Pool, holder: string, intents: readonly Intent[]): Promise<ReadonlyMap<string, IntentVerdict>> {
  const column = <T>(pick: (intent: Intent) => T): T[] => intents.map(pick);
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    const { rows } = await client.query<VerdictRow>({
      name: 'commit-intents',
      text: commitSql,
      values: [
        holder,
        column((i) => i.botId),
        column((i) => i.userId),
        column((i) => i.epoch),
        column((i) => i.venue),
        column((i) => i.account),
        column((i) => i.market),
        column((i) => i.symbol),
        column((i) => i.clientOrderId),
        column((i) => i.decisionMs),
        column((i) => i.role),
        column((i) => i.attempt),
        column((i) => i.side),
        column((i) => i.type),
        column((i) => i.quantity.toFixed()),
        column((i) => i.referencePrice),
        column((i) => i.reason),
        column((i) => Math.floor(i.signedTimestampMs)),
        column((i) => i.recvWindowMs),
        column((i) => i.price?.toFixed() ?? null),
        column((i) => i.stopPrice?.toFixed() ?? null),
        column((i) => i.slot),
        column((i) => i.exitKind),
        column((i) => i.reservation?.amount.toFixed() ?? null),
        column((i) => i.reservation?.asset ?? null),
        balanceMaxAgeMs,
        column((i) => (i.saleBounds === null ? null : JSON.stringify(writeSaleBounds(i.saleBounds)))),
      ],
    });
    const byId = new Map(intents.map((intent) => [intent.clientOrderId, intent]));
    return new Map(rows.map((row) => [row.id, verdictOf(row, byId.get(row.id))]));
  } catch (error) {
    // The server's own errors carry a five-character SQLSTATE and mean that nothing was committed, except class 57/08.
    const code = (error as { code?: unknown }).code;
    const answered = isSqlState(code) && !code.startsWith('08') && !code.startsWith('57P');
    // A server that takes no writes any more (25006) is as good as down: the next connection may find the new primary.
    if (!answered || code === readOnly) broken = error instanceof Error ? error : new Error(String(error));
    if (answered) throw error;
    throw new CommitUnknown(error, (client as { readonly processID?: number | null }).processID ?? null);
  } finally {
    client.release(broken);
  }
}

interface VerdictRow {
  readonly id: string;
  readonly verdict: 'committed' | 'fenced' | 'refused';
  readonly rule: AccountRule | null;
  readonly amount: string | null;
  readonly bound: string | null;
}

function verdictOf({ verdict, rule, amount, bound }: VerdictRow, intent: Intent | undefined): IntentVerdict {
  if (rule === null || amount === null || intent === undefined || intent.reservation === null) return verdict;
  const numbers = { amount: new Decimal(amount), bound: bound === null ? null : new Decimal(bound) };
  return refusedBy(rule, numbers, { account: intent.account, asset: intent.reservation.asset });
}

/**
 * Makes sure that the server's processes behind broken connections are gone: what they had not committed they never will.
 * Throws while one of them still runs.
 */
export async function endBackends(pool: Pool, pids: readonly number[]): Promise<void> {
  if (pids.length === 0) return;
  const ours = `pid = any($1::int[]) and pid <> pg_backend_pid() and application_name = '${poolNames.intents}'`;
  const { rowCount } = await pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${ours}`, [pids]);
  if (rowCount === 0) return;
  const { rows } = await pool.query<{ pid: number }>(`select pid from pg_stat_activity where ${ours}`, [pids]);
  if (rows.length > 0) throw new Error(`the database still works on a statement whose connection broke (process ${rows[0]?.pid})`);
}

/** Which of these client order ids are durable. */
export async function committedIds(pool: Pool, clientOrderIds: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ id: string }>('select client_order_id as id from orders where client_order_id = any($1)', [
    clientOrderIds,
  ]);
  return new Set(rows.map((row) => row.id));
}
