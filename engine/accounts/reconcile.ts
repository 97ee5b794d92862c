/**
 * Compares one account with its exchange, for many bots in one go: orders that the rows lack are filled in, orders that were
 * declared never placed and exist hold their bot, executions that the engine missed are booked. There is no query per bot: the
 * exchange is asked per symbol, the rows in sets. Everything is written under the bots' epochs, by whoever runs them.
 */
import type { Reach } from '../crash-points.ts';
import type { ExchangeOrder, TradingAccount } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { OrderStore, RecordAnswer, StoredOrder } from '../persistence/order-store.ts';
import { isTerminal, recordOne } from '../persistence/order-store.ts';
import type { ReconcileStart, ReconcileStore } from '../persistence/reconcile-store.ts';
import type { VenueClock } from '../time/clock.ts';
import type { Instrument } from '../trading/instrument.ts';
import { lostOrder, notOf } from './backfill.ts';
import type { AccountFacts } from '../orders/account-facts.ts';
import { evidenceOfOrder, valuedEvidence } from '../orders/evidence.ts';
import { cancelLate } from '../orders/late-arrivals.ts';
import { allOrdersSince, ownAmong } from '../orders/own-orders.ts';
import type { OwnOrder } from '../orders/own-orders.ts';
import { tradeLine } from '../orders/trade-line.ts';

export interface ReconcilerOptions {
  readonly account: TradingAccount;
  readonly venue: string;
  readonly installation: string;
  readonly orders: OrderStore;
  readonly rows: ReconcileStore;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly reach: Reach;
  readonly facts: Pick<AccountFacts, 'valued'>;
}

export interface ReconcileTarget {
  readonly botId: string;
  readonly epoch: number;
  readonly symbol: string;
  /** True when the bot runs (or may by now): its open orders are looked after there and left alone here. */
  readonly running: boolean;
  instrument(): Instrument;
}

/** Searches begin this long before the last comparison: reads of the exchange lag its matching, and clocks differ. */
const overlapMs = 120_000;
const dayMs = 86_400_000;
/** From so many symbols on, one request for all open orders costs less weight than one for each symbol. */
const symbolsForOneRequest = 14;
/** Symbols that are read at the same time. */
const lanes = 8;

export class AccountReconciler {
  readonly #options: ReconcilerOptions;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /**
   * Answers the bots whose rows were changed. Throws what the reads and writes throw: nothing counts as compared then, but
   * `changed` tells whose rows changed, or may have, up to there.
   */
  async reconcile(targets: readonly ReconcileTarget[], changed = new Set<string>()): Promise<ReadonlySet<string>> {
    const { rows, venueClock, reach, metrics } = this.#options;
    if (targets.length === 0) return new Set();
    const startedAtMs = venueClock.now();
    try {
      const starts = new Map((await rows.starts(targets.map(({ botId }) => botId))).map((start) => [start.botId, start]));
      const found = await this.#ownOrders(targets, starts, startedAtMs);
      reach('CP12');
      await this.#compare(new Map(targets.map((target) => [target.botId, target])), starts, found, startedAtMs, changed);
      await rows.compared(targets, startedAtMs - overlapMs);
      metrics.reconcileRuns.inc({ result: 'ok' });
      return changed;
    } catch (error) {
      metrics.reconcileRuns.inc({ result: 'failed' });
      throw error;
    }
  }

  /** Our orders at the exchange that may be news to the rows, oldest first. */
  async #ownOrders(
    targets: readonly ReconcileTarget[],
    starts: ReadonlyMap<string, ReconcileStart>,
    nowMs: number,
  ): Promise<readonly OwnOrder[]> {
    const { account, installation } = this.#options;
    const sinceBySymbol = new Map<string, number>();
    for (const { botId, symbol } of targets) {
      const start = starts.get(botId);
      const sinceMs = Math.min(comparedThrough(start, nowMs), start?.oldestNeverPlacedMs ?? nowMs) - overlapMs;
      sinceBySymbol.set(symbol, Math.min(sinceMs, sinceBySymbol.get(symbol) ?? sinceMs));
    }
    const symbols = [...sinceBySymbol];
    const pages: (readonly ExchangeOrder[])[] = [];
    if (symbols.length >= symbolsForOneRequest) pages.push(await account.openOrders(null));
    await inLanes(symbols, async ([symbol, sinceMs]) => {
      if (symbols.length < symbolsForOneRequest) pages.push(await account.openOrders(symbol));
      pages.push(await allOrdersSince(account, symbol, sinceMs, nowMs));
    });
    // The later reading of an order counts.
    const byId = new Map(pages.flat().map((order) => [`${order.symbol} ${order.orderId}`, order]));
    return ownAmong([...byId.values()], installation).toSorted(({ order: a }, { order: b }) => byAge(a, b));
  }

  async #compare(
    targets: ReadonlyMap<string, ReconcileTarget>,
    starts: ReadonlyMap<string, ReconcileStart>,
    found: readonly OwnOrder[],
    nowMs: number,
    changed: Set<string>,
  ): Promise<void> {
    const { rows, log, metrics } = this.#options;
    const known = new Map(
      (await rows.byClientOrderId(found.map(({ order }) => order.clientOrderId))).map((row) => [row.clientOrderId, row]),
    );
    const bots = await rows.knownBots([...new Set(found.map(({ parts }) => parts.botId))]);
    let filledIn = 0;
    for (const own of found) {
      const { order, parts } = own;
      const row = known.get(order.clientOrderId);
      const target = targets.get(parts.botId);
      if (row !== undefined) {
        if (target !== undefined && this.#isNews(row, order, target)) await changing(changed, target, () => this.#record(target, order));
        continue;
      }
      const strange = notOf(bots.get(parts.botId), own, this.#options.venue === 'simulated');
      if (strange !== null) {
        // Bots that were compared after the order came have been told of it.
        const untold = [...targets.values()].filter(
          ({ botId, symbol }) => symbol === order.symbol && order.updatedAtMs >= comparedThrough(starts.get(botId), nowMs) - overlapMs,
        );
        for (const { botId } of untold) changed.add(botId);
        await this.#holdAll(untold, own, strange);
        continue;
      }
      if (target === undefined) continue; // The engine that has its bot, or the next one, sees to it.
      if (await changing(changed, target, () => this.#fillIn(target, own))) filledIn += 1;
    }
    if (filledIn > 0) {
      metrics.ordersFilledIn.inc(filledIn);
      log.error(
        { account: this.#options.account.name, orders: filledIn, bots: [...changed] },
        'the exchange has orders of ours that the database had lost: it was restored from an older backup; their rows were made again',
      );
    }
  }

  #isNews(row: StoredOrder, order: ExchangeOrder, { running }: ReconcileTarget): boolean {
    if (row.state === 'never-placed') return true;
    return !running && (!isTerminal(row.state) || order.executedQuantity.gt(row.executedQuantity));
  }

  /** Makes the row and books what was executed. Only for a bot that does not run: one that runs is first let go. */
  async #fillIn(target: ReconcileTarget, own: OwnOrder): Promise<boolean> {
    if (target.running) return true;
    const { rows, account, venue } = this.#options;
    const place = { venue, account: account.name, epoch: target.epoch, instrument: target.instrument() };
    const answer = await rows.fillIn(lostOrder(own, place));
    if (answer === 'fenced') return false;
    if (answer === 'conflict') {
      await this.#hold(
        [target],
        `the exchange has the order ${own.order.clientOrderId}, which the database lacks and which contradicts another order there; look at both, then resume`,
      );
      return true;
    }
    await this.#record(target, own.order);
    return true;
  }

  /** False when nothing of it was news. */
  async #record(target: ReconcileTarget, told: ExchangeOrder): Promise<boolean> {
    const { account, venueClock, log } = this.#options;
    const answer = await this.#write(target, told);
    if (answer.verdict !== 'recorded') return false;
    if (answer.late === null && answer.order.state !== 'never-placed') return true;
    if (answer.late !== null) this.#sayLate(target, answer.late);
    const left = await cancelLate(account, told, { venueClock, log });
    if (left !== told) await this.#write(target, left);
    return true;
  }

  async #write(target: ReconcileTarget, order: ExchangeOrder): Promise<RecordAnswer> {
    const { orders, account, log } = this.#options;
    const fills = order.executedQuantity.gt(0) ? await account.fillsOfOrder(order.symbol, order.orderId) : [];
    const evidence = evidenceOfOrder(order, fills, 'history', { reconciled: order.status });
    const answer = await recordOne(orders, {
      ...valuedEvidence(evidence, target.instrument(), this.#options.facts),
      botId: target.botId,
      epoch: target.epoch,
      clientOrderId: order.clientOrderId,
      instrument: target.instrument(),
    });
    if (answer.verdict === 'recorded' && answer.trade !== null && answer.newFills.length > 0 && isTerminal(answer.order.state)) {
      const { fields, text } = tradeLine(answer.order, answer.trade, target.instrument());
      log.info(fields, `${text}: found in the account's history`);
    }
    return answer;
  }

  #sayLate({ botId, symbol }: ReconcileTarget, reason: string): void {
    this.#options.metrics.lateArrivals.inc();
    this.#options.log.error(
      { botId, symbol, reason },
      'an order that was declared never placed exists; its bot enters nothing until a user resumes it',
    );
  }

  /** It is not known whose the order is: every bot of the symbol is held, because it might place the same order again. */
  async #holdAll(targets: readonly ReconcileTarget[], { order }: OwnOrder, why: string): Promise<void> {
    if (targets.length === 0) return;
    this.#options.metrics.reconcileDrift.inc({ kind: 'order-without-bot' });
    await this.#hold(
      targets,
      `the exchange has the order ${order.clientOrderId} (${order.side} ${order.quantity.toFixed()} ${order.symbol}, ${order.status}) of this installation, and it cannot be told whose it is: ${why}; look at it, then resume`,
    );
  }

  async #hold(targets: readonly ReconcileTarget[], reason: string): Promise<void> {
    this.#options.log.error(
      { bots: targets.map(({ botId }) => botId), reason },
      'bots are held: they enter nothing until a user resumes them',
    );
    await this.#options.rows.hold(targets.map(({ botId, epoch }) => ({ botId, epoch, reason })));
  }
}

/** A write that failed may have been carried out all the same. */
async function changing(changed: Set<string>, { botId }: ReconcileTarget, write: () => Promise<boolean>): Promise<boolean> {
  let changes = true;
  try {
    changes = await write();
    return changes;
  } finally {
    if (changes) changed.add(botId);
  }
}

/** Before the first comparison: since the bot was made, and a day at least. */
function comparedThrough(start: ReconcileStart | undefined, nowMs: number): number {
  return start?.throughMs ?? Math.min(start?.createdAtMs ?? nowMs, nowMs - dayMs);
}

/** Exchange order ids count up within a symbol. */
function byAge(a: ExchangeOrder, b: ExchangeOrder): number {
  return a.symbol === b.symbol ? a.orderId.length - b.orderId.length || (a.orderId < b.orderId ? -1 : 1) : a.symbol < b.symbol ? -1 : 1;
}

async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let item = items[next]; item !== undefined; item = items[next]) {
      next += 1;
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
}
