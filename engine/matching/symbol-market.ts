/** One symbol's market: its instrument, the last tick, and the open orders of all accounts laid out by how a price reaches them. */
import type { Decimal } from 'decimal.js';
import type { Instrument } from '../trading/instrument.ts';
import { type AverageWindow, averageOver, createAverageWindow } from './average.ts';
import { zero } from './exact.ts';
import { type Ladder, addToLadder, createLadder, removeFromLadder } from './ladder.ts';
import type { PriceTick } from './matching.ts';
import type { Order } from './order.ts';
import { triggersWhenRising } from './triggers.ts';

export interface SymbolMarket {
  instrument: Instrument;
  last: PriceTick | null;
  readonly average: AverageWindow;
  nextOrderId: bigint;
  nextTradeId: bigint;
  /** Resting limits. */
  readonly bids: Ladder;
  readonly asks: Ladder;
  /** Waiting for the last price to reach their stop price from below or from above. */
  readonly risers: Ladder;
  readonly fallers: Ladder;
  /** Trailing stops, oldest first: their trigger moves with every tick. */
  readonly trailing: Set<Order>;
}

/** The average remembers what `avgPrice` answers with, or as much as a filter asks for up to the bound. */
const averageMinutesMin = 5;
const averageMinutesMax = 60;

export function averageMinutes(instrument: Instrument): number {
  const asked = Math.max(instrument.notional?.averagePriceMinutes ?? 0, instrument.percentPrice?.averagePriceMinutes ?? 0);
  return Math.min(Math.max(asked, averageMinutesMin), averageMinutesMax);
}

export function createSymbolMarket(instrument: Instrument): SymbolMarket {
  const limit = (order: Order): Decimal => order.price;
  const stop = (order: Order): Decimal => order.stopPrice ?? zero;
  return {
    instrument,
    last: null,
    average: createAverageWindow(averageMinutes(instrument)),
    nextOrderId: 1n,
    nextTradeId: 1n,
    bids: createLadder('falling', limit),
    asks: createLadder('rising', limit),
    risers: createLadder('rising', stop),
    fallers: createLadder('falling', stop),
    trailing: new Set(),
  };
}

export function rest(market: SymbolMarket, order: Order): void {
  addToLadder(order.side === 'BUY' ? market.bids : market.asks, order);
}

export function awaitTrigger(market: SymbolMarket, order: Order): void {
  if (order.trailingDelta !== null) market.trailing.add(order);
  else addToLadder(triggersWhenRising(order) ? market.risers : market.fallers, order);
}

/** Takes an order out of wherever it waits. */
export function takeOut(market: SymbolMarket, order: Order): void {
  if (order.working) removeFromLadder(order.side === 'BUY' ? market.bids : market.asks, order);
  else if (order.trailingDelta !== null) market.trailing.delete(order);
  else if (order.stopPrice !== null) removeFromLadder(triggersWhenRising(order) ? market.risers : market.fallers, order);
}

export function isQuiet(market: SymbolMarket): boolean {
  return (
    market.bids.orders.length === 0 &&
    market.asks.orders.length === 0 &&
    market.risers.orders.length === 0 &&
    market.fallers.orders.length === 0 &&
    market.trailing.size === 0
  );
}

/** Null only before the first tick. */
export function averagePriceOf(market: SymbolMarket, minutes: number, atMs: number): Decimal | null {
  if (market.last === null) return null;
  return (minutes > 0 ? averageOver(market.average, minutes, atMs) : null) ?? market.last.price;
}
