import { defineEntity, p } from '@mikro-orm/core';
import { columnGroups, columnList } from '../engine/trading/bot-columns.ts';
import type { botColumns, BotColumns, Bounds, ColumnKey, NamedColumn } from '../engine/trading/bot-columns.ts';
import { ApiKey } from './api-key.ts';
import { id, money, percentage, time } from './columns.ts';
import { User } from './user.ts';

/** What `defineEntity` reads of a property's type. A `text` with words holds nothing else once its check has passed. */
interface Property<Row, Value> {
  readonly '~type'?: {
    readonly value: Row extends { readonly kind: 'text'; readonly words: readonly (infer Word)[] } ? Word : NonNullable<Value>;
  };
  readonly '~options': Row extends { readonly default: null } ? { readonly nullable: true } : object;
}
type Properties = { readonly [Key in ColumnKey]: Property<(typeof botColumns)[Key], BotColumns[Key]> };

function propertyOf(column: NamedColumn) {
  switch (column.kind) {
    case 'money':
      return money().check(boundsCheck(column));
    case 'percent':
      return percentage().check(boundsCheck(column));
    case 'whole':
      return p.integer().check(boundsCheck(column));
    case 'flag':
      return p.boolean();
    case 'text':
      return column.words === undefined ? p.string().length(column.longest) : p.enum(column.words);
    case 'choice':
      return p.enum(column.words);
    case 'parameters':
      // What the strategy takes is checked by `validateColumns`, because only the strategy knows it.
      return p.json<object>().check(`jsonb_typeof(${column.name}) = 'object'`);
    default:
      return column satisfies never;
  }
}

/** The database takes what is excluded above, too: rows from before it was excluded may have it. */
function boundsCheck({ name, above, least, most, below }: Bounds & { readonly name: string }): string {
  const bounds = [['>', above] as const, ['>=', least] as const, ['<=', most ?? below] as const];
  return bounds.flatMap(([sign, bound]) => (bound === undefined ? [] : [`${name} ${sign} ${bound}`])).join(' and ');
}

const columns = Object.fromEntries(
  columnList.map((column) => [column.key, column.default === null ? propertyOf(column).nullable() : propertyOf(column)]),
) as unknown as Properties;

/** One bot as its user wants it. `is_active` is the wish that it runs; docs/bot-columns.md and the OpenAPI document explain the others. */
const BotConfigSchema = defineEntity({
  name: 'BotConfig',
  tableName: 'bot_configs',
  properties: {
    id: id(),
    user: () => p.manyToOne(User).deleteRule('restrict').index('bot_configs_user_id_index'),
    ...columns,
    apiKey: () => p.manyToOne(ApiKey).deleteRule('restrict').nullable().index('bot_configs_api_key_id_index'),
    /** Raised with every change; engines and PATCH compare it. */
    version: p.integer(),
    /** Set when the user deleted the bot: its orders and trades stay. */
    deletedAt: time().nullable(),
    createdAt: time(),
    updatedAt: time(),
  },
  checks: [
    {
      name: 'bot_configs_rsi_levels_check',
      expression: 'coalesce(custom_rsi_oversold, rsi_oversold) < coalesce(custom_rsi_overbought, rsi_overbought)',
    },
    { name: 'bot_configs_ema_periods_check', expression: 'coalesce(custom_ema_fast, ema_fast) < coalesce(custom_ema_slow, ema_slow)' },
    ...[...columnGroups].map(([group, members]) => ({
      name: `bot_configs_${group}_check`,
      expression: `num_nulls(${members.map(({ name }) => name).join(', ')}) in (0, ${members.length})`,
    })),
    { name: 'bot_configs_position_size_check', expression: 'position_size_perc is not null or position_size_fixed is not null' },
  ],
  indexes: [
    { name: 'bot_configs_active_index', properties: ['id'], where: 'is_active and deleted_at is null' },
    { name: 'bot_configs_symbol_index', properties: ['symbol'] },
  ],
});
export class BotConfig extends BotConfigSchema.class {}
BotConfigSchema.setClass(BotConfig);
