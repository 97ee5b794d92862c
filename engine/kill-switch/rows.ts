/**
 * Kill switches as rows. Engines read them often, on a pool of their own; each change is one transaction with its audit entry and the
 * news for engines.
 */
import { LockMode } from '@mikro-orm/core';
import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import { KillSwitch as KillSwitchRow, User } from '../../entities/index.ts';
import { actorOf, audit } from '../persistence/audit-log.ts';
import type { AuditActor } from '../persistence/audit-log.ts';
import { tellEngines } from '../database/wish-channel.ts';
import type { RequestedKillSwitch } from './file.ts';
import type { KillPolicy, KillScope, KillSwitch } from './kill-switch.ts';

interface KillSwitchRecord {
  readonly scope: KillScope;
  readonly subject: string;
  readonly policy: KillPolicy;
  readonly reason: string;
  readonly expires_ms: string | null;
}

/** When this fails, the switches known before stay in force; it must fail soon, so that it is asked again. */
const queryTimeoutMs = 1_000;

const query = {
  text: `select scope, subject, policy, reason, (extract(epoch from expires_at) * 1000)::bigint::text as expires_ms
         from kill_switches where released_at is null order by id`,
  query_timeout: queryTimeoutMs,
};

/** The database will never take it as it is: a value out of range, or one that points at nothing. */
export function refusesForGood(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^(22|23502|23503|23514)/.test(code);
}

/** Those that nobody released, over or not. Throws the driver's errors. */
export async function readKillSwitches(pool: Pool): Promise<readonly KillSwitch[]> {
  const { rows } = await pool.query<KillSwitchRecord>(query);
  return rows.map(({ expires_ms, ...row }) => ({ ...row, expiresAtMs: expires_ms === null ? null : Number(expires_ms) }));
}

/**
 * Makes the row of a switch that was asked for, which takes the place of the one that stands for the same subject. A switch that
 * comes late (the database was away) does not take the place of one that was asked for after it. The same switch twice is one.
 */
export async function writeKillSwitch(orm: MikroORM, one: RequestedKillSwitch): Promise<void> {
  await orm.em.fork().transactional(async (tx) => {
    const em = tx as EntityManager;
    if ((await em.count(KillSwitchRow, { key: one.id })) > 0) return;
    const { request, scope, subject, policy, reason, expiresAtMs } = one;
    const at = new Date(request.atMs);
    const expiresAt = expiresAtMs === null ? null : new Date(expiresAtMs);
    // The lock also puts changes of kill switches one after the other.
    await audit(em, {
      caller: request,
      action: 'kill-switch-set',
      subject: `${scope}:${subject}`.slice(0, 100),
      detail: { key: one.id, policy, reason, expiresAt: expiresAt?.toISOString() ?? null },
      requestId: request.requestId,
      at,
    });
    const standing = await em.findOne(KillSwitchRow, { scope, subject, releasedAt: null });
    const superseded = standing !== null && standing.createdAt > at;
    if (standing !== null && !superseded) {
      standing.releasedAt = at;
      standing.releasedBy = `kill-switch:${one.id}`;
    }
    await em.flush();
    em.create(KillSwitchRow, {
      key: one.id,
      scope,
      subject,
      user: request.ofUserId === null ? null : em.getReference(User, request.ofUserId),
      policy,
      reason,
      setBy: actorOf(request),
      createdAt: at,
      expiresAt,
      releasedAt: superseded ? at : null,
      releasedBy: superseded ? `kill-switch:${standing.key}` : null,
    });
    await em.flush();
    await tellEngines(em);
  });
}

/** The switch if it stands and the user may see it: the shared ones, and those of its own bots. */
export async function findStanding(
  em: EntityManager,
  id: string,
  userId: string,
  lockMode: LockMode = LockMode.NONE,
): Promise<KillSwitchRow | null> {
  return em.findOne(KillSwitchRow, { id, releasedAt: null, $or: [{ user: null }, { user: userId }] }, { lockMode });
}

/** Null when it does not stand, or not for that caller; what is shared is released by whoever may (the caller of this asks). */
export async function releaseKillSwitch(
  orm: MikroORM,
  id: string,
  request: { readonly caller: AuditActor; readonly requestId: string; readonly at: Date },
): Promise<KillSwitchRow | null> {
  return orm.em.fork().transactional(async (tx) => {
    const em = tx as EntityManager;
    const one = await findStanding(em, id, request.caller.userId, LockMode.PESSIMISTIC_WRITE);
    if (one === null) return null;
    one.releasedAt = request.at;
    one.releasedBy = actorOf(request.caller);
    await audit(em, {
      ...request,
      action: 'kill-switch-released',
      subject: `${one.scope}:${one.subject}`.slice(0, 100),
      detail: { key: one.key, policy: one.policy, reason: one.reason },
    });
    await em.flush();
    await tellEngines(em);
    return one;
  });
}

/** In force: of the engine, of accounts, and of the user's own bots. */
export async function listStanding(em: EntityManager, userId: string, now: Date): Promise<readonly KillSwitchRow[]> {
  return em.find(
    KillSwitchRow,
    {
      releasedAt: null,
      $and: [{ $or: [{ user: null }, { user: userId }] }, { $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] }],
    },
    { orderBy: { id: 'asc' } },
  );
}
