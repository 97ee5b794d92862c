/** The venue's refusals, with its codes and texts: clients classify by both, so neither may drift. */
import type { FilterName } from '../trading/instrument.ts';
import type { BookRefusal } from './matching.ts';

const rejected = (message: string): BookRefusal => ({ code: -2010, message });

export const invalidSymbol: BookRefusal = { code: -1121, message: 'Invalid symbol.' };
export const invalidOrderType: BookRefusal = { code: -1116, message: 'Invalid orderType.' };
export const invalidTimeInForce: BookRefusal = { code: -1115, message: 'Invalid timeInForce.' };
export const badCombination: BookRefusal = { code: -1128, message: 'Combination of optional parameters invalid.' };
export const invalidQuantity: BookRefusal = { code: -1013, message: 'Invalid quantity.' };
export const invalidQuoteQuantity: BookRefusal = { code: -1013, message: 'Invalid quote order qty.' };
export const invalidPrice: BookRefusal = { code: -1013, message: 'Invalid price.' };
export const marketClosed: BookRefusal = { code: -1013, message: 'Market is closed.' };
export const cancelWhileClosed: BookRefusal = { code: -2011, message: 'Market is closed.' };
export const unknownOrder: BookRefusal = { code: -2011, message: 'Unknown order sent.' };
export const duplicateOrder = rejected('Duplicate order sent.');
export const insufficientBalance = rejected('Account has insufficient balance for requested action.');
export const wouldMatch = rejected('Order would immediately match and take.');
export const wouldTrigger = rejected('Order would trigger immediately.');
export const worthNothing = rejected('Price * QTY is zero or less.');
export const wrongPriceRelation = rejected('The relationship of the prices for the orders is not correct.');
export const ocoNotSupported = rejected('OCO orders are not supported for this symbol');
export const cancelReplaceNotSupported = rejected('Order cancel-replace is not supported for this symbol.');
export const ocoTypeNotSupported: BookRefusal = { code: -1158, message: 'Order type not supported in OCO.' };
export const buyOcoLimitMustBeBelow: BookRefusal = { code: -1165, message: 'A limit order in a buy OCO must be below.' };
export const sellOcoLimitMustBeAbove: BookRefusal = { code: -1166, message: 'A limit order in a sell OCO must be above.' };
export const bothOcoOrdersLimit: BookRefusal = { code: -1168, message: 'At least one OCO order must be contingent.' };
export const buyOcoStopMustBeAbove: BookRefusal = { code: -1196, message: 'A stop loss order in a buy OCO must be above.' };
export const sellOcoStopMustBeBelow: BookRefusal = { code: -1197, message: 'A stop loss order in a sell OCO must be below.' };
export const buyOcoTakeProfitMustBeBelow: BookRefusal = { code: -1198, message: 'A take profit order in a buy OCO must be below.' };
export const sellOcoTakeProfitMustBeAbove: BookRefusal = { code: -1199, message: 'A take profit order in a sell OCO must be above.' };

export function filterFailure(filter: FilterName): BookRefusal {
  return { code: -1013, message: `Filter failure: ${filter}` };
}

export function missing(parameter: string): BookRefusal {
  return { code: -1102, message: `Mandatory parameter '${parameter}' was not sent, was empty/null, or malformed.` };
}

export function notRequired(parameter: string): BookRefusal {
  return { code: -1106, message: `Parameter '${parameter}' sent when not required.` };
}

export function tooPrecise(parameter: string): BookRefusal {
  return { code: -1111, message: `Parameter '${parameter}' has too much precision.` };
}

export function missingBoth(one: string, other: string): BookRefusal {
  return { code: -1102, message: `Param '${one}' or '${other}' must be sent, but both were empty/null!` };
}
