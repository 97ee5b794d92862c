/** Rows of bots are read by the table of columns: they hold what the ORM reads by its entities, each value of its column's kind. */
import { Decimal } from 'decimal.js';
import { expect, it } from 'vitest';
import { loadConfigs } from '../../../engine/persistence/bot-rows.ts';
import { columnList, readColumns } from '../../../engine/trading/bot-columns.ts';
import type { NamedColumn } from '../../../engine/trading/bot-columns.ts';
import { BotConfig } from '../../../entities/index.ts';
import { openRows } from './given.ts';

/** A value of its kind that every column of it takes, whatever its bounds. */
const sql: Readonly<Record<NamedColumn['kind'], string | null>> = {
  money: '1234.500000000000000001',
  percent: '2.5',
  whole: null,
  flag: null,
  text: null,
  choice: null,
  parameters: '\'{"macd_fast": 3}\'',
};

it('columns of a bot are read as they stand, set or not', async () => {
  const rows = await openRows();
  const write = (id: number, values: Readonly<Record<string, string>>) =>
    rows.pool.query(
      `update bot_configs set ${Object.entries(values)
        .map((one) => one.join(' = '))
        .join(', ')} where id = ${id}`,
    );
  const unset = columnList.filter(({ default: standard }) => standard === null).map(({ name }) => [name, 'null'] as const);
  await write(1, { ...Object.fromEntries(unset), position_size_perc: '0.1' });
  const set = columnList.flatMap(({ name, kind, together }) => {
    const value = kind === 'whole' && together !== undefined ? '7' : sql[kind];
    return value === null ? [] : [[name, value] as const];
  });
  await write(2, { ...Object.fromEntries(set), custom_rsi_oversold: '0' });
  const configs = await loadConfigs(rows.pool, ['1', '2']);
  const bots = await rows.orm.em.fork().find(BotConfig, { id: ['1', '2'] }, { orderBy: { id: 'asc' } });
  await rows.close();
  for (const bot of bots) {
    const { mode, venue, columns, ...rest } = configs.get(bot.id) ?? {};
    expect(rest).toEqual({ id: bot.id, userId: bot.user.id, version: bot.version });
    expect({ ...columns, mode, venue }).toEqual(readColumns(({ key }) => bot[key]));
  }
  expect(configs.get('1')?.columns).toMatchObject({ positionSizePerc: 0.1, positionSizeFixed: null, strategyParameters: null });
  expect(configs.get('2')?.columns).toMatchObject({
    ...{ initialCapital: new Decimal('1234.500000000000000001'), positionSizeFixed: new Decimal('1234.500000000000000001') },
    ...{ stopLossPerc: 2.5, lowProfitMinPerc: 2.5, stopGuardStops: 7, customRsiOversold: 0, trailingStopActive: false },
    ...{ timeframe: '1s', strategyParameters: { macd_fast: 3 } },
  });
});
