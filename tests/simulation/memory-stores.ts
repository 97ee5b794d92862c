/** The engine's stores of orders, bots and reconciliation over the rows in memory. `travel` is the way to the database and back. */
import type { BotStore } from '../../engine/persistence/bot-store.ts';
import { isTerminal } from '../../engine/persistence/order-store.ts';
import type { OrderStore } from '../../engine/persistence/order-store.ts';
import type { Holding, ReconcileStart, ReconcileStore } from '../../engine/persistence/reconcile-store.ts';
import { readStateData } from '../../engine/persistence/state-data.ts';
import { zero } from '../../engine/trading/exact.ts';
import type { MemoryDatabase } from './memory-database.ts';
import { stored } from './memory-rows.ts';
import { epochMs } from './scheduler.ts';

/** Before any schedule begins. */
const botsMadeAtMs = epochMs - 3_600_000;

export type DatabaseCall = 'commit' | 'record' | 'write' | 'read';

/** Carries a transaction to the database, where it acts at once, and its answer back. */
export type DatabaseTravel = <T>(call: DatabaseCall, act: () => T) => Promise<T>;

export interface MemoryStoreOptions {
  readonly database: MemoryDatabase;
  /** This process, as `bot_state.lock_holder` names it. */
  readonly holder: string;
  readonly travel: DatabaseTravel;
  /** Ends the commits of this process on which the server still works although their connection broke. */
  readonly endCommits: () => void;
  /** The database's clock, ms UTC. */
  readonly now: () => number;
}

export const atOnce: DatabaseTravel = async (_call, act) => act();

export function createMemoryOrderStore({ database, holder, travel, endCommits, now }: MemoryStoreOptions): OrderStore {
  return {
    commit: (intents) => travel('commit', () => database.commit(holder, intents, now())),
    committed: (ids) =>
      travel('read', () => {
        endCommits();
        return database.committed(ids);
      }),
    record: (evidence) => travel('record', () => evidence.map((piece) => database.record(holder, piece))),
    byExchangeId: (place, ids) => (ids.length === 0 ? Promise.resolve([]) : travel('read', () => database.byExchangeId(place, ids))),
    lastTradeId: (place, beforeMs) => travel('read', () => database.lastTradeId(place, beforeMs)),
  };
}

export function createMemoryBotStore({ database, holder, travel, now }: MemoryStoreOptions): BotStore {
  return {
    wishes: () => travel('read', () => database.wishes(now())),
    claim: (botIds) => travel('write', () => database.claim(holder, botIds)),
    release: (bots) => travel('write', () => database.release(holder, bots)),
    load: (botIds) => travel('read', () => database.load(botIds)),
    writeStatuses: (statuses) => travel('write', () => database.writeStatuses(holder, statuses)),
    // Nobody reads here why a bot waits.
    tellWaiting: () => Promise.resolve(),
    pendingCommands: (botIds) => travel('read', () => database.pendingCommands(botIds, now())),
    finishCommands: (finished) => travel('write', () => database.finishCommands(finished)),
  };
}

const dayMs = 86_400_000;

export function createMemoryReconcileStore({ database, holder, travel, now }: MemoryStoreOptions): ReconcileStore {
  const start = (botId: string): ReconcileStart => {
    const signed = database
      .ordersOf(botId)
      .filter(({ state, createdAtMs }) => state === 'never-placed' && createdAtMs > now() - dayMs)
      .map(({ intent }) => Math.floor(intent.signedTimestampMs));
    return {
      botId,
      throughMs: database.states.get(botId)?.data.comparedThroughMs ?? null,
      createdAtMs: botsMadeAtMs,
      oldestNeverPlacedMs: signed.length === 0 ? null : Math.min(...signed),
    };
  };
  const holdings = (venue: string): readonly Holding[] => {
    const bySymbol = new Map<string, Holding>();
    for (const { row } of database.configs.values()) {
      const state = database.states.get(row.id);
      if (state === undefined || row.mode !== 'live' || row.venue !== venue) continue;
      const { symbol } = row.columns;
      const sum = bySymbol.get(symbol);
      const moving = database
        .ordersOf(row.id)
        .some((order) => (order.intent.role === 'entry' || order.intent.role === 'exit') && !isTerminal(order.state));
      bySymbol.set(symbol, {
        symbol,
        quantity: readStateData(state.data).position.quantity.plus(sum?.quantity ?? zero),
        inFlight: moving || sum?.inFlight === true,
      });
    }
    return [...bySymbol.values()];
  };
  return {
    starts: (botIds) => travel('read', () => botIds.filter((id) => database.configs.has(id)).map(start)),
    knownBots: (botIds) =>
      travel(
        'read',
        () =>
          new Map(
            botIds.flatMap((id) => {
              const row = database.configs.get(id)?.row;
              return row === undefined
                ? []
                : [[id, { symbol: row.columns.symbol, live: row.mode === 'live', createdAtMs: botsMadeAtMs }] as const];
            }),
          ),
      ),
    byClientOrderId: (ids) =>
      ids.length === 0
        ? Promise.resolve([])
        : travel('read', () => {
            const found = ids.map((id) => database.orders.get(id)).filter((order) => order !== undefined);
            return found.map(stored);
          }),
    fillIn: (order) => travel('write', () => database.fillIn(holder, order, now())),
    compared: (bots, throughMs) =>
      travel('write', () =>
        database.mergeState(
          holder,
          bots.map((bot) => ({ ...bot, data: { comparedThroughMs: Math.floor(throughMs) } })),
        ),
      ),
    holdings: (venue) => travel('read', () => holdings(venue)),
    hold: (bots) =>
      travel('write', () =>
        database.mergeState(
          holder,
          bots.map(({ botId, epoch, reason }) => ({ botId, epoch, data: { heldReason: reason } })),
        ),
      ),
  };
}
