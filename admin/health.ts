/** The second listener, for probes and Prometheus only: no secrets, no writes, no token. */
import type { Registry } from 'prom-client';
import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import type { Health } from './ports.ts';

export interface HealthPorts {
  readonly registry: Registry;
  readonly live: () => Health;
  readonly ready: () => Promise<Health>;
  readonly started: () => boolean;
}

export function createHealthApp({ registry, live, ready, started }: HealthPorts): FastifyInstance {
  const app = fastify({ logger: false, requestTimeout: 10_000, bodyLimit: 1_024 });
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
