/** The promises that are judged when the storm is over and everything has come to rest. */
import type { Decimal } from 'decimal.js';
import { isTerminal } from '../../engine/persistence/order-store.ts';
import { readStateData } from '../../engine/persistence/state-data.ts';
import { findStrategy } from '../../engine/strategies/registry.ts';
import { zero } from '../../engine/trading/exact.ts';
import { isDust } from '../../engine/trading/position.ts';
import type { Ledger } from './ledger.ts';
import type { Fail, Watched } from './watched.ts';

export function judgeAtRest(world: Watched, ledger: Ledger, fail: Fail): void {
  tradeSets(ledger, fail);
  positions(world, ledger, fail);
  evidence(world, ledger, fail);
  money(world, fail);
  foreign(world, fail);
  liveness(world, fail);
  sold(world, ledger, fail);
}

/** A close and a flattening kill switch sell what a bot that is switched off holds; then nobody has it any more. */
function sold({ database, exchange, users }: Watched, ledger: Ledger, fail: Fail): void {
  for (const { row } of database.configs.values()) {
    if (!users.wantsSold(row.id)) continue;
    const instrument = exchange.matching.instrument(row.columns.symbol);
    const tick = exchange.matching.lastTick(row.columns.symbol);
    const { position } = ledger.of(row.id);
    const held = { quantity: position, cost: zero, entryFees: zero, openedAtMs: null };
    if (instrument !== null && !isDust(held, instrument, tick?.price.toNumber() ?? Number.NaN))
      fail(15, `bot ${row.id} is switched off and was to sell what it holds, and holds ${position.toFixed()}`);
    const holder = database.states.get(row.id)?.holder ?? null;
    if (holder !== null) fail(15, `bot ${row.id} is switched off and has nothing left, and ${holder} keeps it`);
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

/** 12: the rows explain every balance to the last digit. */
function money({ database, exchange, deposits }: Watched, fail: Fail): void {
  const expected = new Map(Object.entries(deposits));
  const add = (asset: string, amount: Decimal): void => void expected.set(asset, (expected.get(asset) ?? zero).plus(amount));
  for (const { fill, symbol } of database.fills) {
    const instrument = exchange.matching.instrument(symbol);
    if (instrument === null) continue;
    const sign = fill.side === 'BUY' ? 1 : -1;
    add(instrument.baseAsset, fill.quantity.times(sign));
    add(instrument.quoteAsset, fill.quantity.times(fill.price).times(-sign));
    add(fill.commissionAsset, fill.commission.neg());
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

/** A stop may just be on its way. */
const placingMs = 3_000;

/** 15: every order is over or waits at the exchange, every wished bot runs once, at the newest close. */
function liveness({ database, replicas, scheduler, exchange }: Watched, fail: Fail): void {
  for (const { intent, state, createdAtMs } of database.orders.values()) {
    if (isTerminal(state) || (intent.role !== 'entry' && intent.role !== 'exit' && scheduler.wallMs - createdAtMs < placingMs)) continue;
    const order = exchange.matching.order(exchange.account, intent.symbol, { clientOrderId: intent.clientOrderId });
    if (order?.status !== 'NEW' || state !== 'accepted') fail(15, `${intent.clientOrderId} is still ${state}`);
  }
  const newestClose = Math.floor(scheduler.wallMs / 60_000) * 60_000 - 1;
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
    const session = only.fleet?.supervisor.bot(row.id)?.session;
    if ((session?.state.lastDecidedMs ?? 0) < newestClose)
      fail(15, `bot ${row.id} has not decided on the newest close (${session?.feed ?? 'no feed'}, ${session?.message ?? 'no session'})`);
    if (session?.state.working !== null) fail(15, `bot ${row.id} waits for an order that is over`);
  }
}
