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

/** Largest multiple of `step` that is not above `value`; a step of 0 means no grid. */
export function floorToStep(value: Decimal, step: Decimal): Decimal {
  return toStep(value, step, Decimal.ROUND_FLOOR);
}

/** Smallest multiple of `step` that is not below `value`; a step of 0 switches the grid off. */
export function ceilToStep(value: Decimal, step: Decimal): Decimal {
  return toStep(value, step, Decimal.ROUND_CEIL);
}

/** Whether `value` is a multiple of `step`; a step of 0 switches the grid off. */
export function isOnStep(value: Decimal, step: Decimal): boolean {
  const decimals = decimalsOf(step);
  if (decimals !== null) return value.decimalPlaces() <= decimals;
  return step.isZero() || exact(value).mod(step).isZero();
}

function toStep(value: Decimal, step: Decimal, rounding: Decimal.Rounding): Decimal {
  const decimals = decimalsOf(step);
  if (decimals !== null) return exact(value).toDecimalPlaces(decimals, rounding);
  return step.isZero() ? exact(value) : exact(value).toNearest(step, rounding);
}

/**
 * The values of a Decimal's only word (`d[0]`) when the number is a 1 with zeros. decimal.js stores digits in words of seven, and fills the
 * word behind the point with zeros: 0.01 is stored as 100000.
 */
const loneOnes: ReadonlySet<number> = new Set([1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]);

/** Number of decimals of the steps 1, 0.1, 0.01 and so on (nearly all are such): rounding to digits is many times cheaper than dividing. Null for other steps. */
function decimalsOf({ d: words, e: exponent }: Decimal): number | null {
  return words.length === 1 && exponent <= 0 && loneOnes.has(words[0] ?? 0) ? -exponent : null;
}

/** Rounds half to even at the 18 decimals that the rows keep. */
export function toRowScale(value: Decimal): Decimal {
  return exact(value).toDecimalPlaces(18, Decimal.ROUND_HALF_EVEN);
}
