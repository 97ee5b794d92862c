/**
 * What changes the books of a spot account: one request each, never repeated, and an answer that says only what it proves.
 * Everything up to the socket happens in the caller's turn of the loop.
 */
import type {
  CancelOutcome,
  ExchangeOrder,
  OcoLeg,
  OcoOutcome,
  OcoRequest,
  OrderRequest,
  PlaceOutcome,
  Refusal,
  ReplaceOutcome,
  SignedWindow,
} from '../exchange.ts';
import { provesNotPlaced, refusalOf } from './errors.ts';
import type { RawAnswer } from './errors.ts';
import type { RestClient } from './rest.ts';
import type { QueryValue } from './signing.ts';
import { fields, readAckFills, readOrder, rows } from './wire.ts';

type Answer = RawAnswer & { readonly refusal: Refusal | null };

export async function placeOrder(
  rest: RestClient,
  request: OrderRequest,
  signed: SignedWindow,
  mayLeave: (() => boolean) | null,
): Promise<PlaceOutcome> {
  return placed(await rest.send('POST', 'order', '/api/v3/order', { ...orderFields(request), ...windowOf(signed) }, mayLeave));
}

export async function placeOco(rest: RestClient, request: OcoRequest, signed: SignedWindow): Promise<OcoOutcome> {
  const list = {
    symbol: request.symbol,
    side: request.side,
    quantity: request.quantity.toFixed(),
    ...legFields('above', request.above),
    ...legFields('below', request.below),
    selfTradePreventionMode: request.selfTradePrevention,
    newOrderRespType: 'RESULT',
    ...windowOf(signed),
  };
  const answer = await rest.send('POST', 'orderList', '/api/v3/orderList/oco', list, null);
  if (answer.refusal !== null || answer.status !== 200) return placementRefused(answer);
  return read(answer, () => {
    const orders = reportedOrders(answer.body);
    const known = new Set(orders.map((order) => order.clientOrderId));
    const complete = known.has(request.above.clientOrderId) && known.has(request.below.clientOrderId);
    return complete ? { kind: 'accepted', orders } : malformed('the answer does not tell of both legs');
  });
}

export async function cancelOrder(rest: RestClient, symbol: string, clientOrderId: string, signed: SignedWindow): Promise<CancelOutcome> {
  const named = { symbol, origClientOrderId: clientOrderId, ...windowOf(signed) };
  const answer = await rest.send('DELETE', 'order', '/api/v3/order', named, null);
  if (answer.refusal !== null || answer.status !== 200) return cancelRefused(answer);
  return read(answer, () => ({ kind: 'cancelled', orders: reportedOrders(answer.body) }));
}

export async function replaceOrder(
  rest: RestClient,
  cancelledId: string,
  request: OrderRequest,
  signed: SignedWindow,
): Promise<ReplaceOutcome> {
  const both = {
    cancelReplaceMode: 'STOP_ON_FAILURE',
    cancelOrigClientOrderId: cancelledId,
    ...orderFields(request),
    ...windowOf(signed),
  };
  const answer = await rest.send('POST', 'order', '/api/v3/order/cancelReplace', both, null);
  if (answer.refusal !== null) return bothUnless(answer.refusal);
  if (answer.status === 200) return readHalves(answer, answer.body);
  const refusal = refusalOf(answer);
  // 409 and 400 with these codes carry what became of either half.
  if (refusal.code !== -2021 && refusal.code !== -2022) return bothUnless(refusal);
  return readHalves(answer, fields(answer.body, 'answer')['data']);
}

/** Neither half was tried when the refusal proves it; otherwise nothing is known of either. */
function bothUnless(refusal: Refusal): ReplaceOutcome {
  return provesNotPlaced(refusal)
    ? { cancel: { kind: 'refused', refusal }, place: { kind: 'rejected', refusal } }
    : { cancel: { kind: 'unknown', refusal }, place: { kind: 'unknown', refusal } };
}

function readHalves(answer: Answer, body: unknown): ReplaceOutcome {
  try {
    const report = fields(body, 'report');
    const half = (result: unknown, response: unknown): Answer => ({
      status: result === 'SUCCESS' ? 200 : 400,
      body: response,
      retryAfterSeconds: null,
      receivedAtVenueMs: answer.receivedAtVenueMs,
      refusal: null,
    });
    const cancel = half(report['cancelResult'], report['cancelResponse']);
    return {
      cancel: cancel.status === 200 ? { kind: 'cancelled', orders: reportedOrders(cancel.body) } : cancelRefused(cancel),
      place:
        report['newOrderResult'] === 'NOT_ATTEMPTED'
          ? { kind: 'not-attempted' }
          : placed(half(report['newOrderResult'], report['newOrderResponse'])),
    };
  } catch (error) {
    const unknown = malformed(error instanceof Error ? error.message : String(error), answer.status);
    return { cancel: unknown, place: unknown };
  }
}

function placed(answer: Answer): PlaceOutcome {
  if (answer.refusal !== null || answer.status !== 200) return placementRefused(answer);
  return read(answer, () => {
    const order = readOrder(answer.body);
    return { kind: 'accepted', order, fills: readAckFills(answer.body, order) };
  });
}

function placementRefused(answer: Answer): { readonly kind: 'rejected' | 'unknown'; readonly refusal: Refusal } {
  const refusal = answer.refusal ?? refusalOf(answer);
  return { kind: provesNotPlaced(refusal) ? 'rejected' : 'unknown', refusal };
}

function cancelRefused(answer: Answer): CancelOutcome {
  const refusal = answer.refusal ?? refusalOf(answer);
  return { kind: provesNotPlaced(refusal) ? 'refused' : 'unknown', refusal };
}

/** The order may well stand: an answer that cannot be read proves nothing. */
function read<T>(answer: Answer, use: () => T): T | { readonly kind: 'unknown'; readonly refusal: Refusal } {
  try {
    return use();
  } catch (error) {
    return malformed(error instanceof Error ? error.message : String(error), answer.status);
  }
}

function malformed(message: string, httpStatus = 200): { readonly kind: 'unknown'; readonly refusal: Refusal } {
  return { kind: 'unknown', refusal: { httpStatus, code: null, message, class: 'malformed-answer' } };
}

/** One order, or those of a list: the cancel of a leg may answer with the whole list. */
function reportedOrders(body: unknown): readonly ExchangeOrder[] {
  const { orderReports } = fields(body, 'orders');
  return orderReports === undefined ? [readOrder(body)] : rows(orderReports, 'orderReports').map(readOrder);
}

function orderFields(request: OrderRequest): Record<string, QueryValue> {
  return {
    symbol: request.symbol,
    side: request.side,
    type: request.type,
    quantity: request.quantity.toFixed(),
    ...priceFields(request),
    newClientOrderId: request.clientOrderId,
    selfTradePreventionMode: request.selfTradePrevention,
    newOrderRespType: 'FULL',
  };
}

function priceFields({ price, stopPrice, timeInForce }: Pick<OcoLeg, 'price' | 'stopPrice' | 'timeInForce'>): Record<string, QueryValue> {
  return {
    ...(price === undefined ? {} : { price: price.toFixed() }),
    ...(stopPrice === undefined ? {} : { stopPrice: stopPrice.toFixed() }),
    ...(timeInForce === undefined ? {} : { timeInForce }),
  };
}

/** `price` of the leg above is `abovePrice` on the wire, and so on. */
function legFields(side: 'above' | 'below', leg: OcoLeg): Record<string, QueryValue> {
  const named = { type: leg.type, clientOrderId: leg.clientOrderId, ...priceFields(leg) };
  return Object.fromEntries(
    Object.entries(named).map(([name, value]) => [`${side}${name.charAt(0).toUpperCase()}${name.slice(1)}`, value]),
  );
}

function windowOf(signed: SignedWindow): Record<string, QueryValue> {
  return { recvWindow: signed.recvWindowMs, timestamp: signed.timestampMs };
}
