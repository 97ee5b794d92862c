/** Finds the orders of this installation among all orders of an account; orders of others are left out. */
import type { ExchangeOrder, TradingAccount } from '../exchanges/exchange.ts';
import { parseClientOrderId } from './client-order-id.ts';
import type { ClientOrderIdParts } from './client-order-id.ts';

export interface OwnOrder {
  readonly order: ExchangeOrder;
  readonly parts: ClientOrderIdParts;
}

const dayMs = 86_400_000;
const pageSize = 1_000;
/** Requests for one symbol: half a year without orders, or two hundred thousand of them. */
const pagesMax = 200;

/** The account's history is longer than one search may read: nothing is known about what comes after. */
export class HistoryTooLong extends Error {
  constructor(symbol: string, sinceMs: number) {
    super(`the orders of ${symbol} since ${new Date(sinceMs).toISOString()} take more than ${pagesMax} requests to read`);
    this.name = 'HistoryTooLong';
  }
}

/** Those of `orders` that carry this installation's mark. */
export function ownAmong(orders: readonly ExchangeOrder[], installation: string): readonly OwnOrder[] {
  return orders.flatMap((order) => {
    const parts = parseClientOrderId(order.clientOrderId);
    return parts?.installation === installation ? [{ order, parts }] : [];
  });
}

/** All orders of the symbol that were created since, oldest first. Throws what the reads throw, and `HistoryTooLong`. */
export async function allOrdersSince(
  account: TradingAccount,
  symbol: string,
  sinceMs: number,
  nowMs: number,
): Promise<readonly ExchangeOrder[]> {
  let pages = 0;
  let page: readonly ExchangeOrder[] = [];
  let fromMs = sinceMs;
  // Asked by time (a day at most per request) until an order is found, and by its id from there on.
  for (; page.length === 0 && fromMs <= nowMs; fromMs += dayMs) {
    if ((pages += 1) > pagesMax) throw new HistoryTooLong(symbol, sinceMs);
    page = await account.ordersSince(symbol, Math.floor(fromMs));
  }
  const found = [...page];
  let complete = page.length < pageSize && fromMs > nowMs;
  while (!complete) {
    if ((pages += 1) > pagesMax) throw new HistoryTooLong(symbol, sinceMs);
    const newest = found.at(-1);
    if (newest === undefined) break;
    page = await account.ordersFrom(symbol, (BigInt(newest.orderId) + 1n).toString());
    found.push(...page);
    complete = page.length < pageSize;
  }
  return found;
}
