/** Instruments as the symbol cache holds them (decimals as text), and the check of what comes back. */
import { Decimal } from 'decimal.js';
import type { Instrument, LotFilter, NotionalFilter, PercentPriceFilter, PriceFilter } from '../trading/instrument.ts';

export function writeCachedInstruments(instruments: readonly Instrument[]): unknown {
  return JSON.parse(JSON.stringify(instruments)) as unknown;
}

/** Part of the cache's key: engines of two versions that share a cache do not read one another's shape. Raise it when `Instrument` changes. */
export const cachedShape = 2;

/** Null unless every entry is a whole and sensible instrument. */
export function readCachedInstruments(value: unknown): readonly Instrument[] | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  const instruments: Instrument[] = [];
  for (const entry of value as unknown[]) {
    const instrument = readInstrument(entry);
    if (instrument === null) return null;
    instruments.push(instrument);
  }
  return instruments;
}

type Fields = Record<string, unknown>;

function readInstrument(value: unknown): Instrument | null {
  if (typeof value !== 'object' || value === null) return null;
  const entry = value as Fields;
  const price = decimals<PriceFilter>(entry['price'], ['min', 'max', 'tick']);
  const lot = decimals<LotFilter>(entry['lot'], ['min', 'max', 'step']);
  const marketLot = entry['marketLot'] === null ? null : decimals<LotFilter>(entry['marketLot'], ['min', 'max', 'step']);
  const notional = entry['notional'] === null ? null : decimals<NotionalFilter>(entry['notional'], ['min'], 'max');
  const percentPrice =
    entry['percentPrice'] === null ? null : decimals<PercentPriceFilter>(entry['percentPrice'], ['bidUp', 'bidDown', 'askUp', 'askDown']);
  const counts = ['maxOrders', 'maxAlgoOrders', 'maxOrderLists'].every((name) => entry[name] === null || Number.isInteger(entry[name]));
  const trailingDelta =
    entry['trailingDelta'] === null || integers(entry['trailingDelta'], ['minAbove', 'maxAbove', 'minBelow', 'maxBelow']);
  const minutes = [notional, percentPrice].every((filter) => filter === null || integers(filter, ['averagePriceMinutes']));
  const flags =
    booleans(entry, ['ocoAllowed', 'cancelReplaceAllowed']) &&
    (notional === null || booleans(notional, ['applyMinToMarket', 'applyMaxToMarket']));
  const { orderTypes } = entry;
  const types = Array.isArray(orderTypes) && orderTypes.every((type) => typeof type === 'string');
  const maxPosition = entry['maxPosition'] === null ? null : decimal(entry['maxPosition']);
  const texts = ['symbol', 'status', 'baseAsset', 'quoteAsset'].every((name) => typeof entry[name] === 'string' && entry[name] !== '');
  const numbers = ['basePrecision', 'quotePrecision'].every((name) => Number.isInteger(entry[name]));
  if (!texts || !numbers || !counts || !trailingDelta || !minutes || !flags || !types || entry['market'] !== 'spot') return null;
  if (
    price === undefined ||
    lot === undefined ||
    marketLot === undefined ||
    notional === undefined ||
    percentPrice === undefined ||
    maxPosition === undefined
  )
    return null;
  return { ...(entry as unknown as Instrument), price, lot, marketLot, notional, percentPrice, maxPosition };
}

/** The filter with the named fields as Decimals, one of which may be null, and the others as they came; undefined when one is no amount. */
function decimals<Filter>(
  value: unknown,
  names: readonly (keyof Filter & string)[],
  nullable: (keyof Filter & string) | null = null,
): Filter | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const result: Fields = { ...(value as Fields) };
  for (const name of nullable === null ? names : [...names, nullable]) {
    const field = (value as Fields)[name];
    if (field === null && name === nullable) continue;
    const amount = decimal(field);
    if (amount === undefined) return undefined;
    result[name] = amount;
  }
  return result as unknown as Filter;
}

function booleans(value: unknown, names: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && names.every((name) => typeof (value as Fields)[name] === 'boolean');
}

function integers(value: unknown, names: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && names.every((name) => Number.isInteger((value as Fields)[name]));
}

function decimal(value: unknown): Decimal | undefined {
  return typeof value === 'string' && /^\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value) ? new Decimal(value) : undefined;
}
