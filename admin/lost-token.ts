/** A new first token for the owner: the one before it is revoked, and the audit log says so. */
import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { ApiToken } from '../entities/index.ts';
import { audit } from '../engine/persistence/audit-log.ts';
import { firstName, makeFirstToken } from './tokens.ts';
import type { FirstToken } from './tokens.ts';

/** When `write` fails nothing has changed. */
export async function replaceFirstToken(orm: MikroORM, options: FirstToken): Promise<void> {
  await orm.em.fork().transactional(async (tx) => {
    const em = tx as EntityManager;
    const at = new Date(options.clock.now());
    const revoked = await em.nativeUpdate(ApiToken, { user: options.userId, name: firstName, revokedAt: null }, { revokedAt: at });
    await audit(em, {
      caller: { userId: options.userId, tokenName: 'command line' },
      action: 'token-replaced',
      subject: `user:${options.userId}`,
      detail: { revoked },
      requestId: 'npm run token',
      at,
    });
    await makeFirstToken(em, options);
  });
}
