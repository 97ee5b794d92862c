/** Orders, trades and the account by REST (binance-wire.md 2.2, 3.3). */
import { Decimal } from 'decimal.js';
import type { BookOrder, BookRefusal, CancelReplaced } from '../engine/matching/matching.ts';
import { signer } from './endpoint.ts';
import type { Answer, Call, Endpoint } from './endpoint.ts';
import { knownSymbol } from './market-endpoints.ts';
import { readOco, readOrder, readTarget, venueMadeId } from './order-request.ts';
import { VenueRefusal } from './refusal.ts';
import { cancelledOrder, orderList, placedOrder, queriedOrder, text, tradeRow } from './wire.ts';

const dayMs = 86_400_000;

export function refuse({ code, message }: BookRefusal): VenueRefusal {
  return new VenueRefusal(400, code, message);
}

/** False for an order that reads must not show yet (a fault: the venue's reads lag its matching). */
function visible({ venue }: Call, order: BookOrder): boolean {
  const lag = venue.faults.peek('reads-lag');
  return lag === null || venue.time.now() - order.createdAtMs >= lag.ms;
}

export const tradeEndpoints: readonly Endpoint[] = [
  { method: 'POST', path: '/api/v3/order', weight: 0, signed: true, orders: 1, answer: placeOrder },
  {
    method: 'POST',
    path: '/api/v3/order/test',
    weight: 1,
    signed: true,
    answer(call) {
      const { request } = readOrder(call.parameters, knownSymbol(call));
      call.parameters.text('computeCommissionRates');
      const tested = call.venue.exchange.matching.test(signer(call), request, call.venue.time.now());
      if (!tested.ok) throw refuse(tested.refusal);
      return { body: {} };
    },
  },
  {
    method: 'GET',
    path: '/api/v3/order',
    weight: 4,
    signed: true,
    answer(call) {
      const symbol = knownSymbol(call);
      const order = call.venue.exchange.matching.order(signer(call), symbol, readTarget(call.parameters));
      if (order === null || !visible(call, order)) throw new VenueRefusal(400, -2013, 'Order does not exist.');
      return { body: queriedOrder(order) };
    },
  },
  {
    method: 'DELETE',
    path: '/api/v3/order',
    weight: 1,
    signed: true,
    answer(call) {
      const { exchange, time } = call.venue;
      const symbol = knownSymbol(call);
      const target = readTarget(call.parameters);
      call.parameters.text('cancelRestrictions');
      const cancelId = call.parameters.clientId('newClientOrderId') ?? venueMadeId();
      const cancelled = exchange.matching.cancel(signer(call), symbol, target, cancelId, time.now());
      if (!cancelled.ok) throw refuse(cancelled.refusal);
      exchange.tell(cancelled.events);
      return { body: cancelledOrder(cancelled.value, cancelId, time.now()) };
    },
  },
  { method: 'POST', path: '/api/v3/order/cancelReplace', weight: 1, signed: true, orders: 1, answer: cancelReplace },
  {
    method: 'GET',
    path: '/api/v3/openOrders',
    weight: 6,
    signed: true,
    answer(call) {
      const symbol = call.parameters.text('symbol') === undefined ? null : knownSymbol(call);
      return {
        body: call.venue.exchange.matching
          .openOrders(signer(call), symbol)
          .filter((order) => visible(call, order))
          .map(queriedOrder),
      };
    },
  },
  {
    method: 'DELETE',
    path: '/api/v3/openOrders',
    weight: 1,
    signed: true,
    answer(call) {
      const { exchange, time } = call.venue;
      const cancelled = exchange.matching.cancelAll(signer(call), knownSymbol(call), time.now());
      if (!cancelled.ok) throw refuse(cancelled.refusal);
      exchange.tell(cancelled.events);
      return { body: cancelled.value.map((order) => cancelledOrder(order, `cancel-${order.orderId}`, time.now())) };
    },
  },
  {
    method: 'GET',
    path: '/api/v3/allOrders',
    weight: 20,
    signed: true,
    answer(call) {
      const symbol = knownSymbol(call);
      const { from, to, limit, fromId } = historyQuery(call, 'orderId');
      const orders = call.venue.exchange.matching
        .orders(signer(call), symbol)
        .filter(
          (order) =>
            visible(call, order) && order.createdAtMs >= from && order.createdAtMs <= to && (fromId === null || order.orderId >= fromId),
        );
      return { body: (fromId === null && from === 0 ? orders.slice(-limit) : orders.slice(0, limit)).map(queriedOrder) };
    },
  },
  {
    method: 'GET',
    path: '/api/v3/myTrades',
    weight: 20,
    signed: true,
    answer(call) {
      const symbol = knownSymbol(call);
      const orderId = call.parameters.bigint('orderId');
      const { from, to, limit, fromId } = historyQuery(call, 'fromId');
      const trades = call.venue.exchange.matching
        .trades(signer(call), symbol)
        .filter(
          (trade) =>
            trade.atMs >= from &&
            trade.atMs <= to &&
            (fromId === null || trade.tradeId >= fromId) &&
            (orderId === undefined || trade.orderId === orderId),
        );
      return { body: (fromId === null && from === 0 ? trades.slice(-limit) : trades.slice(0, limit)).map(tradeRow) };
    },
  },
  {
    method: 'GET',
    path: '/api/v3/account',
    weight: 20,
    signed: true,
    answer(call) {
      const { matching } = call.venue.exchange;
      const withoutZero = call.parameters.text('omitZeroBalances') === 'true';
      const fees = matching.fees(signer(call));
      const balances = matching.balances(signer(call)).filter((balance) => !withoutZero || balance.free.plus(balance.locked).gt(0));
      return {
        body: {
          makerCommission: fees.maker.times(10_000).toNumber(),
          takerCommission: fees.taker.times(10_000).toNumber(),
          buyerCommission: 0,
          sellerCommission: 0,
          commissionRates: { maker: text(fees.maker), taker: text(fees.taker), buyer: text(0), seller: text(0) },
          canTrade: true,
          canWithdraw: false,
          canDeposit: false,
          brokered: false,
          requireSelfTradePrevention: false,
          preventSor: false,
          updateTime: call.venue.time.now(),
          accountType: 'SPOT',
          balances: balances.map((balance) => ({ asset: balance.asset, free: text(balance.free), locked: text(balance.locked) })),
          permissions: ['SPOT'],
          uid: 1,
        },
      };
    },
  },
  {
    method: 'GET',
    path: '/api/v3/account/commission',
    weight: 20,
    signed: true,
    answer(call) {
      const fees = call.venue.exchange.matching.fees(signer(call));
      const rates = (maker: Decimal, taker: Decimal) => ({ maker: text(maker), taker: text(taker), buyer: text(0), seller: text(0) });
      const none = rates(new Decimal(0), new Decimal(0));
      return {
        body: {
          symbol: knownSymbol(call),
          standardCommission: rates(fees.maker, fees.taker),
          specialCommission: none,
          taxCommission: none,
          discount: { enabledForAccount: false, enabledForSymbol: false, discountAsset: 'BNB', discount: '0.75000000' },
        },
      };
    },
  },
  { method: 'POST', path: '/api/v3/orderList/oco', weight: 1, signed: true, orders: 2, answer: placeOco },
  {
    method: 'GET',
    path: '/api/v3/orderList',
    weight: 4,
    signed: true,
    answer(call) {
      const listId = call.parameters.bigint('orderListId');
      const placed = listId === undefined ? null : call.venue.exchange.matching.orderList(signer(call), listId);
      if (placed === null) throw new VenueRefusal(400, -2018, 'Order list does not exist.');
      return { body: orderList(placed.list, placed.orders) };
    },
  },
  {
    method: 'DELETE',
    path: '/api/v3/orderList',
    weight: 1,
    signed: true,
    answer(call) {
      const { exchange, time } = call.venue;
      const symbol = knownSymbol(call);
      const listId = call.parameters.bigint('orderListId');
      call.parameters.text('newClientOrderId');
      if (listId === undefined)
        throw new VenueRefusal(400, -1102, "Param 'orderListId' or 'listClientOrderId' must be sent, but both were empty/null!");
      const cancelled = exchange.matching.cancelList(signer(call), symbol, listId, time.now());
      if (!cancelled.ok) throw refuse(cancelled.refusal);
      exchange.tell(cancelled.events);
      return {
        body: {
          ...orderList(cancelled.value.list, cancelled.value.orders),
          orderReports: cancelled.value.orders.map((order) => cancelledOrder(order, `cancel-${order.orderId}`, time.now())),
        },
      };
    },
  },
];

function placeOrder(call: Call): Answer {
  const { exchange, time } = call.venue;
  const { request, response } = readOrder(call.parameters, knownSymbol(call));
  call.parameters.refuseUnread();
  const placed = exchange.matching.place(signer(call), request, time.now());
  if (!placed.ok) throw refuse(placed.refusal);
  exchange.tell(placed.events);
  return { body: placedOrder(placed.value, response) };
}

function placeOco(call: Call): Answer {
  const { exchange, time } = call.venue;
  const request = readOco(call.parameters, knownSymbol(call));
  call.parameters.refuseUnread();
  const placed = exchange.matching.placeOco(signer(call), request, time.now());
  if (!placed.ok) throw refuse(placed.refusal);
  exchange.tell(placed.events);
  const { list, orders } = placed.value;
  return { body: { ...orderList(list, orders), orderReports: orders.map((order) => placedOrder({ order, trades: [] }, 'RESULT')) } };
}

function cancelReplace(call: Call): Answer {
  const { exchange, time } = call.venue;
  const { parameters } = call;
  const symbol = knownSymbol(call);
  const mode = parameters.oneOf('cancelReplaceMode', ['STOP_ON_FAILURE', 'ALLOW_FAILURE'] as const, -1102, 'cancelReplaceMode');
  if (mode === undefined)
    throw new VenueRefusal(400, -1102, "Mandatory parameter 'cancelReplaceMode' was not sent, was empty/null, or malformed.");
  const cancel = readTarget(parameters, 'cancelOrderId', 'cancelOrigClientOrderId');
  const cancelClientOrderId = parameters.clientId('cancelNewClientOrderId') ?? venueMadeId();
  parameters.text('cancelRestrictions');
  parameters.text('orderRateLimitExceededMode');
  const { request, response } = readOrder(parameters, symbol);
  parameters.refuseUnread();
  const done = exchange.matching.cancelReplace(signer(call), { cancel, cancelClientOrderId, mode, replacement: request }, time.now());
  exchange.tell(done.events);
  if (!done.placed.ok && done.placed.refusal === null && !done.cancel.ok && done.cancel.refusal.code !== -2011)
    throw refuse(done.cancel.refusal);
  const report = cancelReplaceReport(done, cancelClientOrderId, response, time.now());
  if (done.cancel.ok && done.placed.ok) return { body: report };
  const partial = done.cancel.ok || done.placed.ok;
  throw new VenueRefusal(
    partial ? 409 : 400,
    partial ? -2021 : -2022,
    partial ? 'Order cancel-replace partially failed.' : 'Order cancel-replace failed.',
    { data: report },
  );
}

function cancelReplaceReport(
  { cancel, placed }: CancelReplaced,
  cancelId: string,
  response: Parameters<typeof placedOrder>[1],
  atMs: number,
): Record<string, unknown> {
  const failed = (refusal: BookRefusal) => ({ code: refusal.code, msg: refusal.message });
  return {
    cancelResult: cancel.ok ? 'SUCCESS' : 'FAILURE',
    newOrderResult: placed.ok ? 'SUCCESS' : placed.refusal === null ? 'NOT_ATTEMPTED' : 'FAILURE',
    cancelResponse: cancel.ok ? cancelledOrder(cancel.order, cancelId, atMs) : failed(cancel.refusal),
    newOrderResponse: placed.ok ? placedOrder(placed.placed, response) : placed.refusal === null ? null : failed(placed.refusal),
  };
}

/** Windows of time queries are at most 24 hours long, as on the venue. */
function historyQuery({ parameters }: Call, idName: string): { from: number; to: number; limit: number; fromId: bigint | null } {
  const start = parameters.integer('startTime', { min: 0 });
  const end = parameters.integer('endTime', { min: 0 });
  if (start !== undefined && end !== undefined && end - start > dayMs)
    throw new VenueRefusal(400, -1127, 'More than 24 hours between startTime and endTime.');
  const fromId = parameters.bigint(idName) ?? null;
  return {
    from: start ?? (end === undefined ? 0 : end - dayMs),
    to: end ?? (start === undefined ? Number.MAX_SAFE_INTEGER : start + dayMs),
    limit: parameters.integer('limit', { min: 1, max: 1_000 }) ?? 500,
    fromId,
  };
}
