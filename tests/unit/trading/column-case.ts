/** What a case of a column is made of, and the words and prices that cases share. */
import type { TradingColumns } from '../../../engine/trading/bot-columns.ts';
import type { Step } from './column-stage.ts';

/** Decisions that follow from a value, over the case's prices. */
type Outcome<V> = readonly [value: V, decisions: readonly string[]];

export interface ColumnCase<V = unknown> {
  /** The other columns, where they differ from the plain bot. */
  readonly given?: Partial<TradingColumns>;
  readonly steps: readonly Step[];
  /** At least two, with different decisions unless `why` says that this version has none to make. */
  readonly outcomes: readonly [Outcome<V>, Outcome<V>, ...Outcome<V>[]];
  /** Why the decisions are the same whatever the column says; then `refused` is a value that no bot may have. */
  readonly without?: { readonly why: string; readonly refused: V };
}

export type CasesOf<Columns> = { readonly [K in keyof Columns]: ColumnCase<Columns[K]> };

/** Crosses up at the third close: the plain bot buys 0.02475 at 20200. */
export const rise: readonly Step[] = [20_000, 20_000, 20_200];

export const buy = (quantity: string, time = '00:02:59') => `${time} BUY ${quantity}: fast EMA crossed above slow EMA`;
export const sell = (time: string, reason: string, quantity = '0.02475') => `${time} SELL ${quantity}: ${reason}`;
export const crossedDown = (time: string, quantity?: string) => sell(time, 'fast EMA crossed below slow EMA', quantity);

/** Up, down and up again: averages and levels of other lengths cross at other closes. */
export const zigzag: readonly Step[] = [
  20_000, 19_900, 19_950, 19_900, 20_100, 20_200, 20_100, 20_000, 20_150, 20_300, 20_200, 19_900, 19_700, 19_800,
];
/** What the plain bot does over it. */
export const quick = [
  buy('0.02487', '00:04:59'),
  crossedDown('00:06:59', '0.02487'),
  buy('0.02481', '00:08:59'),
  crossedDown('00:10:59', '0.02481'),
];
