/** What market streams say of trades, the book and the average price. Times are ms. */
import type { Decimal } from 'decimal.js';
import type { Depth, DepthChange } from './depth.ts';
import type { TapeTrade } from './tape.ts';
import { levelRows, text } from './wire.ts';

export function tradeEvent(trade: TapeTrade): Record<string, unknown> {
  return { e: 'trade', E: trade.atMs, s: trade.symbol, t: Number(trade.id), ...traded(trade) };
}

/** Every trade is its own aggregate. */
export function aggregateTradeEvent(trade: TapeTrade): Record<string, unknown> {
  const id = Number(trade.id);
  return { e: 'aggTrade', E: trade.atMs, s: trade.symbol, a: id, f: id, l: id, ...traded(trade) };
}

function traded({ price, quantity, atMs, buyerIsMaker }: TapeTrade): Record<string, unknown> {
  return { p: text(price), q: text(quantity), T: atMs, m: buyerIsMaker, M: true };
}

export function bookTickerEvent(symbol: string, { updateId, bids, asks }: Depth): Record<string, unknown> {
  const [bid, ask] = [bids[0], asks[0]];
  return { u: updateId, s: symbol, b: text(bid?.[0] ?? 0), B: text(bid?.[1] ?? 0), a: text(ask?.[0] ?? 0), A: text(ask?.[1] ?? 0) };
}

export function depthEvent(symbol: string, { updateId, bids, asks }: DepthChange, atMs: number): Record<string, unknown> {
  return { e: 'depthUpdate', E: atMs, s: symbol, U: updateId, u: updateId, b: levelRows(bids), a: levelRows(asks) };
}

export function partialDepth({ updateId, bids, asks }: Depth, levels: number): Record<string, unknown> {
  return { lastUpdateId: updateId, bids: levelRows(bids.slice(0, levels)), asks: levelRows(asks.slice(0, levels)) };
}

export function averagePriceEvent(symbol: string, average: Decimal, lastTradeMs: number, atMs: number): Record<string, unknown> {
  return { e: 'avgPrice', E: atMs, s: symbol, i: '5m', w: text(average), T: lastTradeMs };
}
