/**
 * The columns of a bot that its user writes, one row each: what it may hold, what a new bot has, when it may change, and what it means.
 * The entity and its checks, defaults, validation, edits, rows read and written, the API's schemas and docs/bot-columns.md follow from
 * it, so that a new column is one row here and a migration.
 */
import type { Decimal } from 'decimal.js';
import { classic, columnName } from '../strategies/parameters.ts';
import type { ParameterField } from '../strategies/strategy.ts';
import { timeframes } from './candle.ts';
import { roundTripsMax } from './round-trips.ts';

export const venues = ['simulated', 'binance', 'binance-demo', 'binance-testnet'] as const;
export const markets = ['spot', 'futures'] as const;

/** Of a number. `above` and `below` are excluded themselves. */
export interface Bounds {
  readonly above?: number;
  readonly least?: number;
  readonly most?: number;
  readonly below?: number;
}

/**
 * What a column holds. `percent` holds 2.5 for 2.5 %. A `choice` is refused by the schema of the API; a `text` with `words` by
 * `validateColumns`, which says more about it.
 */
type Kind =
  | ({ readonly kind: 'money' | 'percent' } & Bounds)
  | ({ readonly kind: 'whole'; readonly unit?: string } & Bounds)
  | { readonly kind: 'flag' }
  | { readonly kind: 'text'; readonly shortest?: number; readonly longest: number; readonly words?: readonly string[] }
  | { readonly kind: 'choice'; readonly words: readonly string[] }
  | { readonly kind: 'parameters' };

/**
 * When a column may change. `next-decision`: whenever, from the next decision on. `tighter`: likewise, but while a position is open only
 * if its stop does not loosen. `flat`: without a position and without an open order. `with-strategy`: whenever, but beside another
 * strategy only when that may change, because its values mean nothing to the old one. `stopped`: flat, switched off, and never traded.
 * `never`: not at all, and `why`.
 */
export type EditRule = 'next-decision' | 'tighter' | 'flat' | 'with-strategy' | 'stopped' | 'never';

export type Column = Kind &
  ({ readonly edit: Exclude<EditRule, 'never'> } | { readonly edit: 'never'; readonly why: string }) & {
    /** Of a new bot that names no other value; null when the column may be unset. Without one it must be said. */
    readonly default?: string | number | boolean | null;
    /** Only futures read it: on spot nothing but its default is accepted. */
    readonly futures?: true;
    /** Columns of one such group are set together or not at all. */
    readonly together?: string;
    readonly text: string;
  };

/** Thirty days. */
const minutes = { kind: 'whole', unit: 'minutes', least: 1, most: 43_200, default: null } as const;
const roundTrips = { kind: 'whole', least: 1, most: roundTripsMax, default: null } as const;
const percent = { kind: 'percent', above: 0, most: 100, default: null } as const;
const gain = { ...percent, most: 1_000 } as const;
/** At 100 percent below the price there is nothing left to protect. */
const stop = { kind: 'percent', above: 0, below: 100, default: null } as const;
const candles = ({ minimum, maximum }: ParameterField) => ({ kind: 'whole', unit: 'candles', least: minimum, most: maximum }) as const;
const level = ({ minimum, maximum }: ParameterField) => ({ kind: 'whole', least: minimum, most: maximum }) as const;

const { emaFast, emaSlow, emaPeriod, rsiPeriod, rsiOversold, rsiOverbought } = classic;

/** By their names in code; rows and bodies have them in snake case. */
export const botColumns = {
  name: { kind: 'text', shortest: 1, longest: 100, edit: 'next-decision', text: 'What its user calls it.' },
  symbol: {
    kind: 'text',
    shortest: 1,
    longest: 30,
    text: 'Symbol of the venue, e.g. BTCUSDT.',
    edit: 'never',
    why: 'the trades of a bot belong to its symbol: create another bot',
  },
  timeframe: { kind: 'text', longest: 10, words: timeframes, edit: 'flat', text: `Length of its candles: ${timeframes.join(', ')}.` },
  strategy: { kind: 'text', longest: 50, edit: 'flat', text: 'Name of its strategy: see GET /v1/strategies.' },
  initialCapital: { kind: 'money', above: 0, edit: 'flat', text: 'Budget, quote.' },
  isActive: {
    kind: 'flag',
    default: false,
    text: 'Whether it shall run: said at its creation, later by the commands start and stop.',
    edit: 'never',
    why: 'the commands start and stop change it',
  },
  mode: {
    kind: 'choice',
    words: ['paper', 'live'],
    default: 'paper',
    edit: 'stopped',
    text: 'paper trades nothing real, and is meant when absent; live needs confirm_name.',
  },
  positionSizePerc: { ...percent, edit: 'next-decision', text: 'Entry notional, percent of equity.' },
  positionSizeFixed: {
    kind: 'money',
    above: 0,
    default: null,
    edit: 'next-decision',
    text: 'Entry notional, quote; wins over the percentage.',
  },
  stopLossPerc: { ...stop, edit: 'tighter', text: 'Percent below the average entry price.' },
  takeProfitPerc: { ...gain, edit: 'next-decision', text: 'Percent above the average entry price.' },
  trailingStopPerc: { ...stop, edit: 'tighter', text: 'Percent below the best price since entry.' },
  trailingStopActive: { kind: 'flag', default: false, edit: 'tighter', text: 'Whether the trailing stop is used.' },
  dailyTargetPerc: {
    ...gain,
    edit: 'next-decision',
    text: "Day's realised profit in percent of day-start equity after which nothing is entered until UTC midnight.",
  },
  maxDailyLossPerc: {
    ...percent,
    edit: 'next-decision',
    text: "Day's loss in percent of day-start equity at which the position is closed and nothing is entered until UTC midnight.",
  },
  maxDailyTrades: { kind: 'whole', least: 1, most: 100_000, default: null, edit: 'next-decision', text: 'Entries per UTC day.' },
  cooldownAfterLossMinutes: {
    ...minutes,
    edit: 'next-decision',
    text: 'No entry for so many minutes after a round trip that lost. docs/protections.md explains these.',
  },
  stopGuardStops: {
    ...roundTrips,
    together: 'stop_guard',
    edit: 'next-decision',
    text: 'Stop guard: so many stop-outs within the window begin a pause. Its columns are set together.',
  },
  stopGuardWindowMinutes: { ...minutes, together: 'stop_guard', edit: 'next-decision', text: 'Stop guard: its window, minutes.' },
  stopGuardPauseMinutes: { ...minutes, together: 'stop_guard', edit: 'next-decision', text: 'Stop guard: no entry for so many minutes.' },
  lowProfitTrades: {
    ...roundTrips,
    together: 'low_profit',
    edit: 'next-decision',
    text: 'Low profit: judged from so many round trips within the window on. Its columns are set together.',
  },
  lowProfitWindowMinutes: { ...minutes, together: 'low_profit', edit: 'next-decision', text: 'Low profit: its window, minutes.' },
  lowProfitMinPerc: {
    kind: 'percent',
    least: -100,
    most: 100,
    default: null,
    together: 'low_profit',
    edit: 'next-decision',
    text: 'Low profit: least net result in percent of what was spent; may be negative.',
  },
  lowProfitPauseMinutes: { ...minutes, together: 'low_profit', edit: 'next-decision', text: 'Low profit: no entry for so many minutes.' },
  checkIntervalSeconds: {
    kind: 'whole',
    unit: 'seconds',
    least: 1,
    most: 86_400,
    default: 1,
    edit: 'next-decision',
    text: 'Least time between two checks of stops inside a candle, seconds.',
  },
  emaFast: { ...candles(emaFast), default: emaFast.default, edit: 'next-decision', text: 'Length of the fast EMA, candles.' },
  emaSlow: { ...candles(emaSlow), default: emaSlow.default, edit: 'next-decision', text: 'Length of the slow EMA, candles.' },
  emaPeriod: { ...candles(emaPeriod), default: emaPeriod.default, edit: 'next-decision', text: 'Length of the trend EMA, candles.' },
  rsiPeriod: { ...candles(rsiPeriod), default: rsiPeriod.default, edit: 'next-decision', text: 'Length of the RSI, candles.' },
  rsiOversold: {
    ...level(rsiOversold),
    default: rsiOversold.default,
    edit: 'next-decision',
    text: 'RSI at or below it is oversold, 0 to 100.',
  },
  rsiOverbought: {
    ...level(rsiOverbought),
    default: rsiOverbought.default,
    edit: 'next-decision',
    text: 'RSI at or above it is overbought, 0 to 100.',
  },
  customEmaFast: { ...candles(emaFast), default: null, edit: 'next-decision', text: 'Overrides ema_fast.' },
  customEmaSlow: { ...candles(emaSlow), default: null, edit: 'next-decision', text: 'Overrides ema_slow.' },
  customRsiPeriod: { ...candles(rsiPeriod), default: null, edit: 'next-decision', text: 'Overrides rsi_period.' },
  customRsiOversold: { ...level(rsiOversold), default: null, edit: 'next-decision', text: 'Overrides rsi_oversold.' },
  customRsiOverbought: { ...level(rsiOverbought), default: null, edit: 'next-decision', text: 'Overrides rsi_overbought.' },
  customStopLoss: { ...stop, edit: 'tighter', text: 'Overrides stop_loss_perc.' },
  customTakeProfit: { ...gain, edit: 'next-decision', text: 'Overrides take_profit_perc.' },
  customTrailingStop: { ...stop, edit: 'tighter', text: 'Overrides trailing_stop_perc.' },
  strategyParameters: {
    kind: 'parameters',
    default: null,
    edit: 'with-strategy',
    text: 'Parameters that the strategy has beside the columns (GET /v1/strategies/{name}/schema), as a whole: those left out have their defaults.',
  },
  direction: {
    kind: 'text',
    longest: 10,
    words: ['long', 'short', 'both'],
    default: 'long',
    edit: 'flat',
    text: 'long; short and both are for futures.',
  },
  venue: {
    kind: 'text',
    longest: 30,
    words: venues,
    text: "Where its orders go; the engine's own venue when absent.",
    edit: 'never',
    why: 'the trades of a bot belong to its venue: create another bot',
  },
  positionType: {
    kind: 'text',
    longest: 10,
    words: markets,
    default: 'spot',
    text: 'spot; futures bots are refused.',
    edit: 'never',
    why: 'the trades of a bot belong to its market: create another bot',
  },
  leverage: { kind: 'whole', least: 1, most: 125, default: 1, futures: true, edit: 'flat', text: 'For futures; 1 on spot.' },
  marginType: {
    kind: 'choice',
    words: ['isolated', 'crossed'],
    default: 'isolated',
    futures: true,
    edit: 'flat',
    text: 'For futures.',
  },
  transferAmount: {
    kind: 'money',
    least: 0,
    default: null,
    futures: true,
    edit: 'next-decision',
    text: 'For futures: quote of one top-up from spot.',
  },
  autoTransferFunds: {
    kind: 'flag',
    default: false,
    futures: true,
    edit: 'next-decision',
    text: 'For futures: whether it is topped up from spot.',
  },
} as const satisfies Readonly<Record<string, Column>>;

type Table = typeof botColumns;
export type ColumnKey = keyof Table;

interface Values {
  readonly money: Decimal;
  readonly percent: number;
  readonly whole: number;
  readonly flag: boolean;
  readonly text: string;
  /** By their names in snake case; not checked. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

type ValueOf<Row> =
  | (Row extends { readonly words: readonly (infer Word)[]; readonly kind: 'choice' }
      ? Word
      : Row extends { readonly kind: infer Kind extends keyof Values }
        ? Values[Kind]
        : never)
  | (Row extends { readonly default: null } ? null : never);

/** What a bot's columns hold. Words of a `text` are any text until `validateColumns` has seen them. */
export type BotColumns = { readonly [Key in ColumnKey]: ValueOf<Table[Key]> };

/** What decisions are made by: not whether, where and with whose money the bot runs. */
export type TradingColumns = Omit<BotColumns, 'isActive' | 'mode' | 'venue'>;

/** A row of the table with its names: `key` in code, `name` in rows, bodies and problems. */
export type NamedColumn = Column & { readonly key: ColumnKey; readonly name: string };

export const columnList: readonly NamedColumn[] = Object.entries<Column>(botColumns).map(([key, column]) => ({
  ...column,
  key: key as ColumnKey,
  name: columnName(key),
}));

/** Columns that are set together, by the name of their group. */
export const columnGroups: ReadonlyMap<string, readonly NamedColumn[]> = Map.groupBy(
  columnList.filter(({ together }) => together !== undefined),
  ({ together = '' }) => together,
);

/** A value for each column. Who reads vouches that it is of the column's kind. */
export function readColumns(valueOf: (column: NamedColumn) => unknown): BotColumns {
  return Object.fromEntries(columnList.map((column) => [column.key, valueOf(column)])) as unknown as BotColumns;
}

type DefaultKey = { [Key in ColumnKey]: Table[Key] extends { readonly default: unknown } ? Key : never }[ColumnKey];

/** What a new bot has where it names no other value. */
export const defaultColumns = Object.fromEntries(
  columnList.flatMap((column) => (column.default === undefined ? [] : [[column.key, column.default]])),
) as { readonly [Key in DefaultKey]: Table[Key]['default'] };

/** What the body of a new bot must say: what has no default, but for the venue, which the engine knows. */
export type RequiredKey = Exclude<ColumnKey, DefaultKey | 'venue'>;
export const isRequired = (column: NamedColumn): boolean => column.default === undefined && column.key !== 'venue';
