/** Every column of a bot has an effect: two values of it lead to different decisions over the same prices; or its case says why not, and what is refused. */
import { describe, expect, it } from 'vitest';
import { resolveConfig, validateColumns } from '../../../engine/trading/resolve-config.ts';
import type { TradingColumns } from '../../../engine/trading/bot-columns.ts';
import type { ColumnCase } from './column-case.ts';
import { columnCases } from './column-cases.ts';
import { decisionsOf, plainColumns } from './column-stage.ts';
import { d } from './given.ts';

const cases = Object.entries(columnCases) as readonly (readonly [keyof TradingColumns, ColumnCase])[];
const deciding = cases.filter(([, one]) => one.without === undefined);
const idle = cases.filter(([, one]) => one.without !== undefined);

function withValue(column: keyof TradingColumns, { given }: ColumnCase, value: unknown): TradingColumns {
  return { ...plainColumns, ...given, [column]: value };
}

const fieldOf = (column: string): string => column.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

describe('the column', () => {
  it.each(deciding)('%s decides', (column, one) => {
    for (const [value, decisions] of one.outcomes)
      expect(decisionsOf(withValue(column, one, value), one.steps), `${column} ${String(value)}`).toEqual(decisions);
    const different = new Set(one.outcomes.map(([, decisions]) => decisions.join('\n')));
    expect(different.size, `${column} decides the same whatever it says`).toBeGreaterThan(1);
  });

  it.each(idle)('%s decides nothing, and is checked all the same', (column, one) => {
    for (const [value, decisions] of one.outcomes) {
      const columns = withValue(column, one, value);
      expect(validateColumns(columns)).toEqual([]);
      expect(decisionsOf(columns, one.steps)).toEqual(decisions);
    }
    expect(validateColumns(withValue(column, one, one.without?.refused)).map(({ field }) => field)).toEqual([fieldOf(column)]);
  });
});

describe('columns of futures', () => {
  it('change nothing on spot: neither the configuration nor a parameter is taken from them', () => {
    const plain = resolveConfig(plainColumns);
    const row = { ...plainColumns, transferAmount: d(500), autoTransferFunds: true, marginType: 'crossed', leverage: 20 } as const;
    expect(resolveConfig(row)).toEqual(plain);
  });

  it('are no way around spot: a short or two-sided spot bot is refused before it runs', () => {
    for (const direction of ['short', 'both'])
      expect(validateColumns({ ...plainColumns, direction }).map(({ field }) => field)).toEqual(['direction']);
  });
});
