/**
 * Orders of ours that the exchange has and the rows lack: the database was restored from an older backup. Each gets its row
 * again and then its executions, like any other order. An order is given to a bot only when it is certain that it is the bot's.
 */
import type { ExchangeOrder } from '../exchanges/exchange.ts';
import type { KnownBot, LostOrder } from '../persistence/reconcile-store.ts';
import type { Instrument } from '../trading/instrument.ts';
import type { OwnOrder } from '../orders/own-orders.ts';

export interface BackfillPlace {
  readonly venue: string;
  readonly account: string;
  readonly epoch: number;
  readonly instrument: Instrument;
}

/** Clocks differ: an order may seem a little older than its bot. */
const clockMarginMs = 60_000;

/**
 * Why the order cannot be this bot's; null when it is. Ids of bots are given anew after a restore, so the id alone proves
 * nothing. A venue with a time of its own (`ownTime`, the simulator) cannot tell whether an order is older than a bot.
 */
export function notOf(bot: KnownBot | undefined, { order, parts }: OwnOrder, ownTime: boolean): string | null {
  if (bot === undefined) return `there is no bot ${parts.botId}`;
  if (!bot.live) return `bot ${parts.botId} is a paper bot`;
  if (bot.symbol !== order.symbol) return `bot ${parts.botId} trades ${bot.symbol}`;
  if (!ownTime && Math.max(parts.decisionMs, order.updatedAtMs) < bot.createdAtMs - clockMarginMs)
    return `bot ${parts.botId} was created after it`;
  return null;
}

/** The row of such an order, as far as the exchange can tell it. */
export function lostOrder({ order, parts }: OwnOrder, { venue, account, epoch, instrument }: BackfillPlace): LostOrder {
  return {
    botId: parts.botId,
    epoch,
    venue,
    account,
    market: instrument.market,
    symbol: order.symbol,
    clientOrderId: order.clientOrderId,
    decisionMs: parts.decisionMs,
    role: parts.role,
    attempt: parts.attempt,
    side: order.side,
    type: order.type,
    quantity: order.quantity,
    reason: 'filled in from the exchange: the database did not have it (restored from an older backup?)',
    evidence: plain(order),
  };
}

function plain(order: ExchangeOrder): Record<string, unknown> {
  return {
    ...order,
    quantity: order.quantity.toFixed(),
    executedQuantity: order.executedQuantity.toFixed(),
    executedQuote: order.executedQuote.toFixed(),
  };
}
