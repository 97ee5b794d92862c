/** What the log says of an order that is over and has traded: one line per order, however many executions it took. */
import type { OrderTrade, StoredOrder } from '../persistence/order-store.ts';
import { exact } from '../trading/exact.ts';
import type { Instrument } from '../trading/instrument.ts';

export interface LogLine {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** The average of several executions may have endless decimals. */
const priceDigits = 10;

export function tradeLine(
  order: Pick<StoredOrder, 'botId' | 'symbol' | 'clientOrderId' | 'role' | 'exitKind' | 'side' | 'state' | 'reason'>,
  trade: OrderTrade,
  { baseAsset, quoteAsset, quotePrecision }: Instrument,
): LogLine {
  const { botId, symbol, clientOrderId, role, state, reason } = order;
  const price = exact(trade.quote.div(trade.quantity)).toSignificantDigits(priceDigits).toFixed();
  const quantity = trade.quantity.toFixed();
  const common = {
    ...{ botId, symbol, clientOrderId, quantity, price, quote: trade.quote.toFixed() },
    ...{ fee: trade.commission.toFixed(), feeAsset: trade.commissionAsset, state, reason },
  };
  if (order.side === 'BUY') {
    const cost = trade.quote.toDecimalPlaces(quotePrecision).toFixed();
    return { fields: common, text: `bought ${quantity} ${baseAsset} at ${price} for ${cost} ${quoteAsset}` };
  }
  const kind = role === 'stop' || role === 'target' ? role : (order.exitKind ?? 'exit');
  const pnl = trade.realisedPnl.toDecimalPlaces(quotePrecision).toFixed();
  return {
    fields: { ...common, kind, pnl },
    text: `sold ${quantity} ${baseAsset} at ${price}, profit or loss ${pnl} ${quoteAsset} (${kind})`,
  };
}
