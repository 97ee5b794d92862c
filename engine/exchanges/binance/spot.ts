/** A spot account at a venue that speaks Binance's wire: orders by REST (once), user data by the WebSocket API. */
import type { ExchangeOrder, TradingAccount, UserEventListener } from '../exchange.ts';
import { ExchangeError } from '../exchange.ts';
import { understood } from './market-data.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { RequestGate, RequestPriority } from '../request-gate.ts';
import { cancelOrder, placeOco, placeOrder, replaceOrder } from './spot-orders.ts';
import type { RestClient } from './rest.ts';
import type { QueryValue } from './signing.ts';
import { fields, readBalance, readOrder, readTrade, rows } from './wire.ts';

export interface SpotOptions {
  /** Name of the account in rows and logs. */
  readonly name: string;
  readonly rest: RestClient;
  readonly gate: RequestGate;
  readonly metrics: Metrics;
  readonly listen: (listener: UserEventListener) => { stop(): Promise<void> };
}

const historyMax = 1_000;

export function createBinanceSpotAccount({ name, rest, gate, metrics, listen }: SpotOptions): TradingAccount {
  const read = async <T>(
    what: string,
    path: string,
    query: Record<string, QueryValue>,
    weight: number,
    use: (body: unknown) => T,
    // Exits and stops wait to learn what became of orders, most of all after a restart.
    priority: RequestPriority = 'exit',
  ): Promise<T> => {
    const body = await rest.read({ what, path, query, weight, priority, signed: true });
    return understood(what, metrics, () => use(body));
  };
  const ordersOf = (body: unknown): readonly ExchangeOrder[] => rows(body, 'orders').map(readOrder);
  return {
    name,
    listen,
    reserveOrder: (priority) => gate.reserve(1, priority),
    placeOrder: (request, signed, mayLeave) => placeOrder(rest, request, signed, mayLeave),
    placeOco: (request, signed) => placeOco(rest, request, signed),
    cancelOrder: (symbol, clientOrderId, signed) => cancelOrder(rest, symbol, clientOrderId, signed),
    replaceOrder: (cancelledId, request, signed) => replaceOrder(rest, cancelledId, request, signed),
    async order(symbol, clientOrderId) {
      try {
        const order = await read('order', '/api/v3/order', { symbol, origClientOrderId: clientOrderId }, 4, readOrder);
        // A cancelled order answers with the id of its cancel; it was asked for by ours.
        return { kind: 'found', order: { ...order, clientOrderId } };
      } catch (error) {
        if (error instanceof ExchangeError && error.refusal.code === -2013) return { kind: 'absent' };
        throw error;
      }
    },
    openOrders: (symbol) =>
      symbol === null
        ? read('openOrders', '/api/v3/openOrders', {}, 80, ordersOf)
        : read('openOrders', '/api/v3/openOrders', { symbol }, 6, ordersOf),
    ordersSince: (symbol, startTimeMs) =>
      read('allOrders', '/api/v3/allOrders', { symbol, startTime: Math.floor(startTimeMs), limit: historyMax }, 20, ordersOf),
    ordersFrom: (symbol, fromOrderId) =>
      read('allOrders', '/api/v3/allOrders', { symbol, orderId: fromOrderId, limit: historyMax }, 20, ordersOf),
    fillsOfOrder: (symbol, orderId) =>
      read('myTrades', '/api/v3/myTrades', { symbol, orderId, limit: historyMax }, 5, (body) => rows(body, 'trades').map(readTrade)),
    fillsSince: (symbol, fromTradeId) =>
      read(
        'myTrades',
        '/api/v3/myTrades',
        { symbol, ...(fromTradeId === null ? {} : { fromId: fromTradeId }), limit: historyMax },
        20,
        (body) => rows(body, 'trades').map(readTrade),
        'audit',
      ),
    balances: () =>
      read(
        'account',
        '/api/v3/account',
        { omitZeroBalances: 'true' },
        20,
        (body) => rows(fields(body, 'account')['balances'], 'balances').map(readBalance),
        'audit',
      ),
  };
}
