/**
 * The promises, numbered as in order-safety.md section 6. Those that can be broken at a step are judged inside the step
 * (when the exchange accepts, when a row changes); the others when everything has come to rest. The exchange is the truth.
 */
import type { Decimal } from 'decimal.js';
import { parseClientOrderId } from '../../engine/execution/client-order-id.ts';
import type { SignedWindow } from '../../engine/exchanges/exchange.ts';
import type { BookOrder, BookTrade } from '../../engine/matching/matching.ts';
import { isTerminal } from '../../engine/persistence/order-store.ts';
import { readStateData } from '../../engine/persistence/state-data.ts';
import { zero } from '../../engine/trading/exact.ts';
import { aheadMs } from './memory-exchange.ts';
import type { ExchangeWatch, MemoryExchange } from './memory-exchange.ts';
import type { DatabaseWatch, FillRow, MemoryDatabase, OrderRow } from './memory-database.ts';
import { Oracle } from './oracle.ts';
import type { PriceFeed } from './price-feed.ts';
import type { Replica } from './replica.ts';
import { installation } from './replica.ts';
import { epochMs } from './scheduler.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

export interface Violation {
  readonly invariant: number;
  readonly atMs: number;
  readonly what: string;
}

export interface Watched {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly database: MemoryDatabase;
  readonly exchange: MemoryExchange;
  readonly feed: PriceFeed;
  readonly replicas: readonly Replica[];
  readonly deposits: Readonly<Record<string, Decimal>>;
  readonly foreignOrder: { readonly symbol: string; readonly clientOrderId: string; readonly quantity: Decimal };
  readonly bans: { readonly brokenBy: string | null };
}

/** What the exchange knows of one bot. */
interface Truth {
  position: Decimal;
  /** Quote received minus quote spent by closed round trips, net of fees: what the day's loss is made of. */
  cash: Decimal;
  readonly orders: { readonly order: BookOrder; readonly executed: boolean; readonly key: string }[];
}

/** How far a host's clock may be off before the venue's time is learnt anew. */
const skewBoundMs = 1_500;
const recvWindowMs = 3_000;
/** An order of a close must be on the exchange by then: freshness, receive window and skew together. */
const latestEntryMs = 6_000 + recvWindowMs + aheadMs + skewBoundMs;

export class Invariants implements DatabaseWatch, ExchangeWatch {
  readonly violations: Violation[] = [];
  readonly accepted: BookOrder[] = [];
  readonly #world: Watched;
  readonly #oracle: Oracle;
  readonly #truths = new Map<string, Truth>();
  readonly #trades = new Map<string, BookTrade>();
  readonly #booked = new Set<string>();
  /** Virtual time of each claim, by bot and epoch. */
  readonly #claims = new Map<string, number>();
  readonly #committedAt = new Map<string, number>();

  constructor(world: Watched) {
    this.#world = world;
    this.#oracle = new Oracle(world.feed);
  }

  #fail(invariant: number, what: string): void {
    this.#world.trace.note(`VIOLATION of ${invariant}: ${what}`);
    this.violations.push({ invariant, atMs: Math.round(this.#world.scheduler.now), what });
  }

  /** Errors that nobody owned. */
  onUnhandled(error: unknown): void {
    this.#fail(15, `an error that nobody handles: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }

  // At every step.

  onAccepted(order: BookOrder, trades: readonly BookTrade[], signed: SignedWindow): void {
    const parts = parseClientOrderId(order.clientOrderId);
    if (parts?.installation !== installation) return;
    this.#world.trace.note(`exchange: ${order.side} ${order.quantity.toFixed()} ${order.symbol} ${order.clientOrderId} is ${order.status}`);
    for (const trade of trades) this.#trades.set(`${trade.symbol} ${trade.tradeId}`, trade);
    const row = this.#world.database.orders.get(order.clientOrderId);
    if (row === undefined) {
      this.#fail(1, `${order.clientOrderId} was accepted and has no intent`);
      return;
    }
    const truth = this.#truth(row.intent.botId);
    this.#oncePerDecision(row, truth, order);
    this.#fence(row, signed);
    this.#noVerdictBefore(row);
    this.#exposure(row, truth, order);
    this.#lossCap(row, truth);
    this.#data(row);
    this.accepted.push(order);
    truth.orders.push({ order, executed: trades.length > 0, key: decisionKey(row) });
    for (const trade of trades) this.#carry(truth, trade);
  }

  /** 2: one accepted order per decision and role, unless all earlier attempts are over. */
  #oncePerDecision({ intent }: OrderRow, truth: Truth, order: BookOrder): void {
    for (const earlier of truth.orders) {
      if (earlier.order.clientOrderId === intent.clientOrderId) this.#fail(2, `${intent.clientOrderId} was accepted twice`);
      else if (earlier.key === `${intent.role} ${intent.decisionMs}` && intent.role === 'entry' && earlier.executed)
        this.#fail(2, `${order.clientOrderId} enters on a decision that ${earlier.order.clientOrderId} has entered on`);
    }
  }

  /** 7: an order of an epoch that ended was signed before that, and arrived within its window. */
  #fence({ intent }: OrderRow, signed: SignedWindow): void {
    const { scheduler } = this.#world;
    const takenAt = this.#claims.get(`${intent.botId} ${intent.epoch + 1}`);
    if (takenAt === undefined) return;
    const committedAt = this.#committedAt.get(intent.clientOrderId) ?? Number.POSITIVE_INFINITY;
    if (committedAt > takenAt)
      this.#fail(7, `${intent.clientOrderId} of epoch ${intent.epoch} was committed after the bot had been taken over`);
    const lateMs = scheduler.now - takenAt;
    if (lateMs > recvWindowMs + aheadMs + skewBoundMs)
      this.#fail(
        7,
        `${intent.clientOrderId} of epoch ${intent.epoch} was accepted ${Math.round(lateMs)} ms after the take-over (signed for ${signed.recvWindowMs} ms)`,
      );
  }

  /** 9: what exists was not declared never placed. */
  #noVerdictBefore({ intent, state }: OrderRow): void {
    if (isTerminal(state)) this.#fail(9, `${intent.clientOrderId} was accepted while its row says ${state}`);
  }

  /** 6 and 13: nothing is bought on top of a position, nothing sold that the bot does not hold. */
  #exposure({ intent }: OrderRow, truth: Truth, order: BookOrder): void {
    const instrument = this.#world.exchange.matching.instrument(order.symbol);
    const price = this.#world.exchange.matching.lastTick(order.symbol)?.price ?? zero;
    if (order.side === 'SELL') {
      if (order.quantity.gt(truth.position)) {
        this.#fail(
          6,
          `${intent.clientOrderId} sells ${order.quantity.toFixed()} of the ${truth.position.toFixed()} that bot ${intent.botId} holds`,
        );
        this.#fail(13, `${intent.clientOrderId} sells coins that are not the bot's`);
      }
      return;
    }
    const heldValue = truth.position.times(price);
    if (
      instrument?.notional !== null &&
      instrument !== null &&
      heldValue.gte(instrument.notional.min) &&
      truth.position.gte(instrument.lot.min)
    )
      this.#fail(6, `${intent.clientOrderId} buys while bot ${intent.botId} holds ${truth.position.toFixed()}`);
    const capital = this.#world.database.configs.get(intent.botId)?.row.columns.initialCapital ?? zero;
    if (order.executedQuote.gt(capital.times('1.05'))) this.#fail(6, `${intent.clientOrderId} spends more than the bot's budget`);
  }

  /** 11: no entry after the day's realised loss has reached the cap. */
  #lossCap({ intent }: OrderRow, truth: Truth): void {
    const columns = this.#world.database.configs.get(intent.botId)?.row.columns;
    if (intent.role !== 'entry' || columns === undefined || columns.maxDailyLossPerc === null) return;
    const capital = columns.initialCapital;
    if (truth.cash.neg().gte(capital.times(columns.maxDailyLossPerc).div(100)) && truth.position.lt('0.0001'))
      this.#fail(11, `${intent.clientOrderId} enters although ${truth.cash.neg().toFixed(2)} of ${capital.toFixed()} are lost today`);
  }

  /** 14: entries follow a true, fresh, contiguous close that says so. */
  #data({ intent }: OrderRow): void {
    if (intent.role !== 'entry') return;
    const row = this.#world.database.configs.get(intent.botId)?.row;
    const ageMs = epochMs + this.#world.scheduler.now - intent.decisionMs;
    if (ageMs > latestEntryMs) this.#fail(14, `${intent.clientOrderId} enters ${Math.round(ageMs)} ms after its close`);
    if (row !== undefined && this.#oracle.signal(row, intent.decisionMs) !== 'enter-long')
      this.#fail(14, `${intent.clientOrderId} enters although the true candles do not say so`);
  }

  #carry(truth: Truth, trade: BookTrade): void {
    const instrument = this.#world.exchange.matching.instrument(trade.symbol);
    const sign = trade.side === 'BUY' ? 1 : -1;
    truth.position = truth.position.plus(trade.quantity.times(sign));
    truth.cash = truth.cash.minus(trade.quoteQuantity.times(sign));
    if (trade.commissionAsset === instrument?.baseAsset) truth.position = truth.position.minus(trade.commission);
    if (trade.commissionAsset === instrument?.quoteAsset) truth.cash = truth.cash.minus(trade.commission);
  }

  /** 1, 2, 3, 7 as rows are committed. */
  onCommitted(row: OrderRow, currentEpoch: number): void {
    const { intent } = row;
    const { database, trace, scheduler } = this.#world;
    trace.note(`rows: intent ${intent.clientOrderId} (${intent.side} ${intent.quantity.toFixed()}) of epoch ${intent.epoch}`);
    this.#committedAt.set(intent.clientOrderId, scheduler.now);
    if (intent.epoch !== currentEpoch)
      this.#fail(7, `${intent.clientOrderId} was committed under epoch ${intent.epoch}; the bot is at ${currentEpoch}`);
    for (const other of database.ordersOf(intent.botId)) {
      if (other === row || other.intent.role !== intent.role || isTerminal(other.state)) continue;
      this.#fail(
        intent.role === 'entry' ? 3 : 2,
        `${intent.clientOrderId} was committed while ${other.intent.clientOrderId} is ${other.state}`,
      );
    }
  }

  /** 4: a row tells an execution that happened, exactly, once. */
  onFill({ fill, symbol }: FillRow): void {
    this.#world.trace.note(`rows: fill ${fill.tradeId} of ${fill.clientOrderId}`);
    const key = `${symbol} ${fill.tradeId}`;
    const trade = this.#trades.get(key);
    if (this.#booked.has(key)) this.#fail(4, `execution ${fill.tradeId} of ${fill.clientOrderId} was booked twice`);
    this.#booked.add(key);
    const same =
      trade !== undefined &&
      trade.price.eq(fill.price) &&
      trade.quantity.eq(fill.quantity) &&
      trade.commission.eq(fill.commission) &&
      trade.commissionAsset === fill.commissionAsset &&
      trade.side === fill.side;
    if (!same)
      this.#fail(4, `the rows hold execution ${fill.tradeId} of ${fill.clientOrderId}, which the exchange does not know like this`);
  }

  /** 10: states and executed quantities only go forward. */
  onOrderChanged(
    { intent, state, executedQuantity, filled }: OrderRow,
    before: { readonly state: OrderRow['state']; readonly executedQuantity: Decimal },
  ): void {
    if (state !== before.state) this.#world.trace.note(`rows: ${intent.clientOrderId} is ${state}`);
    const back =
      state !== before.state &&
      ((isTerminal(before.state) && before.state !== 'never-placed') ||
        state === 'intended' ||
        (state === 'unknown' && before.state !== 'intended'));
    if (back) this.#fail(10, `${intent.clientOrderId} went from ${before.state} to ${state}`);
    if (executedQuantity.lt(before.executedQuantity)) this.#fail(10, `the executed quantity of ${intent.clientOrderId} fell`);
    if (isTerminal(state) && !filled.eq(executedQuantity))
      this.#fail(10, `${intent.clientOrderId} is ${state} with fills of ${filled.toFixed()} for ${executedQuantity.toFixed()} executed`);
  }

  onClaimed(botId: string, epoch: number, before: number): void {
    this.#world.trace.note(`rows: bot ${botId} is claimed, epoch ${epoch}`);
    this.#claims.set(`${botId} ${epoch}`, this.#world.scheduler.now);
    if (epoch <= before) this.#fail(7, `the epoch of bot ${botId} went from ${before} to ${epoch}`);
  }

  #truth(botId: string): Truth {
    const known = this.#truths.get(botId);
    if (known !== undefined) return known;
    const truth: Truth = { position: zero, cash: zero, orders: [] };
    this.#truths.set(botId, truth);
    return truth;
  }

  // At rest.

  atRest(): void {
    this.#tradeSets();
    this.#positions();
    this.#evidence();
    this.#money();
    this.#foreign();
    this.#liveness();
  }

  /** 4: what was executed and what the rows hold are the same set. */
  #tradeSets(): void {
    for (const [key, trade] of this.#trades)
      if (!this.#booked.has(key)) this.#fail(4, `execution ${key} (order ${trade.orderId}) has no row`);
  }

  /** 5: the cached position, the fold of fills, the exchange and the running bot agree. */
  #positions(): void {
    for (const { row } of this.#world.database.configs.values()) {
      const state = this.#world.database.states.get(row.id);
      const cached = readStateData(state?.data ?? {}).position.quantity;
      const { position } = this.#truth(row.id);
      if (!cached.eq(position)) this.#fail(5, `bot ${row.id} holds ${position.toFixed()}, its rows say ${cached.toFixed()}`);
      for (const replica of this.#world.replicas) {
        const session = state?.holder === replica.owner ? replica.fleet?.supervisor.bot(row.id)?.session : null;
        const held = session?.state.position.quantity;
        if (held !== undefined && !held.eq(position))
          this.#fail(5, `bot ${row.id} holds ${position.toFixed()}, its actor in ${replica.owner} believes ${held.toFixed()}`);
      }
    }
  }

  /** 9: each order that is over says what proved it; none that exists was declared never placed. */
  #evidence(): void {
    const exist = new Set(this.accepted.map((order) => order.clientOrderId));
    for (const { intent, state, evidence } of this.#world.database.orders.values()) {
      if (!isTerminal(state)) continue;
      if (evidence[state] === undefined) this.#fail(9, `${intent.clientOrderId} is ${state} without evidence`);
      if ((state === 'never-placed' || state === 'rejected') && exist.has(intent.clientOrderId))
        this.#fail(9, `${intent.clientOrderId} is ${state} in the rows and exists on the exchange`);
    }
  }

  /** 12: the rows explain every balance to the last digit. */
  #money(): void {
    const { database, exchange, deposits } = this.#world;
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
        this.#fail(12, `the account has ${total.toFixed()} ${asset}, the rows explain ${(expected.get(asset) ?? zero).toFixed()}`);
    }
  }

  /** 13: what is not ours is as it was. */
  #foreign(): void {
    const { exchange, foreignOrder } = this.#world;
    const order = exchange.matching.order(exchange.account, foreignOrder.symbol, { clientOrderId: foreignOrder.clientOrderId });
    if (order?.status !== 'NEW' || !order.quantity.eq(foreignOrder.quantity)) this.#fail(13, 'the order of somebody else was changed');
    if (this.#world.bans.brokenBy !== null) this.#fail(14, `${this.#world.bans.brokenBy} sent a request in a ban that it knew of`);
  }

  /** 15: every order is over, every wished bot runs once, at the newest close. */
  #liveness(): void {
    const { database, replicas, scheduler } = this.#world;
    for (const { intent, state } of database.orders.values())
      if (!isTerminal(state)) this.#fail(15, `${intent.clientOrderId} is still ${state}`);
    const newestClose = epochMs + Math.floor(scheduler.now / 60_000) * 60_000 - 1;
    for (const { row, active } of database.configs.values()) {
      if (!active) continue;
      const runs = replicas.filter((replica) => replica.fleet?.supervisor.bot(row.id)?.running === true);
      const [only] = runs;
      if (only === undefined || runs.length > 1) {
        this.#fail(15, `bot ${row.id} runs ${runs.length} times`);
        continue;
      }
      if (database.states.get(row.id)?.holder !== only.owner) this.#fail(15, `bot ${row.id} runs in ${only.owner}, which does not hold it`);
      const session = only.fleet?.supervisor.bot(row.id)?.session;
      if ((session?.state.lastDecidedMs ?? 0) < newestClose)
        this.#fail(
          15,
          `bot ${row.id} has not decided on the newest close (${session?.feed ?? 'no feed'}, ${session?.message ?? 'no session'})`,
        );
      if (session?.state.working !== null) this.#fail(15, `bot ${row.id} waits for an order that is over`);
    }
  }
}

function decisionKey({ intent }: OrderRow): string {
  return `${intent.role} ${intent.decisionMs}`;
}
