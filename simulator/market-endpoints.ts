/** Public market data by REST. */
import type { Timeframe } from '../engine/trading/candle.ts';
import type { Instrument } from '../engine/trading/instrument.ts';
import type { Call, Endpoint } from './endpoint.ts';
import { isTold } from './intervals.ts';
import type { Interval } from './intervals.ts';
import { checkedSymbol } from './parameters.ts';
import type { Parameters } from './parameters.ts';
import { VenueRefusal } from './refusal.ts';
import { exchangeInfo, klineRow, text } from './wire.ts';

export function knownSymbol({ venue, parameters }: Call): string {
  const symbol = parameters.symbol();
  if (venue.exchange.instrument(symbol) === null) throw new VenueRefusal(400, -1121, 'Invalid symbol.');
  return symbol;
}

/** The interval parameter; only multiples of the fuel's own can be told. */
export function readInterval(value: string, base: Timeframe): Interval {
  if (!isTold(value, base)) throw new VenueRefusal(400, -1120, 'Invalid interval.');
  return value;
}

export function marketEndpoints(baseTimeframe: Timeframe): readonly Endpoint[] {
  const endpoint = (path: string, weight: Endpoint['weight'], answer: Endpoint['answer']): Endpoint => ({
    method: 'GET',
    path,
    weight,
    signed: false,
    answer,
  });
  const klines = async (call: Call): Promise<unknown> => {
    const { venue, parameters } = call;
    const symbol = knownSymbol(call);
    const interval = readInterval(parameters.required('interval'), baseTimeframe);
    const startTime = parameters.integer('startTime', { min: 0 });
    const endTime = parameters.integer('endTime', { min: 0 });
    const limit = parameters.integer('limit', { min: 1, max: 1_000 }) ?? 500;
    parameters.text('timeZone');
    const query = { limit, ...(startTime === undefined ? {} : { startTime }), ...(endTime === undefined ? {} : { endTime }) };
    return (await venue.market.klines(symbol, interval, query)).map(klineRow);
  };
  return [
    endpoint('/api/v3/ping', 1, () => ({})),
    endpoint('/api/v3/time', 1, ({ venue }) => ({ serverTime: venue.time.told() })),
    endpoint('/api/v3/exchangeInfo', 20, (call) => exchangeInfo(askedInstruments(call), call.venue.time.told(), call.venue.limits.values)),
    endpoint('/api/v3/klines', 2, klines),
    endpoint('/api/v3/uiKlines', 2, klines),
    endpoint('/api/v3/avgPrice', 2, (call) => {
      const symbol = knownSymbol(call);
      const now = call.venue.time.now();
      return { mins: 5, price: text(call.venue.exchange.matching.averagePrice(symbol, 5, now) ?? 0), closeTime: now };
    }),
    endpoint('/api/v3/ticker/price', tickerWeight, (call) =>
      perSymbol(call, (symbol) => ({ symbol, price: text(call.venue.exchange.matching.lastTick(symbol)?.price ?? 0) })),
    ),
  ];
}

const tickerWeight = (parameters: Parameters): number => (parameters.has('symbol') ? 2 : 4);

function perSymbol(call: Call, answer: (symbol: string) => unknown): unknown {
  const names = askedSymbols(call);
  return typeof names === 'string' ? answer(names) : names.map(answer);
}

/** One name (then one answer), or several (then a list). */
export function askedSymbols({ venue, parameters }: Call): string | readonly string[] {
  const one = parameters.text('symbol');
  const several = parameters.text('symbols');
  if (one !== undefined && several !== undefined) throw new VenueRefusal(400, -1128, 'Combination of optional parameters invalid.');
  const check = (symbol: unknown): string => {
    if (typeof symbol !== 'string' || venue.exchange.instrument(checkedSymbol(symbol)) === null)
      throw new VenueRefusal(400, -1121, 'Invalid symbol.');
    return symbol;
  };
  if (one !== undefined) return check(one);
  if (several === undefined) return venue.exchange.symbols.filter((symbol) => venue.exchange.instrument(symbol) !== null);
  try {
    const parsed: unknown = JSON.parse(several);
    if (Array.isArray(parsed)) return parsed.map(check);
  } catch (error) {
    if (error instanceof VenueRefusal) throw error;
  }
  throw new VenueRefusal(400, -1100, "Illegal characters found in parameter 'symbols'.");
}

function askedInstruments(call: Call): readonly Instrument[] {
  for (const name of ['permissions', 'showPermissionSets', 'symbolStatus']) call.parameters.text(name);
  const names = askedSymbols(call);
  return (typeof names === 'string' ? [names] : names).flatMap((symbol) => call.venue.exchange.instrument(symbol) ?? []);
}
