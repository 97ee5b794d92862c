/**
 * Which of a bot's columns may change when. The API refuses by these rules before it writes, and the engine applies them again, because an
 * entry may have been decided in the same moment. A column that is not listed may change when the bot is flat.
 */
import { Decimal } from 'decimal.js';

/**
 * `next-decision`: whenever, from the next decision on. `tighter`: likewise, but while a position is open only if its stop does not
 * loosen. `flat`: without a position and without an open order. `with-strategy`: whenever, but beside another strategy only when that
 * may change, because its values mean nothing to the old one. `stopped`: flat, switched off, and never traded. `never`: not at all.
 */
export type EditRule = 'next-decision' | 'tighter' | 'flat' | 'with-strategy' | 'stopped' | 'never';

/** Columns of `bot_configs` by their names in code; those that no user writes stand in `keptColumns`. */
export const editRules: Readonly<Record<string, EditRule>> = {
  name: 'next-decision',
  positionSizePerc: 'next-decision',
  positionSizeFixed: 'next-decision',
  takeProfitPerc: 'next-decision',
  customTakeProfit: 'next-decision',
  dailyTargetPerc: 'next-decision',
  maxDailyLossPerc: 'next-decision',
  maxDailyTrades: 'next-decision',
  cooldownAfterLossMinutes: 'next-decision',
  stopGuardStops: 'next-decision',
  stopGuardWindowMinutes: 'next-decision',
  stopGuardPauseMinutes: 'next-decision',
  lowProfitTrades: 'next-decision',
  lowProfitWindowMinutes: 'next-decision',
  lowProfitMinPerc: 'next-decision',
  lowProfitPauseMinutes: 'next-decision',
  checkIntervalSeconds: 'next-decision',
  emaFast: 'next-decision',
  emaSlow: 'next-decision',
  emaPeriod: 'next-decision',
  rsiPeriod: 'next-decision',
  rsiOversold: 'next-decision',
  rsiOverbought: 'next-decision',
  customEmaFast: 'next-decision',
  customEmaSlow: 'next-decision',
  customRsiPeriod: 'next-decision',
  customRsiOversold: 'next-decision',
  customRsiOverbought: 'next-decision',
  transferAmount: 'next-decision',
  autoTransferFunds: 'next-decision',
  stopLossPerc: 'tighter',
  customStopLoss: 'tighter',
  trailingStopPerc: 'tighter',
  customTrailingStop: 'tighter',
  trailingStopActive: 'tighter',
  timeframe: 'flat',
  strategy: 'flat',
  strategyParameters: 'with-strategy',
  initialCapital: 'flat',
  direction: 'flat',
  leverage: 'flat',
  marginType: 'flat',
  mode: 'stopped',
  symbol: 'never',
  venue: 'never',
  positionType: 'never',
  isActive: 'never',
};

/** What the engine and the API keep themselves. */
export const keptColumns: ReadonlySet<string> = new Set(['id', 'userId', 'apiKeyId', 'version', 'deletedAt', 'createdAt', 'updatedAt']);

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
  readonly column: string;
  readonly reason: string;
  readonly lasting: boolean;
}

export type Columns = Readonly<Record<string, unknown>>;

/** Every change between the two that may not be made now; empty when all may. */
export function refusedEdits(before: Columns, after: Columns, standing: Standing): readonly RefusedEdit[] {
  const loosened = looseStops(before, after);
  const changed = changedColumns(before, after);
  return changed.flatMap((column) => {
    const rule = ruleOf(column, changed);
    const reason = refusal(column, rule, loosened, standing);
    return reason === null ? [] : [{ column, reason, lasting: rule === 'never' || (rule === 'stopped' && standing.traded) }];
  });
}

/**
 * What of `after` applies now; refused columns keep their old values and are named in `waiting`. Whether the bot shall run is
 * no edit: start and stop change it beside them.
 */
export function applicable<T extends object>(
  before: T,
  after: T,
  standing: Standing,
): { readonly columns: T; readonly waiting: readonly RefusedEdit[] } {
  const waiting = refusedEdits(before as Columns, after as Columns, standing).filter(({ column }) => column !== 'isActive');
  if (waiting.length === 0) return { columns: after, waiting };
  const kept = Object.fromEntries(waiting.map(({ column }) => [column, (before as Columns)[column]]));
  return { columns: { ...after, ...kept }, waiting };
}

type SettledRule = Exclude<EditRule, 'with-strategy'>;

function ruleOf(column: string, changed: readonly string[]): SettledRule {
  const rule = editRules[column] ?? 'flat';
  if (rule !== 'with-strategy') return rule;
  return changed.includes('strategy') ? 'flat' : 'next-decision';
}

function refusal(column: string, rule: SettledRule, loosened: ReadonlySet<string>, standing: Standing): string | null {
  switch (rule) {
    case 'next-decision':
      return null;
    case 'tighter':
      return loosened.has(column) && standing.holding ? 'a stop is only tightened while the bot holds a position' : null;
    case 'flat':
      return exposure(standing);
    case 'stopped':
      if (standing.traded) return 'the bot has traded, and paper money must not count as real: create another bot for the other mode';
      return standing.running ? 'the bot must be stopped first (command stop)' : exposure(standing);
    case 'never':
      return whyNever[column] ?? 'it cannot change';
    default:
      return rule satisfies never;
  }
}

const whyNever: Readonly<Record<string, string>> = {
  symbol: 'the trades of a bot belong to its symbol: create another bot',
  venue: 'the trades of a bot belong to its venue: create another bot',
  positionType: 'the trades of a bot belong to its market: create another bot',
  isActive: 'the commands start and stop change it',
};

function exposure({ holding, ordersOpen }: Standing): string | null {
  if (holding) return 'it cannot change while the bot holds a position (command close-position ends it)';
  return ordersOpen ? 'it cannot change while an order of the bot is not over' : null;
}

function changedColumns(before: Columns, after: Columns): readonly string[] {
  return Object.keys(after).filter((column) => !keptColumns.has(column) && !same(before[column], after[column]));
}

function same(a: unknown, b: unknown): boolean {
  if (Decimal.isDecimal(a) && Decimal.isDecimal(b)) return a.eq(b);
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** The columns of a stop that would loosen or vanish. */
function looseStops(before: Columns, after: Columns): ReadonlySet<string> {
  const loose = new Set<string>();
  if (loosens(fixedStop(before), fixedStop(after))) for (const column of ['stopLossPerc', 'customStopLoss']) loose.add(column);
  if (loosens(trailingStop(before), trailingStop(after)))
    for (const column of ['trailingStopPerc', 'customTrailingStop', 'trailingStopActive']) loose.add(column);
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
