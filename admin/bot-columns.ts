/** From a request's body to a bot's columns, with every problem named by its field. */
import { Decimal } from 'decimal.js';
import { columnList } from '../engine/trading/bot-columns.ts';
import type { BotColumns, ColumnKey } from '../engine/trading/bot-columns.ts';
import { validateColumns } from '../engine/trading/resolve-config.ts';

export type Body = Readonly<Record<string, unknown>>;

const moneyShape = /^\d{1,20}(\.\d{1,18})?$/;

export interface ReadBody {
  readonly columns: BotColumns;
  readonly problems: readonly FieldProblem[];
}

export interface FieldProblem {
  readonly field: string;
  readonly detail: string;
}

/** The columns with the body's values on top, and everything that is wrong with them. `more` are problems found elsewhere. */
export function readBody(columns: Partial<BotColumns>, body: Body, more: readonly FieldProblem[]): ReadBody {
  const problems = [...more];
  const values: Partial<Record<ColumnKey, unknown>> = {};
  for (const { key, name, kind } of columnList) {
    if (!Object.hasOwn(body, name)) continue;
    const value = kind === 'money' ? readMoney(body[name]) : body[name];
    if (value !== undefined) values[key] = value;
    else problems.push({ field: name, detail: 'must be a decimal number of 0 or more with at most 18 decimals, as text ("1000.50")' });
  }
  // The schema has checked the types, and that nothing is missing; names and types are those of the columns.
  const merged = { ...columns, ...values } as BotColumns;
  const known = new Set(problems.map((problem) => problem.field));
  for (const { field, problem } of validateColumns(merged)) if (!known.has(field)) problems.push({ field, detail: problem });
  return { columns: merged, problems };
}

/** Null stays null; undefined when it is no amount. */
export function readMoney(value: unknown): Decimal | null | undefined {
  if (value === null) return null;
  const text = typeof value === 'number' && Number.isFinite(value) ? new Decimal(value).toFixed() : value;
  return typeof text === 'string' && moneyShape.test(text) ? new Decimal(text) : undefined;
}
