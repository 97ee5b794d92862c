/** What the log says of an order that is over and has traded: one line per order, however many executions it took. */
import type { OrderTrade, StoredOrder } from '../persistence/order-store.ts';
import { priceText, quoteText } from '../trading/amounts.ts';
import type { Instrument } from '../trading/instrument.ts';

export interface LogLine {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export function tradeLine(
  order: Pick<StoredOrder, 'botId' | 'symbol' | 'clientOrderId' | 'role' | 'exitKind' | 'side' | 'state' | 'reason'>,
  trade: OrderTrade,
  instrument: Instrument,
): LogLine {
  const { botId, symbol, clientOrderId, role, state, reason } = order;
  const { baseAsset } = instrument;
  const price = priceText(trade.quote.div(trade.quantity));
  const quantity = trade.quantity.toFixed();
  const common = {
    ...{ botId, symbol, clientOrderId, quantity, price, quote: trade.quote.toFixed() },
    ...{ fee: trade.commission.toFixed(), feeAsset: trade.commissionAsset, state, reason },
  };
  if (order.side === 'BUY') {
    return { fields: common, text: `bought ${quantity} ${baseAsset} at ${price} for ${quoteText(trade.quote, instrument)}` };
  }
  const kind = role === 'stop' || role === 'target' ? role : (order.exitKind ?? 'exit');
  return {
    fields: { ...common, kind, pnl: trade.realisedPnl.toDecimalPlaces(instrument.quotePrecision).toFixed() },
    text: `sold ${quantity} ${baseAsset} at ${price}, profit or loss ${quoteText(trade.realisedPnl, instrument)} (${kind})`,
  };
}
