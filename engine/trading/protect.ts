/**
 * Stops and targets that rest at the exchange: what a state wants there, whether what rests is good enough, and the one
 * operation that is needed next. A stop never loosens, and what rests never exceeds what is held. Changed filters of the exchange are no
 * reason to replace what rests: it stays valid, and a new order might be refused.
 */
import { Decimal } from 'decimal.js';
import type { CancelProtection, Decision, ProtectionPlan, StopKeeper, TradingCommand, TradingConfig, TradingEvent } from './events.ts';
import { ceilToStep, exact, floorToStep } from './exact.ts';
import { brokenFilter } from './filters.ts';
import type { FilterSubject } from './filters.ts';
import { tickOf } from './instrument.ts';
import type { FilterName, Instrument } from './instrument.ts';
import { pauseOf } from './pause.ts';
import { exitQuantity, heldUp } from './exits.ts';
import { figuresOf, isFlat, sellableQuantity } from './position.ts';
import { boundsAround } from './recent-prices.ts';
import type { PlannedFor, Protection, RestingProtection, TradingState } from './state.ts';
import { exactPrice, stopOnTick, stopPrice, targetPrice } from './stops.ts';

export const noProtection: Protection = {
  resting: null,
  operation: null,
  unresolved: false,
  waits: false,
  tightest: null,
  plannedFor: null,
  overrun: false,
  decisionMs: 0,
};

/** Who watches the stops of this bot on this symbol. */
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

/** Whether a stop should rest at the exchange: not while flat, not without a stop column (a target alone protects nothing), not when the engine watches stops. */
function wantsStop(state: TradingState, config: TradingConfig, instrument: Instrument): boolean {
  if (config.stops === 'engine' || isFlat(state, instrument, state.lastPrice)) return false;
  return stopPrice(config, figuresOf(state.position, instrument).averagePrice, state.bestPrice, tickOf(instrument)) > 0;
}

/**
 * What would be placed at the exchange now. Null when nothing should rest, and when the exchange's filters forbid it (worth, price, type):
 * then what rests stays, and the engine watches a stop that does not rest.
 */
export function plannedProtection(state: TradingState, config: TradingConfig, instrument: Instrument): ProtectionPlan | null {
  const stop = plannedStop(state, config, instrument);
  return stop === null ? null : { ...stop, targetPrice: plannedTarget(stop.quantity, state, config, instrument) };
}

/** The stop's part of it: whether one shall rest does not depend on the target. */
function plannedStop(state: TradingState, config: TradingConfig, instrument: Instrument): StopPlan | null {
  const stop = wantsStop(state, config, instrument) ? stopOf(state, config, instrument) : null;
  return stop === null || brokenByStop(stop, state, instrument) !== null ? null : stop;
}

type StopPlan = Omit<ProtectionPlan, 'targetPrice'>;

/** Before the filters of worth and price are asked; null where the symbol takes no stops. */
function stopOf(state: TradingState, config: TradingConfig, instrument: Instrument): StopPlan | null {
  const stopType = stopTypeOf(instrument);
  const { averagePrice } = figuresOf(state.position, instrument);
  const rounded = stopOnTick(config, averagePrice, state.bestPrice, instrument.price.tick);
  if (stopType === null || rounded === null) return null;
  const { tightest } = state.protection;
  // The tick may have changed since.
  const kept = tightest === null ? rounded : floorToStep(tightest, instrument.price.tick);
  const stop = kept.gt(rounded) ? kept : rounded;
  const limitPrice = stopType === 'STOP_LOSS' ? null : stopLimit(stop, state.lastPrice, instrument);
  return { quantity: sellableQuantity(state.position, instrument), stopType, stopPrice: stop, limitPrice };
}

function brokenByStop(
  { quantity, stopType, stopPrice: stop, limitPrice }: StopPlan,
  state: TradingState,
  instrument: Instrument,
): FilterName | null {
  const { notional } = instrument;
  const broken = brokenByRest({ type: stopType, quantity, price: limitPrice, stopPrice: stop }, state, instrument);
  if (broken !== null || notional === null) return broken;
  const worth = exact(quantity).times(limitPrice ?? stop);
  return worth.gte(notional.min) ? null : notional.max === null ? 'MIN_NOTIONAL' : 'NOTIONAL';
}

/** Null when no target is placed: none is set, or the engine watches it because the symbol takes no pairs or the filters forbid its price. */
function plannedTarget(quantity: Decimal, state: TradingState, config: TradingConfig, instrument: Instrument): Decimal | null {
  const target = targetPrice(config, figuresOf(state.position, instrument).averagePrice, tickOf(instrument));
  if (!Number.isFinite(target) || !takesPairs(instrument)) return null;
  const price = ceilToStep(exactPrice(target), instrument.price.tick);
  const rests = state.protection.resting?.targetPrice?.eq(price) === true;
  return rests || brokenByRest({ type: 'LIMIT_MAKER', quantity, price, stopPrice: null }, state, instrument) === null ? price : null;
}

/** Whatever the tick. */
function wantedTarget({ position }: TradingState, config: TradingConfig, instrument: Instrument): number {
  return targetPrice(config, figuresOf(position, instrument).averagePrice, 0);
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

/**
 * The filter that would refuse it, for any average price that is possible around the last price. When a stop rests already, filters that
 * depend on the average are not asked: they decide whether the engine watches the stop, not whether a resting one may move.
 */
function brokenByRest(
  order: Pick<FilterSubject, 'type' | 'quantity' | 'price' | 'stopPrice'>,
  { lastPrice, protection }: TradingState,
  instrument: Instrument,
): FilterName | null {
  const subject: FilterSubject = { ...order, side: 'SELL', trailingDelta: null, quoteQuantity: null };
  if ([order.price, order.stopPrice].some((price) => price !== null && (price.lte(0) || price.decimalPlaces() > instrument.quotePrecision)))
    return 'PRICE_FILTER';
  const moves = order.type !== 'LIMIT_MAKER' && protection.resting !== null && protection.resting.stopPrice !== null;
  return brokenFilter(instrument, subject, { averagePrice: () => (moves ? null : boundsAround(lastPrice)) });
}

export function isClear(protection: Protection): boolean {
  return protection.resting === null && protection.operation === null;
}

/** A kill switch forbids stops and targets, at the exchange and in the engine. */
export function isDisarmed({ blocks }: Pick<TradingState, 'blocks'>): boolean {
  return blocks.some((block) => block.policy === 'cancel');
}

/**
 * `bare`: the stop that should rest does not, or covers too little. `overrun`: the price is beyond the stop and it was not executed.
 * `disarmed`: a kill switch forbids it.
 */
export type Exposure = 'none' | 'protected' | 'bare' | 'overrun' | 'disarmed';

export function exposureOf(state: TradingState, config: TradingConfig, instrument: Instrument): Exposure {
  // While the symbol does not trade nothing can be placed or sold.
  if (!wantsStop(state, config, instrument) || pauseOf(instrument) !== null) return 'none';
  const plan = plannedStop(state, config, instrument);
  const { resting, overrun } = state.protection;
  const stopRests = resting !== null && resting.stopPrice !== null;
  if (plan === null && !stopRests) return 'none';
  if (isDisarmed(state)) return 'disarmed';
  if (!stopRests || (plan !== null && coversTooLittle(resting, plan, state))) return 'bare';
  return overrun ? 'overrun' : 'protected';
}

/**
 * More is held than when the stop was placed. What the step left uncovered then does not count: a finer step is no reason to replace it.
 */
function coversTooLittle(
  resting: RestingProtection,
  plan: Pick<ProtectionPlan, 'quantity'>,
  { position, protection }: TradingState,
): boolean {
  const { plannedFor } = protection;
  if (resting.quantity.gte(plan.quantity)) return false;
  return plannedFor === null || exact(position.quantity).minus(resting.quantity).gt(plannedFor.uncovered);
}

/** What a filter of the exchange keeps from being done for a position, in the trader's words; null when none does. */
export function filterNote(state: TradingState, config: TradingConfig, instrument: Instrument): string | null {
  if (isFlat(state, instrument, state.lastPrice) || pauseOf(instrument) !== null) return null;
  const stop = state.protection.resting?.stopPrice ?? null;
  const stays = stop === null ? '' : `; the stop that rests at ${stop.toFixed()} stays`;
  const unsellable = heldUp(state.position, instrument, state.lastPrice);
  if (unsellable !== null) return `${unsellable}${stays}`;
  if (stop === null || !wantsStop(state, config, instrument)) return null;
  const anew = stopOf(state, config, instrument);
  if (anew === null) return `${instrument.symbol} takes no new stop orders${stays}`;
  const broken = brokenByStop(anew, state, instrument);
  return broken === null ? null : `the exchange's filter ${broken} would not take the stop anew${stays}`;
}

/** An exit goes on. While filters forbid it nothing is sold: the position stays protected. */
function leaves({ exiting, position, lastPrice }: TradingState, instrument: Instrument): boolean {
  return exiting !== null && heldUp(position, instrument, lastPrice) === null;
}

/**
 * Asked in the moment in which what rests would be taken down: the filters may have changed since that was decided, and no longer let the
 * position be sold, nor a stop be placed anew.
 */
export function mayTakeDown(state: TradingState, config: TradingConfig, instrument: Instrument): boolean {
  return (
    isDisarmed(state) ||
    leaves(state, instrument) ||
    !wantsStop(state, config, instrument) ||
    plannedProtection(state, config, instrument) !== null
  );
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
  // Nothing can be placed while the symbol does not trade. What rests is kept for when it trades again, unless a kill switch forbids it
  // and the exchange still takes cancels.
  if (pauseOf(instrument) !== null && !(disarmed && instrument.status === 'CANCEL_ONLY')) return decision;
  if (leaves(state, instrument) || disarmed || !wantsStop(state, config, instrument)) {
    if (!isClear(protection)) {
      // When it is not known what became of an order, it is cancelled only if its coins are needed: the other order of its pair may just have ended it.
      const openFate = state.exiting === null && protection.resting === null;
      // There was no room for the order that would sell: what rests stays until it is tried again.
      const noRoom = state.exiting?.pausing === true && protection.resting !== null && !disarmed;
      if (protection.operation === 'cancel' || openFate || noRoom) return decision;
      return disarmed
        ? cancel(decision, 'a kill switch keeps it down', null)
        : state.exiting === null
          ? cancel(decision, 'the position is closed', null)
          : cancel(
              decision,
              'the position is being closed',
              'exit',
              exitQuantity(state.exiting, state.position, instrument, state.lastPrice),
            );
    }
    const fresh = protection.tightest === null && !protection.waits && !protection.overrun;
    if (fresh || !isFlat(state, instrument, state.lastPrice)) return decision;
    return {
      ...decision,
      state: { ...state, protection: { ...noProtection, unresolved: protection.unresolved, decisionMs: protection.decisionMs } },
    };
  }
  const plan = plannedProtection(state, config, instrument);
  if (plan === null) return decision;
  // What just failed is not tried again at once.
  const mayTry = !protection.waits || event.type !== 'protection-changed';
  if (protection.operation !== null || protection.unresolved || !mayTry) return decision;
  const { resting } = protection;
  // What rests covers enough, and may have to go on doing so when its replacement comes to nothing.
  const least = resting === null || coversTooLittle(resting, plan, state) ? plan.quantity : Decimal.min(plan.quantity, resting.quantity);
  const plannedFor: PlannedFor = {
    uncovered: exact(state.position.quantity).minus(least),
    targetPrice: wantedTarget(state, config, instrument),
  };
  if (resting === null) return put(decision, 'place', plan, plannedFor, event.atMs);
  if (!differs(resting, plan, state, plannedFor) && !followsUp(resting, plan, state, event.atMs, config, instrument)) return decision;
  return resting.stopPrice !== null && resting.targetPrice === null && plan.targetPrice === null && instrument.cancelReplaceAllowed
    ? put(decision, 'replace', plan, plannedFor, event.atMs)
    : cancel(decision, 'what protects the position is placed anew', 'protect');
}

/** Floats of the same average may miss each other by less than this share. */
const sameTargetShare = 1e-9;

function differs(resting: RestingProtection, plan: ProtectionPlan, state: TradingState, { targetPrice: wanted }: PlannedFor): boolean {
  if (resting.stopPrice === null || resting.quantity.gt(state.position.quantity) || coversTooLittle(resting, plan, state)) return true;
  const before = state.protection.plannedFor?.targetPrice ?? Number.NaN;
  if (wanted === before || Math.abs(wanted - before) < wanted * sameTargetShare) return false;
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
  // With a coarser step the new stop would cover less: the engine watches the tighter stop.
  if (plan.quantity.lt(resting.quantity)) return false;
  const tighterBy = exact(plan.stopPrice).minus(resting.stopPrice).toNumber();
  const distance = config.trailingStopActive ? (state.bestPrice * (config.trailingStopPercent ?? 0)) / 100 : 0;
  const least = Math.max(leastTicks * instrument.price.tick.toNumber(), Number.isNaN(distance) ? 0 : distance * leastTrailingShare);
  return tighterBy > 0 && tighterBy >= least;
}

function put(decision: Decision, kind: 'place' | 'replace', plan: ProtectionPlan, plannedFor: PlannedFor, atMs: number): Decision {
  const { state } = decision;
  const decisionMs = Math.max(state.protection.decisionMs, Math.floor(atMs));
  const target = plan.targetPrice === null ? '' : `, take-profit at ${plan.targetPrice.toFixed()}`;
  return issue(
    decision,
    { ...state.protection, operation: kind, waits: false, plannedFor, decisionMs },
    {
      type: kind === 'place' ? 'place-protection' : 'replace-protection',
      plan,
      referencePrice: Number.isNaN(state.lastPrice) ? plan.stopPrice.toNumber() : state.lastPrice,
      decisionMs,
      reason: `stop at ${plan.stopPrice.toFixed()}${target}`,
    },
  );
}

function cancel(decision: Decision, reason: string, follows: CancelProtection['follows'], sells: Decimal | null = null): Decision {
  const protection: Protection = { ...decision.state.protection, operation: 'cancel', waits: false };
  return issue(decision, protection, { type: 'cancel-protection', follows, sells, reason });
}

function issue(decision: Decision, protection: Protection, command: TradingCommand): Decision {
  return { ...decision, state: { ...decision.state, protection }, commands: [...decision.commands, command] };
}

/** The protection after news of what rests at the exchange. */
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
    // An operation is open that this engine did not ask for: an earlier owner left it.
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
