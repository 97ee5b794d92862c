/** The bot store over PostgreSQL, on the small pool that is kept for intents and claims. */
import type { Pool } from 'pg';
import type { Clock } from '../time/clock.ts';
import { finishCommands, pendingCommands } from './bot-commands.ts';
import { loadBots } from './bot-rows.ts';
import type { BotStore } from './bot-store.ts';
import { retryUndone } from '../database/retry-undone.ts';
import { claimBots, readWishes, releaseBots, tellWaiting, writeStatuses } from './claim-bots.ts';

/** `holder` is this process, as `bot_state.lock_holder` names it. */
export function createPostgresBotStore({
  pool,
  holder,
  clock,
}: {
  readonly pool: Pool;
  readonly holder: string;
  readonly clock: Clock;
}): BotStore {
  const retried = <T>(work: () => Promise<T>): Promise<T> => retryUndone(clock, work);
  return {
    wishes: () => readWishes(pool),
    claim: (botIds) => retried(() => claimBots(pool, holder, botIds)),
    release: (bots) => retried(() => releaseBots(pool, holder, bots)),
    load: (botIds) => loadBots(pool, botIds),
    writeStatuses: (statuses) => retried(() => writeStatuses(pool, holder, statuses)),
    tellWaiting: (bots) => retried(() => tellWaiting(pool, bots)),
    pendingCommands: (botIds) => pendingCommands(pool, botIds),
    finishCommands: (finished) => retried(() => finishCommands(pool, finished)),
  };
}
