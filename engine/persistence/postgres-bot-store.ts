/** The bot store over PostgreSQL, on the small pool that is kept for intents and claims. */
import type { Pool } from 'pg';
import { finishCommands, pendingCommands } from './bot-commands.ts';
import { loadBots } from './bot-rows.ts';
import type { BotStore } from './bot-store.ts';
import { claimBots, readWishes, releaseBots, writeStatuses } from './claim-bots.ts';

/** `holder` is this process, as `bot_state.lock_holder` names it. */
export function createPostgresBotStore({ pool, holder }: { readonly pool: Pool; readonly holder: string }): BotStore {
  return {
    wishes: () => readWishes(pool),
    claim: (botIds) => claimBots(pool, holder, botIds),
    release: (bots) => releaseBots(pool, holder, bots),
    load: (botIds) => loadBots(pool, botIds),
    writeStatuses: (statuses) => writeStatuses(pool, holder, statuses),
    pendingCommands: (botIds) => pendingCommands(pool, botIds),
    finishCommands: (finished) => finishCommands(pool, finished),
  };
}
