/**
 * The OpenAPI document: the routes' own schemas, and the parameters of every registered strategy. It is made when it is first asked for, by
 * routes of the same schemas that answer nobody: what makes it takes longer to load than an engine has time for when it starts.
 */
import { fastify } from 'fastify';
import type { RouteOptions } from 'fastify';
import { parameterSchema } from '../engine/strategies/parameter-schema.ts';
import { ownFields } from '../engine/strategies/parameters.ts';
import { strategies } from '../engine/strategies/registry.ts';

type Schema = Readonly<Record<string, unknown>>;

const nameOf = (strategy: { readonly name: string }): string => `strategy_${strategy.name}`;

/** The version of OpenAPI, and all the rest. */
export interface OpenApiDocument {
  readonly openapi: string;
}

/** `routes` may still grow until the document is first asked for. */
export function documentOf(routes: readonly RouteOptions[]): () => Promise<OpenApiDocument> {
  let document: Promise<OpenApiDocument> | null = null;
  return () => (document ??= describe(routes));
}

async function describe(routes: readonly RouteOptions[]): Promise<OpenApiDocument> {
  const { default: swagger } = await import('@fastify/swagger');
  const openapi = '3.1.0';
  const app = fastify({ logger: false, exposeHeadRoutes: false });
  await app.register(swagger, {
    openapi: {
      openapi,
      info: {
        title: 'Evenkeel',
        version: '1',
        description:
          'Start, stop and watch trading bots. Amounts are decimal text without exponent, times RFC 3339 UTC, errors RFC 9457 problems. Lists of pages take `limit` and `after`, which is the `next_cursor` of the page before.',
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } }, schemas: strategySchemas() },
      security: [{ bearer: [] }],
    },
    transform: ({ schema, url }) => ({ schema: withStrategyParameters(schema), url }),
  });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => () => '');
  for (const { method, url, schema } of routes) app.route({ method, url, ...(schema && { schema }), handler: () => undefined });
  await app.ready();
  return { openapi, ...app.swagger() };
}

/** One component per strategy: the part of a bot that it reads. */
function strategySchemas(): Record<string, Schema> {
  return Object.fromEntries(strategies.map((strategy) => [nameOf(strategy), { ...parameterSchema(strategy) }]));
}

/**
 * Where a body has `strategy_parameters`, the document names what each strategy takes there. The routes themselves only ask for
 * numbers, so that an error names the parameters of the bot's own strategy and not of all.
 */
function withStrategyParameters<Route extends { readonly body?: unknown }>(schema: Route): Route {
  const { body } = schema;
  if (!hasProperties(body)) return schema;
  const { strategy_parameters: parameters } = body.properties;
  if (parameters === undefined) return schema;
  const choices = strategies
    .filter((strategy) => ownFields(strategy).length > 0)
    .map((strategy) => ({ $ref: `#/components/schemas/${nameOf(strategy)}/properties/strategy_parameters` }));
  const described = { description: parameters['description'], anyOf: [...choices, { type: 'null' }] };
  return { ...schema, body: { ...body, properties: { ...body.properties, strategy_parameters: described } } };
}

function hasProperties(body: unknown): body is { readonly properties: Readonly<Record<string, Schema>> } {
  return typeof body === 'object' && body !== null && 'properties' in body && typeof body.properties === 'object';
}
