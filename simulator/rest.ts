/** The REST side of the wire: finds the endpoint, counts weight, checks the signature, answers in Binance's form. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SimulatedAccount } from './accounts.ts';
import type { Endpoint } from './endpoint.ts';
import { Parameters } from './parameters.ts';
import { VenueRefusal } from './refusal.ts';
import { checkTiming } from './timing.ts';
import type { Venue } from './venue.ts';

const bodyMax = 64 * 1024;

export function createRestHandler(
  venue: Venue,
  endpoints: readonly Endpoint[],
): (request: IncomingMessage, response: ServerResponse) => void {
  const byPlace = new Map(endpoints.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint]));
  return (request, response) => {
    void handle(venue, byPlace, request, response).catch((error: unknown) => {
      venue.log.error({ err: error, url: request.url?.split('?')[0] }, 'the simulator failed to answer');
      send(response, 500, { code: -1000, msg: 'An unknown error occurred while processing the request.' });
    });
  };
}

async function handle(
  venue: Venue,
  byPlace: ReadonlyMap<string, Endpoint>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '', query = ''] = splitOnce(request.url ?? '', '?');
  const body = await readBody(request);
  const endpoint = byPlace.get(`${request.method} ${path}`);
  if (endpoint === undefined) {
    send(response, 404, '<html><head><title>404 Not Found</title></head></html>');
    return;
  }
  try {
    const limited = venue.faults.take('http-429');
    if (limited !== null)
      throw new VenueRefusal(429, -1003, 'Too many requests; please use the websocket for live updates.', {
        retryAfterSeconds: limited.retryAfterSeconds,
      });
    response.setHeader('x-mbx-used-weight-1m', String(venue.limits.spend(endpoint.weight)));
    response.setHeader('x-mbx-used-weight', String(venue.limits.usedWeight()));
    const parameters = new Parameters(readParameters(query, body));
    const account = endpoint.signed ? authenticate(venue, request, query, body, parameters) : null;
    await answer(venue, endpoint, parameters, account, response);
  } catch (error) {
    if (!(error instanceof VenueRefusal)) throw error;
    if (endpoint.orders !== undefined && !venue.limits.banned) venue.limits.spend(1);
    if (error.retryAfterSeconds !== null) response.setHeader('retry-after', String(error.retryAfterSeconds));
    send(response, error.status, { code: error.code, msg: error.message, ...(error.data === undefined ? {} : { data: error.data }) });
  }
}

async function answer(
  venue: Venue,
  endpoint: Endpoint,
  parameters: Parameters,
  account: SimulatedAccount | null,
  response: ServerResponse,
): Promise<void> {
  const { faults, limits, clock } = venue;
  if (endpoint.orders === undefined || account === null) {
    const done = endpoint.answer({ venue, parameters, account });
    parameters.refuseUnread();
    send(response, done.status ?? 200, done.body);
    return;
  }
  const delay = faults.take('order-delay');
  if (delay !== null) await clock.sleep(delay.ms);
  const rejected = faults.take('reject-orders');
  if (rejected !== null) throw new VenueRefusal(400, rejected.code, rejected.message);
  const failure = faults.take('order-5xx');
  if (failure !== null && !failure.executed) {
    send(response, failure.status ?? 503, {
      code: -1006,
      msg: 'An unexpected response was received from the message bus. Execution status unknown.',
    });
    return;
  }
  const lost = faults.take('order-answer-lost');
  const counts = limits.order(account.name, endpoint.orders);
  try {
    const done = endpoint.answer({ venue, parameters, account });
    response.setHeader('x-mbx-order-count-10s', String(counts.short));
    response.setHeader('x-mbx-order-count-1d', String(counts.day));
    if (lost !== null) response.destroy();
    else if (failure !== null)
      send(response, failure.status ?? 504, {
        code: -1007,
        msg: 'Timeout waiting for response from backend server. Send status unknown; execution status unknown.',
      });
    else send(response, done.status ?? 200, done.body);
    if ((done.body as { status?: unknown }).status === 'FILLED') limits.order(account.name, -endpoint.orders);
  } catch (error) {
    limits.order(account.name, -endpoint.orders);
    throw error;
  }
}

/** Query and body together; a name that stands in both counts from the query. */
function readParameters(query: string, body: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const part of [query, body]) {
    for (const [name, value] of new URLSearchParams(part)) {
      if (!values.has(name)) values.set(name, value);
      else if (part === query) throw new VenueRefusal(400, -1101, 'Duplicate values for a parameter detected.');
    }
  }
  return values;
}

function authenticate(venue: Venue, request: IncomingMessage, query: string, body: string, parameters: Parameters): SimulatedAccount {
  const apiKey = request.headers['x-mbx-apikey'];
  if (typeof apiKey !== 'string' || apiKey === '') throw new VenueRefusal(401, -2014, 'API-key format invalid.');
  const account = venue.keyring.accountOf(apiKey);
  if (account === null) throw new VenueRefusal(401, -2015, 'Invalid API-key, IP, or permissions for action.');
  const signature = parameters.required('signature');
  // The payload is what was sent, as it was sent: query and body without a separator, without the signature.
  const payload = [query, body].map((part) => part.replace(/(^|&)signature=[^&]*/, '').replace(/^&/, '')).join('');
  if (!venue.keyring.signs(account, payload, signature)) throw new VenueRefusal(400, -1022, 'Signature for this request is not valid.');
  checkTiming(venue.time, parameters);
  return account;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyMax) throw new Error('request body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed || response.writableEnded) return;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json;charset=UTF-8' });
  response.end(text);
}

function splitOnce(value: string, separator: string): [string, string] {
  const at = value.indexOf(separator);
  return at === -1 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
}
