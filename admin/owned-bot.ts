/** The bot of a caller, for a change or for its history; a bot of somebody else counts as not existing. */
import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { BotConfig } from '../entities/index.ts';
import { Problem } from './problem.ts';

/** Locked, unless `lock` is false. A deleted one is gone. */
export async function ownedBot(em: EntityManager, userId: string, botId: string, lock = true): Promise<BotConfig> {
  const bot = await find(em, userId, botId, lock);
  if (bot.deletedAt !== null && bot.deletedAt !== undefined)
    throw new Problem('not-found', `bot ${botId} was deleted; its trades, orders, decisions and commands stay readable under its id`);
  return bot;
}

/** The bot of a caller whose history is asked for: it stays when the bot is deleted. */
export async function historyOf(em: EntityManager, userId: string, botId: string): Promise<BotConfig> {
  return find(em, userId, botId, false);
}

async function find(em: EntityManager, userId: string, botId: string, lock: boolean): Promise<BotConfig> {
  const bot = await em.findOne(BotConfig, { id: botId, user: userId }, lock ? { lockMode: LockMode.PESSIMISTIC_WRITE } : {});
  if (bot === null) throw new Problem('not-found', `there is no bot ${botId}`);
  return bot;
}
