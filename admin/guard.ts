/** Checks before every route: the host name is ours, the request is not from another web page, the token is valid and has the route's scope. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { databaseTrouble } from '../engine/database/trouble.ts';
import type { Connections } from './connections.ts';
import { refuseForeignHost } from './host.ts';
import type { AdminPorts } from './ports.ts';
import { Problem } from './problem.ts';
import { RememberedCallers } from './remembered-callers.ts';
import { Throttle } from './throttle.ts';
import { findCaller, scopeRefusal } from './tokens.ts';
import type { Caller, Scope } from './tokens.ts';
import { TooLate, within } from '../engine/time/waiting.ts';

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

export function guard(app: FastifyInstance, ports: AdminPorts, connections: Pick<Connections, 'trust'>): void {
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
    refuseForeignHost(request.headers.host, 'admin', ports.listen);
    refuseForeignPages(request);
    // That an address does not exist is told only to callers with a valid token.
    request.caller = await authenticate(request, ports, throttle, remembered);
    const scope = request.routeOptions.config.scope;
    if (scope === undefined) return;
    const refusal = scopeRefusal(request.caller, scope);
    if (refusal !== null) throw new Problem('forbidden', refusal);
    // Failed guesses are forgiven only for a token with some right: one without rights must not allow new guesses.
    throttle.succeeded(request.ip);
    connections.trust(request.raw.socket);
  });
}

/** The caller of a request that has passed the guard. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw new Error('a guarded request has a caller');
  return request.caller;
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
  // A token that was confirmed here always passes: somebody who guesses from the same address must not lock its owner out of stop and
  // close-position. All others wait before the database is asked.
  const waitMs = token !== undefined && remembered.knows(token) ? 0 : throttle.waitMs(request.ip);
  if (waitMs > 0)
    throw new Problem(
      'too-many-requests',
      `too many wrong tokens from ${request.ip}; try again in ${Math.ceil(waitMs / 1_000)} s`,
      [],
      Math.ceil(waitMs / 1_000),
    );
  const caller = token === undefined ? null : await identify(token, request, ports, remembered);
  if (caller !== null) return caller;
  throttle.failed(request.ip);
  throw new Problem('unauthorized', header === '' ? 'send the header "Authorization: Bearer <token>"' : 'the token is not valid', [
    { pointer: 'authorization', field: 'authorization', detail: header === '' ? 'is missing' : 'is not a valid token' },
  ]);
}

/**
 * A database that is silent for so long, to this question and to all others of this engine, is away. One that is slow is waited
 * for, because it may say that the token was revoked.
 */
const silenceMs = 2_000;

/** Null for a token that the database refuses. */
async function identify(
  token: string,
  request: FastifyRequest,
  { orm, clock, log, killSwitch }: AdminPorts,
  remembered: RememberedCallers,
): Promise<Caller | null> {
  const finding = findCaller(orm.em.fork(), token, new Date(clock.now())).then((caller) => {
    if (caller === null) remembered.refused(token);
    else remembered.confirmed(token, caller);
    return caller;
  });
  if (request.routeOptions.config.withoutDatabase !== true) return finding;
  for (;;) {
    try {
      return await within(clock, silenceMs, finding);
    } catch (error) {
      const late = error instanceof TooLate;
      if (late && killSwitch !== null && killSwitch.silentMs < silenceMs) continue;
      if (!late && databaseTrouble(error) !== 'away') throw error;
      // Where no bots run nothing can be done without the database.
      const caller = killSwitch === null ? null : remembered.recall(token);
      log.warn({ err: error, route: request.routeOptions.url, known: caller !== null }, 'the database did not confirm a token');
      if (caller !== null) return caller;
      throw new Problem(
        'unavailable',
        'the database does not answer, and it has not confirmed this token in the last 15 minutes; the kill file and SIGUSR2 need no token',
      );
    }
  }
}
