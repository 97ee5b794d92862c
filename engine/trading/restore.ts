/** The trading state from the rows: the sum of the fills, the day, what is in flight, and an exit that was decided and is not over. */
import type { Decimal } from 'decimal.js';
import { midnightBefore, newDay, withCapital, withRealised, withTargetTold } from './day.ts';
import type { DayNotice, EntryBlock, ExitKind, Fill, OrderOutcome, OrderRole, TradingConfig } from './events.ts';
import { exact } from './exact.ts';
import { newExit } from './exits.ts';
import { foldOn } from './fold.ts';
import type { Folded } from './fold.ts';
import type { Instrument } from './instrument.ts';
import { equityAt } from './pnl.ts';
import { figuresOf, isFlat } from './position.ts';
import { noProtection } from './protect.ts';
import type { PlannedFor, Position, Protection, StoredDay, TradingDay, TradingState } from './state.ts';
import { roundOff, targetPrice } from './stops.ts';

/** One order of the bot. `outcome` is null while it is not over. */
export interface RestoredOrder {
  readonly role: OrderRole;
  readonly exitKind: ExitKind | null;
  readonly quantity: Decimal;
  readonly price: Decimal | null;
  readonly stopPrice: Decimal | null;
  readonly decisionMs: number;
  readonly attempt: number;
  readonly clientOrderId: string;
  readonly reason: string;
  readonly outcome: OrderOutcome | null;
}

export interface RestoreInput {
  /** What the fills before these add up to. */
  readonly folded: Folded;
  /** The fills after them, in the order in which they are folded. */
  readonly fills: readonly Fill[];
  /**
   * As the rows keep it: judged when the fills were booked, by the filters of then. Absent where nothing was booked before: judged by
   * the filters of now.
   */
  readonly opening?: Pick<Position, 'openedAtMs' | 'openedUnder'>;
  /** At least those of the current day and all that are not over. */
  readonly orders: readonly RestoredOrder[];
  /** Null before the first. */
  readonly day: StoredDay | null;
  /** Notices of this day and before, as last stored. */
  readonly notices: readonly DayNotice[];
  /** Best price since entry as last stored; NaN when unknown. */
  readonly bestPrice: number;
  /** NaN when unknown. */
  readonly lastPrice: number;
  readonly blocks: readonly EntryBlock[];
  /** The venue's time now. */
  readonly atMs: number;
}

export function restoreState(config: TradingConfig, instrument: Instrument, input: RestoreInput): TradingState {
  const startMs = midnightBefore(input.atMs);
  let { folded } = input;
  /** What was held after each purchase, oldest first, with the price of that. */
  const bought: { readonly held: Decimal; readonly price: number; readonly atMs: number }[] = [];
  let day: TradingDay | null = null;
  let { notices } = input;
  /** The day's start equity follows from the fills before midnight. */
  const begin = (): TradingDay => {
    const stored = input.day?.startMs === startMs ? input.day : null;
    const equity = stored?.startEquity ?? equityAt(folded, config, input.lastPrice);
    const begun = withCapital(newDay(startMs, equity), stored?.capital ?? config.initialCapital, config.initialCapital);
    return { ...begun, lossReached: stored?.lossReached ?? false };
  };
  for (const fill of input.fills) {
    if (day === null && fill.atMs >= startMs) day = begin();
    const next = foldOn(folded, fill, instrument);
    ({ folded } = next);
    if (fill.side === 'BUY') bought.push({ held: folded.position.quantity, price: fill.price.toNumber(), atMs: fill.atMs });
    if (day === null) continue;
    day = withRealised(day, fill, next.realisedPnl, config);
    notices = withTargetTold(notices, day, fill.atMs, instrument);
  }
  day ??= begin();
  const position = { ...folded.position, ...input.opening };
  const { openedAtMs } = position;
  const purchases = openedAtMs === null ? [] : bought.filter(({ atMs }) => atMs >= openedAtMs);
  const protection = restoreProtection(input.orders, position, purchases, config, instrument);

  const entries = input.orders.filter((order) => order.role === 'entry');
  const working = input.orders.flatMap((order) =>
    order.role === 'entry' || order.role === 'exit' ? [{ ...order, role: order.role }] : [],
  );
  const open = working.findLast((order) => order.outcome === null);
  const stopRests = input.orders.some((order) => order.role === 'stop' && order.outcome === null);
  const flat = !stopRests && isFlat({ position, protection }, instrument, input.lastPrice);
  const best = [input.bestPrice, ...purchases.map(({ price }) => price)].filter((price) => !Number.isNaN(price));
  const newest = working.at(-1);
  return {
    ...folded,
    position,
    day: {
      ...day,
      entries: entries.filter((order) => order.decisionMs >= startMs && (order.outcome === null || order.outcome === 'filled')).length,
    },
    notices,
    working: open === undefined ? null : { role: open.role, decisionMs: open.decisionMs },
    // The newest order was an exit and something is left: the exit still holds.
    exiting: newest?.role === 'exit' && !flat ? newExit(newest.exitKind, newest.reason, newest.decisionMs) : null,
    protection,
    bestPrice: flat || best.length === 0 ? Number.NaN : Math.max(...best),
    lastPrice: input.lastPrice,
    lastDecidedMs: 0,
    lastEntryMs: Math.max(0, ...entries.filter((order) => order.outcome !== 'never-placed').map((order) => order.decisionMs)),
    lastCheckMs: 0,
    blocks: input.blocks,
  };
}

interface Purchase {
  readonly held: Decimal;
}

/** The desk asks the exchange what rests; until then an open stop counts as an operation under way. */
function restoreProtection(
  orders: readonly RestoredOrder[],
  position: Position,
  purchases: readonly Purchase[],
  config: TradingConfig,
  instrument: Instrument,
): Protection {
  const { openedAtMs } = position;
  const protective = orders.filter((order) => order.role === 'stop' || order.role === 'target');
  let { tightest } = noProtection;
  for (const { stopPrice, decisionMs } of protective) {
    const ofThisPosition = openedAtMs !== null && decisionMs >= Math.floor(openedAtMs);
    if (ofThisPosition && stopPrice !== null && (tightest === null || stopPrice.gt(tightest))) tightest = stopPrice;
  }
  const open = protective.filter((order) => order.outcome === null);
  return {
    ...noProtection,
    operation: open.length > 0 ? 'place' : null,
    tightest,
    plannedFor: restorePlannedFor(open, position, purchases, config, instrument),
    decisionMs: Math.max(0, ...protective.map((order) => order.decisionMs)),
  };
}

/**
 * What an open stop was planned for, as its own numbers tell: rows do not keep the filters of that moment. It covers what was held
 * after the first purchase that is not below it, and its target is the one wanted now if a grid on which its price lies rounds to it.
 */
function restorePlannedFor(
  open: readonly RestoredOrder[],
  position: Position,
  purchases: readonly Purchase[],
  config: TradingConfig,
  instrument: Instrument,
): PlannedFor | null {
  const stop = open.findLast(({ role }) => role === 'stop');
  const held = purchases.find((purchase) => stop !== undefined && purchase.held.gte(stop.quantity))?.held;
  if (stop === undefined || held === undefined) return null;
  const wanted = targetPrice(config, figuresOf(position, instrument).averagePrice, 0);
  const rests = open.findLast(({ role }) => role === 'target')?.price ?? null;
  const same = rests === null || (rests.gte(wanted * (1 - roundOff)) && rests.lt(wanted + gridOf(rests)));
  return { uncovered: exact(held).minus(stop.quantity), targetPrice: same ? wanted : Number.NaN };
}

/** The coarsest power of ten that the price is a multiple of. */
function gridOf(price: Decimal): number {
  const decimals = price.decimalPlaces();
  if (decimals > 0) return 10 ** -decimals;
  let grid = 1;
  while (price.gt(0) && price.mod(grid * 10).isZero()) grid *= 10;
  return grid;
}
