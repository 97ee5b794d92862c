/** Orders, trades and the account by REST. */
import { Decimal } from 'decimal.js';
import type { CancelTarget } from '../engine/matching/matching.ts';
import { cancelReplace } from './cancel-replace.ts';
import { signer } from './endpoint.ts';
import type { Call, Endpoint } from './endpoint.ts';
import { historyQuery } from './history-query.ts';
import { knownSymbol } from './market-endpoints.ts';
import { cancelRestricted, isCancellable, readCancelRestriction, readOrder, readTarget, venueMadeId } from './order-request.ts';
import { VenueRefusal, refuse } from './refusal.ts';
import { cancelledOrder, orderLimits, placedOrder, queriedOrder, text, tradeRow } from './wire.ts';

const noDiscount = { enabledForAccount: false, enabledForSymbol: false, discountAsset: 'BNB', discount: '0.75000000' };

export const tradeEndpoints: readonly Endpoint[] = [
  { method: 'POST', path: '/api/v3/order', weight: 0, signed: true, action: 'place', orders: 1, answer: placeOrder },
  {
    method: 'POST',
    path: '/api/v3/order/test',
    weight: (parameters) => (parameters.text('computeCommissionRates') === 'true' ? 20 : 1),
    signed: true,
    answer(call) {
      const { request } = readOrder(call.parameters, knownSymbol(call));
      const withRates = call.parameters.text('computeCommissionRates') === 'true';
      const tested = call.venue.exchange.matching.test(signer(call), request, call.venue.time.now());
      if (!tested.ok) throw refuse(tested.refusal);
      if (!withRates) return {};
      const fees = call.venue.exchange.matching.fees(signer(call));
      const none = { maker: text(0), taker: text(0) };
      return {
        standardCommissionForOrder: { maker: text(fees.maker), taker: text(fees.taker) },
        specialCommissionForOrder: none,
        taxCommissionForOrder: none,
        discount: noDiscount,
      };
    },
  },
  {
    method: 'GET',
    path: '/api/v3/order',
    weight: 4,
    signed: true,
    answer(call) {
      const symbol = knownSymbol(call);
      const order = call.venue.reads.order(signer(call), symbol, targetOf(call, symbol));
      if (order === null) throw new VenueRefusal(400, -2013, 'Order does not exist.');
      return queriedOrder(order);
    },
  },
  {
    method: 'DELETE',
    path: '/api/v3/order',
    weight: 0,
    signed: true,
    action: 'cancel',
    answer(call) {
      const { exchange, time } = call.venue;
      const symbol = knownSymbol(call);
      const target = targetOf(call, symbol);
      const restriction = readCancelRestriction(call.parameters);
      const cancelId = call.parameters.clientId('newClientOrderId') ?? venueMadeId();
      call.parameters.refuseUnread();
      if (!isCancellable(exchange.matching.order(signer(call), symbol, target), restriction)) throw refuse(cancelRestricted);
      const cancelled = exchange.matching.cancel(signer(call), symbol, target, cancelId, time.now());
      if (!cancelled.ok) throw refuse(cancelled.refusal);
      exchange.tell(cancelled.events);
      return cancelledOrder(cancelled.value, cancelId, time.now());
    },
  },
  {
    method: 'POST',
    path: '/api/v3/order/cancelReplace',
    weight: 0,
    signed: true,
    action: 'cancel-replace',
    orders: 1,
    answer: cancelReplace,
  },
  {
    method: 'GET',
    path: '/api/v3/openOrders',
    weight: (parameters) => (parameters.has('symbol') ? 6 : 80),
    signed: true,
    answer(call) {
      const symbol = call.parameters.text('symbol') === undefined ? null : knownSymbol(call);
      return call.venue.reads.openOrders(signer(call), symbol).map(queriedOrder);
    },
  },
  {
    method: 'DELETE',
    path: '/api/v3/openOrders',
    weight: 0,
    signed: true,
    action: 'cancel',
    answer(call) {
      const { exchange, time } = call.venue;
      const symbol = knownSymbol(call);
      call.parameters.refuseUnread();
      const cancelled = exchange.matching.cancelAll(signer(call), symbol, time.now());
      if (!cancelled.ok) throw refuse(cancelled.refusal);
      exchange.tell(cancelled.events);
      return cancelled.value.map((order) => cancelledOrder(order, `cancel-${order.orderId}`, time.now()));
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
      const orders = call.venue.reads
        .orders(signer(call), symbol)
        .filter((order) => order.createdAtMs >= from && order.createdAtMs <= to && (fromId === null || order.orderId >= fromId));
      return (fromId === null && from === 0 ? orders.slice(-limit) : orders.slice(0, limit)).map(queriedOrder);
    },
  },
  {
    method: 'GET',
    path: '/api/v3/myTrades',
    weight: (parameters) => (parameters.has('orderId') ? 5 : 20),
    signed: true,
    answer(call) {
      const { parameters } = call;
      const symbol = knownSymbol(call);
      const orderId = parameters.bigint('orderId');
      const byId = parameters.has('orderId') || parameters.has('fromId');
      if (byId && (parameters.has('startTime') || parameters.has('endTime')))
        throw new VenueRefusal(400, -1128, 'Combination of optional parameters invalid.');
      const { from, to, limit, fromId } = historyQuery(call, 'fromId');
      const trades = call.venue.reads
        .trades(signer(call), symbol)
        .filter(
          (trade) =>
            trade.atMs >= from &&
            trade.atMs <= to &&
            (fromId === null || trade.tradeId >= fromId) &&
            (orderId === undefined || trade.orderId === orderId),
        );
      return (fromId === null && from === 0 ? trades.slice(-limit) : trades.slice(0, limit)).map(tradeRow);
    },
  },
  {
    method: 'GET',
    path: '/api/v3/rateLimit/order',
    weight: 40,
    signed: true,
    answer(call) {
      const { limits } = call.venue;
      const { short, day } = limits.order(signer(call), 0);
      return orderLimits(limits.values).map((limit, index) => ({ ...limit, count: index === 0 ? short : day }));
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
      };
    },
  },
  {
    method: 'GET',
    path: '/sapi/v1/account/apiRestrictions',
    weight: 1,
    signed: true,
    answer({ venue, account }) {
      if (account === null) throw new Error('a signed endpoint has a signer');
      return { ...venue.keyring.rightsOf(account), createTime: 1_600_000_000_000 };
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
        symbol: knownSymbol(call),
        standardCommission: rates(fees.maker, fees.taker),
        specialCommission: none,
        taxCommission: none,
        discount: noDiscount,
      };
    },
  },
];

function placeOrder(call: Call): unknown {
  const { exchange, time } = call.venue;
  const { request, response } = readOrder(call.parameters, knownSymbol(call));
  call.parameters.refuseUnread();
  const placed = exchange.matching.place(signer(call), request, time.now());
  if (!placed.ok) throw refuse(placed.refusal);
  exchange.tell(placed.events);
  return placedOrder(placed.value, response);
}

/** Where both ids are sent they must belong to the same order; no order has the id 0. */
function targetOf(call: Call, symbol: string): CancelTarget {
  const target = readTarget(call.parameters);
  const clientOrderId = call.parameters.text('origClientOrderId');
  if ('clientOrderId' in target || clientOrderId === undefined) return target;
  const order = call.venue.exchange.matching.order(signer(call), symbol, target);
  return order?.clientOrderId === clientOrderId ? target : { orderId: 0n };
}
