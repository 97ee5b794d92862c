/**
 * Binance spot market streams on the wire: stream names, control messages and the parse of what arrives (combined
 * wrapper). Unknown frames are passed over. A kline with anything wrong is `malformed` and never becomes a candle, because a
 * wrong number would spoil every indicator. When only its times are wrong, its last price is still used.
 */
import { isTimeframe, timeframeMs, type Candle, type Timeframe } from '../../trading/candle.ts';

export interface KlineFrame {
  readonly kind: 'kline';
  readonly stream: string;
  readonly symbol: string;
  readonly timeframe: Timeframe;
  /** `closed` as the venue flags it; whoever uses it compares it with `eventTimeMs`. */
  readonly candle: Candle;
  /** The venue's time of the event, ms UTC. */
  readonly eventTimeMs: number;
}

export interface MalformedFrame {
  readonly kind: 'malformed';
  readonly problem: string;
  /** The stream that it came on; null when it does not tell. */
  readonly stream: string | null;
  /** The last price, where nothing but the times is wrong. */
  readonly price: number | null;
}

export type StreamFrame =
  | KlineFrame
  | { readonly kind: 'acknowledged'; readonly id: number }
  | { readonly kind: 'refused'; readonly id: number | null; readonly code: number; readonly message: string }
  /** The server is about to close this connection: open another one first. */
  | { readonly kind: 'server-shutdown' }
  | MalformedFrame
  | { readonly kind: 'other' };

/** Where a combined connection without initial streams is opened; names are subscribed once it stands. */
export function combinedStreamUrl(base: string): string {
  return `${base.replace(/\/+$/, '')}/stream`;
}

export function klineStream(symbol: string, timeframe: Timeframe): string {
  return `${symbol.toLowerCase()}@kline_${timeframe}`;
}

export function controlMessage(method: 'SUBSCRIBE' | 'UNSUBSCRIBE', streams: readonly string[], id: number): string {
  return JSON.stringify({ method, params: streams, id });
}

const other: StreamFrame = { kind: 'other' };
const shutdown: StreamFrame = { kind: 'server-shutdown' };

export function parseStreamFrame(text: string): StreamFrame {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return malformed('not JSON');
  }
  if (!isRecord(frame)) return malformed('not an object');
  const { stream, data } = frame;
  if (typeof stream === 'string') {
    if (stream === '!serverShutdown') return shutdown;
    if (!isRecord(data)) return malformed(`no data for stream ${stream}`, stream);
    if (data.e === 'kline') return klineFrame(stream, data);
    return data.e === 'serverShutdown' ? shutdown : other;
  }
  if (frame.e === 'serverShutdown') return shutdown;
  return controlAnswer(frame);
}

function klineFrame(stream: string, data: Record<string, unknown>): StreamFrame {
  const { E: eventTimeMs, s: symbol, k } = data;
  if (!isRecord(k) || typeof symbol !== 'string' || typeof eventTimeMs !== 'number')
    return malformed(`kline without its fields on ${stream}`, stream);
  const timeframe = k.i;
  if (typeof timeframe !== 'string' || !isTimeframe(timeframe)) return malformed(`kline with an unknown interval on ${stream}`, stream);
  if (klineStream(symbol, timeframe) !== stream) return malformed(`kline of ${symbol} ${timeframe} on ${stream}`, stream);
  const candle: Candle = {
    openTime: k.t as number, // Checked with every other field below.
    closeTime: k.T as number,
    open: decimal(k.o),
    high: decimal(k.h),
    low: decimal(k.l),
    close: decimal(k.c),
    volume: decimal(k.v),
    closed: k.x === true,
  };
  if (!hasSoundPrices(candle)) return malformed(`kline with unsound numbers on ${stream}`, stream);
  if (!isOnGrid(candle, timeframe) || !(eventTimeMs >= candle.openTime))
    return malformed(`kline off the grid on ${stream}: from ${timeText(k.t)} to ${timeText(k.T)}`, stream, candle.close);
  return { kind: 'kline', stream, symbol, timeframe, candle, eventTimeMs };
}

/** Its times are those of its timeframe, and its numbers can be true. */
export function isSoundCandle(candle: Candle, timeframe: Timeframe): boolean {
  return isOnGrid(candle, timeframe) && hasSoundPrices(candle);
}

function isOnGrid({ openTime, closeTime }: Candle, timeframe: Timeframe): boolean {
  const stepMs = timeframeMs[timeframe];
  return Number.isSafeInteger(openTime) && openTime % stepMs === 0 && closeTime === openTime + stepMs - 1;
}

/** Every number finite, low <= open, close <= high, prices above 0. */
function hasSoundPrices({ open, high, low, close, volume }: Candle): boolean {
  return low > 0 && high < Infinity && open >= low && open <= high && close >= low && close <= high && volume >= 0 && volume < Infinity;
}

function controlAnswer(frame: Record<string, unknown>): StreamFrame {
  const id = typeof frame.id === 'number' ? frame.id : null;
  const error = isRecord(frame.error) ? frame.error : frame;
  if (typeof error.code === 'number') {
    return { kind: 'refused', id, code: error.code, message: typeof error.msg === 'string' ? error.msg : '' };
  }
  return id !== null && 'result' in frame ? { kind: 'acknowledged', id } : other;
}

function malformed(problem: string, stream: string | null = null, price: number | null = null): MalformedFrame {
  return { kind: 'malformed', problem, stream, price };
}

function timeText(value: unknown): string {
  return typeof value === 'number' && Math.abs(value) <= 8.64e15 ? new Date(value).toISOString() : String(value);
}

/** Only a text that is a number: `Number` alone would take '' and null for 0. */
function decimal(value: unknown): number {
  return typeof value === 'string' && value !== '' ? Number(value) : NaN;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
