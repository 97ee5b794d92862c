import { defineEntity, p } from '@mikro-orm/core';
import { BotConfig } from './bot-config.ts';
import { id, money, positiveCheck, time } from './columns.ts';
import { Order } from './order.ts';
import { User } from './user.ts';
import { markets, orderTypes, sides, venues } from './vocabulary.ts';

/** One row per executed order: the sum of its fills, with the profit it realised (gross and net of fees). */
const TradeSchema = defineEntity({
  name: 'Trade',
  tableName: 'trades',
  properties: {
    id: id(),
    botConfig: () => p.manyToOne(BotConfig).deleteRule('restrict'),
    user: () => p.manyToOne(User).deleteRule('restrict'),
    order: () => p.oneToOne(Order).owner().deleteRule('restrict').unique('trades_order_id_unique'),
    venue: p.enum(venues),
    /** Null in rows of engines that did not write it. */
    account: p.string().length(100).nullable(),
    market: p.enum(markets).default('spot'),
    /** Text: the exchange numbers orders per market and symbol, and futures ids pass 2^53. */
    binanceOrderId: p.string().length(80),
    symbol: p.string().length(30),
    side: p.enum(sides),
    orderType: p.enum(orderTypes),
    /** Average of the fills. */
    price: money().check(positiveCheck('price')),
    quantityFilled: money().check(positiveCheck('quantity_filled')),
    quoteQuantityFilled: money().check(positiveCheck('quote_quantity_filled')),
    commissionAmount: money().check('commission_amount >= 0'),
    commissionAsset: p.string().length(20),
    pnl: money(),
    realizedPnl: money(),
    timestamp: time(),
  },
  uniques: [{ name: 'trades_binance_order_id_unique', properties: ['venue', 'account', 'market', 'symbol', 'binanceOrderId'] }],
  indexes: [
    { name: 'trades_bot_config_id_id_index', properties: ['botConfig', 'id'] },
    { name: 'trades_user_id_timestamp_index', properties: ['user', 'timestamp'] },
  ],
});
export class Trade extends TradeSchema.class {}
TradeSchema.setClass(Trade);
