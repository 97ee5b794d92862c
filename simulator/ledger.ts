/** The true ledger: every order, fill and balance of every account, straight from the books, for tests to compare with. */
import type { BookOrder, BookTrade } from '../engine/matching/matching.ts';
import type { Exchange } from './exchange.ts';

export interface LedgerAccount {
  readonly name: string;
  readonly balances: readonly { readonly asset: string; readonly free: string; readonly locked: string }[];
  readonly orders: readonly Record<string, unknown>[];
  readonly trades: readonly Record<string, unknown>[];
}

export interface Ledger {
  readonly accounts: readonly LedgerAccount[];
}

export function readLedger({ matching, symbols }: Exchange, accounts: readonly string[]): Ledger {
  return {
    accounts: accounts.map((name) => ({
      name,
      balances: matching
        .balances(name)
        .map((balance) => ({ asset: balance.asset, free: balance.free.toFixed(), locked: balance.locked.toFixed() })),
      ...historyOf(symbols.map((symbol) => ({ orders: matching.orders(name, symbol), trades: matching.trades(name, symbol) }))),
    })),
  };
}

function historyOf(
  perSymbol: readonly { readonly orders: readonly BookOrder[]; readonly trades: readonly BookTrade[] }[],
): Pick<LedgerAccount, 'orders' | 'trades'> {
  return {
    orders: perSymbol.flatMap(({ orders }) =>
      orders.map((order) => ({
        symbol: order.symbol,
        orderId: order.orderId.toString(),
        clientOrderId: order.clientOrderId,
        side: order.side,
        type: order.type,
        status: order.status,
        quantity: order.quantity.toFixed(),
        price: order.price.toFixed(),
        stopPrice: order.stopPrice?.toFixed() ?? null,
        executedQuantity: order.executedQuantity.toFixed(),
        executedQuote: order.executedQuote.toFixed(),
        arrivedAtMs: order.createdAtMs,
        updatedAtMs: order.updatedAtMs,
      })),
    ),
    trades: perSymbol.flatMap(({ orders, trades }) => {
      const ids = new Map(orders.map((order) => [order.orderId, order.clientOrderId]));
      return trades.map((trade) => ({
        symbol: trade.symbol,
        tradeId: trade.tradeId.toString(),
        orderId: trade.orderId.toString(),
        clientOrderId: ids.get(trade.orderId) ?? '',
        side: trade.side,
        price: trade.price.toFixed(),
        quantity: trade.quantity.toFixed(),
        commission: trade.commission.toFixed(),
        commissionAsset: trade.commissionAsset,
        isMaker: trade.isMaker,
        atMs: trade.atMs,
      }));
    }),
  };
}
