/** What is known of a symbol that the venue does not list: its assets, by its name, and that nothing can be traded. */
import { Decimal } from 'decimal.js';
import type { Instrument } from '../trading/instrument.ts';

const none = new Decimal(0);

/** Null when the name ends with no quote asset of the venue. No filter is set: nothing is sold by it before it is listed again. */
export function delistedInstrument(symbol: string, listed: Iterable<Instrument>): Instrument | null {
  let quoteAsset = '';
  for (const { quoteAsset: quote } of listed)
    if (quote.length > quoteAsset.length && symbol.length > quote.length && symbol.endsWith(quote)) quoteAsset = quote;
  if (quoteAsset === '') return null;
  return {
    market: 'spot',
    symbol,
    status: 'DELISTED',
    baseAsset: symbol.slice(0, -quoteAsset.length),
    quoteAsset,
    basePrecision: 8,
    quotePrecision: 8,
    orderTypes: [],
    ocoAllowed: false,
    cancelReplaceAllowed: false,
    price: { min: none, max: none, tick: none },
    lot: { min: none, max: none, step: none },
    marketLot: null,
    notional: null,
    percentPrice: null,
    trailingDelta: null,
    maxOrders: null,
    maxAlgoOrders: null,
    maxOrderLists: null,
    maxPosition: null,
  };
}
