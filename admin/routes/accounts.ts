/** Caps over all live bots of an exchange account, and what the capital ledger knows of it. For owners and administrators. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { Type } from 'typebox';
import { midnightBefore } from '../../engine/trading/day.ts';
import { AccountCapital, AccountLimits } from '../../entities/index.ts';
import type { AdminApp } from '../app.ts';
import { audit } from '../../engine/persistence/audit-log.ts';
import { readMoney } from '../bot-columns.ts';
import { callerOf } from '../guard.ts';
import type { AdminPorts } from '../ports.ts';
import { Problem, fieldProblem } from '../problem.ts';
import { problems } from '../schemas/common.ts';
import { amount, answerOf, list, object, orNull, text, time } from '../schemas/fields.ts';

const accountParams = object({
  account: Type.String({ minLength: 1, maxLength: 100, description: "The account's name, as orders and logs call it." }),
});

const cap = (description: string) => Type.Unsafe<string | number | null>({ type: ['string', 'number', 'null'], description });

const limitsBody = object({
  quote_asset: Type.String({ minLength: 1, maxLength: 20, description: 'The asset that both caps count in, e.g. USDT.' }),
  max_exposure: cap('Most that open positions cost and entries on their way reserve together; null for no cap.'),
  max_daily_loss: cap("Loss of the UTC day, realised and unrealised, at which the account's bots stop entering; null for no cap."),
});

const limitsSchema = object({
  account: text("The account's name."),
  venue: text('Where it is.'),
  items: list(
    object({
      quote_asset: text('The asset that all amounts are in.'),
      max_exposure: orNull(amount('Most that open positions cost and entries on their way reserve together; null for no cap.')),
      max_daily_loss: orNull(amount("Loss of the UTC day at which the account's bots stop entering; null for no cap.")),
      free: orNull(amount('Free balance at the last reading; null before the first.')),
      read_at: orNull(time('When that was read.')),
      reserved: amount('What entries have reserved or spent that no reading contains yet.'),
      day_result: orNull(
        amount("What the account's bots have gained or lost in the UTC day, as last published; null when none has traded in it."),
      ),
      entries_closed_until: orNull(time('Set while the daily loss keeps entries closed.')),
    }),
    'One per quote asset that has caps or was read.',
  ),
});

const readSql = `
select a.asset as quote_asset, l.max_exposure, l.max_daily_loss, c.free, c.read_at,
       (select r.reserved from account_reserved(a.venue, a.account, a.asset) r) as reserved,
       account_day_result(a.venue, a.account, a.asset, ?::bigint) as day_result,
       case when c.loss_reached_ms = ?::bigint and l.max_daily_loss is not null
            then to_timestamp((c.loss_reached_ms + 86400000) / 1000.0) end as entries_closed_until
from (select venue, account, asset from account_limits union select venue, account, asset from account_capital) a
left join account_limits l on l.venue = a.venue and l.account = a.account and l.asset = a.asset
left join account_capital c on c.venue = a.venue and c.account = a.account and c.asset = a.asset
where a.venue = ? and a.account = ? order by a.asset`;

export function accountRoutes(app: AdminApp, { orm, clock, venue, symbols, engine }: AdminPorts): void {
  const known = (account: string): void => {
    // The venue's one account has its name.
    if (account !== venue) throw new Problem('not-found', `there is no account ${account}: this engine trades on the account ${venue}`);
  };
  const read = async (em: EntityManager, account: string) => {
    // The days of bots are the venue's.
    const todayMs = midnightBefore(engine.status().venueTimeMs ?? clock.now());
    const rows: Record<string, unknown>[] = await em
      .getConnection()
      .execute(readSql, [todayMs, todayMs, venue, account], 'all', em.getTransactionContext());
    return { account, venue, items: rows.map((row) => answerOf(limitsSchema.properties.items.items, row)) };
  };

  app.get(
    '/v1/accounts/:account/limits',
    {
      config: { scope: 'admin' },
      schema: {
        summary: 'Caps over all live bots of an account, with what is free and reserved.',
        tags: ['accounts'],
        params: accountParams,
        response: { 200: limitsSchema, ...problems },
      },
    },
    async (request) => {
      const em = orm.em.fork();
      known(request.params.account);
      return read(em, request.params.account);
    },
  );

  app.put(
    '/v1/accounts/:account/limits',
    {
      config: { scope: 'admin' },
      schema: {
        summary: 'Set the caps of an account in one quote asset. They hold for the next entry, on all engines.',
        tags: ['accounts'],
        params: accountParams,
        body: limitsBody,
        response: { 200: limitsSchema, ...problems },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { account } = request.params;
      return orm.em.fork().transactional(async (tx) => {
        const em = tx as EntityManager;
        known(account);
        const { body } = request;
        const quotes = new Set(symbols.list().map(({ quoteAsset }) => quoteAsset));
        const caps = readCaps(body, quotes.has(body.quote_asset) ? [] : [notQuoted(body.quote_asset, venue)]);
        const at = new Date(clock.now());
        const place = { venue, account, asset: body.quote_asset };
        await em.upsert(
          AccountLimits,
          { ...place, ...caps, createdAt: at, updatedAt: at },
          { onConflictFields: ['venue', 'account', 'asset'], onConflictExcludeFields: ['createdAt'] },
        );
        // When the old cap has closed the day, the next check judges it by the new one.
        await em.nativeUpdate(AccountCapital, place, { lossReachedMs: null, updatedAt: at });
        await audit(em, { caller, action: 'set-account-limits', subject: `account:${account}`, detail: body, requestId: request.id, at });
        await em.flush();
        return read(em, account);
      });
    },
  );
}

function notQuoted(asset: string, venue: string): { field: string; detail: string } {
  return { field: 'quote_asset', detail: `no symbol of ${venue} is traded in "${asset}"` };
}

function readCaps(
  body: { readonly max_exposure: unknown; readonly max_daily_loss: unknown },
  more: readonly { readonly field: string; readonly detail: string }[],
) {
  const found = [...more];
  const one = (field: 'max_exposure' | 'max_daily_loss') => {
    const value = readMoney(body[field]);
    if (value === undefined || value?.gt(0) === false) {
      found.push({ field, detail: 'must be a decimal number above 0 with at most 18 decimals, as text ("5000.50"), or null' });
      return null;
    }
    return value;
  };
  const caps = { maxExposure: one('max_exposure'), maxDailyLoss: one('max_daily_loss') };
  if (found.length > 0) throw fieldProblem('unprocessable', found);
  return caps;
}
