/** The admin plane: a small HTTP API on loopback, and a second listener for probes and metrics. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { fastify } from 'fastify';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { randomUUID } from 'node:crypto';
import type { Clock } from '../engine/time/clock.ts';
import type { AdminApp } from './app.ts';
import { refuseUnusable } from './body.ts';
import { boundConnections } from './connections.ts';
import { answerFrameworkErrors, answerProblems } from './errors.ts';
import { guard } from './guard.ts';
import { createHealthApp } from './health.ts';
import { lazySerializers, lazyValidators } from './lazy-schemas.ts';
import { documentOf } from './openapi.ts';
import type { AdminPorts } from './ports.ts';
import { accountRoutes } from './routes/accounts.ts';
import { botRoutes } from './routes/bots.ts';
import { commandRoutes } from './routes/commands.ts';
import { decisionRoutes } from './routes/decisions.ts';
import { engineRoutes } from './routes/engine.ts';
import { historyRoutes } from './routes/history.ts';
import { killSwitchRoutes } from './routes/kill-switch.ts';
import { strategyRoutes } from './routes/strategies.ts';
import { object } from './schemas/fields.ts';

export interface AdminPlane {
  readonly app: AdminApp;
  /** Opens both listeners; answers their addresses. */
  start(): Promise<{ readonly adminUrl: string; readonly metricsUrl: string }>;
  stop(): Promise<void>;
}

/** A listener would be reachable from other hosts although EVENKEEL_TRUSTED_NETWORK is not set. */
export class UnsafeListener extends Error {
  constructor(which: string, host: string) {
    super(
      `the ${which} listener would be reachable from outside (${host}); bind 127.0.0.1, or set EVENKEEL_TRUSTED_NETWORK=true when the network around it is closed`,
    );
    this.name = 'UnsafeListener';
  }
}

const noQuery = object({});
const bodyMaxBytes = 64 * 1024;
const connectionsMax = 200;
const closeGraceMs = 500;
const validation = {
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: false,
  allErrors: true,
  allowUnionTypes: true,
  verbose: true,
};

export async function createAdmin(ports: AdminPorts): Promise<AdminPlane> {
  const { listen, metrics } = ports;
  for (const [which, { host }] of [
    ['admin', listen.admin],
    ['metrics', listen.metrics],
  ] as const)
    if (!isLoopback(host) && !listen.trustedNetwork) throw new UnsafeListener(which, host);
  const app: AdminApp = fastify({
    logger: false,
    bodyLimit: bodyMaxBytes,
    requestTimeout: 10_000,
    connectionTimeout: 15_000,
    keepAliveTimeout: 5_000,
    genReqId: () => randomUUID(),
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    routerOptions: { maxParamLength: 100 },
    frameworkErrors: answerFrameworkErrors,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(lazyValidators({ customOptions: validation }));
  app.setSerializerCompiler(lazySerializers());
  // One content type only.
  app.removeContentTypeParser('text/plain');
  app.server.headersTimeout = 5_000;
  const connections = boundConnections(app.server, connectionsMax);

  // A parameter that a route does not know is a mistake, also where it knows none at all.
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, querystring: route.schema?.querystring ?? noQuery };
    routes.push(route);
  });
  answerProblems(app, ports.log);
  guard(app, ports, connections);
  app.addHook('preValidation', async (request) => refuseUnusable(request.body));
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    metrics.httpRequests.inc({ route, method: request.method, status_class: `${Math.floor(reply.statusCode / 100)}xx` });
    metrics.httpRequestDuration.observe({ route, method: request.method }, reply.elapsedTime / 1_000);
  });
  botRoutes(app, ports);
  commandRoutes(app, ports);
  historyRoutes(app, ports);
  decisionRoutes(app, ports);
  killSwitchRoutes(app, ports);
  engineRoutes(app, ports, documentOf(routes));
  accountRoutes(app, ports);
  strategyRoutes(app);

  const health = createHealthApp({
    registry: metrics.registry,
    listen,
    live: () => ports.engine.live(),
    ready: () => ports.engine.ready(),
    started: () => ports.engine.started(),
  });
  return {
    app,
    async start() {
      await open(health, listen.metrics, 'EVENKEEL_METRICS_PORT');
      await open(app, listen.admin, 'EVENKEEL_ADMIN_PORT');
      return { adminUrl: addressOf(app), metricsUrl: addressOf(health) };
    },
    async stop() {
      await Promise.all([close(app, ports.clock), close(health, ports.clock)]);
    },
  };
}

/** Another program has the port. */
export class PortTaken extends Error {
  constructor(host: string, port: number, setting: string, cause: unknown) {
    super(`port ${port} of ${host} is taken; set ${setting} to a free one (0 takes any)`, { cause });
    this.name = 'PortTaken';
  }
}

async function open(
  app: FastifyInstance,
  { host, port }: { readonly host: string; readonly port: number },
  setting: string,
): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? new PortTaken(host, port, setting, error) : error;
  }
}

/** Answers requests that have arrived and does not wait for slow ones: a stop has ten seconds in all. */
async function close(app: FastifyInstance, clock: Clock): Promise<void> {
  const force = clock.after(closeGraceMs, () => app.server.closeAllConnections());
  await app.close();
  force.cancel();
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function addressOf(app: FastifyInstance): string {
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('a listener has an address');
  const host =
    address.address === '::' || address.address === '0.0.0.0'
      ? '127.0.0.1'
      : address.address.includes(':')
        ? `[${address.address}]`
        : address.address;
  return `http://${host}:${address.port}`;
}
