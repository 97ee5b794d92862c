/**
 * Open orders of one kind in price-time order: the one that the market reaches first stands first. A tick looks at
 * the first entry only, and at the orders it reaches.
 */
import type { Decimal } from 'decimal.js';
import type { Order } from './order.ts';

export interface Ladder {
  readonly orders: Order[];
  /** Must not change while the order stands in the ladder. */
  readonly priceOf: (order: Order) => Decimal;
  /** A rising market reaches the lowest price first, a falling one the highest. */
  readonly reachedBy: 'rising' | 'falling';
}

export function createLadder(reachedBy: Ladder['reachedBy'], priceOf: Ladder['priceOf']): Ladder {
  return { orders: [], priceOf, reachedBy };
}

export function addToLadder(ladder: Ladder, order: Order): void {
  ladder.orders.splice(positionOf(ladder, order), 0, order);
}

export function removeFromLadder(ladder: Ladder, order: Order): void {
  const position = positionOf(ladder, order);
  if (ladder.orders[position] === order) ladder.orders.splice(position, 1);
}

const none: readonly Order[] = [];

/** Orders whose price the market reaches at `price`, in price-time order. */
export function reachedAt(ladder: Ladder, price: Decimal): readonly Order[] {
  let count = 0;
  for (const order of ladder.orders) {
    const reached = ladder.reachedBy === 'rising' ? ladder.priceOf(order).lte(price) : ladder.priceOf(order).gte(price);
    if (!reached) break;
    count += 1;
  }
  return count === 0 ? none : ladder.orders.slice(0, count);
}

/** First position whose order does not come before `order`. */
function positionOf(ladder: Ladder, order: Order): number {
  const price = ladder.priceOf(order);
  let low = 0;
  let high = ladder.orders.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = ladder.orders[middle];
    if (other !== undefined && comesBefore(ladder, other, order, price)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Time is when the order entered the ladder's part of the book; ids only break ties. */
function comesBefore(ladder: Ladder, other: Order, order: Order, price: Decimal): boolean {
  const byPrice = ladder.priceOf(other).cmp(price);
  if (byPrice !== 0) return ladder.reachedBy === 'rising' ? byPrice < 0 : byPrice > 0;
  if (other.workingAtMs !== order.workingAtMs) return other.workingAtMs < order.workingAtMs;
  return other.orderId < order.orderId;
}
