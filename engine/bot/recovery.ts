/** What a bot begins with: the state that its rows add up to. */
import type { Metrics } from '../observe/metrics.ts';
import { lastKnownPrice } from '../persistence/bot-rows.ts';
import type { BotRows } from '../persistence/bot-rows.ts';
import { isTerminal } from '../persistence/order-store.ts';
import type { StoredOrder } from '../persistence/order-store.ts';
import type { RequestedClose } from '../persistence/state-data.ts';
import type { EntryBlock, ExitKind, OrderOutcome, TradingConfig } from '../trading/events.ts';
import { zero } from '../trading/exact.ts';
import type { Instrument } from '../trading/instrument.ts';
import { newExit } from '../trading/exits.ts';
import { commissionOf, isFlat } from '../trading/position.ts';
import { restoreState } from '../trading/restore.ts';
import type { PendingExit, TradingState } from '../trading/state.ts';

export interface Recovery {
  readonly botId: string;
  readonly rows: BotRows;
  readonly config: TradingConfig;
  readonly instrument: Instrument;
  /** What the kill switches ask for now. */
  readonly killed: EntryBlock | null;
  /** Why entries are closed beside that, and beside what the rows say. */
  readonly blocks: readonly EntryBlock[];
  /** Venue time, ms. */
  readonly atMs: number;
  readonly metrics: Metrics;
}

/** Throws when the rows contradict each other: nobody trades on those. */
export function recoveredState({ botId, rows, config, instrument, killed, blocks, atMs, metrics }: Recovery): TradingState {
  const { day, notices, bestPrice, heldReason, pausedReason, closing, position } = rows.stateData;
  const restored = restoreState(config, instrument, {
    fills: rows.fills,
    openedAtMs: position.openedAtMs,
    orders: rows.orders.map((order) => ({
      role: order.role,
      exitKind: order.exitKind,
      decisionMs: order.decisionMs,
      attempt: order.attempt,
      clientOrderId: order.clientOrderId,
      reason: order.reason,
      quantity: order.quantity,
      price: order.price,
      stopPrice: order.stopPrice,
      outcome: outcomeOf(order),
    })),
    day,
    notices,
    bestPrice: bestPrice ?? Number.NaN,
    lastPrice: lastKnownPrice(rows),
    blocks: [
      ...(killed === null ? [] : [killed]),
      ...(heldReason === null ? [] : [{ rule: 'held' as const, reason: heldReason }]),
      ...(pausedReason === null ? [] : [{ rule: 'paused' as const, reason: pausedReason }]),
      ...blocks,
    ],
    atMs,
  });
  const anew = rows.config.mode === 'paper' && isProtective(restored.exiting?.kind ?? null);
  const state = { ...restored, exiting: (anew ? null : restored.exiting) ?? goingOn(restored, closing, instrument) };
  const [folded, cached] = [state.position.quantity.toFixed(), position.quantity.toFixed()];
  if (folded === cached || cached === withFeesBelowNothing(rows, instrument)) return state;
  metrics.reconcileDrift.inc({ kind: 'position-cache' });
  throw new Error(`bot ${botId}: its fills add up to ${folded}, but bot_state says ${cached}; the rows were changed from outside`);
}

/** Fees in coins once took a position below nothing: what rows of that time hold is the plain sum of all that came and went. */
function withFeesBelowNothing({ fills }: BotRows, instrument: Instrument): string {
  const sum = fills.reduce((held, fill) => {
    const { inBase } = commissionOf(fill, instrument);
    return (fill.side === 'BUY' ? held.plus(fill.quantity) : held.minus(fill.quantity)).minus(inBase);
  }, zero);
  return sum.toFixed();
}

/** A close that was asked for holds until the position that it was about is flat. */
function goingOn(state: TradingState, closing: RequestedClose | null, instrument: Instrument): PendingExit | null {
  if (closing === null || isFlat(state, instrument, state.lastPrice)) return null;
  const { reason, decisionMs, openedAtMs } = closing;
  return openedAtMs === null || openedAtMs === state.position.openedAtMs ? newExit('request', reason, decisionMs) : null;
}

/** A paper bot's stop or target is due at its trigger whoever notices: the candles are judged anew, and tell where. */
function isProtective(kind: ExitKind | null): boolean {
  return kind === 'stop' || kind === 'target';
}

/** Null while the order is not over. */
function outcomeOf({ state, executedQuantity }: StoredOrder): OrderOutcome | null {
  if (!isTerminal(state)) return null;
  if (executedQuantity.gt(0)) return 'filled';
  return state === 'rejected' || state === 'never-placed' ? state : 'unfilled';
}
