/** Changes the filters of a listed symbol while it trades, as the venue does; by the names that exchangeInfo gives them. */
import { Decimal } from 'decimal.js';
import type { Instrument } from '../engine/trading/instrument.ts';

const decimals = [
  'minPrice',
  'maxPrice',
  'tickSize',
  'minQty',
  'maxQty',
  'stepSize',
  'marketMaxQty',
  'minNotional',
  'maxNotional',
  'maxPosition',
  'bidMultiplierUp',
  'bidMultiplierDown',
  'askMultiplierUp',
  'askMultiplierDown',
] as const;
const counts = ['maxNumOrders', 'maxNumAlgoOrders', 'maxNumOrderLists'] as const;

export const filterNames: readonly string[] = [...decimals, ...counts];

/** The instrument with the named filters changed, or what is wrong with them. */
export function changeFilters(instrument: Instrument, filters: unknown): Instrument | string {
  if (typeof filters !== 'object' || filters === null || Object.keys(filters).length === 0)
    return `filters: must be an object with some of ${filterNames.join(', ')}`;
  const amounts = new Map<string, Decimal>();
  for (const [name, value] of Object.entries(filters as Record<string, unknown>)) {
    if (!filterNames.includes(name)) return `filters.${name}: must be one of ${filterNames.join(', ')}`;
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text !== 'string' || !/^\d{1,20}(\.\d{1,8})?$/.test(text)) return `filters.${name}: must be a decimal number`;
    if ((counts as readonly string[]).includes(name) && text.includes('.')) return `filters.${name}: must be a whole number`;
    amounts.set(name, new Decimal(text));
  }
  const { price, lot, marketLot, notional, percentPrice } = instrument;
  const of = (name: (typeof decimals)[number], standing: Decimal): Decimal => amounts.get(name) ?? standing;
  const count = (name: (typeof counts)[number], standing: number | null): number | null => amounts.get(name)?.toNumber() ?? standing;
  return {
    ...instrument,
    price: { min: of('minPrice', price.min), max: of('maxPrice', price.max), tick: of('tickSize', price.tick) },
    lot: { min: of('minQty', lot.min), max: of('maxQty', lot.max), step: of('stepSize', lot.step) },
    marketLot: marketLot === null ? null : { ...marketLot, max: of('marketMaxQty', marketLot.max) },
    percentPrice:
      percentPrice === null
        ? null
        : {
            ...percentPrice,
            bidUp: of('bidMultiplierUp', percentPrice.bidUp),
            bidDown: of('bidMultiplierDown', percentPrice.bidDown),
            askUp: of('askMultiplierUp', percentPrice.askUp),
            askDown: of('askMultiplierDown', percentPrice.askDown),
          },
    notional:
      notional === null ? null : { ...notional, min: of('minNotional', notional.min), max: amounts.get('maxNotional') ?? notional.max },
    maxPosition: amounts.get('maxPosition') ?? instrument.maxPosition,
    maxOrders: count('maxNumOrders', instrument.maxOrders),
    maxAlgoOrders: count('maxNumAlgoOrders', instrument.maxAlgoOrders),
    maxOrderLists: count('maxNumOrderLists', instrument.maxOrderLists),
  };
}
