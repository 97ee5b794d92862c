/** Kill switches as rows: setting, releasing and listing them, each change in one transaction with its audit entry and the news for engines. */
import { LockMode } from '@mikro-orm/core';
import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import type { RequestedKillSwitch } from '../engine/persistence/kill-file.ts';
import { KillSwitch, User } from '../entities/index.ts';
import { audit } from './audit.ts';
import { tellEngines } from './owned-bot.ts';
import { Problem } from './problem.ts';
import type { Caller } from './tokens.ts';

/**
 * Makes the row of a switch that was asked for, which takes the place of the one that stands for the same subject. A switch that
 * comes late (the database was away) does not take the place of one that was asked for after it. The same switch twice is one.
 */
export async function writeKillSwitch(orm: MikroORM, one: RequestedKillSwitch): Promise<void> {
  await orm.em.fork().transactional(async (tx) => {
    const em = tx as EntityManager;
    if ((await em.count(KillSwitch, { key: one.id })) > 0) return;
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
    const standing = await em.findOne(KillSwitch, { scope, subject, releasedAt: null });
    const superseded = standing !== null && standing.createdAt > at;
    if (standing !== null && !superseded) {
      standing.releasedAt = at;
      standing.releasedBy = `kill-switch:${one.id}`;
    }
    await em.flush();
    em.create(KillSwitch, {
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

/** Throws a `not-found` problem for what does not stand or is not the caller's; `mayRelease` throws for what is not allowed. */
export async function releaseKillSwitch(
  orm: MikroORM,
  id: string,
  request: { readonly caller: Caller; readonly requestId: string; readonly at: Date },
  mayRelease: (one: KillSwitch) => void,
): Promise<KillSwitch> {
  return orm.em.fork().transactional(async (tx) => {
    const em = tx as EntityManager;
    const one = await em.findOne(KillSwitch, { id, releasedAt: null }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (one === null || (one.user !== null && one.user !== undefined && one.user.id !== request.caller.userId))
      throw new Problem('not-found', `no kill switch ${id} stands`);
    mayRelease(one);
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

/** Switches in force: of the engine, of accounts, and of the caller's own bots. */
export async function standingKillSwitches(em: EntityManager, caller: Caller, now: Date): Promise<readonly KillSwitch[]> {
  return em.find(
    KillSwitch,
    {
      releasedAt: null,
      $and: [{ $or: [{ user: null }, { user: caller.userId }] }, { $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] }],
    },
    { orderBy: { id: 'asc' } },
  );
}

function actorOf({ userId, tokenName }: Pick<Caller, 'userId' | 'tokenName'>): string {
  return `user:${userId} token:${tokenName}`.slice(0, 100);
}
