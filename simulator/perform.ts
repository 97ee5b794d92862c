/** Carries out a request that was let in, by REST or WebSocket API alike: order limits, and what the faults make of its answer. */
import type { Call, Endpoint } from './endpoint.ts';
import { signer } from './endpoint.ts';
import { concerns } from './faults.ts';
import type { OrderCounts } from './limits.ts';
import { VenueRefusal } from './refusal.ts';
import { checkTiming } from './timing.ts';

/** `lost`: the connection ends without an answer. Counts stand on actions that place orders. */
export type Outcome =
  | { readonly kind: 'lost' }
  | { readonly kind: 'answered'; readonly body: unknown; readonly counts: OrderCounts | null };

const statusUnknown = 'An unexpected response was received from the message bus. Execution status unknown.';
const timedOut = 'Timeout waiting for response from backend server. Send status unknown; execution status unknown.';

/** Counts a request's weight before anything else is judged. Throws 429 and 418. */
export function admit({ venue, parameters }: Pick<Call, 'venue' | 'parameters'>, { weight }: Endpoint): void {
  const limited = venue.faults.take('http-429');
  if (limited !== null)
    throw new VenueRefusal(429, -1003, 'Too many requests; please use the websocket for live updates.', {
      retryAfterSeconds: limited.retryAfterSeconds,
    });
  venue.limits.spend(typeof weight === 'number' ? weight : weight(parameters));
}

/** Throws `VenueRefusal`. An action costs weight only when it fails. */
export async function perform(endpoint: Endpoint, call: Call): Promise<Outcome> {
  if (endpoint.action === undefined) return read(endpoint, call);
  try {
    return await act(endpoint, endpoint.action, call);
  } catch (error) {
    if (error instanceof VenueRefusal) call.venue.limits.charge(1);
    throw error;
  }
}

async function read(endpoint: Endpoint, call: Call): Promise<Outcome> {
  const failure = call.venue.faults.take('read-5xx', ({ path }) => path === undefined || path === endpoint.path);
  if (failure !== null)
    throw new VenueRefusal(failure.status ?? 503, -1001, 'Internal error; unable to process your request. Please try again.');
  const body = await endpoint.answer(call);
  call.parameters.refuseUnread();
  return { kind: 'answered', body, counts: null };
}

async function act(endpoint: Endpoint, action: NonNullable<Endpoint['action']>, call: Call): Promise<Outcome> {
  const { faults, limits, clock } = call.venue;
  const meant = concerns(action, call.parameters.text('symbol'));
  const delay = faults.take('order-delay', meant);
  if (delay !== null && delay.executed !== true) {
    await clock.sleep(delay.ms);
    // The venue looks again before it forwards to its matching: what is too old by now is never executed.
    checkTiming(call.venue.time, call.parameters);
  }
  const rejected = faults.take('reject-orders', meant);
  if (rejected !== null) throw new VenueRefusal(400, rejected.code, rejected.message);
  const failure = faults.take('order-5xx', meant);
  if (failure !== null && !failure.executed) throw new VenueRefusal(failure.status ?? 503, -1006, statusUnknown);
  const lost = faults.take('order-answer-lost', meant);
  if (lost?.executed === false) return { kind: 'lost' };
  const counts = endpoint.orders === undefined ? null : limits.order(signer(call), endpoint.orders);
  let body: unknown;
  try {
    body = endpoint.answer(call);
  } catch (error) {
    // A cancel-and-replace that was carried out in part keeps its count; what was refused has none.
    if (endpoint.orders !== undefined && action !== 'cancel-replace') limits.order(signer(call), -endpoint.orders);
    if (!(error instanceof VenueRefusal)) throw error;
    if (lost !== null) return { kind: 'lost' };
    if (failure !== null) throw new VenueRefusal(failure.status ?? 504, -1007, timedOut);
    throw error;
  }
  if (delay?.executed === true) await clock.sleep(delay.ms);
  if (lost !== null) return { kind: 'lost' };
  if (failure !== null) throw new VenueRefusal(failure.status ?? 504, -1007, timedOut);
  return { kind: 'answered', body, counts };
}
