/** The engine's order and bot stores over the rows in memory. `travel` is the way to the database and back. */
import type { BotStore } from '../../engine/persistence/bot-store.ts';
import type { OrderStore } from '../../engine/persistence/order-store.ts';
import type { MemoryDatabase } from './memory-database.ts';

export type DatabaseCall = 'commit' | 'record' | 'write' | 'read';

/** Carries a transaction to the database, where it acts at once, and its answer back. */
export type DatabaseTravel = <T>(call: DatabaseCall, act: () => T) => Promise<T>;

export interface MemoryStoreOptions {
  readonly database: MemoryDatabase;
  /** This process, as `bot_state.lock_holder` names it. */
  readonly holder: string;
  readonly travel: DatabaseTravel;
  /** The database's clock, ms UTC. */
  readonly now: () => number;
}

export const atOnce: DatabaseTravel = async (_call, act) => act();

export function createMemoryOrderStore({ database, holder, travel, now }: MemoryStoreOptions): OrderStore {
  return {
    commit: (intents) => travel('commit', () => database.commit(holder, intents, now())),
    committed: (ids) => travel('read', () => database.committed(ids)),
    record: (evidence) => travel('record', () => database.record(holder, evidence)),
    byExchangeId: (venue, symbol, ids) =>
      ids.length === 0 ? Promise.resolve([]) : travel('read', () => database.byExchangeId(venue, symbol, ids)),
    lastTradeId: (venue, symbol) => travel('read', () => database.lastTradeId(venue, symbol)),
  };
}

export function createMemoryBotStore({ database, holder, travel }: MemoryStoreOptions): BotStore {
  return {
    wishes: () => travel('read', () => database.wishes()),
    claim: (botIds) => travel('write', () => database.claim(holder, botIds)),
    release: (bots) => travel('write', () => database.release(holder, bots)),
    load: (botIds) => travel('read', () => database.load(botIds)),
    writeStatuses: (statuses) => travel('write', () => database.writeStatuses(holder, statuses)),
    pendingCommands: (botIds) => travel('read', () => database.pendingCommands(botIds)),
    finishCommands: (finished) => travel('write', () => database.finishCommands(finished)),
  };
}
