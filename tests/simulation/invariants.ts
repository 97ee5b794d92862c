/**
 * The promises, numbered as in docs/order-safety.md, that can be broken at a step: judged inside it, when the exchange
 * accepts and when a row changes. `exposure.ts` and `at-rest.ts` have the others. The exchange is the truth.
 */
import { parseClientOrderId } from '../../engine/orders/client-order-id.ts';
import type { SignedWindow } from '../../engine/exchanges/exchange.ts';
import type { BookOrder, BookTrade } from '../../engine/matching/matching.ts';
import { isTerminal } from '../../engine/persistence/order-store.ts';
import type { Decimal } from 'decimal.js';
import { zero } from '../../engine/trading/exact.ts';
import type { Instrument } from '../../engine/trading/instrument.ts';
import { aheadMs } from './memory-exchange.ts';
import type { ExchangeWatch } from './memory-exchange.ts';
import { Ledger, carry, restingSales } from './ledger.ts';
import type { Truth } from './ledger.ts';
import type { DatabaseWatch, FillRow, OrderRow } from './memory-rows.ts';
import { judgeAtRest } from './at-rest.ts';
import { ExposureWatch } from './exposure.ts';
import { LossWatch } from './losses.ts';
import { Oracle } from './oracle.ts';
import { installation } from './replica.ts';
import { SpendingWatch } from './spending.ts';
import { lengthOf } from './reach.ts';
import { UnbookedWatch } from './unbooked.ts';
import type { Fail, Violation, Watched } from './watched.ts';

/** How far a host's clock may be off before the venue's time is learnt anew. */
const skewBoundMs = 1_500;
const recvWindowMs = 3_000;
/** What a user asked for is heard of at the next comparison with the rows; the longest deafness of an engine and two polls. */
const obeyWithinMs = 45_000;
/** An order of a close must be on the exchange by then: freshness (a share of the candle's length), receive window and skew together. */
const freshShare = 0.1;
const latestEntryMs = recvWindowMs + aheadMs + skewBoundMs;
/** Two rounds of asking begin 3 s apart; each takes a moment to arrive. */
const roundsApartMs = 2_900;
/** Filters that have changed are known to whoever enters by then. */
const filtersKnownMs = 20_000;
/** The average price that the venue judges by may lie this share below the last: what is worth no more may count as dust. */
const dustMarginShare = 0.002;

export class Invariants implements DatabaseWatch, ExchangeWatch {
  readonly violations: Violation[] = [];
  readonly ledger = new Ledger();
  readonly #world: Watched;
  readonly #oracle: Oracle;
  /** Virtual time of each claim, by bot and epoch. */
  readonly #claims = new Map<string, number>();
  readonly #exposures: ExposureWatch;
  readonly #unbooked: UnbookedWatch;
  readonly #spending: SpendingWatch;
  readonly #losses: LossWatch;
  readonly #committedAt = new Map<string, number>();

  constructor(world: Watched) {
    this.#world = world;
    this.#oracle = new Oracle(world.feed);
    this.#exposures = new ExposureWatch(world, this.ledger, this.#fail);
    this.#spending = new SpendingWatch(world, this.#fail);
    this.#losses = new LossWatch(world, this.ledger, this.#fail);
    this.#unbooked = new UnbookedWatch(world, this.ledger, this.#fail);
  }

  readonly #fail: Fail = (invariant, what) => {
    this.#world.trace.note(`VIOLATION of ${invariant}: ${what}`);
    this.violations.push({ invariant, atMs: Math.round(this.#world.scheduler.now), what });
  };

  /** Errors that nobody owned. */
  onUnhandled(error: unknown): void {
    this.#fail(15, `an error that nobody handles: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }

  /** Everything has come to rest. */
  atRest(): void {
    judgeAtRest(this.#world, this.ledger, this.#fail);
    this.#exposures.atRest();
  }

  onAccepted(order: BookOrder, trades: readonly BookTrade[], signed: SignedWindow): void {
    const parts = parseClientOrderId(order.clientOrderId);
    if (parts?.installation !== installation) return;
    this.#world.trace.note(`exchange: ${order.side} ${order.quantity.toFixed()} ${order.symbol} ${order.clientOrderId} is ${order.status}`);
    const row = this.#world.database.orders.get(order.clientOrderId);
    if (row === undefined) {
      this.#fail(1, `${order.clientOrderId} was accepted and has no intent`);
      return;
    }
    for (const trade of trades) this.#onTrade(trade, row.intent.botId);
    const truth = this.ledger.of(row.intent.botId);
    this.#oncePerDecision(row, truth, order);
    this.#fence(row, signed);
    this.#noVerdictBefore(row);
    this.#exposure(row, truth, order);
    this.#lossCap(row);
    this.#data(row);
    this.#obedience(row);
    this.#exitHolds(row, truth);
    this.ledger.accepted.push(order);
    if (row.intent.role === 'stop' || (row.intent.role === 'exit' && trades.length > 0)) this.#exposures.onPlacedOrSold(row.intent.botId);
    truth.orders.push({ order, executed: trades.length > 0, key: decisionKey(row) });
    const instrument = this.#world.exchange.matching.instrument(order.symbol);
    for (const trade of trades) carry(truth, trade, instrument);
  }

  /**
   * 17: a position is sold for want of its stop only when the exchange has denied that stop to the bot's engine, by the order query and by
   * the open orders, in two rounds. Judged when the engine takes the stop down to sell.
   */
  onCancelled(order: BookOrder, signed: SignedWindow): void {
    const parts = parseClientOrderId(order.clientOrderId);
    if (parts?.installation !== installation || parts.role !== 'stop') return;
    this.#exposures.onTakenDown(parts.botId, order.symbol, signed.timestampMs);
    const { database, replicas, exchange } = this.#world;
    const owner = replicas.find((replica) => replica.owner === database.states.get(parts.botId)?.holder);
    const exiting = owner?.fleet?.supervisor.bot(parts.botId)?.session?.state.exiting ?? null;
    if (owner === undefined || exiting?.kind !== 'unprotected' || !exiting.reason.includes('asked twice')) return;
    if (
      order.quantity
        .minus(order.executedQuantity)
        .lt(sellable(this.ledger.of(parts.botId).position, exchange.matching.instrument(order.symbol)))
    )
      return;
    if (!exchange.denials.deniedTwice(owner.owner, order.clientOrderId, roundsApartMs))
      this.#fail(17, `${order.clientOrderId} rested, and its bot sells for want of it although the exchange had not denied it twice`);
  }

  /** An order that had rested is carried out. */
  onExecuted(order: BookOrder, trade: BookTrade): void {
    const intent = this.#world.database.orders.get(order.clientOrderId)?.intent;
    if (intent === undefined) return;
    this.#world.trace.note(`exchange: ${order.clientOrderId} sells ${trade.quantity.toFixed()} and is ${order.status}`);
    this.#onTrade(trade, intent.botId);
    const truth = this.ledger.of(intent.botId);
    const accepted = truth.orders.findLast((one) => one.order.clientOrderId === order.clientOrderId);
    if (accepted !== undefined) accepted.executed = true;
    carry(truth, trade, this.#world.exchange.matching.instrument(order.symbol));
  }

  #onTrade(trade: BookTrade, botId: string): void {
    const key = executionKey(trade.symbol, trade);
    this.ledger.trades.set(key, trade);
    this.#unbooked.onExecution(key, botId);
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
    const { filters, now } = this.#world.exchange;
    const instrument = filters.coarsest(order.symbol, now() - filtersKnownMs);
    const price = this.#world.exchange.matching.lastTick(order.symbol)?.price ?? zero;
    if (order.side === 'SELL') {
      const resting = restingSales(this.#world.exchange, intent).filter(
        (one) => one.clientOrderId !== order.clientOrderId && !sameList(one, order),
      );
      const sold = resting.reduce((sum, one) => sum.plus(one.quantity).minus(one.executedQuantity), order.quantity);
      if (sold.gt(truth.position)) {
        const beside = resting.length === 0 ? '' : ` (with ${resting.map((one) => one.clientOrderId).join(', ')})`;
        this.#fail(
          6,
          `${intent.clientOrderId}${beside} sells ${sold.toFixed()} of the ${truth.position.toFixed()} that bot ${intent.botId} holds`,
        );
        this.#fail(13, `${intent.clientOrderId} sells coins that are not the bot's`);
      }
      return;
    }
    // What the step leaves over cannot be sold; an average price a little lower would refuse the rest.
    const held = sellable(truth.position, instrument);
    const leastValue = instrument.notional?.min.times(1 + dustMarginShare) ?? null;
    if (leastValue !== null && held.times(price).gte(leastValue) && held.gte(instrument.lot.min))
      this.#fail(6, `${intent.clientOrderId} buys while bot ${intent.botId} holds ${truth.position.toFixed()}`);
    const capital = this.#world.database.configs.get(intent.botId)?.row.columns.initialCapital ?? zero;
    if (order.executedQuote.gt(capital.times('1.05'))) this.#fail(6, `${intent.clientOrderId} spends more than the bot's budget`);
  }

  /** 11: no entry after the day's loss has reached the cap. */
  #lossCap({ intent }: OrderRow): void {
    const row = this.#world.database.configs.get(intent.botId)?.row;
    if (intent.role !== 'entry' || row === undefined || row.columns.maxDailyLossPerc === null) return;
    const capital = row.columns.initialCapital;
    const lost = this.#losses.lostToday(row, intent.referencePrice);
    if (lost.gte(capital.times(row.columns.maxDailyLossPerc).div(100)))
      this.#fail(11, `${intent.clientOrderId} enters although ${lost.toFixed(2)} of ${capital.toFixed()} are lost today`);
  }

  /** 14: entries follow a true, fresh, contiguous close that says so. */
  #data({ intent }: OrderRow): void {
    if (intent.role !== 'entry') return;
    const row = this.#world.database.configs.get(intent.botId)?.row;
    const ageMs = this.#world.scheduler.wallMs - intent.decisionMs;
    const lengthMs = row === undefined ? Number.NaN : lengthOf(row);
    if (ageMs > lengthMs * freshShare + latestEntryMs)
      this.#fail(14, `${intent.clientOrderId} enters ${Math.round(ageMs)} ms after its close`);
    if (row !== undefined && this.#oracle.signal(row, intent.decisionMs) !== 'enter-long')
      this.#fail(14, `${intent.clientOrderId} enters although the true candles do not say so`);
  }

  /**
   * 15: an exit that sold a part goes on until nothing is left, whoever runs the bot: no later decision takes its place. What a
   * stop or target left is sold or protected anew.
   */
  #exitHolds({ intent }: OrderRow, truth: Truth): void {
    const last = truth.orders.at(-1);
    if (intent.side === 'SELL' && last?.key.startsWith('exit ') === false) return;
    const { filters } = this.#world.exchange;
    // What the filters of that time did not let it sell is no part of it.
    const then = filters.coarsest(intent.symbol, truth.tradedAtMs - filtersKnownMs, truth.tradedAtMs + filtersKnownMs);
    const least = then.notional?.min ?? zero;
    const left = sellable(truth.position, then).times(intent.referencePrice);
    if (last?.order.side === 'SELL' && last.executed && last.key !== `${intent.role} ${intent.decisionMs}` && left.gte(least.times(2)))
      this.#fail(15, `${intent.clientOrderId} follows ${last.order.clientOrderId}, whose exit left ${truth.position.toFixed()} unsold`);
  }

  /** 15: what a user asked for is done. */
  #obedience({ intent }: OrderRow): void {
    const since = intent.role === 'entry' ? this.#world.users.refusesEntriesSince(intent.botId) : null;
    const agoMs = since === null ? 0 : this.#world.scheduler.now - since;
    if (agoMs > obeyWithinMs)
      this.#fail(15, `${intent.clientOrderId} enters ${Math.round(agoMs)} ms after its user had stopped or paused the bot`);
  }

  /** 1, 2, 3, 7, 16 as rows are committed. */
  onCommitted(row: OrderRow, currentEpoch: number): void {
    const { intent } = row;
    const { database, trace, scheduler } = this.#world;
    trace.note(`rows: intent ${intent.clientOrderId} (${intent.side} ${intent.quantity.toFixed()}) of epoch ${intent.epoch}`);
    this.#committedAt.set(intent.clientOrderId, scheduler.now);
    this.#spending.onCommitted(row);
    if (intent.epoch !== currentEpoch)
      this.#fail(7, `${intent.clientOrderId} was committed under epoch ${intent.epoch}; the bot is at ${currentEpoch}`);
    for (const other of database.ordersOf(intent.botId)) {
      if (other === row || other.intent.role !== intent.role || other.intent.slot !== intent.slot || isTerminal(other.state)) continue;
      this.#fail(
        intent.role === 'entry' ? 3 : 2,
        `${intent.clientOrderId} was committed while ${other.intent.clientOrderId} is ${other.state}`,
      );
    }
  }

  /** 4: a row tells an execution that happened, exactly, once. */
  onFill({ fill, symbol }: FillRow): void {
    this.#world.trace.note(`rows: fill ${fill.tradeId} of ${fill.clientOrderId}`);
    const key = executionKey(symbol, fill);
    const trade = this.ledger.trades.get(key);
    if (this.ledger.booked.has(key)) this.#fail(4, `execution ${fill.tradeId} of ${fill.clientOrderId} was booked twice`);
    this.ledger.booked.add(key);
    this.#unbooked.onBooked(key);
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
    if (intent.role === 'exit' && isTerminal(state) && executedQuantity.isZero()) this.#exposures.onFailedExit(intent.botId);
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
}

/** Both sides of a match may be ours: they carry one trade id. */
function executionKey(symbol: string, { tradeId, side }: { readonly tradeId: bigint | string; readonly side: string }): string {
  return `${symbol} ${tradeId} ${side}`;
}

function sellable(position: Decimal, instrument: Instrument | null): Decimal {
  const floored = instrument === null ? zero : position.minus(position.mod(instrument.lot.step));
  return instrument === null || floored.lt(instrument.lot.min) ? zero : floored;
}

function sameList(a: BookOrder, b: BookOrder): boolean {
  return a.orderListId >= 0n && a.orderListId === b.orderListId;
}

function decisionKey({ intent }: OrderRow): string {
  return `${intent.role} ${intent.decisionMs}`;
}
