import { defineEntity, p } from '@mikro-orm/core';
import { BotConfig } from './bot-config.ts';
import { id, time } from './columns.ts';
import { botCommandNames, commandFates } from './vocabulary.ts';

/** A user's command to a bot: durable first, carried out by the bot's owner, answered in the row. */
const BotCommandSchema = defineEntity({
  name: 'BotCommand',
  tableName: 'bot_commands',
  properties: {
    id: id(),
    botConfig: () => p.manyToOne(BotConfig).deleteRule('restrict'),
    command: p.enum(botCommandNames),
    reason: p.string().length(300).nullable(),
    requestedBy: p.string().length(100),
    /** The client's Idempotency-Key and the hash of what it asked for: the same key never acts twice. */
    idempotencyKey: p.string().length(200).nullable(),
    requestHash: p.string().length(64).nullable(),
    createdAt: time(),
    /** Nobody carries it out from then on. */
    expiresAt: time().defaultRaw("(now() + '00:05:00'::interval)"),
    handledAt: time().nullable(),
    /** Null while it waits; also for what was carried out by an engine from before this column. */
    fate: p.enum(commandFates).nullable(),
    outcome: p.string().length(300).nullable(),
  },
  uniques: [{ name: 'bot_commands_idempotency_key_unique', properties: ['botConfig', 'idempotencyKey'] }],
  indexes: [{ name: 'bot_commands_pending_index', properties: ['botConfig', 'id'], where: 'handled_at is null' }],
});
export class BotCommand extends BotCommandSchema.class {}
BotCommandSchema.setClass(BotCommand);
