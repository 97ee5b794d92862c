/**
 * One look-up of an order of which it is not known what became of it. That the exchange says "does not exist" is no proof. An order was
 * never placed only when, after the horizon, two rounds apart in time find no trace of it in open orders, order history and trades.
 */
import { placedId } from '../exchanges/exchange.ts';
import type { ExchangeFill, ExchangeOrder } from '../exchanges/exchange.ts';
import type { Safety } from '../safety.ts';
import type { BotLink, LiveOrder } from './order-line.ts';
import { allOrdersSince } from './own-orders.ts';

export type Finding =
  | {
      readonly kind: 'found';
      readonly order: ExchangeOrder;
      readonly fills: readonly ExchangeFill[];
      readonly proof: Record<string, unknown>;
    }
  | { readonly kind: 'never-placed'; readonly reason: string; readonly proof: Record<string, unknown> }
  /** Nothing is known yet: look again later. */
  | { readonly kind: 'undecided' };

const undecided: Finding = { kind: 'undecided' };

/** So many rounds without a trace, after the horizon, prove that it was never placed. */
const negativeRoundsNeeded = 2;
/** Order history is searched from this long before the signature: clocks differ. */
const historyMarginMs = 60_000;
/** Two rounds count as two only so far apart: the exchange's reads change their answer for a while. */
const roundsApartMs = 5_000;
/** Trades are looked at until this long after the signature. */
const tradesWindowMs = 120_000;
/** Orders behind trades that are looked up one by one in a round. */
const ordersBehindTradesMax = 5;

/** `at` is monotonic. Counts negative rounds in `live`. Throws what the reads throw; read errors decide nothing. */
export async function lookUp({ account, horizonMs }: BotLink, live: LiveOrder, at: number, safety: Safety): Promise<Finding> {
  const lookup = await account.order(live.symbol, live.clientOrderId);
  if (lookup.kind === 'found') return withFills(lookup.order, { lookup: lookup.order.status });
  const openForMs = at - live.openSince;
  if ((safety.horizon && openForMs < horizonMs) || live.exchangeOrderId !== null) return undecided;

  if (at - (live.lastNegativeAt ?? Number.NEGATIVE_INFINITY) < Math.min(roundsApartMs, horizonMs / 4)) return undecided;

  const isIt = (order: ExchangeOrder): boolean => order.clientOrderId === live.clientOrderId;
  const open = await account.openOrders(live.symbol);
  const signedMs = live.signedTimestampMs;
  const history = open.some(isIt) ? [] : await allOrdersSince(account, live.symbol, signedMs - historyMarginMs, signedMs);
  const found = [...open, ...history].find(isIt) ?? (await behindTrades(new Set([...open, ...history].map(placedId))));
  if (found === 'hidden') return undecided;
  if (found !== null) return withFills(found, { search: found.status });
  live.lastNegativeAt = at;
  live.negativeRounds += 1;
  if (safety.horizon && live.negativeRounds < negativeRoundsNeeded) return undecided;
  return {
    kind: 'never-placed',
    reason: `the exchange shows no trace of it ${Math.round(openForMs / 1000)} s after it may have been sent (order query, open orders, order history and trades, two rounds)`,
    proof: { negativeRounds: live.negativeRounds, horizonMs, looked: ['order', 'openOrders', 'allOrders', 'myTrades'] },
  };

  /** The order behind a trade that belongs to no listed order, if it is ours; `hidden` when the exchange shows the trade and not the order. */
  async function behindTrades(known: ReadonlySet<string | null>): Promise<ExchangeOrder | 'hidden' | null> {
    const trades = await account.fillsSince(live.symbol, null);
    const until = live.signedTimestampMs + tradesWindowMs;
    const unexplained = trades.filter(
      (trade) => !known.has(trade.orderId) && trade.atMs >= live.signedTimestampMs - historyMarginMs && trade.atMs <= until,
    );
    for (const orderId of [...new Set(unexplained.map((trade) => trade.orderId))].slice(0, ordersBehindTradesMax)) {
      const [order] = await account.ordersFrom(live.symbol, orderId);
      if (order?.orderId !== orderId) return 'hidden';
      if (isIt(order)) return order;
    }
    return null;
  }

  async function withFills(order: ExchangeOrder, proof: Record<string, unknown>): Promise<Finding> {
    const fills = safety.tradePolling && order.executedQuantity.gt(0) ? await account.fillsOfOrder(live.symbol, order.orderId) : [];
    return { kind: 'found', order, fills, proof };
  }
}
