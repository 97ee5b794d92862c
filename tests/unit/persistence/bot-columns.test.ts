/** One table of columns: each place that follows from it has its columns, as it tells them, and no others. */
import { readFileSync } from 'node:fs';
import { EntitySchema } from '@mikro-orm/core';
import { describe, expect, it } from 'vitest';
import { botSchema, changeBotBody, createBotBody } from '../../../admin/schemas/bot.ts';
import { columnList, defaultColumns, readColumns } from '../../../engine/trading/bot-columns.ts';
import { BotConfig } from '../../../entities/bot-config.ts';
import { columnCases } from '../trading/column-cases.ts';

interface Snapshot {
  readonly tables: readonly {
    readonly name: string;
    readonly columns: Readonly<Record<string, { readonly nullable: boolean }>>;
    readonly checks: readonly { readonly name: string; readonly columnName?: string; readonly expression: string }[];
  }[];
}

/** What the migrations have made. */
const { tables } = JSON.parse(readFileSync(new URL('../../../migrations/schema-snapshot.json', import.meta.url), 'utf8')) as Snapshot;
const table = tables.find(({ name }) => name === 'bot_configs');
const checkOf = (name: string) => table?.checks.find(({ columnName }) => columnName === name)?.expression;

/** What no user writes, by the names in the entity and in the table. */
const kept = { id: 'id', user: 'user_id', apiKey: 'api_key_id', version: 'version' };
const keptTimes = { deletedAt: 'deleted_at', createdAt: 'created_at', updatedAt: 'updated_at' };

const entity = EntitySchema.REGISTRY.get(BotConfig)?.meta;
const keys = columnList.map(({ key }) => key);
const names = columnList.map(({ name }) => name);

describe('the table of columns is followed', () => {
  it('by the entity and by the migrations', () => {
    const { properties } = entity ?? {};
    expect(Object.keys(properties ?? {}).sort()).toEqual([...keys, ...Object.keys({ ...kept, ...keptTimes })].sort());
    expect(Object.keys(table?.columns ?? {}).sort()).toEqual([...names, ...Object.values({ ...kept, ...keptTimes })].sort());
    for (const column of columnList) {
      const nullable = column.default === null;
      expect([properties?.[column.key]?.nullable === true, table?.columns[column.name]?.nullable], column.name).toEqual([
        nullable,
        nullable,
      ]);
    }
  });

  it('by the checks of the database', () => {
    const bounds = (name: string) => checkOf(name)?.replaceAll(`${name} `, '');
    expect([bounds('stop_loss_perc'), bounds('low_profit_min_perc'), bounds('rsi_period'), bounds('initial_capital')]).toEqual([
      '> 0 and <= 100',
      '>= -100 and <= 100',
      '>= 2 and <= 1000',
      '> 0',
    ]);
    for (const column of columnList) {
      const words = column.kind === 'choice' || column.kind === 'text' ? column.words : undefined;
      const { check, items }: { readonly check?: unknown; readonly items?: unknown } = entity?.properties[column.key] ?? {};
      expect([check, items], column.name).toEqual([words === undefined ? checkOf(column.name) : undefined, words]);
      for (const word of words ?? []) expect(checkOf(column.name)).toContain(`'${word}'`);
    }
    const whole = table?.checks.filter(({ columnName }) => columnName === undefined).map(({ name, expression }) => ({ name, expression }));
    expect(entity?.checks).toEqual(expect.arrayContaining(whole ?? []));
    expect(whole?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['bot_configs_stop_guard_check', 'bot_configs_low_profit_check']),
    );
  });

  it('by bodies and answers of the API', () => {
    for (const { properties } of [botSchema, createBotBody, changeBotBody]) {
      const fields = Object.entries(properties).filter(([name]) => names.includes(name));
      expect(fields.map(([name]) => name)).toEqual(names);
      for (const [name, field] of fields as [string, { description?: string; type?: string | string[] }][]) {
        const column = columnList.find((one) => one.name === name);
        expect(field.description).toBe(column?.text);
        expect([field.type].flat().includes('null'), name).toBe(column?.default === null);
      }
    }
    expect([createBotBody.required, changeBotBody.required]).toEqual([
      ['name', 'symbol', 'timeframe', 'strategy', 'initial_capital'],
      undefined,
    ]);
  });

  it('by defaults and by rows that are read', () => {
    const said = ['name', 'symbol', 'timeframe', 'strategy', 'initialCapital', 'venue'];
    expect([...Object.keys(defaultColumns), ...said].sort()).toEqual([...keys].sort());
    expect(readColumns(({ name }) => name)).toEqual(Object.fromEntries(columnList.map(({ key, name }) => [key, name])));
  });

  it('by a case for each column that shows what it decides; only whether and where a bot runs decides nothing', () => {
    expect([...Object.keys(columnCases), 'isActive', 'mode', 'venue'].sort()).toEqual([...keys].sort());
  });
});
