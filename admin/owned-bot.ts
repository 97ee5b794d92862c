/** The bot of a caller, locked for a change; whoever else's does not exist. */
import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { wishChannel } from '../engine/persistence/wish-channel.ts';
import { BotConfig } from '../entities/index.ts';
import { Problem } from './problem.ts';

export async function ownedBot(em: EntityManager, userId: string, botId: string, lock = true): Promise<BotConfig> {
  const bot = await em.findOne(
    BotConfig,
    { id: botId, user: userId, deletedAt: null },
    lock ? { lockMode: LockMode.PESSIMISTIC_WRITE } : {},
  );
  if (bot === null) throw new Problem('not-found', `there is no bot ${botId}`);
  return bot;
}

/** Engines hear of it when the transaction commits. */
export async function tellEngines(em: EntityManager): Promise<void> {
  await em.getConnection().execute(`select pg_notify('${wishChannel}', '')`, [], 'all', em.getTransactionContext());
}
