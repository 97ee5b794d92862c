/**
 * Exact arithmetic for money. The global Decimal rounds results to 20 significant digits, which a large balance times a
 * small price exceeds; amounts in the rows have 18 decimals, so money is computed with a constructor of its own.
 */
import { Decimal } from 'decimal.js';

/** Digits for any product of two amounts of numeric(38,18). */
const Exact = Decimal.clone({ precision: 80, rounding: Decimal.ROUND_HALF_EVEN });

export const zero: Decimal = new Exact(0);

/** The value in a form whose arithmetic is exact; results of arithmetic stay so. (All Decimal classes share one prototype: `instanceof` does not tell them apart.) */
export function exact(value: Decimal | number | string): Decimal {
  return typeof value === 'object' && value.constructor === Exact ? value : new Exact(value);
}

/** Largest multiple of `step` that is not above `value`; a step of 0 switches the grid off. */
export function floorToStep(value: Decimal, step: Decimal): Decimal {
  return step.isZero() ? exact(value) : exact(value).toNearest(step, Decimal.ROUND_FLOOR);
}

/** Smallest multiple of `step` that is not below `value`; a step of 0 switches the grid off. */
export function ceilToStep(value: Decimal, step: Decimal): Decimal {
  return step.isZero() ? exact(value) : exact(value).toNearest(step, Decimal.ROUND_CEIL);
}

/** Rounds half to even at the 18 decimals that the rows keep. */
export function toRowScale(value: Decimal): Decimal {
  return exact(value).toDecimalPlaces(18, Decimal.ROUND_HALF_EVEN);
}
