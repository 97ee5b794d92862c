/** Recorded candles from a CSV (plain or gzip) with the columns open_time, open, high, low, close, volume; one symbol per file, no gaps. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { timeframeMs } from '../engine/trading/candle.ts';
import type { Candle, Timeframe } from '../engine/trading/candle.ts';
import { FuelError } from './fuel.ts';
import type { Fuel } from './fuel.ts';
import { onTick } from './generator.ts';
import { listingFor } from './instruments.ts';
import { merged } from './merged.ts';

const header = 'open_time,open,high,low,close,volume';

/** `symbol` defaults to the file name up to its first dash (BTCUSDT-1m-…). Throws `FuelError`. */
export function recordedFuel(path: string, baseTimeframe: Timeframe, symbol = basename(path).split('-')[0] ?? ''): Fuel {
  return candleFuel(symbol, baseTimeframe, parse(path, read(path), timeframeMs[baseTimeframe]));
}

/** One symbol's base candles, oldest first, without gaps. */
export function candleFuel(symbol: string, baseTimeframe: Timeframe, recorded: readonly Candle[]): Fuel {
  const listing = listingFor(recorded.flatMap(({ open, high, low, close }) => [open, high, low, close]));
  const candles = recorded.map((candle) => onGrid(candle, Number(listing.tick)));
  const first = candles[0]?.openTime ?? 0;
  const step = timeframeMs[baseTimeframe];
  return {
    symbols: [symbol],
    baseTimeframe,
    firstOpenTime: first,
    lastOpenTime: candles.at(-1)?.openTime ?? 0,
    listing: () => listing,
    candle: (asked, openTime) => (asked === symbol ? (candles[(openTime - first) / step] ?? null) : null),
    span(asked, start, end) {
      const [head, ...rest] = asked === symbol ? candles.slice(Math.max(0, (start - first) / step), Math.max(0, (end - first) / step)) : [];
      return head === undefined ? null : rest.reduce(merged, head);
    },
  };
}

/** Prices with more digits than the venue has are cut to its grid once, so that klines, prices and fills are the same. */
function onGrid(candle: Candle, tick: number): Candle {
  const { open, high, low, close } = candle;
  return { ...candle, open: onTick(open, tick), high: onTick(high, tick), low: onTick(low, tick), close: onTick(close, tick) };
}

function read(path: string): string {
  try {
    const bytes = readFileSync(path);
    return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (error) {
    throw new FuelError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parse(path: string, text: string, step: number): readonly Candle[] {
  const [head = '', ...lines] = text.trim().split(/\r?\n/);
  if (!head.startsWith(header)) throw new FuelError(`${path}, line 1: the columns must be ${header}, and are ${head.slice(0, 100)}`);
  const candles: Candle[] = [];
  lines.forEach((line, index) => {
    const [openTime = Number.NaN, open = Number.NaN, high = Number.NaN, low = Number.NaN, close = Number.NaN, volume = Number.NaN] = line
      .split(',')
      .map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)));
    const where = `${path}, line ${index + 2}`;
    if (!(low > 0 && low <= Math.min(open, close) && high >= Math.max(open, close) && high < Infinity && volume >= 0))
      throw new FuelError(`${where}: not a candle: ${line.slice(0, 100)}`);
    const due = candles.length === 0 ? openTime : (candles[0]?.openTime ?? 0) + candles.length * step;
    if (!Number.isSafeInteger(openTime) || openTime % step !== 0 || openTime !== due)
      throw new FuelError(`${where}: open_time ${openTime} is not the next candle's (${due})`);
    candles.push({ openTime, closeTime: openTime + step - 1, open, high, low, close, volume, closed: true });
  });
  if (candles.length < 2) throw new FuelError(`${path} holds ${candles.length} candles; at least 2 are needed`);
  return candles;
}
