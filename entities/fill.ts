import { defineEntity, p } from '@mikro-orm/core';
import { BotConfig } from './bot-config.ts';
import { id, money, positiveCheck, time } from './columns.ts';
import { Order } from './order.ts';
import { markets, orderRoles, sides, venues } from './vocabulary.ts';

/** One execution, written once, however the engine learnt of it. The position is the sum of these in id order. */
const FillSchema = defineEntity({
  name: 'Fill',
  tableName: 'fills',
  properties: {
    id: id(),
    botConfig: () => p.manyToOne(BotConfig).deleteRule('restrict'),
    order: () => p.manyToOne(Order).deleteRule('restrict').index('fills_order_id_index'),
    venue: p.enum(venues),
    market: p.enum(markets),
    symbol: p.string().length(30),
    exchangeTradeId: p.string().length(80),
    clientOrderId: p.string().length(36),
    role: p.enum(orderRoles),
    side: p.enum(sides),
    price: money().check(positiveCheck('price')),
    quantity: money().check(positiveCheck('quantity')),
    commissionAmount: money().check('commission_amount >= 0'),
    commissionAsset: p.string().length(20),
    /** Coins of the base that the commission took. */
    baseCommission: money().check('base_commission >= 0'),
    /** Commission in quote: itself, or its worth when it was paid in a third asset (BNB); null when that is not known. */
    quoteCommission: money().check('quote_commission >= 0').nullable(),
    isMaker: p.boolean(),
    source: p.enum(['ack', 'stream', 'history'] as const),
    executedAt: time(),
    createdAt: time(),
  },
  // An order belongs to one account and market. Both sides of one match carry one trade id, and both may be ours.
  uniques: [{ name: 'fills_order_trade_unique', properties: ['order', 'exchangeTradeId'] }],
  indexes: [
    { name: 'fills_bot_config_id_id_index', properties: ['botConfig', 'id'] },
    {
      name: 'fills_trade_number_index',
      expression: `create index "fills_trade_number_index" on "fills" ("venue", "market", "symbol", (exchange_trade_id::numeric)) where exchange_trade_id ~ '^[0-9]+$'`,
    },
  ],
});
export class Fill extends FillSchema.class {}
FillSchema.setClass(Fill);
