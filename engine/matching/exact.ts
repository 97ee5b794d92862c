/**
 * Exact arithmetic of the books. The global Decimal rounds products to 20 significant digits, which a large balance
 * times a small price exceeds, so the books compute with their own constructor; amounts are cut to 8 decimals as
 * the venue does.
 */
import { Decimal } from 'decimal.js';

/** Enough digits for any product of two 8-decimal amounts; cuts towards zero beyond that. */
export const Exact = Decimal.clone({ precision: 80, rounding: Decimal.ROUND_DOWN });

export const zero: Decimal = new Exact(0);

const amountDecimals = 8;

/** All Decimal classes share one prototype, so only the constructor tells which arithmetic a value has. */
export function exact(value: Decimal): Decimal {
  return value.constructor === Exact ? value : new Exact(value);
}

/** Cuts to the 8 decimals that balances, quote amounts and commissions have. */
export function floorAmount(value: Decimal): Decimal {
  return exact(value).toDecimalPlaces(amountDecimals, Decimal.ROUND_DOWN);
}

/** Price times quantity in quote, as the venue books it. */
export function quoteOf(price: Decimal, quantity: Decimal): Decimal {
  return floorAmount(exact(price).times(quantity));
}

/** Largest multiple of `step` that is not above `value`; a step of 0 switches the grid off. */
export function floorToStep(value: Decimal, step: Decimal): Decimal {
  if (step.isZero()) return exact(value);
  return exact(value).div(step).floor().times(step);
}

export function isOnStep(value: Decimal, step: Decimal): boolean {
  return step.isZero() || exact(value).mod(step).isZero();
}

export function smallest(a: Decimal, b: Decimal): Decimal {
  return a.lte(b) ? a : b;
}

export function largest(a: Decimal, b: Decimal): Decimal {
  return a.gte(b) ? a : b;
}
