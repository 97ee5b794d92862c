/** What follows from an order's state, and the snapshots of orders and lists that are handed out. */
import type { Decimal } from 'decimal.js';
import type { Order, OrderList } from './books.ts';
import { quoteOf } from './exact.ts';
import type { BookOrder, BookOrderList, PlacedList } from './matching.ts';

export type { Order, OrderList } from './books.ts';

export function isOpen(order: Order): boolean {
  return order.status === 'NEW' || order.status === 'PARTIALLY_FILLED';
}

export function remainingOf(order: Order): Decimal {
  return order.quantity.minus(order.executedQuantity);
}

/** Amount of the reserve's asset that the open rest of the order may still cost. */
export function neededBy(order: Order): Decimal {
  const remaining = remainingOf(order);
  return order.side === 'SELL' ? remaining : quoteOf(order.lockPrice, remaining);
}

export function snapshotOrder(order: Order): BookOrder {
  return {
    account: order.account.name,
    symbol: order.symbol,
    orderId: order.orderId,
    orderListId: order.list?.orderListId ?? -1n,
    clientOrderId: order.clientOrderId,
    cancelClientOrderId: order.cancelClientOrderId,
    side: order.side,
    type: order.type,
    timeInForce: order.timeInForce,
    quantity: order.quantity,
    quoteQuantity: order.quoteQuantity,
    price: order.price,
    stopPrice: order.stopPrice,
    trailingDelta: order.trailingDelta,
    status: order.status,
    executedQuantity: order.executedQuantity,
    executedQuote: order.executedQuote,
    working: order.working,
    expiryReason: order.expiryReason,
    selfTradePrevention: order.selfTradePrevention,
    preventedQuantity: order.preventedQuantity,
    createdAtMs: order.createdAtMs,
    updatedAtMs: order.updatedAtMs,
    workingAtMs: order.workingAtMs,
  };
}

export function snapshotList(list: OrderList): BookOrderList {
  return {
    account: list.account.name,
    orderListId: list.orderListId,
    listClientOrderId: list.listClientOrderId,
    symbol: list.symbol,
    contingencyType: 'OCO',
    statusType: list.done ? 'ALL_DONE' : 'EXEC_STARTED',
    orderStatus: list.done ? 'ALL_DONE' : 'EXECUTING',
    orders: list.legs.map(({ orderId, clientOrderId }) => ({ orderId, clientOrderId })),
    createdAtMs: list.createdAtMs,
  };
}

export function snapshotPlacedList(list: OrderList): PlacedList {
  return { list: snapshotList(list), orders: list.legs.map(snapshotOrder) };
}
