/** The strategies that this build knows, and the parameters of each as JSON Schema. */
import { Type } from 'typebox';
import { parameterSchema } from '../../engine/strategies/parameter-schema.ts';
import { findStrategy, strategies } from '../../engine/strategies/registry.ts';
import type { AdminApp } from '../app.ts';
import { Problem } from '../problem.ts';
import { problems } from '../schemas/common.ts';
import { list, object, text } from '../schemas/fields.ts';

const parametersSchema = Type.Object(
  {
    title: text('Name of the strategy.'),
    description: text('What it does.'),
    type: Type.Literal('object', { description: 'It is the schema of a part of an object.' }),
  },
  {
    additionalProperties: true,
    description: 'JSON Schema (2020-12) of the part of a bot that the strategy reads: columns, and its own strategy_parameters.',
  },
);

const strategiesSchema = object({
  items: list(
    object({ name: text('Name that a bot gives it by.'), summary: text('What it does.'), parameters: parametersSchema }),
    'All of them.',
  ),
});

const nameParams = object({ name: Type.String({ maxLength: 50, description: 'Name of the strategy.' }) });

export function strategyRoutes(app: AdminApp): void {
  app.get(
    '/v1/strategies',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'Registered strategies and their parameters (JSON Schema).',
        tags: ['strategies'],
        response: { 200: strategiesSchema, ...problems },
      },
    },
    async () => ({
      items: strategies.map((strategy) => ({ name: strategy.name, summary: strategy.summary, parameters: parameterSchema(strategy) })),
    }),
  );

  app.get(
    '/v1/strategies/:name/schema',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'JSON Schema of the parameters of one strategy.',
        tags: ['strategies'],
        params: nameParams,
        response: { 200: parametersSchema, ...problems },
      },
    },
    async (request) => {
      const { name } = request.params;
      const strategy = findStrategy(name);
      if (strategy === undefined)
        throw new Problem('not-found', `there is no strategy "${name}"; there are ${strategies.map((known) => known.name).join(', ')}`);
      return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...parameterSchema(strategy) };
    },
  );
}
