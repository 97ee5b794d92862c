/** The instruments that the simulator lists, with filters as Binance has them. */
import { Decimal } from 'decimal.js';
import type { Instrument } from '../engine/trading/instrument.ts';

interface Listing {
  readonly price: number;
  readonly tick: string;
  readonly step: string;
}

const known: Readonly<Record<string, Listing>> = {
  BTCUSDT: { price: 30_000, tick: '0.01', step: '0.00001' },
  ETHUSDT: { price: 2_000, tick: '0.01', step: '0.0001' },
  SOLUSDT: { price: 100, tick: '0.01', step: '0.001' },
};
const other: Listing = { price: 50, tick: '0.001', step: '0.01' };

const quoteAssets = ['USDT', 'USDC', 'BTC', 'EUR'] as const;

function listingOf(symbol: string): Listing {
  return known[symbol] ?? other;
}

/** Price around which a generated market moves. */
export function referencePriceOf(symbol: string): number {
  return listingOf(symbol).price;
}

export function tickSizeOf(symbol: string): number {
  return Number(listingOf(symbol).tick);
}

export function instrumentOf(symbol: string): Instrument {
  const { tick, step } = listingOf(symbol);
  const quoteAsset = quoteAssets.find((asset) => symbol.endsWith(asset) && symbol.length > asset.length) ?? 'USDT';
  const d = (value: string | number): Decimal => new Decimal(value);
  return {
    market: 'spot',
    symbol,
    status: 'TRADING',
    baseAsset: symbol.slice(0, symbol.length - quoteAsset.length),
    quoteAsset,
    basePrecision: 8,
    quotePrecision: 8,
    orderTypes: ['LIMIT', 'LIMIT_MAKER', 'MARKET', 'STOP_LOSS', 'STOP_LOSS_LIMIT', 'TAKE_PROFIT', 'TAKE_PROFIT_LIMIT'],
    ocoAllowed: true,
    cancelReplaceAllowed: true,
    price: { min: d(tick), max: d(1_000_000), tick: d(tick) },
    lot: { min: d(step), max: d(9_000_000), step: d(step) },
    marketLot: { min: d(0), max: d(1_000_000), step: d(0) },
    notional: { min: d(5), applyMinToMarket: true, max: d(9_000_000), applyMaxToMarket: false, averagePriceMinutes: 5 },
    percentPrice: { bidUp: d(5), bidDown: d('0.2'), askUp: d(5), askDown: d('0.2'), averagePriceMinutes: 5 },
    trailingDelta: { minAbove: 10, maxAbove: 2_000, minBelow: 10, maxBelow: 2_000 },
    maxOrders: 200,
    maxAlgoOrders: 5,
    maxOrderLists: 20,
    maxPosition: null,
  };
}
