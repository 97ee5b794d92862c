/** What tickers tell of a span of time: put together from the same candles as klines, so that both agree. */
import { Decimal } from 'decimal.js';
import type { Candle } from '../engine/trading/candle.ts';
import type { Levels } from './depth.ts';
import type { Venue } from './venue.ts';
import { quoteVolumeOf, text } from './wire.ts';

const dayMs = 86_400_000;

/** Span of the 24-hour tickers and the default of the others. */
export const dayLongMs = dayMs;

export interface Span {
  readonly symbol: string;
  readonly openTime: number;
  readonly closeTime: number;
  readonly candle: Candle;
  readonly firstId: number;
  readonly lastId: number;
}

/** From the base candle that `fromMs` lies in up to now; null before the symbol's first price. */
export async function spanOf(venue: Venue, symbol: string, fromMs: number): Promise<Span | null> {
  const candle = await venue.market.since(symbol, fromMs);
  if (candle === null) return null;
  const traded = venue.tape.trades(symbol);
  const first = traded.find(({ atMs }) => atMs >= fromMs) ?? traded[0];
  const last = traded.at(-1);
  return {
    symbol,
    openTime: candle.openTime,
    closeTime: venue.time.now(),
    candle,
    firstId: Number(first?.id ?? -1n),
    lastId: Number(last?.id ?? -1n),
  };
}

/** The windows of `GET /api/v3/ticker` and of the streams `@ticker_…`: 1m to 59m, 1h to 23h, 1d to 7d. Null for others. */
export function windowMs(name: string): number | null {
  const [, count = '0', unit = ''] = /^(\d{1,2})([mhd])$/.exec(name) ?? [];
  const most = { m: 59, h: 23, d: 7 }[unit] ?? 0;
  const lengthMs = { m: 60_000, h: 3_600_000, d: dayMs }[unit] ?? 0;
  return Number(count) >= 1 && Number(count) <= most ? Number(count) * lengthMs : null;
}

export function miniTicker(span: Span): Record<string, unknown> {
  const { candle } = span;
  return {
    symbol: span.symbol,
    openPrice: text(candle.open),
    highPrice: text(candle.high),
    lowPrice: text(candle.low),
    lastPrice: text(candle.close),
    volume: text(candle.volume),
    quoteVolume: text(quoteVolumeOf(candle)),
    openTime: span.openTime,
    closeTime: span.closeTime,
    firstId: span.firstId,
    lastId: span.lastId,
    count: span.firstId < 0 ? 0 : span.lastId - span.firstId + 1,
  };
}

interface Change {
  readonly change: string;
  readonly percent: string;
  readonly weightedAverage: string;
}

function changeOf({ candle }: Span): Change {
  return {
    change: text(new Decimal(candle.close).minus(candle.open)),
    percent: new Decimal(candle.close).minus(candle.open).div(candle.open).times(100).toFixed(3),
    weightedAverage: text(candle.volume === 0 ? candle.close : quoteVolumeOf(candle) / candle.volume),
  };
}

export function windowTicker(span: Span): Record<string, unknown> {
  const { change, percent, weightedAverage } = changeOf(span);
  const { symbol, ...rest } = miniTicker(span);
  return { symbol, priceChange: change, priceChangePercent: percent, weightedAvgPrice: weightedAverage, ...rest };
}

export function dayTicker(venue: Venue, span: Span): Record<string, unknown> {
  const { symbol, priceChange, priceChangePercent, weightedAvgPrice, ...rest } = windowTicker(span);
  const { bids, asks } = venue.depths.of(span.symbol);
  return {
    symbol,
    priceChange,
    priceChangePercent,
    weightedAvgPrice,
    prevClosePrice: text(span.candle.open),
    lastQty: text(venue.tape.last(span.symbol)?.quantity ?? 0),
    ...bestOf(bids, asks),
    ...rest,
  };
}

/** As tickers name the best of both sides. */
export function bestOf(bids: Levels, asks: Levels): Record<string, unknown> {
  const [bid, ask] = [bids[0], asks[0]];
  return { bidPrice: text(bid?.[0] ?? 0), bidQty: text(bid?.[1] ?? 0), askPrice: text(ask?.[0] ?? 0), askQty: text(ask?.[1] ?? 0) };
}

/** The events of the streams `@miniTicker`, `@ticker` and `@ticker_…`. */
export function miniTickerEvent(span: Span, atMs: number): Record<string, unknown> {
  return { e: '24hrMiniTicker', E: atMs, s: span.symbol, ...pricesOf(span) };
}

function pricesOf({ candle }: Span): Record<string, unknown> {
  return {
    c: text(candle.close),
    o: text(candle.open),
    h: text(candle.high),
    l: text(candle.low),
    v: text(candle.volume),
    q: text(quoteVolumeOf(candle)),
  };
}

export function windowTickerEvent(span: Span, name: string, atMs: number): Record<string, unknown> {
  const { change, percent, weightedAverage } = changeOf(span);
  return {
    ...{ e: name, E: atMs, s: span.symbol, p: change, P: percent, w: weightedAverage, ...pricesOf(span) },
    ...{ O: span.openTime, C: span.closeTime, F: span.firstId, L: span.lastId, n: miniTicker(span)['count'] },
  };
}

export function dayTickerEvent(venue: Venue, span: Span, atMs: number): Record<string, unknown> {
  const { bids, asks } = venue.depths.of(span.symbol);
  const [bid, ask] = [bids[0], asks[0]];
  return {
    ...windowTickerEvent(span, '24hrTicker', atMs),
    x: text(span.candle.open),
    Q: text(venue.tape.last(span.symbol)?.quantity ?? 0),
    ...{ b: text(bid?.[0] ?? 0), B: text(bid?.[1] ?? 0), a: text(ask?.[0] ?? 0), A: text(ask?.[1] ?? 0) },
  };
}
