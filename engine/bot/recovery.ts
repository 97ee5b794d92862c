/** What a bot begins with: the state that its rows add up to, and from where the next recovery may read them. */
import { outcomeOf } from '../orders/evidence.ts';
import type { Metrics } from '../observe/metrics.ts';
import { lastKnownPrice } from '../persistence/bot-rows.ts';
import type { BotRows } from '../persistence/bot-rows.ts';
import { isTerminal } from '../persistence/order-store.ts';
import type { Checkpoint, RequestedClose } from '../persistence/state-data.ts';
import { midnightBefore } from '../trading/day.ts';
import type { EntryBlock, ExitKind, TradingConfig } from '../trading/events.ts';
import { newExit } from '../trading/exits.ts';
import { foldBehind, nothingFolded } from '../trading/fold.ts';
import type { Instrument } from '../trading/instrument.ts';
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

export interface Recovered {
  readonly state: TradingState;
  /** To be written; null when there is none beyond the one that was read. */
  readonly checkpoint: Checkpoint | null;
}

/** Throws when the rows contradict each other. */
export function recover({ botId, rows, config, instrument, killed, blocks, atMs, metrics }: Recovery): Recovered {
  const { day, notices, bestPrice, heldReason, pausedReason, closing, position } = rows.stateData;
  const restored = restoreState(config, instrument, {
    folded: rows.stateData.checkpoint?.folded ?? nothingFolded,
    fills: rows.fills,
    opening: { openedAtMs: position.openedAtMs, openedUnder: position.openedUnder },
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
      outcome: isTerminal(order.state) ? outcomeOf(order.state, order.executedQuantity.gt(0)) : null,
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
  const state = { ...restored, exiting: withRequest(anew ? null : restored.exiting, goingOn(restored, closing, instrument)) };
  const [folded, cached] = [state.position.quantity.toFixed(), position.quantity.toFixed()];
  if (folded === cached) return { state, checkpoint: nextCheckpoint(rows, instrument, atMs) };
  if (cached === withFeesBelowNothing(rows, instrument)) return { state, checkpoint: null };
  metrics.reconcileDrift.inc({ kind: 'position-cache' });
  throw new Error(`bot ${botId}: its fills add up to ${folded}, but bot_state says ${cached}; the rows were changed from outside`);
}

/** Fills of days that are over, before the position that is held: what they add up to is all that anybody needs of them. */
function nextCheckpoint({ fills, orders, stateData }: BotRows, instrument: Instrument, atMs: number): Checkpoint | null {
  const { checkpoint, position } = stateData;
  const behind = foldBehind({
    before: checkpoint?.folded ?? nothingFolded,
    fills,
    instrument,
    neededFromMs: Math.min(midnightBefore(atMs), position.openedAtMs ?? Number.POSITIVE_INFINITY),
    open: new Set(orders.filter(({ state }) => !isTerminal(state)).map(({ clientOrderId }) => clientOrderId)),
  });
  const last = behind === null ? undefined : fills[behind.count - 1];
  return behind === null || last === undefined ? null : { throughFillId: last.id, folded: behind.folded };
}

/** Earlier engines let a fee in coins make a position negative: their rows hold the plain sum of what was bought, sold and paid. */
function withFeesBelowNothing({ fills, stateData }: BotRows, instrument: Instrument): string {
  const sum = fills.reduce(
    (held, fill) => {
      const { inBase } = commissionOf(fill, instrument);
      return (fill.side === 'BUY' ? held.plus(fill.quantity) : held.minus(fill.quantity)).minus(inBase);
    },
    (stateData.checkpoint?.folded ?? nothingFolded).position.quantity,
  );
  return sum.toFixed();
}

/** A close that was asked for holds until the position that it was about is flat, also while it is not known yet what became of its entry. */
function goingOn(state: TradingState, closing: RequestedClose | null, instrument: Instrument): PendingExit | null {
  const entering = state.working?.role === 'entry';
  if (closing === null || (!entering && isFlat(state, instrument, state.lastPrice))) return null;
  const { reason, decisionMs, openedAtMs } = closing;
  return openedAtMs === null || openedAtMs === state.position.openedAtMs ? newExit('request', reason, decisionMs) : null;
}

/** The exit whose order its rows tell of, asked for or not. */
function withRequest(exiting: PendingExit | null, asked: PendingExit | null): PendingExit | null {
  return exiting === null || asked === null ? (exiting ?? asked) : { ...exiting, requested: asked.requested };
}

/** A paper bot's stop or target executes at its trigger: the missed candles are judged again, and say where that was. */
function isProtective(kind: ExitKind | null): boolean {
  return kind === 'stop' || kind === 'target';
}
