/** The instruments that the simulator lists, with filters as Binance has them. */
import { Decimal } from 'decimal.js';
import type { Instrument } from '../engine/trading/instrument.ts';

export interface Listing {
  /** Around which the market moves. */
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

/** Longer names first: a symbol ends with the first of them that fits. */
const quoteAssets = ['FDUSD', 'USDT', 'USDC', 'TUSD', 'BUSD', 'EUR', 'GBP', 'TRY', 'BRL', 'JPY', 'DAI', 'BTC', 'ETH', 'BNB'] as const;

export function quoteAssetOf(symbol: string): string | null {
  return quoteAssets.find((asset) => symbol.endsWith(asset) && symbol.length > asset.length) ?? null;
}

/** Of a market that is made up. */
export function listingOf(symbol: string): Listing {
  return known[symbol] ?? other;
}

/** Price around which a generated market moves. */
export function referencePriceOf(symbol: string): number {
  return listingOf(symbol).price;
}

const priceDecimalsMax = 8;
/** A step is worth at most this much quote, as at Binance, and never more than one coin. */
const stepWorthMax = 0.5;

/** A tick is at most this share of the price, however round the recorded prices are. */
const tickShareMax = 3e-6;

/** Filters that fit recorded prices: a tick that all of them lie on, and a step that is worth little at such a price. */
export function listingFor(prices: readonly number[]): Listing {
  const [price = 1] = prices;
  let decimals = Math.min(priceDecimalsMax, Math.max(0, Math.ceil(-Math.log10(price * tickShareMax))));
  for (const price of prices) while (decimals < priceDecimalsMax && Number(price.toFixed(decimals)) !== price) decimals += 1;
  const stepDecimals = Math.min(8, Math.max(0, Math.ceil(Math.log10(price / stepWorthMax))));
  return { price, tick: powerOfTen(-decimals), step: powerOfTen(-stepDecimals) };
}

function powerOfTen(exponent: number): string {
  return new Decimal(10).pow(exponent).toFixed();
}

/** A grid of prices has room for a hundred times the price, and for a million at least. */
const priceMaxLeast = 1_000_000;

export function instrumentOf(symbol: string, { price, tick, step }: Listing = listingOf(symbol)): Instrument {
  const quoteAsset = quoteAssetOf(symbol) ?? 'USDT';
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
    price: { min: d(tick), max: Decimal.max(priceMaxLeast, d(price).times(100).ceil()), tick: d(tick) },
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
