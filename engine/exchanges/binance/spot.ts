/** A spot account at a venue that speaks Binance's wire: orders by REST (once), user data by the WebSocket API. */
import type {
  CancelOutcome,
  ExchangeOrder,
  OrderRequest,
  PlaceOutcome,
  SignedWindow,
  TradingAccount,
  UserEventListener,
} from '../exchange.ts';
import { ExchangeError } from '../exchange.ts';
import { provesNotPlaced, refusalOf } from './errors.ts';
import { understood } from './market-data.ts';
import type { RequestGate } from '../request-gate.ts';
import type { RestClient } from './rest.ts';
import type { QueryValue } from './signing.ts';
import { fields, readAckFills, readBalance, readOrder, readTrade, rows } from './wire.ts';

export interface SpotOptions {
  /** Name of the account in rows and logs. */
  readonly name: string;
  readonly rest: RestClient;
  readonly gate: RequestGate;
  readonly listen: (listener: UserEventListener) => { stop(): Promise<void> };
}

const historyMax = 1_000;

export function createBinanceSpotAccount({ name, rest, gate, listen }: SpotOptions): TradingAccount {
  const read = async <T>(
    what: string,
    path: string,
    query: Record<string, QueryValue>,
    weight: number,
    use: (body: unknown) => T,
  ): Promise<T> => {
    const body = await rest.read({ what, path, query, weight, priority: 'audit', signed: true });
    return understood(what, () => use(body));
  };
  const ordersOf = (body: unknown): readonly ExchangeOrder[] => rows(body, 'orders').map(readOrder);
  return {
    name,
    listen,
    reserveOrder: (priority) => gate.reserve(1, priority),
    placeOrder: (request, signed) => placeOrder(rest, request, signed),
    cancelOrder: (symbol, clientOrderId, signed) => cancelOrder(rest, symbol, clientOrderId, signed),
    async order(symbol, clientOrderId) {
      try {
        return { kind: 'found', order: await read('order', '/api/v3/order', { symbol, origClientOrderId: clientOrderId }, 4, readOrder) };
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
      ),
    balances: () =>
      read('account', '/api/v3/account', { omitZeroBalances: 'true' }, 20, (body) =>
        rows(fields(body, 'account')['balances'], 'balances').map(readBalance),
      ),
  };
}

/** Everything up to the socket happens in this turn of the loop. */
async function placeOrder(rest: RestClient, request: OrderRequest, signed: SignedWindow): Promise<PlaceOutcome> {
  const answer = await rest.send('POST', 'order', '/api/v3/order', {
    symbol: request.symbol,
    side: request.side,
    type: request.type,
    quantity: request.quantity.toFixed(),
    ...(request.price === undefined ? {} : { price: request.price.toFixed() }),
    ...(request.stopPrice === undefined ? {} : { stopPrice: request.stopPrice.toFixed() }),
    ...(request.timeInForce === undefined ? {} : { timeInForce: request.timeInForce }),
    newClientOrderId: request.clientOrderId,
    newOrderRespType: 'FULL',
    recvWindow: signed.recvWindowMs,
    timestamp: signed.timestampMs,
  });
  if (answer.refusal !== null)
    return provesNotPlaced(answer.refusal) ? { kind: 'rejected', refusal: answer.refusal } : { kind: 'unknown', refusal: answer.refusal };
  if (answer.status === 200) {
    try {
      const order = readOrder(answer.body);
      return { kind: 'accepted', order, fills: readAckFills(answer.body, order) };
    } catch (error) {
      // The order may well stand: an answer that cannot be read proves nothing.
      return {
        kind: 'unknown',
        refusal: {
          httpStatus: 200,
          code: null,
          message: error instanceof Error ? error.message : String(error),
          class: 'malformed-answer',
        },
      };
    }
  }
  const refusal = refusalOf(answer);
  return provesNotPlaced(refusal) ? { kind: 'rejected', refusal } : { kind: 'unknown', refusal };
}

async function cancelOrder(rest: RestClient, symbol: string, clientOrderId: string, signed: SignedWindow): Promise<CancelOutcome> {
  const answer = await rest.send('DELETE', 'order', '/api/v3/order', {
    symbol,
    origClientOrderId: clientOrderId,
    recvWindow: signed.recvWindowMs,
    timestamp: signed.timestampMs,
  });
  const refusal = answer.refusal ?? (answer.status === 200 ? null : refusalOf(answer));
  if (refusal !== null) return { kind: provesNotPlaced(refusal) ? 'refused' : 'unknown', refusal };
  try {
    return { kind: 'cancelled', orders: [readOrder(answer.body)] };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'unknown', refusal: { httpStatus: 200, code: null, message, class: 'malformed-answer' } };
  }
}
