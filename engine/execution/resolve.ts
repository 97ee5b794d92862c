/**
 * One look at an order whose fate is open (order-safety.md section 2.7). "Does not exist" is the exchange's word, not proof:
 * only after the horizon, and only when two independent places show no trace in two rounds, was it never placed.
 */
import type { ExchangeFill, ExchangeOrder } from '../exchanges/exchange.ts';
import type { Safety } from '../safety.ts';
import type { BotLink, LiveOrder } from './order-line.ts';

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

/** Rounds without a trace, after the horizon, that make the verdict. */
const negativeRoundsNeeded = 2;
/** Order history is searched from this long before the signature: clocks differ. */
const historyMarginMs = 60_000;

/** `at` is monotonic. Counts negative rounds in `live`. Throws what the reads throw; read errors decide nothing. */
export async function lookUp({ account, horizonMs }: BotLink, live: LiveOrder, at: number, safety: Safety): Promise<Finding> {
  const lookup = await account.order(live.symbol, live.clientOrderId);
  if (lookup.kind === 'found') return withFills(lookup.order, { lookup: lookup.order.status });
  const openForMs = at - live.openSince;
  if ((safety.horizon && openForMs < horizonMs) || live.exchangeOrderId !== null) return undecided;

  const isIt = (order: ExchangeOrder): boolean => order.clientOrderId === live.clientOrderId;
  const found =
    (await account.openOrders(live.symbol)).find(isIt) ??
    (await account.ordersSince(live.symbol, live.signedTimestampMs - historyMarginMs)).find(isIt);
  if (found !== undefined) return withFills(found, { search: found.status });
  live.negativeRounds += 1;
  if (safety.horizon && live.negativeRounds < negativeRoundsNeeded) return undecided;
  return {
    kind: 'never-placed',
    reason: `the exchange shows no trace of it ${Math.round(openForMs / 1000)} s after it may have been sent (order query, open orders and order history, two rounds)`,
    proof: { negativeRounds: live.negativeRounds, horizonMs, looked: ['order', 'openOrders', 'allOrders'] },
  };

  async function withFills(order: ExchangeOrder, proof: Record<string, unknown>): Promise<Finding> {
    const fills = safety.tradePolling && order.executedQuantity.gt(0) ? await account.fillsOfOrder(live.symbol, order.orderId) : [];
    return { kind: 'found', order, fills, proof };
  }
}
