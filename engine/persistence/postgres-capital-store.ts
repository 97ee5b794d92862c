/** The capital store over PostgreSQL, on the small pool: entries wait for what it writes. */
import type { Pool } from 'pg';
import type { Clock } from '../time/clock.ts';
import { midnightBefore } from '../trading/day.ts';
import type { CapitalStore } from './capital-store.ts';
import { retryUndone } from '../database/retry-undone.ts';

/** Entries that one reading settles at most; the next one goes on. */
const settledMax = 10_000;

/** As `admit_entries` tells entries that still move from those that are over. */
const overSql = `
  select o.client_order_id as id from orders o
  where o.venue = $1 and o.account = $2 and o.reserved_quote is not null and o.capital_settled_at is null
    and o.state not in ('intended', 'unknown', 'accepted') and (o.state <> 'never-placed' or o.exchange_order_id is null)
  limit ${settledMax}`;

/** A row is taken over only while it is as it was when the reading began. */
const writeSql = `
with written as (
  insert into account_capital as c (venue, account, asset, free, read_at, version, updated_at)
  select $1, $2, t.asset, t.free, $3::timestamptz, t.version + 1, now()
  from unnest($4::text[], $5::numeric[], $6::bigint[]) as t(asset, free, version)
  order by t.asset
  on conflict (venue, account, asset) do update
    set free = excluded.free, read_at = excluded.read_at, version = excluded.version, updated_at = now()
    where c.version = excluded.version - 1
  returning c.asset
), settled as (
  update orders o set capital_settled_at = now() from written w
  where o.client_order_id = any($7) and o.quote_asset = w.asset and o.capital_settled_at is null
)
select asset from written`;

const noteLossesSql = `
update account_capital c set loss_reached_ms = $3, updated_at = now() from account_limits l
where c.venue = $1 and c.account = $2 and l.venue = c.venue and l.account = c.account and l.asset = c.asset
  and c.loss_reached_ms is distinct from $3
  and -account_day_result(c.venue, c.account, c.asset, $3) >= l.max_daily_loss`;

export function createPostgresCapitalStore({ pool, clock }: { readonly pool: Pool; readonly clock: Clock }): CapitalStore {
  return {
    async begin(venue, account) {
      // The clock is read first: what is over when the entries are read is over when the exchange is asked.
      const { rows: known } = await pool.query<{
        at: string;
        asset: string | null;
        version: string;
        age_ms: string;
        capped: string[] | null;
      }>(
        `select t.at::text, c.asset, c.version::text, (extract(epoch from t.at - c.read_at) * 1000)::text as age_ms,
                (select array_agg(l.asset::text order by l.asset) from account_limits l
                 where l.venue = $1 and l.account = $2 and l.max_daily_loss is not null) as capped
         from (select clock_timestamp() as at) t left join account_capital c on c.venue = $1 and c.account = $2`,
        [venue, account],
      );
      const { rows: over } = await pool.query<{ id: string }>(overSql, [venue, account]);
      return {
        venue,
        account,
        begunAt: known[0]?.at ?? '',
        known: new Map(
          known.flatMap(({ asset, version, age_ms }) => (asset === null ? [] : [[asset, { version, ageMs: Number(age_ms) }] as const])),
        ),
        over: over.map(({ id }) => id),
        lossCapped: known[0]?.capped ?? [],
      };
    },
    async write({ venue, account, begunAt, known, over }, balances) {
      const versions = balances.map(({ asset }) => known.get(asset)?.version ?? '0');
      const { rows } = await retryUndone(clock, () =>
        pool.query<{ asset: string }>(writeSql, [
          venue,
          account,
          begunAt,
          balances.map(({ asset }) => asset),
          balances.map(({ free }) => free.toFixed()),
          versions,
          over,
        ]),
      );
      return new Set(rows.map(({ asset }) => asset));
    },
    async noteLosses(venue, account, atMs) {
      await retryUndone(clock, () => pool.query(noteLossesSql, [venue, account, midnightBefore(atMs)]));
    },
  };
}
