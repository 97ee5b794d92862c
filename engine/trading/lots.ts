/** Which quantities a market order may have: LOT_SIZE and MARKET_LOT_SIZE together, the stricter part of each. */
import { Decimal } from 'decimal.js';
import { ceilToStep, exact, floorToStep } from './exact.ts';
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
  return { min: Decimal.max(lot.min, marketLot.min), max, step: commonStep(lot.step, marketLot.step) };
}

/** The coarsest grid that both steps allow: their least common multiple. A step of 0 is no grid. */
function commonStep(one: Decimal, other: Decimal): Decimal {
  if (one.isZero() || other.isZero()) return Decimal.max(one, other);
  let [divisor, rest] = [exact(one), exact(other)];
  while (!rest.isZero()) [divisor, rest] = [rest, divisor.mod(rest)];
  return exact(one).div(divisor).times(other);
}

/** The smallest quantity that a market order may have; one step when the venue names no least quantity. */
export function smallestLot(instrument: Instrument): Decimal {
  const { min, step } = marketLotOf(instrument);
  return Decimal.max(ceilToStep(min, step), step);
}

/** The venue's average price, which judges a market order's worth, may lie this share above the price at hand. */
const averageAboveShare = 0.05;

/** The most that one market order may be worth at the price at hand, quote; null when the venue sets no bound. */
export function mostWorth({ notional }: Instrument): Decimal | null {
  return notional?.max === undefined || notional.max === null || !notional.applyMaxToMarket
    ? null
    : exact(notional.max).times(1 - averageAboveShare);
}

/** The largest quantity that one market order may have and that is not above `quantity`; below the smallest lot it is none. */
export function flooredToLot(quantity: Decimal, instrument: Instrument): Decimal {
  const { max, step } = marketLotOf(instrument);
  const capped = max.isZero() ? exact(quantity) : exact(Decimal.min(quantity, max));
  return floorToStep(capped, step).toDecimalPlaces(instrument.basePrecision, Decimal.ROUND_DOWN);
}
