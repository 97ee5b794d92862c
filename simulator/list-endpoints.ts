/** OCO order lists: placed, queried and cancelled as one. */
import type { ListTarget } from '../engine/matching/matching.ts';
import { signer } from './endpoint.ts';
import type { Call, Endpoint } from './endpoint.ts';
import { historyQuery } from './history-query.ts';
import { knownSymbol } from './market-endpoints.ts';
import { readOco } from './order-request.ts';
import { VenueRefusal, refuse } from './refusal.ts';
import { cancelledOrder, orderList, placedOrder } from './wire.ts';

export const listEndpoints: readonly Endpoint[] = [
  {
    method: 'POST',
    path: '/api/v3/orderList/oco',
    weight: 0,
    signed: true,
    action: 'place',
    orders: 2,
    answer(call) {
      const { exchange, time } = call.venue;
      const { request, response } = readOco(call.parameters, knownSymbol(call));
      call.parameters.refuseUnread();
      const placed = exchange.matching.placeOco(signer(call), request, time.now());
      if (!placed.ok) throw refuse(placed.refusal);
      exchange.tell(placed.events);
      const { list, orders } = placed.value;
      return { ...orderList(list, orders), orderReports: orders.map((order) => placedOrder({ order, trades: [] }, response)) };
    },
  },
  {
    method: 'GET',
    path: '/api/v3/orderList',
    weight: 4,
    signed: true,
    answer(call) {
      const placed = call.venue.exchange.matching.orderList(signer(call), readListTarget(call, 'origClientOrderId'));
      if (placed === null) throw new VenueRefusal(400, -2018, 'Order list does not exist.');
      return orderList(placed.list, placed.orders);
    },
  },
  {
    method: 'GET',
    path: '/api/v3/openOrderList',
    weight: 6,
    signed: true,
    answer(call) {
      const lists = call.venue.exchange.matching.orderLists(signer(call));
      return lists.filter(({ list }) => list.statusType !== 'ALL_DONE').map(({ list, orders }) => orderList(list, orders));
    },
  },
  {
    method: 'GET',
    path: '/api/v3/allOrderList',
    weight: 20,
    signed: true,
    answer(call) {
      const { from, to, limit, fromId } = historyQuery(call, 'fromId');
      const lists = call.venue.exchange.matching
        .orderLists(signer(call))
        .filter(({ list }) => list.createdAtMs >= from && list.createdAtMs <= to && (fromId === null || list.orderListId >= fromId));
      return (fromId === null && from === 0 ? lists.slice(-limit) : lists.slice(0, limit)).map(({ list, orders }) =>
        orderList(list, orders),
      );
    },
  },
  {
    method: 'DELETE',
    path: '/api/v3/orderList',
    weight: 0,
    signed: true,
    action: 'cancel',
    answer(call) {
      const { exchange, time } = call.venue;
      const symbol = knownSymbol(call);
      const target = readListTarget(call, 'listClientOrderId');
      const cancelId = call.parameters.clientId('newClientOrderId');
      call.parameters.refuseUnread();
      const cancelled = exchange.matching.cancelList(signer(call), symbol, target, time.now());
      if (!cancelled.ok) throw refuse(cancelled.refusal);
      exchange.tell(cancelled.events);
      const { list, orders } = cancelled.value;
      return {
        ...orderList(list, orders),
        orderReports: orders.map((order) => cancelledOrder(order, cancelId ?? `cancel-${order.orderId}`, time.now())),
      };
    },
  },
];

function readListTarget({ parameters }: Call, clientName: string): ListTarget {
  const orderListId = parameters.bigint('orderListId');
  const listClientOrderId = parameters.text(clientName);
  if (orderListId !== undefined) return { orderListId };
  if (listClientOrderId !== undefined) return { listClientOrderId };
  throw new VenueRefusal(400, -1102, `Param 'orderListId' or '${clientName}' must be sent, but both were empty/null!`);
}
