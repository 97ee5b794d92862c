import { defineEntity, p } from '@mikro-orm/core';
import { timeframes } from './vocabulary.ts';

/** What a bot's verdicts of one configuration version have in common. Written with the first of them, deleted after the last. */
const DecisionSettingsSchema = defineEntity({
  name: 'DecisionSettings',
  tableName: 'decision_settings',
  properties: {
    botConfigId: p.bigint('string').primary(),
    version: p.integer().primary(),
    strategy: p.string().length(50),
    timeframe: p.enum(timeframes),
    parameters: p.json<Readonly<Record<string, number>>>(),
    /** Names of the indicators in the order of their values. */
    indicators: p.json<readonly string[]>(),
  },
});
export class DecisionSettings extends DecisionSettingsSchema.class {}
DecisionSettingsSchema.setClass(DecisionSettings);
