/** Binance's JSON shapes of user events. */
import type { BookEvent } from '../engine/matching/matching.ts';
import { id, text } from './wire.ts';

/** One thing that happened, as the user data stream tells it. */
export function userEvent(event: BookEvent): Record<string, unknown> {
  switch (event.type) {
    case 'balances':
      return {
        e: 'outboundAccountPosition',
        E: event.atMs,
        u: event.atMs,
        B: event.balances.map((balance) => ({ a: balance.asset, f: text(balance.free), l: text(balance.locked) })),
      };
    case 'list':
      return {
        e: 'listStatus',
        E: event.atMs,
        s: event.list.symbol,
        g: id(event.list.orderListId),
        c: event.list.contingencyType,
        l: event.list.statusType,
        L: event.list.orderStatus,
        r: 'NONE',
        C: event.list.listClientOrderId,
        T: event.atMs,
        O: event.list.orders.map((order) => ({ s: event.list.symbol, i: id(order.orderId), c: order.clientOrderId })),
      };
    case 'order':
      return executionReport(event);
    default:
      return event satisfies never;
  }
}

/** The order reject reasons that the venue names; its errors it tells in words. */
const rejectReasons = new Map([
  ['Account has insufficient balance for requested action.', 'INSUFFICIENT_BALANCES'],
  ['Order would trigger immediately.', 'STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY'],
  ['Order would immediately match and take.', 'WOULD_MATCH_IMMEDIATELY'],
]);

function executionReport({
  order,
  trade,
  refusal,
  execution,
  executionId,
  atMs,
}: Extract<BookEvent, { type: 'order' }>): Record<string, unknown> {
  const cancelled = execution === 'CANCELED';
  return {
    e: 'executionReport',
    E: atMs,
    s: order.symbol,
    c: cancelled ? (order.cancelClientOrderId ?? `cancel-${order.orderId}`) : order.clientOrderId,
    S: order.side,
    o: order.type,
    f: order.timeInForce,
    q: text(order.quantity),
    p: text(order.price),
    P: text(order.stopPrice ?? 0),
    F: text(0),
    g: id(order.orderListId),
    C: cancelled ? order.clientOrderId : '',
    x: execution,
    X: order.status,
    r: refusal === null ? 'NONE' : (rejectReasons.get(refusal.message) ?? String(refusal.code)),
    i: id(order.orderId),
    l: text(trade?.quantity ?? 0),
    z: text(order.executedQuantity),
    L: text(trade?.price ?? 0),
    n: trade === null ? '0' : text(trade.commission),
    N: trade?.commissionAsset ?? null,
    T: atMs,
    t: trade === null ? -1 : id(trade.tradeId),
    I: id(executionId),
    w: order.working && (order.status === 'NEW' || order.status === 'PARTIALLY_FILLED'),
    m: trade?.isMaker ?? false,
    M: false,
    O: order.createdAtMs,
    Z: text(order.executedQuote),
    Y: text(trade?.quoteQuantity ?? 0),
    Q: text(order.quoteQuantity),
    ...(order.working ? { W: order.workingAtMs } : {}),
    V: order.selfTradePrevention,
    ...(order.preventedQuantity.isZero() ? {} : { A: text(order.preventedQuantity), B: text(order.preventedQuantity) }),
    ...(order.trailingDelta === null ? {} : { d: order.trailingDelta }),
    ...(order.expiryReason === null ? {} : { eR: order.expiryReason }),
  };
}
