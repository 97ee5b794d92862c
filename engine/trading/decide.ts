/**
 * The decision: state and event in, next state and commands out. Pure, so that backtest, paper and live are one code.
 * At most one order is in flight; an exit that was decided holds until the position is flat, however many orders that takes.
 */
import { entryRefusal } from './allowance.ts';
import { quoteText } from './amounts.ts';
import type { Candle } from './candle.ts';
import { inDayOf, withLossJudged, withRealised, withTargetTold } from './day.ts';
import type { BlockingRule, Decision, EntryBlock, PlaceOrder, TradingCommand, TradingConfig, TradingEvent } from './events.ts';
import { afterFailure, exitQuantity, heldUp, newExit, tooLittle } from './exits.ts';
import { foldOn } from './fold.ts';
import { tickOf } from './instrument.ts';
import type { Instrument } from './instrument.ts';
import { pauseOf } from './pause.ts';
import { figuresOf, isFlat } from './position.ts';
import { afterChange, exposureOf, isClear, isDisarmed, withProtection } from './protect.ts';
import { entrySize } from './sizing.ts';
import type { TradingState } from './state.ts';
import { bestAfter, executionAt, protectiveExit, rangeSinceEntry, stopPrice } from './stops.ts';

const noCommands: readonly TradingCommand[] = [];

export function decide(state: TradingState, event: TradingEvent, config: TradingConfig, instrument: Instrument): Decision {
  return withProtection(flattened(decideOrders(state, event, config, instrument), event, instrument), state, event, config, instrument);
}

function decideOrders(state: TradingState, event: TradingEvent, config: TradingConfig, instrument: Instrument): Decision {
  switch (event.type) {
    case 'candle-closed':
      return onClose(state, event, config, instrument);
    case 'price-moved':
      return onPrice(state, event, config, instrument);
    case 'fill-received':
      return onFill(state, event, config, instrument);
    case 'order-ended':
      return onOrderEnded(state, event, instrument);
    case 'entries-blocked':
      return onBlocked(state, event.block);
    case 'entries-unblocked':
      return onUnblocked(state, event.rule, instrument);
    case 'close-requested':
      return onCloseRequested(state, event, config, instrument);
    case 'protection-changed':
      return onProtectionChanged(state, event, config, instrument);
    case 'protection-overdue':
      return onProtectionOverdue(state, event, config, instrument);
    case 'time-passed':
      return exitIfDue(state, instrument, state.lastPrice);
    case 'exit-retry-due':
      return state.exiting === null
        ? nothing(state)
        : exitIfDue({ ...state, exiting: { ...state.exiting, pausing: false } }, instrument, state.lastPrice);
    default:
      return event satisfies never;
  }
}

type EventOf<T extends TradingEvent['type']> = Extract<TradingEvent, { readonly type: T }>;

function nothing(state: TradingState, reason: string | null = null, blockedBy: BlockingRule | null = null): Decision {
  return { state, commands: noCommands, reason, blockedBy };
}

function onClose(before: TradingState, event: EventOf<'candle-closed'>, config: TradingConfig, instrument: Instrument): Decision {
  const { candle, signal } = event;
  if (candle.closeTime < before.lastDecidedMs) return nothing(before);
  const today = inDayOf(before, config, event.atMs);
  const state = checked(
    { ...today, lastPrice: candle.close, lastDecidedMs: candle.closeTime, lastCheckMs: Math.max(today.lastCheckMs, event.atMs) },
    candle,
    config,
    instrument,
    candle.closeTime,
    before.lastCheckMs,
  );
  if (state.exiting !== null) return exitIfDue(state, instrument, candle.close);
  const flat = isFlat(state, instrument, candle.close);
  switch (signal.action) {
    case 'exit':
      // This includes an entry that is still in flight: what it buys is sold as soon as it has ended.
      return flat && state.working?.role !== 'entry'
        ? nothing(state)
        : exitIfDue({ ...state, exiting: newExit('signal', signal.reason, candle.closeTime) }, instrument, candle.close);
    case 'enter-long':
      return enter(state, event, config, instrument);
    case 'enter-short':
      return nothing(state, `no entry: ${signal.reason}, but a spot bot does not go short`, 'direction');
    case 'hold':
      return nothing(state);
    default:
      return signal.action satisfies never;
  }
}

function enter(
  state: TradingState,
  { candle, signal, atMs }: EventOf<'candle-closed'>,
  config: TradingConfig,
  instrument: Instrument,
): Decision {
  // This close was entered on before (a restart asks again).
  if (candle.closeTime <= state.lastEntryMs) return nothing(state);
  const refused = entryRefusal(state, config, instrument, candle.close, atMs);
  if (refused !== null) return nothing(state, `${refused.reason} (${signal.reason})`, refused.rule);
  const size = entrySize(state, config, instrument, candle.close);
  if (!size.ok) return nothing(state, `${size.reason} (${signal.reason})`, size.rule);
  const command: PlaceOrder = {
    type: 'place-order',
    role: 'entry',
    exitKind: null,
    side: 'BUY',
    orderType: 'MARKET',
    quantity: size.quantity,
    referencePrice: candle.close,
    triggerPrice: null,
    decisionMs: candle.closeTime,
    reason: signal.reason,
  };
  const next: TradingState = {
    ...state,
    working: { role: 'entry', decisionMs: candle.closeTime },
    lastEntryMs: candle.closeTime,
    day: { ...state.day, entries: state.day.entries + 1 },
  };
  return { state: next, commands: [command], reason: signal.reason, blockedBy: null };
}

function onPrice(before: TradingState, event: EventOf<'price-moved'>, config: TradingConfig, instrument: Instrument): Decision {
  const { candle, atMs } = event;
  if (before.exiting !== null && before.working === null)
    return exitIfDue({ ...before, lastPrice: candle.close }, instrument, candle.close);
  if (atMs - before.lastCheckMs < config.checkIntervalMs) return nothing(before);
  const today = inDayOf(before, config, atMs);
  const state = checked(
    { ...today, lastPrice: candle.close, lastCheckMs: atMs },
    candle,
    config,
    instrument,
    Math.floor(atMs),
    before.lastCheckMs,
  );
  return state.exiting === null ? nothing(state) : exitIfDue(state, instrument, candle.close);
}

/** Follows the best price and tests stop, target and the day's loss; sets `exiting` when one is reached. */
function checked(
  state: TradingState,
  candle: Candle,
  config: TradingConfig,
  instrument: Instrument,
  decisionMs: number,
  lastCheckMs: number,
): TradingState {
  const judged = withLossJudged(state, config, instrument, candle.close, decisionMs);
  if (isFlat(judged, instrument, candle.close)) return Number.isNaN(judged.bestPrice) ? judged : { ...judged, bestPrice: Number.NaN };
  const range = rangeSinceEntry(candle, judged.position.openedAtMs);
  const bestPrice = range === null ? judged.bestPrice : bestAfter(judged.bestPrice, range);
  const followed = bestPrice === judged.bestPrice ? judged : { ...judged, bestPrice };
  const held = noticeOverrun(followed, candle.close);
  if (held.exiting !== null) return held;
  const { averagePrice } = figuresOf(held.position, instrument);
  const due =
    range === null || isDisarmed(held)
      ? null
      : protectiveExit(config, averagePrice, bestPrice, range, held.protection.resting, tickOf(instrument));
  if (due !== null) {
    // Only at the first look at a candle it can have opened beyond the level: after a later look the bot would have left already.
    const opened = range === candle && lastCheckMs < candle.openTime;
    const triggerPrice = opened
      ? executionAt(due, candle.open, stopPrice(config, averagePrice, judged.bestPrice, tickOf(instrument)))
      : due.price;
    return { ...held, exiting: newExit(due.kind, due.reason, decisionMs, triggerPrice) };
  }
  if (!held.day.lossReached) return held;
  const reason = `the day's loss reached ${config.maxDailyLossPercent ?? 0} % of ${quoteText(held.day.startEquity, instrument)}`;
  return { ...held, exiting: newExit('daily-loss', reason, decisionMs) };
}

/** At such a price the exchange executes its stop; when it does not, the engine sells after a while. */
function noticeOverrun(state: TradingState, price: number): TradingState {
  const { protection } = state;
  const stop = protection.resting?.stopPrice ?? null;
  if (protection.overrun || stop === null || price > stop.toNumber()) return state;
  return { ...state, protection: { ...protection, overrun: true } };
}

/**
 * Places the exit that is decided unless an order is in flight (it is placed when that has ended), it is pausing, or the coins
 * are still bound in orders at the exchange, which are cancelled first.
 */
function exitIfDue(state: TradingState, instrument: Instrument, price: number): Decision {
  const { exiting } = state;
  if (exiting === null || state.working !== null || exiting.pausing) return nothing(state);
  if (isFlat(state, instrument, price)) return nothing({ ...state, exiting: null });
  // Nothing can be sold now: what rests stays, and the exit goes on when the exchange accepts it.
  const pause = pauseOf(instrument);
  const why = pause ?? heldUp(state.position, instrument, price);
  if (why !== null) return nothing(state, `${why}; the exit waits (${exiting.reason})`);
  if (!isClear(state.protection)) return nothing(state, exiting.reason);
  const command: PlaceOrder = {
    type: 'place-order',
    role: 'exit',
    exitKind: exiting.kind,
    side: 'SELL',
    orderType: 'MARKET',
    quantity: exitQuantity(exiting, state.position, instrument, price),
    referencePrice: price,
    triggerPrice: exiting.triggerPrice,
    decisionMs: exiting.decisionMs,
    reason: exiting.reason,
  };
  return {
    state: { ...state, working: { role: 'exit', decisionMs: exiting.decisionMs } },
    commands: [command],
    reason: exiting.reason,
    blockedBy: null,
  };
}

function onProtectionChanged(
  before: TradingState,
  event: EventOf<'protection-changed'>,
  config: TradingConfig,
  instrument: Instrument,
): Decision {
  const state = { ...before, protection: afterChange(before.protection, event) };
  if (isFlat(state, instrument, state.lastPrice)) return nothing({ ...state, exiting: state.working === null ? null : state.exiting });
  // It was to be sold for want of a stop, and has not been: a filter may have forbidden that for a while. Now a stop rests.
  const { exiting } = state;
  const forWantOfAStop = exiting?.kind === 'unprotected' && exiting.requested === null && state.working === null && event.settled;
  if (forWantOfAStop && exposureOf(state, config, instrument) === 'protected')
    return nothing({ ...state, exiting: null }, 'a stop rests at the exchange again: the position is kept');
  // When the stop that should have been replaced still rests, it stays; `exposureOf` says whether it is enough.
  const refused = event.resting !== null && event.resting.stopPrice !== null ? null : event.refused;
  if (refused === null || state.exiting !== null || isDisarmed(state)) return exitIfDue(state, instrument, state.lastPrice);
  const reason = `the exchange refused the stop (${refused}): the position is closed`;
  return exitIfDue({ ...state, exiting: newExit('unprotected', reason, Math.floor(event.atMs)) }, instrument, state.lastPrice);
}

function onProtectionOverdue(
  state: TradingState,
  event: EventOf<'protection-overdue'>,
  config: TradingConfig,
  instrument: Instrument,
): Decision {
  const exposure = exposureOf(state, config, instrument);
  if (pauseOf(instrument) !== null) return nothing(state);
  if (state.exiting !== null || (exposure !== 'bare' && exposure !== 'overrun')) return nothing(state);
  const reason =
    exposure === 'bare'
      ? 'no stop rests at the exchange, which was asked twice: the position is closed'
      : 'the price is beyond the stop and the exchange has not executed it in time: the position is closed';
  const kind = exposure === 'bare' ? 'unprotected' : 'stop';
  return exitIfDue({ ...state, exiting: newExit(kind, reason, Math.floor(event.atMs)) }, instrument, state.lastPrice);
}

function onFill(before: TradingState, event: EventOf<'fill-received'>, config: TradingConfig, instrument: Instrument): Decision {
  const { fill } = event;
  const state = inDayOf(before, config, event.atMs);
  const { folded, realisedPnl } = foldOn(state, fill, instrument);
  const { position } = folded;
  const price = fill.price.toNumber();
  const flat = isFlat({ position, protection: state.protection }, instrument, price);
  const day = withRealised(state.day, fill, realisedPnl, config);
  return nothing({
    ...state,
    ...folded,
    day,
    notices: withTargetTold(state.notices, day, fill.atMs, instrument),
    bestPrice: flat
      ? Number.NaN
      : Number.isNaN(state.bestPrice) || position.openedAtMs !== state.position.openedAtMs
        ? price
        : state.bestPrice,
    lastPrice: Number.isNaN(state.lastPrice) ? price : state.lastPrice,
  });
}

function onOrderEnded(before: TradingState, event: EventOf<'order-ended'>, instrument: Instrument): Decision {
  const ended = before.working?.role === event.role ? { ...before, working: null } : before;
  const rule = event.rule ?? null;
  const reason =
    event.outcome === 'filled' ? null : rule !== null ? event.reason : `the ${event.role} order was not filled: ${event.reason}`;
  if (event.role === 'entry') {
    const state =
      event.outcome === 'filled' || before.working?.role !== 'entry'
        ? ended
        : withoutEntry(ended, before.working.decisionMs, event.outcome === 'never-placed');
    return state.exiting === null ? nothing(state, reason, rule) : exitIfDue(state, instrument, state.lastPrice);
  }
  if (isFlat(ended, instrument, ended.lastPrice)) return nothing({ ...ended, exiting: null }, reason);
  if (ended.exiting === null) return nothing(ended, reason);
  // Something was sold and something is left: the rest follows at once.
  return event.outcome === 'filled'
    ? exitIfDue(
        { ...ended, exiting: newExit(ended.exiting.kind, ended.exiting.reason, ended.exiting.decisionMs, ended.exiting.triggerPrice) },
        instrument,
        ended.lastPrice,
      )
    : nothing(
        { ...ended, exiting: afterFailure(ended.exiting, event.outcome, event.available ?? null) },
        event.available === undefined ? reason : tooLittle(ended.position, event.available, instrument, event.reason),
        rule,
      );
}

/** An entry that bought nothing does not count; when it never reached the exchange, its close may be decided on again. */
function withoutEntry(state: TradingState, decisionMs: number, mayRepeat: boolean): TradingState {
  return {
    ...state,
    // After midnight the count begins at 0 again.
    day: { ...state.day, entries: Math.max(0, state.day.entries - 1) },
    lastEntryMs: mayRepeat ? Math.min(state.lastEntryMs, decisionMs - 1) : state.lastEntryMs,
  };
}

function onBlocked(state: TradingState, block: EntryBlock): Decision {
  const standing = state.blocks.find((known) => known.rule === block.rule);
  if (standing?.reason === block.reason && standing.policy === block.policy) return nothing(state);
  const others = state.blocks.filter((known) => known.rule !== block.rule);
  // The status shows the first block. A symbol that does not trade has no fresh candles either: the cause is put first.
  const first = block.rule === 'kill-switch' || (block.rule === 'symbol-not-trading' && others[0]?.rule !== 'kill-switch');
  const blocks = first ? [block, ...others] : [...others, block];
  return nothing({ ...state, blocks }, `entries are closed: ${block.reason}`);
}

/** A flattening kill switch asks for it as long as it is in force: coins that turn up later are sold, too. */
function flattened(decision: Decision, event: TradingEvent, instrument: Instrument): Decision {
  const { state } = decision;
  const flatten = state.blocks.find((block) => block.policy === 'flatten');
  // Several fills may come one after the other; the event after the last of them is no fill.
  if (flatten === undefined || state.exiting !== null || event.type === 'fill-received') return decision;
  if (state.working?.role !== 'entry' && isFlat(state, instrument, state.lastPrice)) return decision;
  return exitIfDue({ ...state, exiting: newExit('request', flatten.reason, Math.floor(event.atMs)) }, instrument, state.lastPrice);
}

function onUnblocked(before: TradingState, rule: EntryBlock['rule'], instrument: Instrument): Decision {
  if (!before.blocks.some((block) => block.rule === rule)) return nothing(before);
  const state = { ...before, blocks: before.blocks.filter((block) => block.rule !== rule) };
  // An exit that waited for the symbol to trade again goes on.
  if (rule !== 'symbol-not-trading') return nothing(state);
  const going = exitIfDue(state, instrument, state.lastPrice);
  return going.reason === null ? { ...going, reason: `${instrument.symbol} trades at the exchange again` } : going;
}

function onCloseRequested(
  before: TradingState,
  event: EventOf<'close-requested'>,
  config: TradingConfig,
  instrument: Instrument,
): Decision {
  const state = inDayOf(before, config, event.atMs);
  const entering = state.working?.role === 'entry';
  if (!entering && isFlat(state, instrument, state.lastPrice)) return nothing(state, `${event.reason}: there is no position to close`);
  // What it is closed for may come to nothing (a stop rests again, a price is back after a restart): the request does not.
  if (state.exiting !== null) {
    const exiting = { ...state.exiting, requested: state.exiting.requested ?? event.reason };
    return nothing({ ...state, exiting }, `${event.reason}: the position is being closed already`);
  }
  return exitIfDue(
    { ...state, exiting: newExit(event.kind ?? 'request', event.reason, Math.floor(event.atMs)) },
    instrument,
    state.lastPrice,
  );
}
