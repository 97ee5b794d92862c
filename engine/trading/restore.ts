/** The trading state as rows tell it: the fold of all fills, the day's account, what is in flight and what was meant to end. */
import type { Decimal } from 'decimal.js';
import { midnightBefore, newDay, withCapital, withRealised, withTargetTold } from './day.ts';
import type { DayNotice, EntryBlock, ExitKind, Fill, OrderOutcome, OrderRole, TradingConfig } from './events.ts';
import { exact, zero } from './exact.ts';
import type { Instrument } from './instrument.ts';
import { newExit } from './exits.ts';
import { equityAt } from './pnl.ts';
import { applyFill, emptyPosition, isFlat } from './position.ts';
import { noProtection } from './protect.ts';
import { noRoundTrips, withFill } from './round-trips.ts';
import type { Protection, StoredDay, TradingDay, TradingState } from './state.ts';

/** One order of the bot, oldest first. `outcome` is null while its fate is open. */
export interface RestoredOrder {
  readonly role: OrderRole;
  readonly exitKind: ExitKind | null;
  readonly stopPrice: Decimal | null;
  readonly decisionMs: number;
  readonly attempt: number;
  readonly clientOrderId: string;
  readonly reason: string;
  readonly outcome: OrderOutcome | null;
}

export interface RestoreInput {
  /** All fills of the bot in the order in which they are folded. */
  readonly fills: readonly Fill[];
  /** At least those of the current day and all that are not over. */
  readonly orders: readonly RestoredOrder[];
  /** Null before the first. */
  readonly day: StoredDay | null;
  /** What was told of this day and before, as last stored. */
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
  let position = emptyPosition;
  let realisedTotal = zero;
  let bestFill = Number.NaN;
  let day: TradingDay | null = null;
  let { notices } = input;
  let roundTrips = noRoundTrips;
  /** The day begins with what was there at midnight; that needs the fills before it. */
  const begin = (): TradingDay => {
    const stored = input.day?.startMs === startMs ? input.day : null;
    const equity = stored?.startEquity ?? equityAt({ position, realisedTotal }, config, input.lastPrice);
    const begun = withCapital(newDay(startMs, equity), stored?.capital ?? config.initialCapital, config.initialCapital);
    return { ...begun, lossReached: stored?.lossReached ?? false };
  };
  for (const fill of input.fills) {
    if (day === null && fill.atMs >= startMs) day = begin();
    const booked = applyFill(position, fill, instrument);
    const price = fill.price.toNumber();
    if (isFlat(booked.position, instrument, price)) bestFill = Number.NaN;
    else if (Number.isNaN(bestFill) || booked.position.openedAtMs !== position.openedAtMs || (fill.side === 'BUY' && price > bestFill))
      bestFill = price;
    roundTrips = withFill(roundTrips, position, booked, fill);
    position = booked.position;
    realisedTotal = exact(realisedTotal).plus(booked.realisedPnl);
    if (day === null) continue;
    day = withRealised(day, fill, booked.realisedPnl, config);
    notices = withTargetTold(notices, day, fill.atMs);
  }
  day ??= begin();

  const entries = input.orders.filter((order) => order.role === 'entry');
  const working = input.orders.flatMap((order) =>
    order.role === 'entry' || order.role === 'exit' ? [{ ...order, role: order.role }] : [],
  );
  const open = working.findLast((order) => order.outcome === null);
  const flat = isFlat(position, instrument, input.lastPrice);
  const newest = working.at(-1);
  return {
    position,
    day: {
      ...day,
      entries: entries.filter((order) => order.decisionMs >= startMs && (order.outcome === null || order.outcome === 'filled')).length,
    },
    notices,
    realisedTotal,
    roundTrips,
    working: open === undefined ? null : { role: open.role, decisionMs: open.decisionMs },
    // The newest order was an exit and something is left: the exit still holds.
    exiting: newest?.role === 'exit' && !flat ? newExit(newest.exitKind, newest.reason, newest.decisionMs) : null,
    protection: restoreProtection(input.orders, position.openedAtMs),
    bestPrice: flat ? Number.NaN : Number.isNaN(input.bestPrice) ? bestFill : Math.max(input.bestPrice, bestFill),
    lastPrice: input.lastPrice,
    lastDecidedMs: 0,
    lastEntryMs: Math.max(0, ...entries.filter((order) => order.outcome !== 'never-placed').map((order) => order.decisionMs)),
    lastCheckMs: 0,
    blocks: input.blocks,
  };
}

/** What rests is told by execution, which looks at the exchange; until then an open stop counts as an operation under way. */
function restoreProtection(orders: readonly RestoredOrder[], openedAtMs: number | null): Protection {
  const protective = orders.filter((order) => order.role === 'stop' || order.role === 'target');
  let { tightest } = noProtection;
  for (const { stopPrice, decisionMs } of protective) {
    const ofThisPosition = openedAtMs !== null && decisionMs >= Math.floor(openedAtMs);
    if (ofThisPosition && stopPrice !== null && (tightest === null || stopPrice.gt(tightest))) tightest = stopPrice;
  }
  return {
    ...noProtection,
    operation: protective.some((order) => order.outcome === null) ? 'place' : null,
    tightest,
    decisionMs: Math.max(0, ...protective.map((order) => order.decisionMs)),
  };
}
