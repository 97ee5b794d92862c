import { defineEntity, p } from '@mikro-orm/core';
import type { StateDataJson } from '../engine/persistence/state-data.ts';
import { BotConfig } from './bot-config.ts';
import { id, time } from './columns.ts';

/**
 * Where a bot stands. `lock_holder` and `lock_epoch` say who may write and send for it: every write of its owner carries
 * the epoch and does nothing when it is stale.
 */
const BotStateSchema = defineEntity({
  name: 'BotState',
  tableName: 'bot_state',
  properties: {
    id: id(),
    botConfig: () => p.oneToOne(BotConfig).owner().deleteRule('restrict').unique('bot_state_bot_config_id_unique'),
    isRunning: p.boolean(),
    /** Venue time of the newest candle that was decided on. */
    lastExecution: time().nullable(),
    statusMessage: p.string().length(500),
    stateData: p.json<StateDataJson>(),
    lockHolder: p.string().length(200).nullable(),
    lockEpoch: p.bigint('string').check('lock_epoch >= 0'),
    version: p.integer(),
    createdAt: time(),
    updatedAt: time(),
  },
});
export class BotState extends BotStateSchema.class {}
BotStateSchema.setClass(BotState);
