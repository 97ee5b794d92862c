/**
 * 8: a position whose bot has a stop has one at the exchange that covers it, but for moments. Looked at once a second; time
 * in which the owner is dead or stands still, cannot reach what it needs, or waits to learn what became of an order does
 * not count, and the count starts anew after it: ten seconds more than it took to recover.
 */
import { Decimal } from 'decimal.js';
import { parseClientOrderId } from '../../engine/orders/client-order-id.ts';
import { isTerminal } from '../../engine/persistence/order-store.ts';
import type { BotConfigRow } from '../../engine/persistence/bot-rows.ts';
import { floorToStep, zero } from '../../engine/trading/exact.ts';
import { exitPauseMs } from '../../engine/trading/exits.ts';
import type { RestingProtection } from '../../engine/trading/state.ts';
import { isLeft } from './at-rest.ts';
import { flapAgeMs } from './exchange-link.ts';
import { sameFilters } from './filter-changes.ts';
import type { Ledger } from './ledger.ts';
import { awaitsCancel, isHalted, outOfReach } from './reach.ts';
import type { Fail, Watched } from './watched.ts';

const bareMaxMs = 10_000;
/**
 * One order whose fate is open hinders its owner for so long at most: the horizon (23 s here), two rounds of look-ups after it, which
 * come every 8 s, and what lags in between.
 */
const fateOpenMaxMs = 45_000;
/** Filters that have changed are known to the bot's owner by then, unless it is hindered. */
const filtersKnownMs = 5_000;
/** The exchange judges by its average price, which an engine that has just begun to hear knows no better than this. */
const unknownShare = 0.06;
/** No bot's stop lies further below its entry. */
const stopDistanceShare = 0.02;
/** From a decision to its signature, clocks that differ and the reading of the filters included. */
const decidedBeforeMs = 4_000;
/** From so many failures on the pauses of an exit do not grow any more. */
const failuresMax = 20;

interface Bare {
  sinceMs: number;
  /** Since when its owner could have done something about it. */
  freeSinceMs: number;
  /** The order whose open fate alone has hindered its owner, and since when; null while something else does, or nothing. */
  fateOpen: { readonly clientOrderId: string; readonly sinceMs: number } | null;
  /** What its owner believes to rest all the same, and since when. */
  believed: RestingProtection | null;
  believedSinceMs: number;
  told: boolean;
}

export class ExposureWatch {
  readonly #world: Watched;
  readonly #ledger: Ledger;
  readonly #fail: Fail;
  readonly #bare = new Map<string, Bare>();
  /** Revision of the exchange at the last look: nothing else makes a position bare or covers it. */
  #lookedAt = -1;

  /** Bots whose engine cancelled their stop, knowing the filters, and nothing has rested since: when it was decided at the earliest. */
  readonly #takenDown = new Map<string, number>();
  /** When the last exit order of a bot turned out to sell nothing. */
  readonly #failedExits = new Map<string, number>();

  constructor(world: Watched, ledger: Ledger, fail: Fail) {
    this.#world = world;
    this.#ledger = ledger;
    this.#fail = fail;
    world.scheduler.watch(() => this.#look());
  }

  /** A stop rests, or an exit has sold what the filters let it sell: what is bare from then on was not taken down. */
  onPlacedOrSold(botId: string): void {
    this.#takenDown.delete(botId);
  }

  /** An exit order sold nothing. */
  onFailedExit(botId: string): void {
    this.#failedExits.set(botId, this.#world.scheduler.now);
  }

  /** An engine has cancelled a stop, signed at `signedMs`. */
  onTakenDown(botId: string, symbol: string, signedMs: number): void {
    const { database, replicas, exchange } = this.#world;
    const owner = replicas.find((replica) => replica.owner === database.states.get(botId)?.holder);
    // A cancel is tried until it succeeds: what it is for may have been decided long before.
    const exit = owner?.fleet?.supervisor.bot(botId)?.session?.state.exiting ?? null;
    const decidedMs = Math.min(exit?.decisionMs ?? signedMs, signedMs) - decidedBeforeMs;
    const knew = sameFilters(owner?.instrument(symbol) ?? null, exchange.filters.of(symbol));
    // An engine that stood still reads of a change later than of what it had asked for before.
    if (knew && decidedMs >= (owner?.filtersReadAtMs(symbol) ?? Number.NEGATIVE_INFINITY)) this.#takenDown.set(botId, decidedMs);
    else this.#takenDown.delete(botId);
  }

  /** None is bare when everything has come to rest. */
  atRest(): void {
    this.#look();
    const { scheduler } = this.#world;
    for (const [botId, bare] of this.#bare) {
      const row = this.#world.database.configs.get(botId)?.row;
      if (row !== undefined && this.#unaware(row, bare)) continue;
      const forMs = scheduler.now - bare.sinceMs;
      if (forMs > bareMaxMs) this.#fail(8, `the position of bot ${botId} has been without a stop for ${Math.round(forMs)} ms at the end`);
    }
  }

  #look(): void {
    const { database, scheduler, exchange } = this.#world;
    const now = scheduler.now;
    if (this.#lookedAt !== exchange.revision) this.#compare(now);
    this.#lookedAt = exchange.revision;
    for (const [botId, bare] of this.#bare) {
      const row = database.configs.get(botId)?.row;
      if (row === undefined) continue;
      if (this.#hindered(row) || this.#unaware(row, bare) || this.#unproven(bare)) {
        bare.freeSinceMs = now;
        bare.fateOpen = null;
      } else {
        const awaited = this.#awaited(row);
        if (awaited === null) bare.fateOpen = null;
        else if (bare.fateOpen?.clientOrderId !== awaited) bare.fateOpen = { clientOrderId: awaited, sinceMs: now };
        if (bare.fateOpen !== null && now - bare.fateOpen.sinceMs <= fateOpenMaxMs) bare.freeSinceMs = now;
      }
      const forMs = now - bare.freeSinceMs;
      if (forMs <= bareMaxMs || bare.told) continue;
      bare.told = true;
      this.#fail(
        8,
        `the position of bot ${row.id} has been without a stop for ${Math.round(forMs)} ms, and nothing kept its owner from placing one`,
      );
    }
  }

  /** Which positions are bare from now on, or no longer. */
  #compare(now: number): void {
    for (const { row } of this.#world.database.configs.values()) {
      if (!this.#isBare(row)) this.#bare.delete(row.id);
      else if (!this.#bare.has(row.id))
        this.#bare.set(row.id, {
          sinceMs: now,
          freeSinceMs: now,
          fateOpen: null,
          believed: null,
          believedSinceMs: now,
          told: false,
        });
    }
  }

  #isBare({ id, columns }: BotConfigRow): boolean {
    if (columns.stopLossPerc === null && !columns.trailingStopActive) return false;
    const { position, openedAtMs, tradedAtMs } = this.#ledger.of(id);
    if (position.lte(0)) return false;
    // Nobody runs a bot that was switched off with dust, whatever the filters make of it later.
    const off = this.#world.database.configs.get(id)?.active === false;
    if (off && isLeft(this.#world.exchange, columns.symbol, position, tradedAtMs)) return false;
    const { matching, account, filters, now } = this.#world.exchange;
    const { symbol } = columns;
    const price = matching.lastTick(symbol)?.price;
    if (price === undefined) return false;
    const covered = matching
      .openOrders(account, symbol)
      .filter((order) => {
        const parts = parseClientOrderId(order.clientOrderId);
        return parts?.botId === id && parts.role === 'stop';
      })
      .reduce((most, order) => Decimal.max(most, order.quantity.minus(order.executedQuantity)), zero);
    if (covered.gt(0)) this.#takenDown.delete(id);
    // What rests was put up under the filters of its time, and stays as it is when they become finer.
    if (covered.gt(0)) return covered.lt(floorToStep(position, filters.coarsest(symbol, openedAtMs - filtersKnownMs).lot.step));
    const judge = this.#wentBySame(id, symbol) ? filters.finest(symbol) : filters.coarsest(symbol, now() - filtersKnownMs);
    const { lot, notional } = judge;
    const wanted = floorToStep(position, lot.step);
    // What is worth less than the least order cannot be protected, nor what has its stop within a tick of the price.
    if (judge.price.tick.gt(price.times(stopDistanceShare))) return false;
    return wanted.gte(lot.min) && wanted.times(price).gte(notional?.min.times(1 + unknownShare) ?? 0);
  }

  /** The owner took the stop down under the filters that are in force, and knew them: they are no reason that none rests. */
  #wentBySame(botId: string, symbol: string): boolean {
    const atMs = this.#takenDown.get(botId);
    return atMs !== undefined && atMs >= this.#world.exchange.filters.changedAtMs(symbol);
  }

  /** The owner was not told that its stop is gone, and has not asked since: it asks more rarely than this looks. */
  #unaware({ id }: BotConfigRow, bare: Bare): boolean {
    const { database, replicas, scheduler, protectionCheckMs } = this.#world;
    if (protectionCheckMs <= bareMaxMs) return false;
    const owner = replicas.find((replica) => replica.owner === database.states.get(id)?.holder);
    const believed = owner?.fleet?.supervisor.bot(id)?.session?.state.protection.resting ?? null;
    if (believed !== bare.believed) bare.believedSinceMs = scheduler.now;
    bare.believed = believed;
    return believed !== null && scheduler.now - bare.believedSinceMs <= protectionCheckMs;
  }

  /** Reads show the stop that has just ended, or do not, as it happens: nobody can prove that it is gone. */
  #unproven(bare: Bare): boolean {
    const { weather, scheduler } = this.#world;
    return weather.lasting('reads-flap') !== null && scheduler.now - bare.sinceMs < flapAgeMs;
  }

  #hindered(row: BotConfigRow): boolean {
    const { exchange, scheduler } = this.#world;
    if (outOfReach(this.#world, row) || awaitsCancel(this.#world, row) || isHalted(this.#world, row)) return true;
    const { id } = row;
    // The owner was not told that its stop is gone, and reads still show it.
    if (exchange.shownAsTheyWere.some(({ clientOrderId }) => parseClientOrderId(clientOrderId)?.botId === id)) return true;
    const failedAtMs = this.#failedExits.get(id);
    // An exit that was not taken is tried again after a pause.
    return failedAtMs !== undefined && scheduler.now - failedAtMs < exitPauseMs({ failures: failuresMax, unsent: 0 });
  }

  /** The bot's oldest order whose outcome is not known yet, or that is about to change the position. */
  #awaited({ id }: BotConfigRow): string | null {
    const order = this.#world.database
      .ordersOf(id)
      .find(({ intent: { role }, state }) => !isTerminal(state) && (state !== 'accepted' || role === 'entry' || role === 'exit'));
    return order?.intent.clientOrderId ?? null;
  }
}
