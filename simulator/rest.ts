/** The REST side of the wire: finds the endpoint, counts weight, checks the signature, answers in Binance's form. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SimulatedAccount } from './accounts.ts';
import type { Endpoint } from './endpoint.ts';
import { Parameters } from './parameters.ts';
import { admit, perform } from './perform.ts';
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
  if (body === null) {
    send(response, 413, { code: -1101, msg: 'Too many parameters; the body is too large.' });
    return;
  }
  const endpoint = byPlace.get(`${request.method} ${path}`);
  if (endpoint === undefined) {
    send(response, 404, { code: -1020, msg: `This operation is not supported: ${request.method} ${path}` });
    return;
  }
  try {
    const parameters = new Parameters(readParameters(query, body));
    admit({ venue, parameters }, endpoint);
    const account = endpoint.signed ? authenticate(venue, request, query, body, parameters) : null;
    if (endpoint.action !== undefined) venue.limits.countAction();
    if (account !== null) authorise(venue, account, endpoint);
    const outcome = await perform(endpoint, { venue, parameters, account });
    if (outcome.kind === 'lost') {
      response.destroy();
      return;
    }
    tellWeight(venue, response);
    if (outcome.counts !== null) {
      response.setHeader('x-mbx-order-count-10s', String(outcome.counts.short));
      response.setHeader('x-mbx-order-count-1d', String(outcome.counts.day));
    }
    send(response, 200, outcome.body);
  } catch (error) {
    if (!(error instanceof VenueRefusal)) throw error;
    tellWeight(venue, response);
    if (error.retryAfterSeconds !== null) response.setHeader('retry-after', String(error.retryAfterSeconds));
    send(response, error.status, { code: error.code, msg: error.message, ...(error.data === undefined ? {} : { data: error.data }) });
  }
}

function tellWeight({ limits }: Venue, response: ServerResponse): void {
  response.setHeader('x-mbx-used-weight', String(limits.usedWeight()));
  response.setHeader('x-mbx-used-weight-1m', String(limits.usedWeight()));
}

/** Query and body together; a name that stands in both counts from the query. */
function readParameters(query: string, body: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const part of [query, body]) {
    const here = new Set<string>();
    for (const [name, value] of new URLSearchParams(part)) {
      if (here.has(name)) throw new VenueRefusal(400, -1101, 'Duplicate values for a parameter detected.');
      here.add(name);
      if (!values.has(name)) values.set(name, value);
    }
  }
  return values;
}

function authenticate(venue: Venue, request: IncomingMessage, query: string, body: string, parameters: Parameters): SimulatedAccount {
  const apiKey = request.headers['x-mbx-apikey'];
  if (typeof apiKey !== 'string' || apiKey === '') throw new VenueRefusal(401, -2014, 'API-key format invalid.');
  const account = venue.keyring.accountOf(apiKey);
  if (account === null) throw notAllowed();
  const signature = parameters.required('signature');
  // The payload is what was sent, as it was sent: query and body without a separator, without the signature.
  const payload = [query, body].map((part) => part.replace(/(^|&)signature=[^&]*/, '').replace(/^&/, '')).join('');
  // Only percent-encoded text can be signed: what stands there raw is refused whatever the signature says.
  if (!/^[\x21-\x7e]*$/.test(payload) || !venue.keyring.signs(account, payload, signature))
    throw new VenueRefusal(400, -1022, 'Signature for this request is not valid.');
  checkTiming(venue.time, parameters);
  return account;
}

/** Whatever changes the books needs the right to trade, all else the right to read. */
function authorise(venue: Venue, account: SimulatedAccount, { action }: Endpoint): void {
  const { enableReading, enableSpotAndMarginTrading } = venue.keyring.rightsOf(account);
  if (action === undefined ? !enableReading : !enableSpotAndMarginTrading) throw notAllowed();
}

const notAllowed = (): VenueRefusal => new VenueRefusal(401, -2015, 'Invalid API-key, IP, or permissions for action.');

/** Null when it is too large. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed || response.writableEnded) return;
  response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8' });
  response.end(JSON.stringify(body));
}

function splitOnce(value: string, separator: string): [string, string] {
  const at = value.indexOf(separator);
  return at === -1 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
}
