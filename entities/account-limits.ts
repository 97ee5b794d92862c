import { defineEntity, p } from '@mikro-orm/core';
import { id, money, positiveCheck, time } from './columns.ts';
import { venues } from './vocabulary.ts';

/** Caps over all live bots of one exchange account, in one quote asset. A cap that is null is none. */
const AccountLimitsSchema = defineEntity({
  name: 'AccountLimits',
  tableName: 'account_limits',
  properties: {
    id: id(),
    venue: p.enum(venues),
    account: p.string().length(100),
    asset: p.string().length(20),
    /** Most that open positions cost and entries on their way reserve together, quote. */
    maxExposure: money().check(positiveCheck('max_exposure')).nullable(),
    /** Loss of the UTC day, realised and unrealised, at which entries close until the next midnight, quote. */
    maxDailyLoss: money().check(positiveCheck('max_daily_loss')).nullable(),
    createdAt: time(),
    updatedAt: time(),
  },
  uniques: [{ name: 'account_limits_account_asset_unique', properties: ['venue', 'account', 'asset'] }],
});
export class AccountLimits extends AccountLimitsSchema.class {}
AccountLimitsSchema.setClass(AccountLimits);
