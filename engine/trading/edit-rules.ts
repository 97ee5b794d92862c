/**
 * What a change of a bot may do now, by each column's edit rule. The API refuses by the rules before it writes, and the engine applies them
 * again, because an entry may have been decided in the same moment.
 */
import { Decimal } from 'decimal.js';
import { columnList } from './bot-columns.ts';
import type { BotColumns, ColumnKey, NamedColumn } from './bot-columns.ts';

/** How a bot stands when its columns shall change. */
export interface Standing {
  /** More than dust is held. */
  readonly holding: boolean;
  /** An order is not over. */
  readonly ordersOpen: boolean;
  /** It shall run, or still runs. */
  readonly running: boolean;
  /** It has executed an order. */
  readonly traded: boolean;
}

/** `lasting` reasons do not go away by waiting. */
export interface RefusedEdit {
  readonly column: ColumnKey;
  readonly reason: string;
  readonly lasting: boolean;
}

type Columns = Partial<BotColumns>;

/** Every change between the two that may not be made now; empty when all may. Both have the same columns. */
export function refusedEdits(before: Columns, after: Columns, standing: Standing): readonly RefusedEdit[] {
  const changed = columnList.filter(({ key }) => !same(before[key], after[key]));
  const loosened = looseStops(before, after);
  const withStrategy = changed.some(({ key }) => key === 'strategy');
  return changed.flatMap((column) => {
    const reason = refusal(column, { withStrategy, loosens: loosened.has(column.key) }, standing);
    const lasting = column.edit === 'never' || (column.edit === 'stopped' && standing.traded);
    return reason === null ? [] : [{ column: column.key, reason, lasting }];
  });
}

/**
 * What of `after` applies now; refused columns keep their old values and are named in `waiting`. Whether the bot shall run is
 * no edit: start and stop change it beside them.
 */
export function applicable<T extends Columns>(
  before: T,
  after: T,
  standing: Standing,
): { readonly columns: T; readonly waiting: readonly RefusedEdit[] } {
  const waiting = refusedEdits(before, after, standing).filter(({ column }) => column !== 'isActive');
  if (waiting.length === 0) return { columns: after, waiting };
  const kept = Object.fromEntries(waiting.map(({ column }) => [column, before[column]]));
  return { columns: { ...after, ...kept }, waiting };
}

/** `withStrategy`: the strategy changes as well. `loosens`: a stop would be farther away, or gone. */
function refusal(
  column: NamedColumn,
  change: { readonly withStrategy: boolean; readonly loosens: boolean },
  standing: Standing,
): string | null {
  switch (column.edit) {
    case 'next-decision':
      return null;
    case 'tighter':
      return change.loosens && standing.holding ? 'a stop is only tightened while the bot holds a position' : null;
    case 'flat':
      return exposure(standing);
    case 'with-strategy':
      return change.withStrategy ? exposure(standing) : null;
    case 'stopped':
      if (standing.traded) return 'the bot has traded, and paper money must not count as real: create another bot for the other mode';
      return standing.running ? 'the bot must be stopped first (command stop)' : exposure(standing);
    case 'never':
      return column.why;
    default:
      return column satisfies never;
  }
}

function exposure({ holding, ordersOpen }: Standing): string | null {
  if (holding) return 'it cannot change while the bot holds a position (command close-position ends it)';
  return ordersOpen ? 'it cannot change while an order of the bot is not over' : null;
}

function same(a: unknown, b: unknown): boolean {
  if (Decimal.isDecimal(a) && Decimal.isDecimal(b)) return a.eq(b);
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** The columns of a stop that would loosen or vanish. */
function looseStops(before: Columns, after: Columns): ReadonlySet<ColumnKey> {
  const loose = new Set<ColumnKey>();
  if (loosens(fixedStop(before), fixedStop(after))) for (const column of ['stopLossPerc', 'customStopLoss'] as const) loose.add(column);
  if (loosens(trailingStop(before), trailingStop(after)))
    for (const column of ['trailingStopPerc', 'customTrailingStop', 'trailingStopActive'] as const) loose.add(column);
  return loose;
}

/** Percent distances; Infinity is no stop. */
const loosens = (before: number, after: number): boolean => after > before;

function fixedStop({ customStopLoss, stopLossPerc }: Columns): number {
  return percentOf(customStopLoss ?? stopLossPerc);
}

function trailingStop({ trailingStopActive, customTrailingStop, trailingStopPerc }: Columns): number {
  return trailingStopActive === true ? percentOf(customTrailingStop ?? trailingStopPerc) : Number.POSITIVE_INFINITY;
}

function percentOf(value: unknown): number {
  return typeof value === 'number' ? value : Number.POSITIVE_INFINITY;
}
