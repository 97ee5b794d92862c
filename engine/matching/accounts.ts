/**
 * An account's orders and trades per symbol. Open and finished orders are kept apart, so that nothing that happens
 * at a price looks at the past; the past is bounded.
 */
import { createWallet } from './balances.ts';
import type { Account, AccountBook, Order, OrderList } from './books.ts';
import type { BookTrade, CancelTarget, FeeSchedule, ListTarget } from './matching.ts';
import { isOpen } from './order.ts';

export type { Account, AccountBook } from './books.ts';

export function createAccount(name: string, fees: FeeSchedule): Account {
  return { name, fees, wallet: createWallet(), bySymbol: new Map(), lists: new Map(), openListIds: new Set() };
}

export function bookOf(account: Account, symbol: string): AccountBook {
  let book = account.bySymbol.get(symbol);
  if (book === undefined) {
    book = { open: new Map(), openByClientId: new Map(), finished: new Map(), lastByClientId: new Map(), trades: [] };
    account.bySymbol.set(symbol, book);
  }
  return book;
}

export function addOpen(book: AccountBook, order: Order): void {
  book.open.set(order.orderId, order);
  book.openByClientId.set(order.clientOrderId, order);
  book.lastByClientId.set(order.clientOrderId, order);
}

/** Moves an order to the past and forgets the oldest beyond `maxFinished`. */
export function moveToFinished(book: AccountBook, order: Order, maxFinished: number): void {
  book.open.delete(order.orderId);
  book.openByClientId.delete(order.clientOrderId);
  book.finished.set(order.orderId, order);
  if (book.finished.size <= maxFinished) return;
  for (const oldest of book.finished.values()) {
    book.finished.delete(oldest.orderId);
    if (book.lastByClientId.get(oldest.clientOrderId) === oldest) book.lastByClientId.delete(oldest.clientOrderId);
    break;
  }
}

/** Trimmed by halves, so that a trade costs no move of the whole history. */
export function addTrade(book: AccountBook, trade: BookTrade, maxTrades: number): void {
  book.trades.push(trade);
  if (book.trades.length > 2 * maxTrades) book.trades = book.trades.slice(-maxTrades);
}

/** By client id the open order wins, else the newest that had it. */
export function findOrder(book: AccountBook, target: CancelTarget): Order | null {
  if ('orderId' in target) return book.open.get(target.orderId) ?? book.finished.get(target.orderId) ?? null;
  return book.lastByClientId.get(target.clientOrderId) ?? null;
}

export function findOpen(book: AccountBook, target: CancelTarget): Order | null {
  const order = findOrder(book, target);
  return order !== null && isOpen(order) ? order : null;
}

/** By client id the newest list that had it. */
export function findList(account: Account, target: ListTarget): OrderList | null {
  if ('orderListId' in target) return account.lists.get(target.orderListId) ?? null;
  return [...account.lists.values()].findLast((list) => list.listClientOrderId === target.listClientOrderId) ?? null;
}
