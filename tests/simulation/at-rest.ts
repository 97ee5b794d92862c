/** The promises that are judged when the storm is over and everything has come to rest. */
import type { Decimal } from 'decimal.js';
import { isTerminal } from '../../engine/persistence/order-store.ts';
import { readStateData } from '../../engine/persistence/state-data.ts';
import { findStrategy } from '../../engine/strategies/registry.ts';
import { zero } from '../../engine/trading/exact.ts';
import { isDust } from '../../engine/trading/position.ts';
import { restingSales } from './ledger.ts';
import type { Ledger } from './ledger.ts';
import type { MemoryExchange } from './memory-exchange.ts';
import { lengthOf } from './reach.ts';
import type { Fail, Watched } from './watched.ts';

export function judgeAtRest(world: Watched, ledger: Ledger, fail: Fail): void {
  tradeSets(ledger, fail);
  positions(world, ledger, fail);
  evidence(world, ledger, fail);
  money(world, fail);
  foreign(world, fail);
  liveness(world, fail);
  sold(world, ledger, fail);
  switchedOff(world, ledger, fail);
}

/** What has just been traded may still be on its way to the rows, and its bot on its way out of the engine. */
const settlingMs = 15_000;

/** A bot that is switched off and holds something, or has an order that is open, belongs to one engine; one that has nothing, to none. */
function switchedOff({ database, replicas, exchange }: Watched, ledger: Ledger, fail: Fail): void {
  for (const { row, active } of database.configs.values()) {
    const { position, tradedAtMs } = ledger.of(row.id);
    if (active || exchange.now() - tradedAtMs < settlingMs) continue;
    const holder = database.states.get(row.id)?.holder ?? null;
    const runs = replicas.filter((replica) => replica.fleet?.supervisor.bot(row.id)?.running === true).map(({ owner }) => owner);
    const holds = !isLeft(exchange, row.columns.symbol, position, tradedAtMs);
    const keeps = holds || restingSales(exchange, { botId: row.id, symbol: row.columns.symbol }).length > 0;
    const [only] = runs;
    if (keeps && (runs.length !== 1 || only !== holder))
      fail(
        15,
        `bot ${row.id} is switched off with ${position.toFixed()}, and runs in ${runs.join(', ') || 'no engine'}, of ${holder ?? 'nobody'}`,
      );
    if (!keeps && (runs.length > 0 || holder !== null))
      fail(15, `bot ${row.id} is switched off and has nothing left, and ${holder ?? runs.join(', ')} keeps it`);
  }
}

/** Engines have read changed filters by then. */
const filtersKnownMs = 5_000;

/** Dust by the filters of the last trade: what they did not let go is left. */
export function isLeft({ filters, matching }: MemoryExchange, symbol: string, position: Decimal, tradedAtMs: number): boolean {
  const instrument = filters.coarsest(symbol, tradedAtMs - filtersKnownMs, tradedAtMs);
  const held = { quantity: position, cost: zero, entryFees: zero, openedAtMs: null, openedUnder: null };
  return isDust(held, instrument, matching.lastTick(symbol)?.price.toNumber() ?? Number.NaN);
}

/** A close and a flattening kill switch sell what a bot that is switched off holds. */
function sold({ database, exchange, users }: Watched, ledger: Ledger, fail: Fail): void {
  for (const { row } of database.configs.values()) {
    if (!users.wantsSold(row.id)) continue;
    const { position, tradedAtMs } = ledger.of(row.id);
    if (!isLeft(exchange, row.columns.symbol, position, tradedAtMs))
      fail(15, `bot ${row.id} is switched off and was to sell what it holds, and holds ${position.toFixed()}`);
  }
}

/** 4: what was executed and what the rows hold are the same set. */
function tradeSets({ trades, booked }: Ledger, fail: Fail): void {
  for (const [key, trade] of trades) if (!booked.has(key)) fail(4, `execution ${key} (order ${trade.orderId}) has no row`);
}

/** 5: the cached position, the fold of fills, the exchange and the running bot agree. */
function positions({ database, replicas }: Watched, ledger: Ledger, fail: Fail): void {
  for (const { row } of database.configs.values()) {
    const state = database.states.get(row.id);
    const cached = readStateData(state?.data ?? {}).position.quantity;
    const { position } = ledger.of(row.id);
    if (!cached.eq(position)) fail(5, `bot ${row.id} holds ${position.toFixed()}, its rows say ${cached.toFixed()}`);
    for (const replica of replicas) {
      const session = state?.holder === replica.owner ? replica.fleet?.supervisor.bot(row.id)?.session : null;
      const held = session?.state.position.quantity;
      if (held !== undefined && !held.eq(position))
        fail(5, `bot ${row.id} holds ${position.toFixed()}, its actor in ${replica.owner} believes ${held.toFixed()}`);
    }
  }
}

/** 9: each order that is over says what proved it; none that exists was declared never placed. */
function evidence({ database }: Watched, { accepted }: Ledger, fail: Fail): void {
  const exist = new Set(accepted.map((order) => order.clientOrderId));
  for (const { intent, state, evidence } of database.orders.values()) {
    if (!isTerminal(state)) continue;
    if (evidence[state] === undefined) fail(9, `${intent.clientOrderId} is ${state} without evidence`);
    if ((state === 'never-placed' || state === 'rejected') && exist.has(intent.clientOrderId))
      fail(9, `${intent.clientOrderId} is ${state} in the rows and exists on the exchange`);
  }
}

/** 12: the rows, and what somebody else traded, explain every balance to the last digit. */
function money({ database, exchange, deposits }: Watched, fail: Fail): void {
  const expected = new Map(Object.entries(deposits));
  const add = (asset: string, amount: Decimal): void => void expected.set(asset, (expected.get(asset) ?? zero).plus(amount));
  const executions = [...database.fills.map(({ fill, symbol }) => ({ ...fill, symbol })), ...exchange.foreignTrades];
  for (const { symbol, side, quantity, price, commission, commissionAsset } of executions) {
    const { baseAsset, quoteAsset } = exchange.filters.of(symbol);
    const sign = side === 'BUY' ? 1 : -1;
    add(baseAsset, quantity.times(sign));
    add(quoteAsset, quantity.times(price).times(-sign));
    add(commissionAsset, commission.neg());
  }
  for (const { asset, free, locked } of exchange.balances()) {
    const total = free.plus(locked);
    if (!total.eq(expected.get(asset) ?? zero))
      fail(12, `the account has ${total.toFixed()} ${asset}, the rows explain ${(expected.get(asset) ?? zero).toFixed()}`);
  }
}

/** 13: what is not ours is as it was. */
function foreign({ exchange, foreignOrder, bans }: Watched, fail: Fail): void {
  const order = exchange.matching.order(exchange.account, foreignOrder.symbol, { clientOrderId: foreignOrder.clientOrderId });
  if (order?.status !== 'NEW' || !order.quantity.eq(foreignOrder.quantity)) fail(13, 'the order of somebody else was changed');
  if (bans.brokenBy !== null) fail(14, `${bans.brokenBy} sent a request in a ban that it knew of`);
}

/** A stop may just be on its way, or its end to the rows. */
const placingMs = 3_000;

/** A close is heard of and decided on. */
const toldWithinMs = 3_000;

/** 15: every order is over or waits at the exchange, every wished bot runs once, at the newest close. */
function liveness({ database, replicas, scheduler, exchange }: Watched, fail: Fail): void {
  for (const { intent, state, createdAtMs } of database.orders.values()) {
    if (isTerminal(state) || (intent.role !== 'entry' && intent.role !== 'exit' && scheduler.wallMs - createdAtMs < placingMs)) continue;
    const order = exchange.matching.order(exchange.account, intent.symbol, { clientOrderId: intent.clientOrderId });
    const justEnded = order !== null && scheduler.wallMs - order.updatedAtMs < placingMs;
    if (state !== 'accepted' || (order?.status !== 'NEW' && !justEnded)) fail(15, `${intent.clientOrderId} is still ${state}`);
  }
  for (const { row, active } of database.configs.values()) {
    // A bot that cannot be started does not run, and that is right.
    if (!active || findStrategy(row.columns.strategy) === undefined) continue;
    const runs = replicas.filter((replica) => replica.fleet?.supervisor.bot(row.id)?.running === true);
    const [only] = runs;
    if (only === undefined || runs.length > 1) {
      fail(15, `bot ${row.id} runs ${runs.length} times`);
      continue;
    }
    if (database.states.get(row.id)?.holder !== only.owner) fail(15, `bot ${row.id} runs in ${only.owner}, which does not hold it`);
    const lengthMs = lengthOf(row);
    const newestClose = Math.floor((scheduler.wallMs - toldWithinMs) / lengthMs) * lengthMs - 1;
    const session = only.fleet?.supervisor.bot(row.id)?.session;
    if ((session?.state.lastDecidedMs ?? 0) < newestClose)
      fail(15, `bot ${row.id} has not decided on the newest close (${session?.feed ?? 'no feed'}, ${session?.message ?? 'no session'})`);
    if (session?.state.working !== null) fail(15, `bot ${row.id} waits for an order that is over`);
  }
}
