/** The WebSocket API: user data subscriptions by signature, and the orders' methods over the same books. */
import type { WebSocket } from 'ws';
import type { SimulatedAccount } from './accounts.ts';
import type { Endpoint } from './endpoint.ts';
import { Parameters } from './parameters.ts';
import { admit, perform } from './perform.ts';
import { VenueRefusal } from './refusal.ts';
import { hear, keepInOrder, leaveHalfOpen, say } from './sockets.ts';
import { checkTiming } from './timing.ts';
import { UserEvents } from './user-events.ts';
import type { Venue } from './venue.ts';
import { orderLimits } from './wire.ts';

/** Methods that are the same thing as a REST endpoint. */
const restMethods: Readonly<Record<string, string>> = {
  ping: 'GET /api/v3/ping',
  time: 'GET /api/v3/time',
  exchangeInfo: 'GET /api/v3/exchangeInfo',
  depth: 'GET /api/v3/depth',
  'trades.recent': 'GET /api/v3/trades',
  'trades.historical': 'GET /api/v3/historicalTrades',
  'trades.aggregate': 'GET /api/v3/aggTrades',
  klines: 'GET /api/v3/klines',
  uiKlines: 'GET /api/v3/uiKlines',
  avgPrice: 'GET /api/v3/avgPrice',
  ticker: 'GET /api/v3/ticker',
  'ticker.24hr': 'GET /api/v3/ticker/24hr',
  'ticker.tradingDay': 'GET /api/v3/ticker/tradingDay',
  'ticker.price': 'GET /api/v3/ticker/price',
  'ticker.book': 'GET /api/v3/ticker/bookTicker',
  'order.place': 'POST /api/v3/order',
  'order.test': 'POST /api/v3/order/test',
  'order.status': 'GET /api/v3/order',
  'order.cancel': 'DELETE /api/v3/order',
  'order.cancelReplace': 'POST /api/v3/order/cancelReplace',
  'openOrders.status': 'GET /api/v3/openOrders',
  'openOrders.cancelAll': 'DELETE /api/v3/openOrders',
  'orderList.place.oco': 'POST /api/v3/orderList/oco',
  'orderList.status': 'GET /api/v3/orderList',
  'orderList.cancel': 'DELETE /api/v3/orderList',
  'openOrderLists.status': 'GET /api/v3/openOrderList',
  allOrders: 'GET /api/v3/allOrders',
  myTrades: 'GET /api/v3/myTrades',
  'account.status': 'GET /api/v3/account',
  'account.rateLimits.orders': 'GET /api/v3/rateLimit/order',
  allOrderLists: 'GET /api/v3/allOrderList',
  'account.commission': 'GET /api/v3/account/commission',
};

const connectionWeight = 2;
const sessionWeight = 2;

interface Session {
  readonly socket: WebSocket;
  /** Account by subscription id. */
  readonly subscriptions: Map<number, SimulatedAccount>;
  nextSubscription: number;
  /** Set by session.logon; signed requests then need a timestamp only. */
  loggedOn: { readonly account: SimulatedAccount; readonly sinceMs: number } | null;
  readonly connectedMs: number;
}

interface Request {
  readonly id: string | number | null;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** An answer that never arrives. */
const lost = Symbol('lost');

export class WsApi {
  readonly #venue: Venue;
  readonly #endpoints: ReadonlyMap<string, Endpoint>;
  readonly #sessions = new Set<Session>();

  constructor(venue: Venue, endpoints: readonly Endpoint[]) {
    this.#venue = venue;
    this.#endpoints = new Map(endpoints.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint]));
    const told = new UserEvents(venue, (account, event) => this.#tell(account, event));
    venue.exchange.listen((events) => told.tell(events));
  }

  accepts(path: string): boolean {
    return path === '/ws-api/v3';
  }

  connect(socket: WebSocket): void {
    const { time, limits, log } = this.#venue;
    limits.charge(connectionWeight);
    const session: Session = { socket, subscriptions: new Map(), nextSubscription: 0, loggedOn: null, connectedMs: time.told() };
    this.#sessions.add(session);
    keepInOrder(this.#venue, socket);
    hear(
      socket,
      (message) => this.#onMessage(session, message),
      (error) => log.error({ err: error }, 'the simulator failed to answer a WebSocket API request'),
    );
    socket.on('close', () => this.#sessions.delete(session));
  }

  drop(): void {
    for (const { socket } of this.#sessions) socket.terminate();
  }

  /** All connections there are; new ones work. */
  leaveHalfOpen(): void {
    for (const { socket } of this.#sessions) leaveHalfOpen(socket);
  }

  announceShutdown(atMs: number): void {
    for (const { socket } of this.#sessions) say(socket, JSON.stringify({ event: { e: 'serverShutdown', E: atMs } }));
  }

  #tell(account: string, event: Readonly<Record<string, unknown>>): void {
    for (const { socket, subscriptions } of this.#sessions) {
      for (const [subscriptionId, owner] of subscriptions)
        if (owner.name === account) say(socket, JSON.stringify({ subscriptionId, event }));
    }
  }

  async #onMessage(session: Session, message: string): Promise<void> {
    const send = (value: unknown): void => say(session.socket, JSON.stringify(value));
    let request: Request | null = null;
    try {
      request = parseRequest(message);
      const result = await this.#answer(session, request);
      if (result === lost) session.socket.terminate();
      else send({ id: request.id, status: 200, result, ...this.#rateLimits(session, request) });
    } catch (error) {
      const refusal =
        error instanceof VenueRefusal ? error : new VenueRefusal(500, -1000, 'An unknown error occurred while processing the request.');
      send({
        id: request?.id ?? null,
        status: refusal.status,
        error: { code: refusal.code, msg: refusal.message, ...this.#errorData(refusal) },
        ...this.#rateLimits(session, request),
      });
      if (refusal !== error) throw error;
    }
  }

  #errorData({ data, retryAfterSeconds }: VenueRefusal): { readonly data?: unknown } {
    if (data !== undefined) return { data };
    const serverTime = this.#venue.time.told();
    return retryAfterSeconds === null ? {} : { data: { serverTime, retryAfter: serverTime + retryAfterSeconds * 1_000 } };
  }

  /** Weight on every answer, order counts on what places orders; nothing where the request does not want them. */
  #rateLimits({ loggedOn }: Session, request: Request | null): { readonly rateLimits?: unknown } {
    if (request?.params['returnRateLimits'] === false) return {};
    const { limits, keyring } = this.#venue;
    const weight = {
      rateLimitType: 'REQUEST_WEIGHT',
      interval: 'MINUTE',
      intervalNum: 1,
      limit: limits.values.weightPerMinute,
      count: limits.usedWeight(),
    };
    const endpoint = request === null ? undefined : this.#endpointOf(request.method);
    const account = loggedOn?.account ?? keyring.accountOf(String(request?.params['apiKey']));
    if (endpoint?.orders === undefined || account === null) return { rateLimits: [weight] };
    const { short, day } = limits.order(account.name, 0);
    return { rateLimits: [...orderLimits(limits.values).map((limit, index) => ({ ...limit, count: index === 0 ? short : day })), weight] };
  }

  #endpointOf(method: string): Endpoint | undefined {
    const name = method.replace(/^v3\//, '');
    return Object.hasOwn(restMethods, name) ? this.#endpoints.get(restMethods[name] ?? '') : undefined;
  }

  async #answer(session: Session, request: Request): Promise<unknown> {
    const parameters = new Parameters(new Map(Object.entries(request.params).map(([name, value]) => [name, textOf(value)])));
    parameters.text('returnRateLimits');
    const endpoint = this.#endpointOf(request.method);
    if (endpoint === undefined) return this.#answerSession(session, request, parameters);
    admit({ venue: this.#venue, parameters }, endpoint);
    const account = endpoint.signed ? this.#authenticate(session, request, parameters) : null;
    const outcome = await perform(endpoint, { venue: this.#venue, parameters, account });
    return outcome.kind === 'lost' ? lost : outcome.body;
  }

  #answerSession(session: Session, request: Request, parameters: Parameters): unknown {
    switch (request.method.replace(/^v3\//, '')) {
      case 'session.logon':
        this.#venue.limits.spend(sessionWeight);
        return this.#logOn(session, this.#authenticate(session, request, parameters));
      case 'session.status':
        this.#venue.limits.spend(sessionWeight);
        return this.#sessionStatus(session);
      case 'session.logout':
        this.#venue.limits.spend(sessionWeight);
        session.loggedOn = null;
        return this.#sessionStatus(session);
      case 'userDataStream.subscribe':
        if (session.loggedOn === null) throw new VenueRefusal(401, -2015, 'Session is not authenticated.');
        return this.#subscribe(session, session.loggedOn.account);
      case 'userDataStream.subscribe.signature':
        return this.#subscribe(session, this.#authenticate(session, request, parameters));
      case 'userDataStream.unsubscribe': {
        this.#venue.limits.spend(sessionWeight);
        const wanted = parameters.integer('subscriptionId');
        if (wanted === undefined) session.subscriptions.clear();
        else if (!session.subscriptions.delete(wanted)) throw new VenueRefusal(400, -2036, 'Subscription not active.');
        return {};
      }
      case 'session.subscriptions':
        this.#venue.limits.spend(sessionWeight);
        return [...session.subscriptions.keys()].map((subscriptionId) => ({ subscriptionId }));
      default:
        throw new VenueRefusal(400, -1000, `Unknown method ${request.method}.`);
    }
  }

  /** Ed25519 keys only, as on the venue. */
  #logOn(session: Session, account: SimulatedAccount): unknown {
    if (account.secret.kind !== 'ed25519') throw new VenueRefusal(400, -4056, 'HMAC_SHA256 API key is not supported.');
    session.loggedOn = { account, sinceMs: this.#venue.time.told() };
    return this.#sessionStatus(session);
  }

  #sessionStatus({ loggedOn, connectedMs, subscriptions }: Session): unknown {
    return {
      apiKey: loggedOn?.account.apiKey ?? null,
      authorizedSince: loggedOn?.sinceMs ?? null,
      connectedSince: connectedMs,
      returnRateLimits: true,
      serverTime: this.#venue.time.told(),
      userDataStream: subscriptions.size > 0,
    };
  }

  #subscribe(session: Session, account: SimulatedAccount): { subscriptionId: number } {
    this.#venue.limits.spend(sessionWeight);
    for (const owner of session.subscriptions.values())
      if (owner === account) throw new VenueRefusal(400, -2035, 'Subscription already active.');
    const subscriptionId = session.nextSubscription;
    session.nextSubscription += 1;
    session.subscriptions.set(subscriptionId, account);
    return { subscriptionId };
  }

  /** The payload is every parameter but the signature, sorted by name, not percent-encoded. */
  #authenticate(session: Session, request: Request, parameters: Parameters): SimulatedAccount {
    if (session.loggedOn !== null && parameters.text('signature') === undefined) {
      parameters.text('apiKey');
      checkTiming(this.#venue.time, parameters);
      return session.loggedOn.account;
    }
    const apiKey = parameters.required('apiKey');
    const account = this.#venue.keyring.accountOf(apiKey);
    if (account === null) throw new VenueRefusal(401, -2015, 'Invalid API-key, IP, or permissions for action.');
    const payload = Object.entries(request.params)
      .filter(([name]) => name !== 'signature')
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${textOf(value)}`)
      .join('&');
    if (!this.#venue.keyring.signs(account, payload, parameters.required('signature')))
      throw new VenueRefusal(400, -1022, 'Signature for this request is not valid.');
    checkTiming(this.#venue.time, parameters);
    return account;
  }
}

/** Lists are written as REST has them; what is no value at all is no parameter. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function parseRequest(message: string): Request {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    throw new VenueRefusal(400, -1000, 'Invalid JSON.');
  }
  const { id, method, params } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof method !== 'string') throw new VenueRefusal(400, -1000, 'Request without a method.');
  return {
    id: typeof id === 'string' || typeof id === 'number' ? id : null,
    method,
    params: typeof params === 'object' && params !== null ? (params as Record<string, unknown>) : {},
  };
}
