/**
 * An order that had been declared never placed and exists all the same: the transaction that records it also holds the bot, what was
 * executed is booked, and what is still open is cancelled. Found by the user stream, or by the search through
 * the exchange's orders of the last day.
 */
import type { ExchangeOrder, TradingAccount } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { VenueClock } from '../time/clock.ts';

const cancelRecvWindowMs = 3_000;

export function isOpen({ status }: ExchangeOrder): boolean {
  return status === 'NEW' || status === 'PENDING_NEW' || status === 'PARTIALLY_FILLED';
}

/** Cancels the order if it is open; answers it as it is then. When the cancel's outcome is not known, the next search looks again. */
export async function cancelLate(
  account: TradingAccount,
  order: ExchangeOrder,
  { venueClock, log }: { readonly venueClock: Pick<VenueClock, 'now'>; readonly log: Log },
): Promise<ExchangeOrder> {
  if (!isOpen(order)) return order;
  const outcome = await account.cancelOrder(order.symbol, order.clientOrderId, {
    timestampMs: Math.floor(venueClock.now()),
    recvWindowMs: cancelRecvWindowMs,
  });
  if (outcome.kind === 'cancelled') return outcome.orders.find(({ orderId }) => orderId === order.orderId) ?? order;
  log.warn(
    { clientOrderId: order.clientOrderId, refusal: outcome.refusal },
    'an order that arrived late could not be cancelled; it is looked at again',
  );
  const lookup = await account.order(order.symbol, order.clientOrderId);
  return lookup.kind === 'found' ? lookup.order : order;
}
