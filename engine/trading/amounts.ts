/** Numbers as a trader reads them: never with an exponent, amounts with their asset and as many digits as that has. */
import { Decimal } from 'decimal.js';
import { exact } from './exact.ts';
import type { Instrument } from './instrument.ts';

/** A float has noise behind them. */
const priceDigits = 10;
/** Of amounts in any asset, as spot accounts are kept. */
const assetDecimals = 8;
const decimalsLeast = 2;

/** "0.00000045", not "4.5e-7". */
export function priceText(price: number | Decimal): string {
  return exact(price).toSignificantDigits(priceDigits).toFixed();
}

/** "12.50 USDT", "0.00001234 BTC". */
export function amountText(amount: Decimal, asset: string, decimals = assetDecimals): string {
  const rounded = exact(amount).toDecimalPlaces(decimals, Decimal.ROUND_HALF_EVEN);
  return `${rounded.toFixed(Math.max(decimalsLeast, rounded.decimalPlaces()))} ${asset}`;
}

/** What prices are paid in. */
export type Quote = Pick<Instrument, 'quoteAsset' | 'quotePrecision'>;

export function quoteText(amount: Decimal, { quoteAsset, quotePrecision }: Quote): string {
  return amountText(amount, quoteAsset, quotePrecision);
}
