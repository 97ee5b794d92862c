/** What stands before every route: host names that are served, no foreign web page, a valid token with the route's scope. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AdminPorts } from './ports.ts';
import { Problem } from './problem.ts';
import { RememberedCallers } from './remembered-callers.ts';
import { Throttle } from './throttle.ts';
import { findCaller } from './tokens.ts';
import type { Caller, Scope } from './tokens.ts';
import { within } from './within.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
  }
  interface FastifyContextConfig {
    /** Scope that the route asks for; every route has one. */
    readonly scope?: Scope;
    /** While the database is away, callers are let through whose token it has confirmed a short while ago. */
    readonly withoutDatabase?: boolean;
  }
}

const loopbackNames = new Set(['127.0.0.1', 'localhost', '[::1]']);

export function guard(app: FastifyInstance, ports: AdminPorts): void {
  const throttle = new Throttle(ports.clock);
  const remembered = new RememberedCallers(ports.clock);
  app.decorateRequest('caller', null);
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'",
      'referrer-policy': 'no-referrer',
    });
    refuseForeignHost(request, ports);
    refuseForeignPages(request);
    // An address that does not exist is answered as such to those who may know it.
    request.caller = await authenticate(request, ports, throttle, remembered);
    const scope = request.routeOptions.config.scope;
    if (scope !== undefined && !request.caller.scopes.includes(scope)) throw new Problem('forbidden', `the token has no "${scope}" scope`);
  });
}

/** The caller of a request that has passed the guard. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw new Error('a guarded request has a caller');
  return request.caller;
}

/** A name that points at us but is not ours is how a web page reaches loopback (DNS rebinding). */
function refuseForeignHost(request: FastifyRequest, { listen }: AdminPorts): void {
  const name = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  if (loopbackNames.has(name) || name === listen.admin.host.toLowerCase() || listen.trustedNetwork) return;
  throw new Problem('misdirected-request', `the admin plane answers to 127.0.0.1 and localhost, not to "${name.slice(0, 100)}"`);
}

function refuseForeignPages(request: FastifyRequest): void {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new Problem('forbidden', 'requests of other web sites are refused');
  const { origin } = request.headers;
  if (origin !== undefined && origin !== `http://${request.headers.host ?? ''}` && origin !== `https://${request.headers.host ?? ''}`)
    throw new Problem('forbidden', 'requests of other origins are refused');
}

async function authenticate(
  request: FastifyRequest,
  ports: AdminPorts,
  throttle: Throttle,
  remembered: RememberedCallers,
): Promise<Caller> {
  const header = request.headers.authorization ?? '';
  const token = /^Bearer ([^\s]+)$/i.exec(header)?.[1];
  const caller = token === undefined ? null : await identify(token, request, ports, remembered);
  // A valid token always passes: whoever guesses from the same address must not lock the owner out of stop and close-position.
  if (caller === null) {
    const waitMs = throttle.waitMs(request.ip);
    if (waitMs > 0)
      throw new Problem(
        'too-many-requests',
        `too many wrong tokens from ${request.ip}; try again in ${Math.ceil(waitMs / 1_000)} s`,
        [],
        Math.ceil(waitMs / 1_000),
      );
    throttle.failed(request.ip);
    throw new Problem('unauthorized', header === '' ? 'send the header "Authorization: Bearer <token>"' : 'the token is not valid', [
      { pointer: 'authorization', field: 'authorization', detail: header === '' ? 'is missing' : 'is not a valid token' },
    ]);
  }
  throttle.succeeded(request.ip);
  return caller;
}

/** How long the database may take to confirm a token where it may also be away. */
const confirmWaitMs = 300;

/** Null for a token that the database refuses. */
async function identify(
  token: string,
  request: FastifyRequest,
  { orm, clock, log }: AdminPorts,
  remembered: RememberedCallers,
): Promise<Caller | null> {
  const finding = findCaller(orm.em.fork(), token, new Date(clock.now())).then((caller) => {
    if (caller === null) remembered.refused(token);
    else remembered.confirmed(token, caller);
    return caller;
  });
  if (request.routeOptions.config.withoutDatabase !== true) return finding;
  try {
    return await within(clock, confirmWaitMs, finding);
  } catch (error) {
    const caller = remembered.recall(token);
    log.warn({ err: error, route: request.routeOptions.url, known: caller !== null }, 'the database did not confirm a token');
    if (caller !== null) return caller;
    throw new Problem(
      'unavailable',
      'the database does not answer, and it has not confirmed this token in the last 15 minutes; the kill file and SIGUSR2 need no token',
    );
  }
}
