/** What trading tests start from: an instrument with Binance's real filters, a plain configuration, an empty state. */
import { Decimal } from 'decimal.js';
import type { Candle } from '../../../engine/trading/candle.ts';
import type { Fill, TradingConfig } from '../../../engine/trading/events.ts';
import { nothingFolded } from '../../../engine/trading/fold.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import { noProtections } from '../../../engine/trading/protections.ts';
import { restoreState } from '../../../engine/trading/restore.ts';
import type { TradingState } from '../../../engine/trading/state.ts';

export const d = (value: number | string): Decimal => new Decimal(value);

export const btc: Instrument = {
  market: 'spot',
  symbol: 'BTCUSDT',
  status: 'TRADING',
  baseAsset: 'BTC',
  quoteAsset: 'USDT',
  basePrecision: 8,
  quotePrecision: 8,
  orderTypes: ['MARKET', 'LIMIT'],
  ocoAllowed: true,
  cancelReplaceAllowed: true,
  price: { min: d('0.01'), max: d('1000000'), tick: d('0.01') },
  lot: { min: d('0.00001'), max: d('9000'), step: d('0.00001') },
  marketLot: { min: d(0), max: d('100'), step: d(0) },
  notional: { min: d(5), applyMinToMarket: true, max: d('9000000'), applyMaxToMarket: false, averagePriceMinutes: 5 },
  percentPrice: null,
  trailingDelta: null,
  maxOrders: 200,
  maxAlgoOrders: 5,
  maxOrderLists: 20,
  maxPosition: null,
};

export function config(change: Partial<TradingConfig> = {}): TradingConfig {
  return {
    symbol: 'BTCUSDT',
    timeframe: '1m',
    initialCapital: d(1_000),
    positionSizePercent: 50,
    positionSizeFixed: null,
    stopLossPercent: null,
    takeProfitPercent: null,
    trailingStopPercent: null,
    trailingStopActive: false,
    dailyTargetPercent: null,
    maxDailyLossPercent: null,
    maxDailyTrades: null,
    protections: noProtections,
    checkIntervalMs: 1_000,
    direction: 'long',
    stops: 'engine',
    ...change,
  };
}

/** 2024-05-06 00:00 UTC, a midnight. */
export const midnight = 1_714_953_600_000;

export function emptyState(trading = config(), atMs = midnight): TradingState {
  return restoreState(trading, btc, {
    folded: nothingFolded,
    fills: [],
    orders: [],
    day: null,
    notices: [],
    bestPrice: Number.NaN,
    lastPrice: Number.NaN,
    blocks: [],
    atMs,
  });
}

/** The `minute`-th one-minute candle of the day. */
export function candle(minute: number, prices: { open?: number; high?: number; low?: number; close: number }): Candle {
  const open = prices.open ?? prices.close;
  const openTime = midnight + minute * 60_000;
  return {
    openTime,
    closeTime: openTime + 59_999,
    open,
    high: prices.high ?? Math.max(open, prices.close),
    low: prices.low ?? Math.min(open, prices.close),
    close: prices.close,
    volume: 1,
    closed: true,
  };
}

let trades = 0;

export function fill(side: 'BUY' | 'SELL', quantity: number | string, price: number | string, change: Partial<Fill> = {}): Fill {
  trades += 1;
  return {
    tradeId: String(trades),
    clientOrderId: `order-${trades}`,
    role: side === 'BUY' ? 'entry' : 'exit',
    exitKind: null,
    side,
    price: d(price),
    quantity: d(quantity),
    commission: d(0),
    commissionAsset: side === 'BUY' ? 'BTC' : 'USDT',
    atMs: midnight,
    ...change,
  };
}
