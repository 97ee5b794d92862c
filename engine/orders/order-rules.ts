/**
 * Checks an order against the exchange's filters before it gets an intent: one that would be refused is not sent. For the account's
 * limits what rests counts, and the stop that every bot with a position or an entry still has to place. Where something is not known, an
 * entry is refused; an exit or a stop never is.
 */
import { priceText } from '../trading/amounts.ts';
import type { PlaceOrder, OrderRule } from '../trading/events.ts';
import { brokenAccountFilter, brokenFilter } from '../trading/filters.ts';
import type { FilterSubject } from '../trading/filters.ts';
import type { Instrument } from '../trading/instrument.ts';
import type { RestingOrders } from '../trading/protect.ts';
import type { OpenOrder } from './account-facts.ts';
import type { OrderLine } from './order-line.ts';

export interface BrokenRule {
  readonly rule: OrderRule;
  readonly reason: string;
}

type Draft = Pick<FilterSubject, 'side' | 'type' | 'quantity' | 'price' | 'stopPrice'>;

/** The filter that the order would break, judged by the prices of the last minutes. */
export function brokenBy({ link }: OrderLine, draft: Draft): BrokenRule | null {
  const instrument = link.instrument();
  const subject: FilterSubject = { ...draft, trailingDelta: null, quoteQuantity: null };
  const rule = brokenFilter(instrument, subject, { averagePrice: () => link.averagePrice() });
  if (rule === null) return null;
  const average = link.averagePrice();
  const prices = average === null ? '' : `, average price between ${priceText(average.low)} and ${priceText(average.high)}`;
  const at = draft.stopPrice ?? draft.price;
  const what = `${draft.type} ${draft.side} of ${draft.quantity.toFixed()} ${instrument.baseAsset}${at === null ? '' : ` at ${at.toFixed()}`}`;
  return { rule, reason: `${what} would break the exchange's filter ${rule}${prices}` };
}

/** Why the account has no room for an entry and the stop that follows it; null when it has. `lines` are those of its account and symbol. */
export function entryHasNoRoom(line: OrderLine, { quantity }: Pick<PlaceOrder, 'quantity'>, lines: Iterable<OrderLine>): BrokenRule | null {
  const { link } = line;
  const { facts } = link;
  if (facts === null) return null;
  const instrument = link.instrument();
  const wanted = link.restsWhenHolding();
  const countsOrders = wanted.orders > 0 && [instrument.maxOrders, instrument.maxAlgoOrders, instrument.maxOrderLists].some(isSet);
  if (!countsOrders && instrument.maxPosition === null) return null;
  const open = facts.openOrders(instrument.symbol);
  const held = facts.held(instrument.baseAsset);
  if (open === null || held === null)
    return {
      rule: 'open-orders-unknown',
      reason: `no entry: the exchange has not told the open orders of the account yet, so it is not known whether the stop would be taken`,
    };
  const neighbours = [...lines];
  return noPlaceForStop(line, wanted, neighbours, open, instrument) ?? tooMuchHeld(quantity, neighbours, open, held, instrument);
}

/** Whether the exchange has room for one more stop: it checks a replacement before it cancels the old one. True when it is not known. */
export function hasRoomToReplace(line: OrderLine, lines: Iterable<OrderLine>): boolean {
  const { symbol, maxAlgoOrders, maxOrders } = line.link.instrument();
  const open = line.link.facts?.openOrders(symbol) ?? null;
  if (open === null) return true;
  const own = [...lines];
  const resting = own.flatMap((other) => other.protective().filter((live) => live.resting));
  const others = notOf(own, open);
  const algoOrders = resting.filter(({ role }) => role === 'stop').length + others.filter(({ algo }) => algo).length;
  return algoOrders < (maxAlgoOrders ?? Infinity) && resting.length + others.length < (maxOrders ?? Infinity);
}

function noPlaceForStop(
  line: OrderLine,
  wanted: RestingOrders,
  neighbours: readonly OrderLine[],
  open: readonly OpenOrder[],
  instrument: Instrument,
): BrokenRule | null {
  const others = notOf(neighbours, open);
  const foreignAlgo = others.filter(({ algo }) => algo).length;
  let [orders, algoOrders, lists] = [others.length, foreignAlgo, 0];
  for (const other of neighbours) {
    if (other === line) continue;
    const takes = placesOf(other);
    orders += takes.orders;
    algoOrders += takes.algoOrders;
    lists += takes.lists;
  }
  const rule = brokenAccountFilter(
    instrument,
    { type: 'STOP_LOSS', side: 'SELL', quantity: instrument.lot.min },
    {
      openOrders: orders,
      openAlgoOrders: algoOrders,
      openLists: lists,
      addedOrders: wanted.orders,
      addedAlgoOrders: wanted.algoOrders,
      addedLists: wanted.lists,
      position: () => instrument.lot.min,
    },
  );
  if (rule === null) return null;
  const ours = algoOrders - foreignAlgo;
  const most =
    rule === 'MAX_NUM_ALGO_ORDERS' ? instrument.maxAlgoOrders : rule === 'MAX_NUM_ORDERS' ? instrument.maxOrders : instrument.maxOrderLists;
  return {
    rule,
    reason: `no entry: its stop would be refused (${rule}): the exchange lets ${most ?? 0} rest on ${instrument.symbol} per account, and ${ours} of bots that run here and ${foreignAlgo} of others take the places`,
  };
}

function tooMuchHeld(
  quantity: PlaceOrder['quantity'],
  neighbours: readonly OrderLine[],
  open: readonly OpenOrder[],
  held: PlaceOrder['quantity'],
  instrument: Instrument,
): BrokenRule | null {
  const { maxPosition } = instrument;
  if (maxPosition === null) return null;
  const entering = neighbours.flatMap((line) => [...line.open.values()].filter(({ role }) => role === 'entry'));
  const coming = [...open.map(({ buys }) => buys), ...entering.map((live) => live.quantity)];
  const position = coming.reduce((sum, amount) => sum.plus(amount), held);
  if (position.plus(quantity).lte(maxPosition)) return null;
  return {
    rule: 'MAX_POSITION',
    reason: `no entry: the account has or is buying ${position.toFixed()} ${instrument.baseAsset}, and with ${quantity.toFixed()} more it would pass the ${maxPosition.toFixed()} that the exchange allows (MAX_POSITION)`,
  };
}

/** The places that a bot's orders take, or will take once its stop is placed. */
function placesOf(line: OrderLine): RestingOrders {
  const protective = line.protective().filter((live) => !live.gone);
  const stops = protective.filter(({ role }) => role === 'stop').length;
  const will = line.link.holds() || [...line.open.values()].some(({ role }) => role === 'entry') ? line.link.restsWhenHolding() : null;
  return {
    orders: Math.max(protective.length, will?.orders ?? 0),
    algoOrders: Math.max(stops, will?.algoOrders ?? 0),
    lists: Math.max(protective.length > stops ? 1 : 0, will?.lists ?? 0),
  };
}

/** Open orders that belong to none of the lines: of other engines, other programs, people. */
function notOf(lines: readonly OrderLine[], open: readonly OpenOrder[]): readonly OpenOrder[] {
  return open.filter(({ clientOrderId }) => !lines.some((line) => line.open.has(clientOrderId)));
}

function isSet(limit: number | null): boolean {
  return limit !== null;
}
