/** Which quantities a market order may have: LOT_SIZE and MARKET_LOT_SIZE together, the stricter part of each. */
import { Decimal } from 'decimal.js';
import { exact, floorToStep } from './exact.ts';
import type { Instrument, LotFilter } from './instrument.ts';

/** Instruments are immutable: their market lots are worked out once. */
const lots = new WeakMap<Instrument, LotFilter>();

/** A `max` or `step` of 0 is none. */
export function marketLotOf(instrument: Instrument): LotFilter {
  const known = lots.get(instrument);
  if (known !== undefined) return known;
  const made = stricterOf(instrument);
  lots.set(instrument, made);
  return made;
}

function stricterOf({ lot, marketLot }: Instrument): LotFilter {
  if (marketLot === null) return lot;
  const max = lot.max.isZero() || marketLot.max.isZero() ? Decimal.max(lot.max, marketLot.max) : Decimal.min(lot.max, marketLot.max);
  return { min: Decimal.max(lot.min, marketLot.min), max, step: Decimal.max(lot.step, marketLot.step) };
}

/** The largest quantity that one market order may have and that is not above `quantity`; below the smallest lot it is none. */
export function flooredToLot(quantity: Decimal, instrument: Instrument): Decimal {
  const { max, step } = marketLotOf(instrument);
  const capped = max.isZero() ? exact(quantity) : exact(Decimal.min(quantity, max));
  return floorToStep(capped, step).toDecimalPlaces(instrument.basePrecision, Decimal.ROUND_DOWN);
}
