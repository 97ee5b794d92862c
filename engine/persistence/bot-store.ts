/**
 * The bot store port: what the supervisor needs of the rows (wishes, claims, recovery, status, commands), always in sets.
 * Implemented over PostgreSQL by `postgres-bot-store.ts`. Every write is by one holder and does nothing for bots that another has.
 */
import type { FinishedCommand, PendingCommand } from './bot-commands.ts';
import type { BotRows } from './bot-rows.ts';
import type { BotStatus, Wish } from './claim-bots.ts';

export type { BotRows, BotStatus, FinishedCommand, PendingCommand, Wish };

export interface BotStore {
  /** Every bot that should run, and those that are off and still need an engine. */
  wishes(): Promise<readonly Wish[]>;
  /** Takes the bots: answers the new epoch of each, one above any before it. */
  claim(botIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Lets go of bots that are still ours; their epoch stays, the next owner raises it. */
  release(bots: readonly { readonly botId: string; readonly message: string }[]): Promise<void>;
  load(botIds: readonly string[]): Promise<ReadonlyMap<string, BotRows>>;
  /** Writes the status of bots whose epoch is still ours; answers those. */
  writeStatuses(statuses: readonly BotStatus[]): Promise<ReadonlySet<string>>;
  /** Writes why bots that no engine has (or that `holder` still has) are not started; a bot that was taken meanwhile is left out. */
  tellWaiting(bots: readonly { readonly botId: string; readonly holder: string | null; readonly message: string }[]): Promise<void>;
  /** Commands of these bots that nobody has carried out and that have not expired, oldest first. */
  pendingCommands(botIds: readonly string[]): Promise<readonly PendingCommand[]>;
  finishCommands(finished: readonly FinishedCommand[]): Promise<void>;
}
