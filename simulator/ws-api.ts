/** The WebSocket API: user data subscriptions by signature, and the orders' methods over the same books (binance-wire.md 2.1, 3.1). */
import type { WebSocket } from 'ws';
import type { BookEvent } from '../engine/matching/matching.ts';
import type { SimulatedAccount } from './accounts.ts';
import type { Endpoint } from './endpoint.ts';
import { Parameters } from './parameters.ts';
import { VenueRefusal } from './refusal.ts';
import { keepInOrder } from './sockets.ts';
import { checkTiming } from './timing.ts';
import type { Venue } from './venue.ts';
import { userEvent } from './wire.ts';

/** Methods that are the same thing as a REST endpoint. */
const restMethods: Readonly<Record<string, string>> = {
  ping: 'GET /api/v3/ping',
  time: 'GET /api/v3/time',
  exchangeInfo: 'GET /api/v3/exchangeInfo',
  klines: 'GET /api/v3/klines',
  'ticker.price': 'GET /api/v3/ticker/price',
  'ticker.book': 'GET /api/v3/ticker/bookTicker',
  'order.place': 'POST /api/v3/order',
  'order.test': 'POST /api/v3/order/test',
  'order.status': 'GET /api/v3/order',
  'order.cancel': 'DELETE /api/v3/order',
  'order.cancelReplace': 'POST /api/v3/order/cancelReplace',
  'openOrders.status': 'GET /api/v3/openOrders',
  'openOrders.cancelAll': 'DELETE /api/v3/openOrders',
  allOrders: 'GET /api/v3/allOrders',
  myTrades: 'GET /api/v3/myTrades',
  'account.status': 'GET /api/v3/account',
  'account.commission': 'GET /api/v3/account/commission',
};

interface Session {
  readonly socket: WebSocket;
  /** Account by subscription id. */
  readonly subscriptions: Map<number, SimulatedAccount>;
  nextSubscription: number;
  /** Set by session.logon; signed requests then need a timestamp only. */
  loggedOn: SimulatedAccount | null;
}

interface Request {
  readonly id: string | number | null;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export class WsApi {
  readonly #venue: Venue;
  readonly #endpoints: ReadonlyMap<string, Endpoint>;
  readonly #sessions = new Set<Session>();

  constructor(venue: Venue, endpoints: readonly Endpoint[]) {
    this.#venue = venue;
    this.#endpoints = new Map(endpoints.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint]));
    venue.exchange.listen((events) => this.#tell(events));
  }

  accepts(path: string): boolean {
    return path === '/ws-api/v3';
  }

  connect(socket: WebSocket): void {
    const session: Session = { socket, subscriptions: new Map(), nextSubscription: 0, loggedOn: null };
    this.#sessions.add(session);
    keepInOrder(this.#venue, socket);
    socket.on('message', (data) => this.#onMessage(session, (data as Buffer).toString()));
    socket.on('close', () => this.#sessions.delete(session));
  }

  drop(): void {
    for (const { socket } of this.#sessions) socket.terminate();
  }

  announceShutdown(atMs: number): void {
    for (const { socket } of this.#sessions) socket.send(JSON.stringify({ event: { e: 'serverShutdown', E: atMs } }));
  }

  #tell(events: readonly BookEvent[]): void {
    if (this.#venue.faults.peek('mute-user-data') !== null) return;
    for (const event of events) {
      const account = event.type === 'order' ? event.order.account : event.type === 'list' ? event.list.account : event.account;
      const told = userEvent(event);
      for (const { socket, subscriptions } of this.#sessions) {
        for (const [subscriptionId, owner] of subscriptions)
          if (owner.name === account) socket.send(JSON.stringify({ subscriptionId, event: told }));
      }
    }
  }

  #onMessage(session: Session, message: string): void {
    const send = (value: unknown): void => session.socket.send(JSON.stringify(value));
    let id: Request['id'] = null;
    try {
      const request = parseRequest(message);
      id = request.id;
      send({
        id,
        status: 200,
        result: this.#answer(session, request),
        rateLimits: [
          {
            rateLimitType: 'REQUEST_WEIGHT',
            interval: 'MINUTE',
            intervalNum: 1,
            limit: this.#venue.limits.values.weightPerMinute,
            count: this.#venue.limits.usedWeight(),
          },
        ],
      });
    } catch (error) {
      if (!(error instanceof VenueRefusal)) throw error;
      const retryAfter =
        error.retryAfterSeconds === null
          ? {}
          : { data: { serverTime: this.#venue.time.now(), retryAfter: this.#venue.time.now() + error.retryAfterSeconds * 1_000 } };
      send({
        id,
        status: error.status,
        error: { code: error.code, msg: error.message, ...(error.data === undefined ? retryAfter : { data: error.data }) },
      });
    }
  }

  #answer(session: Session, request: Request): unknown {
    const method = request.method.replace(/^v3\//, '');
    const parameters = new Parameters(new Map(Object.entries(request.params).map(([name, value]) => [name, String(value)])));
    switch (method) {
      case 'session.logon':
        return this.#logOn(session, this.#authenticate(session, request, parameters));
      case 'session.status':
        return this.#sessionStatus(session);
      case 'session.logout':
        session.loggedOn = null;
        return this.#sessionStatus(session);
      case 'userDataStream.subscribe':
        if (session.loggedOn === null) throw new VenueRefusal(400, -2015, 'Session is not authenticated.');
        return this.#subscribe(session, session.loggedOn);
      case 'userDataStream.subscribe.signature':
        return this.#subscribe(session, this.#authenticate(session, request, parameters));
      case 'userDataStream.unsubscribe': {
        const wanted = parameters.integer('subscriptionId');
        if (wanted === undefined) session.subscriptions.clear();
        else if (!session.subscriptions.delete(wanted)) throw new VenueRefusal(400, -2036, 'Subscription not active.');
        return {};
      }
      case 'session.subscriptions':
        return [...session.subscriptions.keys()].map((subscriptionId) => ({ subscriptionId }));
    }
    const endpoint = this.#endpoints.get(restMethods[method] ?? '');
    if (endpoint === undefined) throw new VenueRefusal(400, -1000, `Unknown method ${request.method}.`);
    this.#venue.limits.spend(endpoint.weight);
    const account = endpoint.signed ? this.#authenticate(session, request, parameters) : null;
    if (endpoint.orders !== undefined && account !== null) this.#venue.limits.order(account.name, endpoint.orders);
    const { body } = endpoint.answer({ venue: this.#venue, parameters, account });
    parameters.refuseUnread();
    return body;
  }

  /** Ed25519 keys only, as on the venue. */
  #logOn(session: Session, account: SimulatedAccount): unknown {
    if (account.secret.kind !== 'ed25519') throw new VenueRefusal(400, -4056, 'HMAC_SHA256 API key is not supported.');
    session.loggedOn = account;
    return this.#sessionStatus(session);
  }

  #sessionStatus({ loggedOn }: Session): unknown {
    const now = this.#venue.time.now();
    return {
      apiKey: loggedOn?.apiKey ?? null,
      authorizedSince: loggedOn === null ? null : now,
      connectedSince: now,
      returnRateLimits: true,
      serverTime: now,
      userDataStream: loggedOn !== null,
    };
  }

  #subscribe(session: Session, account: SimulatedAccount): { subscriptionId: number } {
    this.#venue.limits.spend(2);
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
      checkTiming(this.#venue.time, parameters);
      return session.loggedOn;
    }
    const apiKey = parameters.required('apiKey');
    const account = this.#venue.keyring.accountOf(apiKey);
    if (account === null) throw new VenueRefusal(401, -2015, 'Invalid API-key, IP, or permissions for action.');
    const payload = Object.entries(request.params)
      .filter(([name]) => name !== 'signature')
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${String(value)}`)
      .join('&');
    if (!this.#venue.keyring.signs(account, payload, parameters.required('signature')))
      throw new VenueRefusal(400, -1022, 'Signature for this request is not valid.');
    checkTiming(this.#venue.time, parameters);
    return account;
  }
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
