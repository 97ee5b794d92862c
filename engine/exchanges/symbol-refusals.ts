/**
 * Wraps an account: when the exchange refuses an order because of the symbol (a filter, a closed market, an unknown symbol), what the
 * engine knows of the symbol is out of date and is read again. The refusal is passed on after that, so that the next decision uses the new
 * filters.
 */
import type { Clock } from '../time/clock.ts';
import { atMost } from '../time/waiting.ts';
import { ExchangeError } from './exchange.ts';
import type { OcoOutcome, PlaceOutcome, Refusal, TradingAccount } from './exchange.ts';

/** The refusal waits this long for the reading at most. */
const patienceMs = 2_000;

/** The venue does not list the symbol. */
export const invalidSymbol = -1121;

function concernsSymbol(refusal: Refusal): boolean {
  return refusal.class === 'filter' || refusal.class === 'symbol-closed' || refusal.code === invalidSymbol;
}

/** `recheck` reads the symbol anew and resolves whether that succeeded or not. */
export function withSymbolRefusals(account: TradingAccount, clock: Clock, recheck: (symbol: string) => Promise<void>): TradingAccount {
  const answered = async <T extends PlaceOutcome | OcoOutcome | { readonly kind: 'not-attempted' }>(
    symbol: string,
    outcome: T,
  ): Promise<T> => {
    if (outcome.kind === 'rejected' && concernsSymbol(outcome.refusal)) await atMost(clock, patienceMs, recheck(symbol));
    return outcome;
  };
  const reading = async <T>(symbol: string | null, read: Promise<T>): Promise<T> => {
    try {
      return await read;
    } catch (error) {
      if (symbol !== null && error instanceof ExchangeError && concernsSymbol(error.refusal)) void recheck(symbol);
      throw error;
    }
  };
  return {
    name: account.name,
    reserveOrder: (priority) => account.reserveOrder(priority),
    placeOrder: async (request, signed, mayLeave) => answered(request.symbol, await account.placeOrder(request, signed, mayLeave)),
    placeOco: async (request, signed) => answered(request.symbol, await account.placeOco(request, signed)),
    async cancelOrder(symbol, clientOrderId, signed) {
      const outcome = await account.cancelOrder(symbol, clientOrderId, signed);
      if (outcome.kind === 'refused' && concernsSymbol(outcome.refusal)) void recheck(symbol);
      return outcome;
    },
    async replaceOrder(cancelledId, request, signed) {
      const outcome = await account.replaceOrder(cancelledId, request, signed);
      if (outcome.cancel.kind === 'refused' && concernsSymbol(outcome.cancel.refusal)) void recheck(request.symbol);
      return { cancel: outcome.cancel, place: await answered(request.symbol, outcome.place) };
    },
    order: (symbol, clientOrderId) => reading(symbol, account.order(symbol, clientOrderId)),
    openOrders: (symbol) => reading(symbol, account.openOrders(symbol)),
    ordersSince: (symbol, startTimeMs) => reading(symbol, account.ordersSince(symbol, startTimeMs)),
    ordersFrom: (symbol, fromOrderId) => reading(symbol, account.ordersFrom(symbol, fromOrderId)),
    fillsOfOrder: (symbol, orderId) => reading(symbol, account.fillsOfOrder(symbol, orderId)),
    fillsSince: (symbol, fromTradeId) => reading(symbol, account.fillsSince(symbol, fromTradeId)),
    balances: () => account.balances(),
    listen: (listener) => account.listen(listener),
  };
}
