/** Bearer tokens: 256 random bits, kept as SHA-256, shown once. */
import { createHash, randomBytes } from 'node:crypto';
import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { ApiToken, User } from '../entities/index.ts';
import { lockUntilCommit } from '../engine/database/locks.ts';
import type { Clock } from '../engine/time/clock.ts';

export const scopes = ['read', 'operate', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** What the user's role lets any of its tokens do, whatever the token says of itself. */
const scopesOfRole: Readonly<Record<User['role'], readonly Scope[]>> = {
  owner: scopes,
  admin: scopes,
  operator: ['read', 'operate'],
  viewer: ['read'],
};

export interface Caller {
  readonly userId: string;
  readonly tokenId: string;
  readonly tokenName: string;
  /** UTC, ms; null for one that does not expire. */
  readonly tokenExpiresAtMs: number | null;
  readonly role: User['role'];
  readonly scopes: readonly string[];
}

/** Why the caller may not do what asks for `scope`; null when it may. */
export function scopeRefusal(caller: Pick<Caller, 'role' | 'scopes'>, scope: Scope): string | null {
  if (!caller.scopes.includes(scope)) return `the token has no "${scope}" scope`;
  return scopesOfRole[caller.role].includes(scope) ? null : `the role ${caller.role} has no "${scope}" scope, whatever the token says`;
}

const shape = /^ek_[A-Za-z0-9_-]{43}$/;

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/**
 * Makes the first token of a user who has none and hands it to `write`; when that fails nothing is stored. Answers
 * whether one was made.
 */
export async function ensureFirstToken(orm: MikroORM, options: FirstToken): Promise<boolean> {
  return orm.em.fork().transactional(async (em) => {
    // Replicas that start together make one token.
    await lockUntilCommit(em, 'firstToken');
    if ((await em.count(ApiToken, { user: options.userId })) > 0) return false;
    await makeFirstToken(em, options);
    return true;
  });
}

export interface FirstToken {
  readonly userId: string;
  readonly clock: Clock;
  readonly write: (token: string) => void;
}

export const firstName = 'first';

export async function makeFirstToken(em: EntityManager, { userId, clock, write }: FirstToken): Promise<void> {
  const token = `ek_${randomBytes(32).toString('base64url')}`;
  em.create(ApiToken, {
    user: em.getReference(User, userId),
    name: firstName,
    tokenHash: hashToken(token),
    scopes: [...scopes],
    createdAt: new Date(clock.now()),
    lastUsedAt: null,
    expiresAt: null,
    revokedAt: null,
  });
  await em.flush();
  write(token);
}

/** Null for a token that is not valid now. Unknown, expired and revoked look the same. */
export async function findCaller(em: EntityManager, token: string, now: Date): Promise<Caller | null> {
  if (!shape.test(token)) return null;
  const found = await em.findOne(ApiToken, { tokenHash: hashToken(token), revokedAt: null }, { populate: ['user'] });
  if (found === null || !found.user.isActive || (found.expiresAt !== null && found.expiresAt !== undefined && found.expiresAt <= now))
    return null;
  if (found.lastUsedAt === null || found.lastUsedAt === undefined || now.getTime() - found.lastUsedAt.getTime() > 60_000)
    await em.nativeUpdate(ApiToken, { id: found.id }, { lastUsedAt: now });
  return {
    userId: found.user.id,
    tokenId: found.id,
    tokenName: found.name,
    tokenExpiresAtMs: found.expiresAt?.getTime() ?? null,
    role: found.user.role,
    scopes: found.scopes,
  };
}
