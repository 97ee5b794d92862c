/** Public market data of a venue that speaks Binance's spot REST. */
import type { Decimal } from 'decimal.js';
import type { Metrics } from '../../observe/metrics.ts';
import type { VenueClock } from '../../time/clock.ts';
import type { Instrument } from '../../trading/instrument.ts';
import { ExchangeError } from '../exchange.ts';
import type { MarketData } from '../exchange.ts';
import type { OrderLimit, RequestGate, RequestPriority } from '../request-gate.ts';
import type { RestClient } from './rest.ts';
import { MalformedAnswer, NoPrice, fields, price as priceOf, readInstrument, readKline, rows, time } from './wire.ts';

export function createBinanceMarketData(
  rest: Pick<RestClient, 'read'>,
  gate: Pick<RequestGate, 'setLimits'>,
  venueClock: VenueClock,
  metrics: Metrics,
): MarketData {
  const read = async <T>(
    what: string,
    path: string,
    query: Record<string, string | number>,
    weight: number,
    use: (body: unknown) => T,
    priority: RequestPriority = 'audit',
  ): Promise<T> => {
    const body = await rest.read({ what, path, query, weight, priority, signed: false });
    return understood(what, metrics, () => use(body));
  };
  return {
    // Every signature depends on it.
    serverTime: () => read('time', '/api/v3/time', {}, 1, (body) => time(fields(body, 'time'), 'serverTime'), 'protect'),
    // Nothing can be sold by filters that are not known.
    instruments: (symbols) =>
      read(
        'exchangeInfo',
        '/api/v3/exchangeInfo',
        symbols === null ? {} : { symbols: JSON.stringify(symbols) },
        20,
        (body) => {
          const info = fields(body, 'exchangeInfo');
          gate.setLimits(readLimits(info['rateLimits']));
          return readInstruments(rows(info['symbols'], 'symbols'));
        },
        'exit',
      ),
    klines: ({ symbol, timeframe, startTime, endTime, limit, forExits }) => {
      // The rows may be as old as the question: a candle that ended while the answer was under way is marked as not closed.
      const askedAtMs = venueClock.now();
      return read(
        'klines',
        '/api/v3/klines',
        {
          symbol,
          interval: timeframe,
          ...(startTime === undefined ? {} : { startTime }),
          ...(endTime === undefined ? {} : { endTime }),
          limit: limit ?? 1_000,
        },
        2,
        (body) => rows(body, 'klines').map((row) => readKline(row, askedAtMs)),
        forExits === true ? 'exit' : 'history',
      );
    },
    price: (symbol) => read('price', '/api/v3/ticker/price', { symbol }, 2, (body) => priceOf(fields(body, 'price'), 'price')),
    // All symbols are asked for: naming one that is not listed any more would get an error for all, and stops depend on these prices.
    prices: (symbols) => read('price', '/api/v3/ticker/price', {}, 4, (body) => pricesOf(rows(body, 'prices'), new Set(symbols)), 'exit'),
  };
}

/** A symbol without a valid price is left out. */
function pricesOf(told: readonly unknown[], wanted: ReadonlySet<string>): ReadonlyMap<string, Decimal> {
  const prices = new Map<string, Decimal>();
  for (const row of told) {
    const ticker = fields(row, 'price');
    const symbol = ticker['symbol'];
    if (typeof symbol !== 'string' || !wanted.has(symbol)) continue;
    try {
      prices.set(symbol, priceOf(ticker, 'price'));
    } catch (error) {
      if (!(error instanceof MalformedAnswer)) throw error;
    }
  }
  return prices;
}

/** A symbol that cannot be read is left out, as if it were not listed: the others trade on. Throws when none can be read. */
function readInstruments(symbols: readonly unknown[]): readonly Instrument[] {
  let problem: MalformedAnswer | null = null;
  const instruments = symbols.flatMap((symbol) => {
    try {
      return [readInstrument(symbol)];
    } catch (error) {
      if (!(error instanceof MalformedAnswer)) throw error;
      problem ??= error;
      return [];
    }
  });
  if (instruments.length === 0 && problem !== null) throw problem as MalformedAnswer;
  return instruments;
}

const intervalMs: Readonly<Record<string, number>> = { SECOND: 1_000, MINUTE: 60_000, HOUR: 3_600_000, DAY: 86_400_000 };

/** The limits that exchangeInfo publishes; those that are not understood are left out. */
export function readLimits(published: unknown): { readonly weightPerMinute: number | null; readonly orders: readonly OrderLimit[] } {
  let weightPerMinute: number | null = null;
  const orders: OrderLimit[] = [];
  for (const row of Array.isArray(published) ? (published as unknown[]) : []) {
    const limit = fields(row, 'rateLimit');
    const windowMs = (intervalMs[String(limit['interval'])] ?? 0) * time(limit, 'intervalNum');
    const most = time(limit, 'limit');
    if (!(windowMs > 0) || !(most > 0)) continue;
    if (limit['rateLimitType'] === 'REQUEST_WEIGHT' && windowMs === 60_000) weightPerMinute = most;
    else if (limit['rateLimitType'] === 'ORDERS') orders.push({ windowMs, limit: most });
  }
  return { weightPerMinute, orders };
}

/** Throws when the body has not the expected shape. */
export function understood<T>(what: string, metrics: Metrics, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof MalformedAnswer)) throw error;
    if (error instanceof NoPrice) metrics.pricesRejected.inc({ source: what });
    throw new ExchangeError(what, { httpStatus: 200, code: null, message: error.message, class: 'malformed-answer' }, error);
  }
}
