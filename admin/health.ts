/** The second listener, for probes and Prometheus only: no secrets, no writes, no token. */
import type { Registry } from 'prom-client';
import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { boundConnections } from './connections.ts';
import { answerFrameworkErrors } from './errors.ts';
import { refuseForeignHost } from './host.ts';
import type { AdminPorts, Health } from './ports.ts';

export interface HealthPorts {
  readonly registry: Registry;
  readonly listen: AdminPorts['listen'];
  readonly live: () => Health;
  readonly ready: () => Promise<Health>;
  readonly started: () => boolean;
}

/** Probes and scrapers are few and quick. */
const connectionsMax = 50;

export function createHealthApp({ registry, listen, live, ready, started }: HealthPorts): FastifyInstance {
  const app = fastify({
    logger: false,
    requestTimeout: 10_000,
    connectionTimeout: 15_000,
    keepAliveTimeout: 5_000,
    bodyLimit: 1_024,
    frameworkErrors: answerFrameworkErrors,
  });
  app.server.headersTimeout = 5_000;
  boundConnections(app.server, connectionsMax);
  app.setErrorHandler(answerFrameworkErrors);
  // Metrics show balances: a web page must not read them through a host name of its own that points at this host.
  app.addHook('onRequest', async (request) => refuseForeignHost(request.headers.host, 'metrics', listen));
  const answer = (health: Health) => ({ status: health.ok ? 'ok' : 'failing', problems: health.problems });
  app.get('/livez', (_, reply) => {
    const health = live();
    return reply.code(health.ok ? 200 : 503).send(answer(health));
  });
  app.get('/readyz', async (_, reply) => {
    const health = await ready();
    return reply.code(health.ok ? 200 : 503).send(answer(health));
  });
  app.get('/startupz', (_, reply) => {
    const ok = started();
    return reply.code(ok ? 200 : 503).send(answer({ ok, problems: ok ? [] : ['the engine is still starting'] }));
  });
  app.get('/metrics', async (_, reply) => reply.type(registry.contentType).send(await registry.metrics()));
  return app;
}
