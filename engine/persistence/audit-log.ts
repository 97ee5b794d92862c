/** The audit log: who did what to which thing, in the transaction that did it. Each row's hash covers the row before. */
import { createHash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { lockUntilCommit } from '../database/locks.ts';
import { AuditLog } from '../../entities/index.ts';

export interface AuditActor {
  readonly userId: string;
  readonly tokenName: string;
}

export interface AuditEntry {
  readonly caller: AuditActor;
  readonly action: string;
  readonly subject: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly requestId: string;
  readonly at: Date;
}

export async function audit(em: EntityManager, entry: AuditEntry): Promise<void> {
  await lockUntilCommit(em, 'auditLog');
  const last = await em.findOne(AuditLog, { id: { $ne: null } }, { orderBy: { id: 'desc' } });
  const row = {
    at: entry.at,
    actor: actorOf(entry.caller),
    action: entry.action,
    subject: entry.subject,
    detail: entry.detail as Record<string, unknown>,
    requestId: entry.requestId,
    previousHash: last?.hash ?? null,
  };
  em.create(AuditLog, { ...row, hash: auditHash(row) });
}

/** As rows name who did it. */
export function actorOf({ userId, tokenName }: AuditActor): string {
  return `user:${userId} token:${tokenName}`.slice(0, 100);
}

/** Of everything that the row says and the hash before it. */
export function auditHash(row: {
  at: Date;
  actor: string;
  action: string;
  subject: string;
  detail: unknown;
  requestId: string | null;
  previousHash: string | null;
}): string {
  return createHash('sha256')
    .update(JSON.stringify([row.previousHash, row.at.toISOString(), row.actor, row.action, row.subject, sorted(row.detail), row.requestId]))
    .digest('hex');
}

/** jsonb does not keep the order of keys: they are sorted before they are hashed. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
