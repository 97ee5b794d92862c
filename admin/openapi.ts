/** What the OpenAPI document says beyond the routes' own schemas: the parameters of every registered strategy. */
import { parameterSchema } from '../engine/strategies/parameter-schema.ts';
import { ownFields } from '../engine/strategies/parameters.ts';
import { strategies } from '../engine/strategies/registry.ts';

type Schema = Readonly<Record<string, unknown>>;

const nameOf = (strategy: { readonly name: string }): string => `strategy_${strategy.name}`;

/** One component per strategy: the part of a bot that it reads. */
export function strategySchemas(): Record<string, Schema> {
  return Object.fromEntries(strategies.map((strategy) => [nameOf(strategy), { ...parameterSchema(strategy) }]));
}

/**
 * Where a body has `strategy_parameters`, the document names what each strategy takes there. The routes themselves only ask for
 * numbers, so that an error names the parameters of the bot's own strategy and not of all.
 */
export function withStrategyParameters<Route extends { readonly body?: unknown }>(schema: Route): Route {
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
