import { defineEntity, p } from '@mikro-orm/core';
import { BotConfig } from './bot-config.ts';
import { id, money, positiveCheck, time } from './columns.ts';
import { User } from './user.ts';
import type { SaleBoundsJson } from '../engine/persistence/state-data.ts';
import { exitKinds, markets, orderRoles, orderStates, orderTypes, sides, venues } from './vocabulary.ts';

/**
 * An order's intent, committed before it is sent, and its fate. One decision of a role has one order per attempt, and a
 * bot has at most one order of a role that is not over; a stop that replaces another one is open beside it until one of them is over.
 */
const OrderSchema = defineEntity({
  name: 'Order',
  tableName: 'orders',
  properties: {
    id: id(),
    botConfig: () => p.manyToOne(BotConfig).deleteRule('restrict'),
    user: () => p.manyToOne(User).deleteRule('restrict').index('orders_user_id_index'),
    venue: p.enum(venues),
    account: p.string().length(100),
    market: p.enum(markets),
    symbol: p.string().length(30),
    clientOrderId: p.string().length(36).unique('orders_client_order_id_unique'),
    /** Close time of the candle behind it, or the time of the event; ms UTC. */
    decisionMs: p.bigint('string'),
    role: p.enum(orderRoles),
    /** What made the engine close the position; null for other roles, and for exits of which nobody knows it. */
    exitKind: p.enum(exitKinds).nullable(),
    attempt: p.integer().check(positiveCheck('attempt')),
    side: p.enum(sides),
    type: p.enum(orderTypes),
    quantity: money().check(positiveCheck('quantity')),
    /** Price that the size was worked out with. */
    referencePrice: money().check('reference_price >= 0'),
    /** Limit price; null for orders at market. */
    price: money().nullable().check(positiveCheck('price')),
    /** Price that triggers it; null for orders that wait for none. */
    stopPrice: money().nullable().check(positiveCheck('stop_price')),
    /** 0, except for a stop that replaces one: it gets the number (0 or 1) that the replaced stop has not, because both rows are open until the exchange has decided. */
    slot: p.integer().default(0).check("slot = 0 or (slot = 1 and role = 'stop')"),
    /** What a live entry takes from the account at most, and in which asset; null for all others, and for rows made again. */
    reservedQuote: money().nullable().check('reserved_quote >= 0'),
    quoteAsset: p.string().length(20).nullable(),
    /** Of an entry: what the filters asked of a sale when it was decided (`SaleBounds` as JSON). Null for all others, and for rows made again. */
    saleBounds: p.json<SaleBoundsJson>().nullable(),
    /** Set when a balance was written that contains what the entry spent: from then on it reserves nothing. */
    capitalSettledAt: time().nullable(),
    reason: p.string().length(500),
    state: p.enum(orderStates),
    /** Epoch of the owner that committed it. */
    epoch: p.bigint('string'),
    /** Timestamp in the signature, venue's time, ms UTC. */
    signedTs: p.bigint('string'),
    recvWindowMs: p.integer().check(positiveCheck('recv_window_ms')),
    exchangeOrderId: p.string().length(80).nullable(),
    executedQuantity: money().check('executed_quantity >= 0'),
    executedQuote: money().check('executed_quote >= 0'),
    /** What proved each state, by state. */
    evidence: p.json<Record<string, unknown>>().nullable(),
    resolvedAt: time().nullable(),
    createdAt: time(),
    updatedAt: time(),
  },
  checks: [{ name: 'orders_exit_kind_role_check', expression: "exit_kind is null or role = 'exit'" }],
  uniques: [
    { name: 'orders_decision_unique', properties: ['botConfig', 'decisionMs', 'role', 'attempt'] },
    {
      name: 'orders_one_open_per_role_unique',
      properties: ['botConfig', 'role', 'slot'],
      where: "state in ('intended', 'unknown', 'accepted')",
    },
  ],
  indexes: [
    { name: 'orders_bot_config_id_created_at_index', properties: ['botConfig', 'createdAt'] },
    {
      name: 'orders_unsettled_entries_index',
      properties: ['venue', 'account', 'quoteAsset'],
      where: 'reserved_quote is not null and capital_settled_at is null',
    },
    { name: 'orders_exchange_order_id_index', properties: ['venue', 'symbol', 'exchangeOrderId'] },
  ],
});
export class Order extends OrderSchema.class {}
OrderSchema.setClass(Order);
