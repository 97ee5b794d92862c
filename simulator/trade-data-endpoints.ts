/** The book, the trades and the tickers by REST. */
import type { Call, Endpoint } from './endpoint.ts';
import { askedSymbols, knownSymbol } from './market-endpoints.ts';
import type { Parameters } from './parameters.ts';
import { VenueRefusal } from './refusal.ts';
import type { TapeTrade } from './tape.ts';
import { bestOf, dayLongMs, dayTicker, miniTicker, spanOf, windowMs, windowTicker } from './tickers.ts';
import type { Span } from './tickers.ts';
import { levelRows, text } from './wire.ts';

const depthLimitMax = 5_000;
const dayMs = 86_400_000;

const endpoint = (path: string, weight: Endpoint['weight'], answer: Endpoint['answer']): Endpoint => ({
  method: 'GET',
  path,
  weight,
  signed: false,
  answer,
});

export const tradeDataEndpoints: readonly Endpoint[] = [
  endpoint('/api/v3/depth', depthWeight, (call) => {
    const symbol = knownSymbol(call);
    const limit = call.parameters.integer('limit', { min: 1, max: depthLimitMax }) ?? 100;
    const { updateId, bids, asks } = call.venue.depths.of(symbol);
    return { lastUpdateId: updateId, bids: levelRows(bids.slice(0, limit)), asks: levelRows(asks.slice(0, limit)) };
  }),
  endpoint('/api/v3/trades', 25, (call) => {
    const trades = call.venue.tape.trades(knownSymbol(call));
    return trades.slice(-limitOf(call.parameters)).map(tradeRow);
  }),
  endpoint('/api/v3/historicalTrades', 25, (call) => {
    const trades = call.venue.tape.trades(knownSymbol(call));
    const limit = limitOf(call.parameters);
    const fromId = call.parameters.bigint('fromId');
    return (fromId === undefined ? trades.slice(-limit) : trades.filter(({ id }) => id >= fromId).slice(0, limit)).map(tradeRow);
  }),
  endpoint('/api/v3/aggTrades', 4, ({ venue, parameters }) => {
    const symbol = knownSymbol({ venue, parameters, account: null });
    const limit = limitOf(parameters);
    const fromId = parameters.bigint('fromId');
    const from = parameters.integer('startTime', { min: 0 });
    const to = parameters.integer('endTime', { min: 0 });
    const trades = venue.tape
      .trades(symbol)
      .filter(
        ({ id, atMs }) =>
          (fromId === undefined || id >= fromId) && (from === undefined || atMs >= from) && (to === undefined || atMs <= to),
      );
    return (fromId === undefined && from === undefined ? trades.slice(-limit) : trades.slice(0, limit)).map(aggregateRow);
  }),
  endpoint('/api/v3/ticker/bookTicker', tickerWeight, (call) =>
    perSymbol(call, async (symbol) => {
      const { bids, asks } = call.venue.depths.of(symbol);
      return { symbol, ...bestOf(bids, asks) };
    }),
  ),
  endpoint('/api/v3/ticker/24hr', dayWeight, (call) =>
    tickers(call, call.venue.time.now() - dayLongMs, (span) => dayTicker(call.venue, span)),
  ),
  endpoint('/api/v3/ticker/tradingDay', 4, (call) => {
    call.parameters.text('timeZone');
    return tickers(call, Math.floor(call.venue.time.now() / dayMs) * dayMs, windowTicker);
  }),
  endpoint('/api/v3/ticker', 4, (call) => {
    const name = call.parameters.text('windowSize') ?? '1d';
    const lengthMs = windowMs(name);
    if (lengthMs === null)
      throw new VenueRefusal(400, -1102, "Mandatory parameter 'windowSize' was not sent, was empty/null, or malformed.");
    return tickers(call, call.venue.time.now() - lengthMs, windowTicker);
  }),
];

function tickers(call: Call, fromMs: number, full: (span: Span) => unknown): Promise<unknown> {
  const type = call.parameters.oneOf('type', ['FULL', 'MINI'], -1102, 'type') ?? 'FULL';
  call.parameters.text('symbolStatus');
  return perSymbol(call, async (symbol) => {
    const span = await spanOf(call.venue, symbol, fromMs);
    if (span === null) throw new VenueRefusal(400, -1121, 'Invalid symbol.');
    return type === 'MINI' ? miniTicker(span) : full(span);
  });
}

async function perSymbol(call: Call, answer: (symbol: string) => Promise<unknown>): Promise<unknown> {
  const names = askedSymbols(call);
  return typeof names === 'string' ? answer(names) : Promise.all(names.map(answer));
}

function limitOf(parameters: Parameters): number {
  return parameters.integer('limit', { min: 1, max: 1_000 }) ?? 500;
}

function depthWeight(parameters: Parameters): number {
  const limit = Number(parameters.text('limit') ?? 100);
  return limit <= 100 ? 5 : limit <= 500 ? 25 : limit <= 1_000 ? 50 : 250;
}

function tickerWeight(parameters: Parameters): number {
  return parameters.has('symbol') ? 2 : 4;
}

function dayWeight(parameters: Parameters): number {
  return parameters.has('symbol') ? 2 : 80;
}

function tradeRow({ id, price, quantity, quoteQuantity, atMs, buyerIsMaker }: TapeTrade): Record<string, unknown> {
  return {
    id: Number(id),
    price: text(price),
    qty: text(quantity),
    quoteQty: text(quoteQuantity),
    time: atMs,
    isBuyerMaker: buyerIsMaker,
    isBestMatch: true,
  };
}

function aggregateRow({ id, price, quantity, atMs, buyerIsMaker }: TapeTrade): Record<string, unknown> {
  return { a: Number(id), p: text(price), q: text(quantity), f: Number(id), l: Number(id), T: atMs, m: buyerIsMaker, M: true };
}
