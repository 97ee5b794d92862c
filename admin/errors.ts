/** Turns every error of a request into a problem (RFC 9457) that shows nothing internal to the client. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../engine/observe/log.ts';
import { databaseTrouble } from '../engine/database/trouble.ts';
import { invalidRequest } from './invalid.ts';
import { Problem } from './problem.ts';
import type { ProblemCode } from './problem.ts';

const byFastifyCode: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid-json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid-json',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid-request',
};

const troubles = { away: 'does not answer', refused: 'does not let the engine in', busy: 'is too busy' } as const;

export function answerProblems(app: FastifyInstance, log: Log): void {
  const routes: { readonly method: string; readonly shape: RegExp }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, shape: new RegExp(`^${url.replaceAll(/:\w+/g, '[^/]+')}$`) });
  });
  app.setErrorHandler((error: FastifyError | Problem, request, reply) => {
    const problem = problemOf(error);
    // The rest of the body is read and thrown away: a client that is still sending would lose the answer to a reset.
    if (problem.code === 'body-too-large') {
      void reply.removeHeader('connection');
      request.raw.resume();
    }
    if (problem.status >= 500) log.error({ err: error, requestId: request.id, route: request.routeOptions.url }, 'an admin request failed');
    send(problem, request, reply);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const known = routes.filter(({ shape }) => shape.test(path)).map(({ method }) => method);
    if (known.length > 0) void reply.header('allow', known.join(', '));
    send(
      known.length > 0
        ? new Problem('method-not-allowed', `${request.method} is not possible here; try ${known.join(', ')}`)
        : new Problem('not-found', 'there is nothing at this address; GET /v1/openapi.json lists what there is'),
      request,
      reply,
    );
  });
}

/** An address that the router cannot read, before any route or hook. */
export function answerFrameworkErrors(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  send(problemOf(error), request, reply);
}

function send(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  // What RFC 6750 asks for: how to authenticate, and that a token was sent and is not valid.
  if (problem.status === 401)
    void reply.header(
      'www-authenticate',
      `Bearer realm="evenkeel"${request.headers.authorization === undefined ? '' : ', error="invalid_token"'}`,
    );
  if (problem.retryAfterSeconds !== null) void reply.header('retry-after', String(problem.retryAfterSeconds));
  void reply
    .code(problem.status)
    .type('application/problem+json')
    .send(problem.toBody(request.url.split('?')[0] ?? '', request.id));
}

function problemOf(error: FastifyError | Problem): Problem {
  if (error instanceof Problem) return error;
  if (error.validation !== undefined) return invalidRequest(error);
  const code = byFastifyCode[error.code];
  if (code !== undefined) return new Problem(code, code === 'body-too-large' ? 'the body may have at most 64 KiB' : error.message);
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500)
    return new Problem('invalid-request', error.message);
  const trouble = databaseTrouble(error);
  if (trouble !== null) return new Problem('unavailable', `the database ${troubles[trouble]}; try again in a moment`);
  return new Problem('internal', 'the request failed inside; the log knows it by its request id');
}
