import { defineEntity, p } from '@mikro-orm/core';
import { BotConfig } from './bot-config.ts';
import { id, time } from './columns.ts';

/** An event for others to read, written in the transaction that it tells of, so that a crash neither loses nor repeats it. */
const OutboxEventSchema = defineEntity({
  name: 'OutboxEvent',
  tableName: 'outbox_events',
  properties: {
    id: id(),
    topic: p.string().length(60),
    botConfig: () => p.manyToOne(BotConfig).deleteRule('restrict').nullable().index('outbox_events_bot_config_id_index'),
    payload: p.json<Record<string, unknown>>(),
    createdAt: time(),
    deliveredAt: time().nullable(),
  },
  indexes: [{ name: 'outbox_events_pending_index', properties: ['id'], where: 'delivered_at is null' }],
});
export class OutboxEvent extends OutboxEventSchema.class {}
OutboxEventSchema.setClass(OutboxEvent);
