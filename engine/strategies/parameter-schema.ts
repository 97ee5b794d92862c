/** The JSON Schema of a strategy's parameters, as they stand in the body of a bot. */
import { columnName, isClassic, ownFields } from './parameters.ts';
import type { ParameterField, Strategy } from './strategy.ts';

type FieldSchemas = Readonly<Record<string, ParameterField>>;

/** Schema of the field `strategy_parameters`. */
export interface OwnParametersSchema {
  readonly type: 'object';
  readonly description: string;
  readonly properties: FieldSchemas;
  readonly additionalProperties: false;
}

/** Schema of the part of a bot that its strategy reads: columns, and `strategy_parameters` when the strategy has parameters of its own. */
export interface BotParametersSchema {
  readonly title: string;
  readonly description: string;
  readonly type: 'object';
  readonly properties: Readonly<Record<string, ParameterField | OwnParametersSchema>>;
}

export function parameterSchema(strategy: Strategy): BotParametersSchema {
  const columns = Object.entries(strategy.parameters).filter(([name]) => isClassic(name));
  return {
    title: strategy.name,
    description: strategy.summary,
    type: 'object',
    properties: {
      ...byColumnName(columns),
      ...(ownFields(strategy).length === 0 ? {} : { strategy_parameters: ownParametersSchema(strategy) }),
    },
  };
}

export function ownParametersSchema(strategy: Strategy): OwnParametersSchema {
  return {
    type: 'object',
    description: `Parameters of ${strategy.name}; those left out have their defaults.`,
    properties: byColumnName(ownFields(strategy)),
    additionalProperties: false,
  };
}

function byColumnName(fields: readonly (readonly [string, ParameterField])[]): FieldSchemas {
  return Object.fromEntries(fields.map(([name, field]) => [columnName(name), field]));
}
