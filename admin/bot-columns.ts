/** From a request's body to a bot's columns, with every problem named by its field. */
import { Decimal } from 'decimal.js';
import { defaultColumns, futuresProblems, validateColumns } from '../engine/trading/resolve-config.ts';
import type { BotColumns, ColumnProblem } from '../engine/trading/resolve-config.ts';

export type Body = Readonly<Record<string, unknown>>;

/** Columns that the core does not read but the row has. */
export interface OtherColumns {
  readonly transferAmount: Decimal | null;
  readonly autoTransferFunds: boolean;
  readonly marginType: string;
  readonly mode: string;
  readonly venue: string;
  /** Shall it run? */
  readonly isActive: boolean;
}

export type AllColumns = BotColumns & OtherColumns;

const moneyFields = ['initial_capital', 'position_size_fixed', 'transfer_amount'] as const;
const moneyShape = /^\d{1,20}(\.\d{1,18})?$/;

/** Columns of a new bot before its body is applied. */
export const blankColumns: AllColumns = {
  ...defaultColumns,
  name: '',
  symbol: '',
  timeframe: '',
  strategy: '',
  initialCapital: new Decimal(0),
  transferAmount: null,
  autoTransferFunds: false,
  marginType: 'isolated',
  mode: 'paper',
  venue: '',
  isActive: false,
};

export interface ReadBody {
  readonly columns: AllColumns;
  readonly problems: readonly FieldProblem[];
}

export interface FieldProblem {
  readonly field: string;
  readonly detail: string;
}

/** The columns with the body's values on top, and everything that is wrong with them. `more` are problems found elsewhere. */
export function readBody(columns: AllColumns, body: Body, more: readonly FieldProblem[]): ReadBody {
  const problems = [...more];
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    const key = camelCase(name);
    if (!Object.hasOwn(columns, key)) continue;
    if ((moneyFields as readonly string[]).includes(name)) {
      const money = readMoney(value);
      if (money === undefined)
        problems.push({ field: name, detail: 'must be a decimal number of 0 or more with at most 18 decimals, as text ("1000.50")' });
      else values[key] = money;
    } else values[key] = value;
  }
  // The schema has checked the types; names and types are those of the columns.
  const merged = { ...columns, ...values } as AllColumns;
  const known = new Set(problems.map((problem) => problem.field));
  for (const { field, problem } of columnProblems(merged)) if (!known.has(field)) problems.push({ field, detail: problem });
  return { columns: merged, problems };
}

/** Everything that is wrong with a row, whoever wrote it. */
export function columnProblems(columns: AllColumns): readonly ColumnProblem[] {
  const problems = validateColumns(columns);
  if (columns.positionType !== 'spot') return problems;
  const named = new Set(problems.map(({ field }) => field));
  return [...problems, ...futuresProblems(columns).filter(({ field }) => !named.has(field))];
}

/** Null stays null; undefined when it is no amount. */
export function readMoney(value: unknown): Decimal | null | undefined {
  if (value === null) return null;
  const text = typeof value === 'number' && Number.isFinite(value) ? new Decimal(value).toFixed() : value;
  return typeof text === 'string' && moneyShape.test(text) ? new Decimal(text) : undefined;
}

export function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
