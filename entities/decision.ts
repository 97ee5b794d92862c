import { defineEntity, p } from '@mikro-orm/core';
import { outcomes } from '../engine/trading/verdict.ts';
import { number } from './columns.ts';

/**
 * The verdict of one bot on one closed candle, kept for `EVENKEEL_DECISIONS_KEPT_HOURS`. There are many: the columns stand in the
 * order that packs them best, and no foreign key locks a row of `bot_configs` for each (bots are never deleted from there).
 */
const DecisionSchema = defineEntity({
  name: 'Decision',
  tableName: 'decisions',
  properties: {
    botConfigId: p.bigint('string').primary(),
    /** Close time of the candle, ms UTC. */
    closeMs: p.bigint('string').primary(),
    close: number(),
    /** With the bot, names the `decision_settings` that it was decided with. */
    version: p.integer(),
    positionOpen: p.boolean(),
    outcome: p.enum(outcomes),
    /** First rule that said no; null when something was done. Unchecked: a newer engine beside this one may know more. */
    rule: p.string().length(40).nullable(),
    signal: p.string().length(20),
    signalReason: p.text(),
    /** Null when the signal's reason says it all. */
    reason: p.text().nullable(),
    /** Indicators at the close, then one candle before, each in the order of their names. NaN while warming. */
    indicatorValues: p.array<number>().columnType('double precision[]'),
  },
  // All bots close at the same times: equal entries take six bytes each.
  indexes: [{ name: 'decisions_close_ms_index', properties: ['closeMs'] }],
});
export class Decision extends DecisionSchema.class {}
DecisionSchema.setClass(Decision);
