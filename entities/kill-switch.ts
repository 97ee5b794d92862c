import { defineEntity, p } from '@mikro-orm/core';
import { id, time } from './columns.ts';
import { User } from './user.ts';
import { killPolicies, killScopes } from './vocabulary.ts';

/** Entries of the engine, an account, a user or a bot are stopped until it is released or expires. One is in force per scope and subject. */
const KillSwitchSchema = defineEntity({
  name: 'KillSwitch',
  tableName: 'kill_switches',
  properties: {
    id: id(),
    /** Its name from before it had a row, so that an engine that set it while the database was away writes it only once. */
    key: p.string().length(36).unique('kill_switches_key_unique'),
    scope: p.enum(killScopes),
    /** Id of the user or bot, name of the account; empty for the engine (every engine of the installation). */
    subject: p.string().length(100).check("(scope = 'engine') = (subject = '')"),
    /** Whose bots it concerns; null for the engine and an account. */
    user: () => p.manyToOne(User).deleteRule('restrict').nullable().index('kill_switches_user_id_index'),
    policy: p.enum(killPolicies),
    reason: p.string().length(300),
    setBy: p.string().length(100),
    /** When it was asked for, which may be before it had a row. */
    createdAt: time(),
    expiresAt: time().nullable(),
    releasedAt: time().nullable(),
    /** Who released it, or the switch that took its place. */
    releasedBy: p.string().length(100).nullable(),
  },
  uniques: [{ name: 'kill_switches_one_standing_unique', properties: ['scope', 'subject'], where: 'released_at is null' }],
});
export class KillSwitch extends KillSwitchSchema.class {}
KillSwitchSchema.setClass(KillSwitch);
