/**
 * 11: a bot that has reached its day's loss limit sells, also when the candles by which the engine hears of prices are invalid. Time in which the
 * bot's owner could not have known or done something does not count, and the count starts anew after it.
 */
import type { Decimal } from 'decimal.js';
import type { BotConfigRow } from '../../engine/persistence/bot-rows.ts';
import { isTerminal } from '../../engine/persistence/order-store.ts';
import { floorToStep, zero } from '../../engine/trading/exact.ts';
import type { Ledger } from './ledger.ts';
import { isHalted, outOfReach } from './reach.ts';
import type { Fail, Watched } from './watched.ts';

/** A price is judged when the next one is told, at most a minute and the bot's check interval later; then it is sold. */
const patienceMs = 75_000;
/** Of the budget: day starts and fees in another asset are not known here to the last digit. */
const slackShare = 0.001;
/** Prices of a quarter of an hour, coins held at a day's change, differ by less. */
const midnightSlackShare = 0.02;
const dayMs = 86_400_000;

interface Day {
  readonly startMs: number;
  /** What the bot had made when it began, quote; at least so much. */
  readonly made: Decimal;
}

export class LossWatch {
  readonly #world: Watched;
  readonly #ledger: Ledger;
  readonly #fail: Fail;
  readonly #days = new Map<string, Day>();
  /** Virtual time since which a bot is beyond its limit and could be sold. */
  readonly #since = new Map<string, number>();

  constructor(world: Watched, ledger: Ledger, fail: Fail) {
    this.#world = world;
    this.#ledger = ledger;
    this.#fail = fail;
    world.scheduler.watch(() => this.#look());
  }

  /** How much the bot has lost today for certain, at this price. */
  lostToday(row: BotConfigRow, price: Decimal | number): Decimal {
    return this.#dayOf(row).made.minus(this.#made(row, price));
  }

  #look(): void {
    const { database, scheduler, exchange } = this.#world;
    for (const { row } of database.configs.values()) {
      this.#dayOf(row);
      const { id, columns } = row;
      const price = exchange.matching.lastTick(columns.symbol)?.price;
      if (columns.maxDailyLossPerc === null || price === undefined) continue;
      const limit = columns.initialCapital.times(columns.maxDailyLossPerc).div(100).plus(columns.initialCapital.times(slackShare));
      // What no filter lets go waits, and the count starts anew after that.
      const { lot, notional } = exchange.filters.coarsest(columns.symbol, exchange.now());
      const held = floorToStep(this.#ledger.of(id).position, lot.step);
      const beyond = held.gte(lot.min) && held.times(price).gt(notional?.min.times(2) ?? zero) && this.lostToday(row, price).gte(limit);
      if (!beyond || this.#hindered(row)) {
        this.#since.delete(id);
        continue;
      }
      const since = this.#since.get(id) ?? scheduler.now;
      this.#since.set(id, since);
      const forMs = scheduler.now - since;
      if (forMs <= patienceMs + columns.checkIntervalSeconds * 1_000) continue;
      this.#since.set(id, Number.POSITIVE_INFINITY);
      this.#fail(11, `bot ${id} is beyond its day's loss for ${Math.round(forMs)} ms, and nothing kept its owner from selling`);
    }
  }

  #made(row: BotConfigRow, price: Decimal | number): Decimal {
    const { cash, position } = this.#ledger.of(row.id);
    return cash.plus(position.times(price));
  }

  #dayOf(row: BotConfigRow): Day {
    const startMs = Math.floor(this.#world.scheduler.wallMs / dayMs) * dayMs;
    const known = this.#days.get(row.id);
    if (known?.startMs === startMs) return known;
    const price = this.#world.exchange.matching.lastTick(row.columns.symbol)?.price ?? zero;
    // The day begins at the price that its owner heard last.
    const day = { startMs, made: known === undefined ? zero : this.#made(row, price.times(1 - midnightSlackShare)) };
    this.#days.set(row.id, day);
    return day;
  }

  #hindered(row: BotConfigRow): boolean {
    const { weather, database, replicas } = this.#world;
    if (outOfReach(this.#world, row) || isHalted(this.#world, row)) return true;
    // A mute or broken stream takes a while to be noticed.
    if (replicas.some(({ index }) => weather.holds('market-mute', index) || weather.holds('market-cut', index))) return true;
    return database
      .ordersOf(row.id)
      .some(({ intent, state }) => !isTerminal(state) && (state !== 'accepted' || intent.role === 'entry' || intent.role === 'exit'));
  }
}
