/**
 * Stops and targets that rest at the exchange: what a state wants there, whether what rests is good enough, and the one
 * operation that brings them together. A stop never loosens, and what rests never exceeds what is held.
 */
import type { Decimal } from 'decimal.js';
import type { CancelProtection, Decision, ProtectionPlan, StopKeeper, TradingCommand, TradingConfig, TradingEvent } from './events.ts';
import { ceilToStep, exact, floorToStep } from './exact.ts';
import { brokenFilter } from './filters.ts';
import type { FilterSubject } from './filters.ts';
import type { Instrument } from './instrument.ts';
import { pauseOf } from './pause.ts';
import { figuresOf, isFlat, sellableQuantity } from './position.ts';
import { boundsAround } from './recent-prices.ts';
import type { Protection, RestingProtection, TradingState } from './state.ts';
import { stopPrice, targetPrice } from './stops.ts';

export const noProtection: Protection = {
  resting: null,
  operation: null,
  unresolved: false,
  waits: false,
  tightest: null,
  overrun: false,
  decisionMs: 0,
};

/** Who keeps the stops of this bot on this symbol. */
export function stopKeeper(config: TradingConfig, instrument: Instrument): StopKeeper {
  return config.stops === 'exchange' && stopTypeOf(instrument) !== null ? 'exchange' : 'engine';
}

export function hasStop(config: TradingConfig): boolean {
  return config.stopLossPercent !== null || (config.trailingStopActive && config.trailingStopPercent !== null);
}

/** How many orders, orders that wait for a trigger, and lists. */
export interface RestingOrders {
  readonly orders: number;
  readonly algoOrders: number;
  readonly lists: number;
}

/** What rests at the exchange while the bot has a position, at most. */
export function restingOrders(config: TradingConfig, instrument: Instrument): RestingOrders {
  if (!hasStop(config) || stopKeeper(config, instrument) === 'engine') return { orders: 0, algoOrders: 0, lists: 0 };
  const pair = config.takeProfitPercent !== null && takesPairs(instrument);
  return pair ? { orders: 2, algoOrders: 1, lists: 1 } : { orders: 1, algoOrders: 1, lists: 0 };
}

/** A target rests beside the stop, and one cancels the other. */
function takesPairs({ ocoAllowed, orderTypes }: Instrument): boolean {
  return ocoAllowed && orderTypes.includes('LIMIT_MAKER');
}

function stopTypeOf({ orderTypes }: Instrument): ProtectionPlan['stopType'] | null {
  return orderTypes.includes('STOP_LOSS') ? 'STOP_LOSS' : orderTypes.includes('STOP_LOSS_LIMIT') ? 'STOP_LOSS_LIMIT' : null;
}

/** A stop that becomes a limit order sells down to this share below its trigger. */
const limitOffsetShare = 0.005;

/**
 * What shall rest at the exchange. Null when nothing shall: flat, no stop set (a target alone protects nothing and stays in the
 * engine), stops kept by the engine, or a position whose stop the exchange's filters do not let rest (its worth, its price): the
 * engine keeps that one until they do.
 */
export function plannedProtection(state: TradingState, config: TradingConfig, instrument: Instrument): ProtectionPlan | null {
  const stop = plannedStop(state, config, instrument);
  return stop === null ? null : { ...stop, targetPrice: plannedTarget(stop.quantity, state, config, instrument) };
}

/** The stop's part of it: whether one shall rest does not depend on the target. */
function plannedStop(state: TradingState, config: TradingConfig, instrument: Instrument): Omit<ProtectionPlan, 'targetPrice'> | null {
  if (config.stops === 'engine') return null;
  const stopType = stopTypeOf(instrument);
  if (stopType === null || isFlat(state.position, instrument, state.lastPrice)) return null;
  const { averagePrice } = figuresOf(state.position, instrument);
  const wanted = stopPrice(config, averagePrice, state.bestPrice);
  if (!(wanted > 0)) return null;
  const { tick } = instrument.price;
  const rounded = ceilToStep(exactPrice(wanted), tick);
  const { tightest } = state.protection;
  const stop = tightest !== null && tightest.gt(rounded) ? tightest : rounded;
  const limitPrice = stopType === 'STOP_LOSS' ? null : stopLimit(stop, state.lastPrice, instrument);
  const quantity = sellableQuantity(state.position, instrument);
  if (
    instrument.notional !== null &&
    exact(quantity)
      .times(limitPrice ?? stop)
      .lt(instrument.notional.min)
  )
    return null;
  const { resting } = state.protection;
  // What rests was judged when it was placed; what does not rest must keep the filters as they are now.
  if (
    (resting === null || resting.stopPrice === null) &&
    !mayRest({ type: stopType, quantity, price: limitPrice, stopPrice: stop }, state, instrument)
  )
    return null;
  return { quantity, stopType, stopPrice: stop, limitPrice };
}

/** Null for a target that stays in the engine: none is set, the symbol takes no pairs, or the price is beyond what the filters allow so far. */
function plannedTarget(quantity: Decimal, state: TradingState, config: TradingConfig, instrument: Instrument): Decimal | null {
  const target = targetPrice(config, figuresOf(state.position, instrument).averagePrice);
  if (!Number.isFinite(target) || !takesPairs(instrument)) return null;
  const price = ceilToStep(exactPrice(target), instrument.price.tick);
  const rests = state.protection.resting?.targetPrice?.eq(price) === true;
  return rests || mayRest({ type: 'LIMIT_MAKER', quantity, price, stopPrice: null }, state, instrument) ? price : null;
}

/** Below the trigger, but not below the lowest price that PERCENT_PRICE allows; that lowest one never above the trigger. */
function stopLimit(stop: Decimal, lastPrice: number, instrument: Instrument): Decimal {
  const { price, percentPrice } = instrument;
  const wanted = floorToStep(exact(stop).times(1 - limitOffsetShare), price.tick);
  const around = boundsAround(lastPrice);
  if (percentPrice === null || around === null) return wanted;
  const lowest = ceilToStep(exact(around.high).times(percentPrice.askDown), price.tick);
  return lowest.gt(wanted) && lowest.lte(stop) ? lowest : wanted;
}

/** Whether the exchange would let it rest, wherever its average price lies around the last price. Otherwise the engine keeps it. */
function mayRest(
  order: Pick<FilterSubject, 'type' | 'quantity' | 'price' | 'stopPrice'>,
  { lastPrice }: TradingState,
  instrument: Instrument,
): boolean {
  const subject: FilterSubject = { ...order, side: 'SELL', trailingDelta: null, quoteQuantity: null };
  if ([order.price, order.stopPrice].some((price) => price !== null && (price.lte(0) || price.decimalPlaces() > instrument.quotePrecision)))
    return false;
  return brokenFilter(instrument, subject, { averagePrice: () => boundsAround(lastPrice) }) === null;
}

/** A float price without the noise of its arithmetic. */
function exactPrice(price: number): Decimal {
  return exact(price.toPrecision(12));
}

export function isClear(protection: Protection): boolean {
  return protection.resting === null && protection.operation === null;
}

/** A kill switch keeps stops and targets down, those of the exchange and those of the engine. */
export function isDisarmed({ blocks }: Pick<TradingState, 'blocks'>): boolean {
  return blocks.some((block) => block.policy === 'cancel');
}

/**
 * `bare`: the stop that shall rest does not, or covers too little. `overrun`: the price is beyond it and nothing was executed.
 * `disarmed`: a kill switch keeps it down.
 */
export type Exposure = 'none' | 'protected' | 'bare' | 'overrun' | 'disarmed';

export function exposureOf(state: TradingState, config: TradingConfig, instrument: Instrument): Exposure {
  const plan = plannedStop(state, config, instrument);
  // While the symbol does not trade nobody can put up anything, nor sell.
  if (plan === null || pauseOf(instrument) !== null) return 'none';
  if (isDisarmed(state)) return 'disarmed';
  const { resting, overrun } = state.protection;
  if (resting === null || resting.stopPrice === null || resting.quantity.lt(plan.quantity)) return 'bare';
  return overrun ? 'overrun' : 'protected';
}

/** Adds the operation on the protection that the decided state asks for; at most one is under way. */
export function withProtection(
  decision: Decision,
  before: TradingState,
  event: TradingEvent,
  config: TradingConfig,
  instrument: Instrument,
): Decision {
  const { state } = decision;
  if (event.type === 'fill-received' || (state === before && event.type !== 'time-passed')) return decision;
  const { protection } = state;
  const disarmed = isDisarmed(state);
  // The exchange would refuse it; what rests is not taken down either, for it works again when the symbol trades: unless a kill
  // switch wants it down and the exchange takes cancels.
  if (pauseOf(instrument) !== null && !(disarmed && instrument.status === 'CANCEL_ONLY')) return decision;
  const plan = state.exiting === null && !disarmed ? plannedProtection(state, config, instrument) : null;
  if (plan === null) {
    if (!isClear(protection)) {
      // An order whose fate is open is taken down at once only where its coins are needed: its sibling may just have ended it.
      const openFate = state.exiting === null && protection.resting === null;
      // There was no room for the order that sells: what rests stays until that is tried again.
      const noRoom = state.exiting?.pausing === true && protection.resting !== null && !disarmed;
      if (protection.operation === 'cancel' || openFate || noRoom) return decision;
      return disarmed
        ? cancel(decision, 'a kill switch keeps it down', null)
        : cancel(decision, 'the position is closed or being closed', state.exiting === null ? null : 'exit');
    }
    const fresh = protection.tightest === null && !protection.waits && !protection.overrun;
    if (fresh || !isFlat(state.position, instrument, state.lastPrice)) return decision;
    return {
      ...decision,
      state: { ...state, protection: { ...noProtection, unresolved: protection.unresolved, decisionMs: protection.decisionMs } },
    };
  }
  // Nothing is tried again in the same breath in which it failed.
  const mayTry = !protection.waits || event.type !== 'protection-changed';
  if (protection.operation !== null || protection.unresolved || !mayTry) return decision;
  const { resting } = protection;
  if (resting === null) return put(decision, 'place', plan, event.atMs);
  if (!differs(resting, plan) && !followsUp(resting, plan, state, event.atMs, config, instrument)) return decision;
  return resting.stopPrice !== null && resting.targetPrice === null && plan.targetPrice === null && instrument.cancelReplaceAllowed
    ? put(decision, 'replace', plan, event.atMs)
    : cancel(decision, 'what protects the position is placed anew', 'protect');
}

function differs(resting: RestingProtection, plan: ProtectionPlan): boolean {
  if (resting.stopPrice === null || !resting.quantity.eq(plan.quantity)) return true;
  return resting.targetPrice === null || plan.targetPrice === null
    ? resting.targetPrice !== plan.targetPrice
    : !resting.targetPrice.eq(plan.targetPrice);
}

/** A tighter stop is worth an operation from this many ticks, and from this share of the trailing distance on. */
const leastTicks = 3;
const leastTrailingShare = 0.1;

function followsUp(
  resting: RestingProtection,
  plan: ProtectionPlan,
  state: TradingState,
  atMs: number,
  config: TradingConfig,
  instrument: Instrument,
): boolean {
  if (resting.stopPrice === null || atMs - state.protection.decisionMs < config.checkIntervalMs) return false;
  const tighterBy = exact(plan.stopPrice).minus(resting.stopPrice).toNumber();
  const distance = config.trailingStopActive ? (state.bestPrice * (config.trailingStopPercent ?? 0)) / 100 : 0;
  const least = Math.max(leastTicks * instrument.price.tick.toNumber(), Number.isNaN(distance) ? 0 : distance * leastTrailingShare);
  return tighterBy > 0 && tighterBy >= least;
}

function put(decision: Decision, kind: 'place' | 'replace', plan: ProtectionPlan, atMs: number): Decision {
  const { state } = decision;
  const decisionMs = Math.max(state.protection.decisionMs, Math.floor(atMs));
  const target = plan.targetPrice === null ? '' : `, take-profit at ${plan.targetPrice.toFixed()}`;
  return issue(
    decision,
    { ...state.protection, operation: kind, waits: false, decisionMs },
    {
      type: kind === 'place' ? 'place-protection' : 'replace-protection',
      plan,
      referencePrice: Number.isNaN(state.lastPrice) ? plan.stopPrice.toNumber() : state.lastPrice,
      decisionMs,
      reason: `stop at ${plan.stopPrice.toFixed()}${target}`,
    },
  );
}

function cancel(decision: Decision, reason: string, follows: CancelProtection['follows']): Decision {
  const protection: Protection = { ...decision.state.protection, operation: 'cancel', waits: false };
  return issue(decision, protection, { type: 'cancel-protection', follows, reason });
}

function issue(decision: Decision, protection: Protection, command: TradingCommand): Decision {
  return { ...decision, state: { ...decision.state, protection }, commands: [...decision.commands, command] };
}

/** The protection after the exchange's side of it was told. */
export function afterChange(before: Protection, event: Extract<TradingEvent, { readonly type: 'protection-changed' }>): Protection {
  const { resting, settled, unresolved } = event;
  const same = sameOrders(before.resting, resting);
  const inVain =
    (before.operation === 'place' && resting === null) ||
    (before.operation === 'replace' && same) ||
    (before.operation === 'cancel' && same && resting !== null);
  const stop = resting?.stopPrice ?? null;
  return {
    ...before,
    resting: same ? before.resting : resting,
    // What is open although nothing was asked for was left by an earlier owner.
    operation: settled ? null : (before.operation ?? 'place'),
    unresolved,
    waits: settled && before.operation !== null ? inVain : before.waits,
    tightest: stop !== null && (before.tightest === null || stop.gt(before.tightest)) ? stop : before.tightest,
    overrun: same && before.overrun,
  };
}

function sameOrders(a: RestingProtection | null, b: RestingProtection | null): boolean {
  if (a === null || b === null) return a === b;
  const same = (one: Decimal | null, other: Decimal | null): boolean => (one === null || other === null ? one === other : one.eq(other));
  return a.quantity.eq(b.quantity) && same(a.stopPrice, b.stopPrice) && same(a.targetPrice, b.targetPrice);
}
