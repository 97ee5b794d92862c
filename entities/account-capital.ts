import { defineEntity, p } from '@mikro-orm/core';
import { id, money, time } from './columns.ts';
import { venues } from './vocabulary.ts';

/**
 * What an exchange account has of one quote asset, as last read. What of it is reserved is not kept here: it follows from the
 * entries in `orders` that no reading covers yet. The row is locked while entries are admitted, so that two never spend the same.
 */
const AccountCapitalSchema = defineEntity({
  name: 'AccountCapital',
  tableName: 'account_capital',
  properties: {
    id: id(),
    venue: p.enum(venues),
    account: p.string().length(100),
    asset: p.string().length(20),
    /** Free balance at the exchange. */
    free: money().check('free >= 0'),
    /** When that was asked for, by the database's clock. */
    readAt: time(),
    /** Raised with every reading: one that began before another was written is dropped. */
    version: p.bigint('string'),
    /** UTC midnight of the day on which `max_daily_loss` was reached, ms; null before the first. */
    lossReachedMs: p.bigint('string').nullable(),
    updatedAt: time(),
  },
  uniques: [{ name: 'account_capital_account_asset_unique', properties: ['venue', 'account', 'asset'] }],
});
export class AccountCapital extends AccountCapitalSchema.class {}
AccountCapitalSchema.setClass(AccountCapital);
