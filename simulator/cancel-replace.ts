/** POST /api/v3/order/cancelReplace: two actions in one request, and an answer that tells what became of each. */
import type { BookRefusal, CancelReplaced } from '../engine/matching/matching.ts';
import { signer } from './endpoint.ts';
import type { Call } from './endpoint.ts';
import { knownSymbol } from './market-endpoints.ts';
import { isCancellable, readCancelRestriction, readOrder, readTarget, venueMadeId } from './order-request.ts';
import { VenueRefusal, refuse } from './refusal.ts';
import { cancelledOrder, placedOrder } from './wire.ts';

export function cancelReplace(call: Call): unknown {
  const { exchange, time } = call.venue;
  const { parameters } = call;
  const symbol = knownSymbol(call);
  const mode = parameters.oneOf('cancelReplaceMode', ['STOP_ON_FAILURE', 'ALLOW_FAILURE'] as const, -1102, 'cancelReplaceMode');
  if (mode === undefined)
    throw new VenueRefusal(400, -1102, "Mandatory parameter 'cancelReplaceMode' was not sent, was empty/null, or malformed.");
  const cancel = readTarget(parameters, 'cancelOrderId', 'cancelOrigClientOrderId');
  const cancelClientOrderId = parameters.clientId('cancelNewClientOrderId') ?? venueMadeId();
  const restriction = readCancelRestriction(parameters);
  parameters.oneOf('orderRateLimitExceededMode', ['DO_NOTHING', 'CANCEL_ONLY'] as const, -1145, 'orderRateLimitExceededMode');
  const { request, response } = readOrder(parameters, symbol);
  parameters.refuseUnread();
  const restricted = !isCancellable(exchange.matching.order(signer(call), symbol, cancel), restriction);
  // A restricted cancel fails like one of an order that is gone: no order has the id 0.
  const wanted = { cancel: restricted ? { orderId: 0n } : cancel, cancelClientOrderId, mode, replacement: request };
  const done = exchange.matching.cancelReplace(signer(call), wanted, time.now());
  exchange.tell(done.events);
  if (!done.placed.ok && done.placed.refusal === null && !done.cancel.ok && done.cancel.refusal.code !== -2011)
    throw refuse(done.cancel.refusal);
  const report = cancelReplaceReport(done, cancelClientOrderId, response, time.now());
  if (done.cancel.ok && done.placed.ok) return report;
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
