/**
 * Whether a request is well formed for its order type: what must and must not be there, decimals, signs. The venue
 * judges this before any filter, decimals (-1111) first of all values.
 */
import type { Decimal } from 'decimal.js';
import type { Instrument, OrderType } from '../trading/instrument.ts';
import type { BookRefusal, MatchingRequest } from './matching.ts';
import * as refusals from './refusals.ts';

interface Shape {
  readonly price: boolean;
  readonly timeInForce: boolean;
  readonly trigger: boolean;
}

const shapes: Record<OrderType, Shape> = {
  MARKET: { price: false, timeInForce: false, trigger: false },
  LIMIT: { price: true, timeInForce: true, trigger: false },
  LIMIT_MAKER: { price: true, timeInForce: false, trigger: false },
  STOP_LOSS: { price: false, timeInForce: false, trigger: true },
  STOP_LOSS_LIMIT: { price: true, timeInForce: true, trigger: true },
  TAKE_PROFIT: { price: false, timeInForce: false, trigger: true },
  TAKE_PROFIT_LIMIT: { price: true, timeInForce: true, trigger: true },
};

export function checkParameters(instrument: Instrument, request: MatchingRequest): BookRefusal | null {
  if (!instrument.orderTypes.includes(request.type)) return refusals.invalidOrderType;
  return checkPresence(request, shapes[request.type]) ?? checkPrecision(instrument, request) ?? checkSigns(request);
}

function checkPresence(request: MatchingRequest, shape: Shape): BookRefusal | null {
  if (request.type === 'MARKET') {
    if (request.quantity === undefined && request.quoteQuantity === undefined) return refusals.missingBoth('quantity', 'quoteOrderQty');
    if (request.quantity !== undefined && request.quoteQuantity !== undefined) return refusals.badCombination;
  } else {
    if (request.quantity === undefined) return refusals.missing('quantity');
    if (request.quoteQuantity !== undefined) return refusals.notRequired('quoteOrderQty');
  }
  if (shape.timeInForce && request.timeInForce === undefined) return refusals.missing('timeInForce');
  if (!shape.timeInForce && request.timeInForce !== undefined) return refusals.notRequired('timeInForce');
  if (shape.price && request.price === undefined) return refusals.missing('price');
  if (!shape.price && request.price !== undefined) return refusals.notRequired('price');
  if (!shape.trigger && request.stopPrice !== undefined) return refusals.notRequired('stopPrice');
  if (!shape.trigger && request.trailingDelta !== undefined) return refusals.notRequired('trailingDelta');
  if (shape.trigger && request.stopPrice === undefined && request.trailingDelta === undefined) {
    return refusals.missingBoth('stopPrice', 'trailingDelta');
  }
  return null;
}

function checkPrecision(instrument: Instrument, request: MatchingRequest): BookRefusal | null {
  if (exceeds(request.quantity, instrument.basePrecision)) return refusals.tooPrecise('quantity');
  if (exceeds(request.quoteQuantity, instrument.quotePrecision)) return refusals.tooPrecise('quoteOrderQty');
  if (exceeds(request.price, instrument.quotePrecision)) return refusals.tooPrecise('price');
  if (exceeds(request.stopPrice, instrument.quotePrecision)) return refusals.tooPrecise('stopPrice');
  return null;
}

function checkSigns(request: MatchingRequest): BookRefusal | null {
  if (!isPositiveOrAbsent(request.quantity)) return refusals.invalidQuantity;
  if (!isPositiveOrAbsent(request.quoteQuantity)) return refusals.invalidQuoteQuantity;
  if (!isPositiveOrAbsent(request.price) || !isPositiveOrAbsent(request.stopPrice)) return refusals.invalidPrice;
  return null;
}

function exceeds(value: Decimal | undefined, decimals: number): boolean {
  return value !== undefined && value.decimalPlaces() > decimals;
}

function isPositiveOrAbsent(value: Decimal | undefined): boolean {
  return value === undefined || (value.isFinite() && value.gt(0));
}
