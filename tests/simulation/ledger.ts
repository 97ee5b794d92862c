/** What the exchange did for our bots, kept as it happens: the truth that rows and actors are compared with. */
import type { Decimal } from 'decimal.js';
import { parseClientOrderId } from '../../engine/orders/client-order-id.ts';
import type { BookOrder, BookTrade } from '../../engine/matching/matching.ts';
import { zero } from '../../engine/trading/exact.ts';
import type { Intent } from '../../engine/persistence/commit-intents.ts';
import type { Instrument } from '../../engine/trading/instrument.ts';
import type { MemoryExchange } from './memory-exchange.ts';

export interface Truth {
  position: Decimal;
  /** When it was first bought since it was none or next to none, and when it was last traded; venue time. */
  openedAtMs: number;
  tradedAtMs: number;
  /** Quote received minus quote spent, net of fees. */
  cash: Decimal;
  readonly orders: { readonly order: BookOrder; executed: boolean; readonly key: string }[];
}

/** Quote: what is worth less is no position. */
const leastHeld = 5;

export class Ledger {
  readonly accepted: BookOrder[] = [];
  /** By symbol and number. */
  readonly trades = new Map<string, BookTrade>();
  /** Executions that have a row, by symbol and number. */
  readonly booked = new Set<string>();
  readonly #truths = new Map<string, Truth>();

  of(botId: string): Truth {
    const known = this.#truths.get(botId);
    if (known !== undefined) return known;
    const truth: Truth = { position: zero, openedAtMs: 0, tradedAtMs: 0, cash: zero, orders: [] };
    this.#truths.set(botId, truth);
    return truth;
  }
}

export function carry(truth: Truth, trade: BookTrade, instrument: Instrument | null): void {
  const sign = trade.side === 'BUY' ? 1 : -1;
  if (truth.position.times(trade.price).lt(leastHeld)) truth.openedAtMs = trade.atMs;
  truth.tradedAtMs = trade.atMs;
  truth.position = truth.position.plus(trade.quantity.times(sign));
  truth.cash = truth.cash.minus(trade.quoteQuantity.times(sign));
  if (trade.commissionAsset === instrument?.baseAsset) truth.position = truth.position.minus(trade.commission);
  if (trade.commissionAsset === instrument?.quoteAsset) truth.cash = truth.cash.minus(trade.commission);
}

/** Orders of the bot that wait at the exchange to sell. */
export function restingSales(
  { matching, account }: MemoryExchange,
  { botId, symbol }: Pick<Intent, 'botId' | 'symbol'>,
): readonly BookOrder[] {
  return matching
    .openOrders(account, symbol)
    .filter((order) => order.side === 'SELL' && parseClientOrderId(order.clientOrderId)?.botId === botId);
}
