/** From wire parameters to matching requests. */
import type { BookOrder, BookRefusal, CancelTarget, MatchingRequest, OcoRequest } from '../engine/matching/matching.ts';
import type { OrderType, TimeInForce } from '../engine/trading/instrument.ts';
import type { Parameters } from './parameters.ts';
import { VenueRefusal } from './refusal.ts';
import type { ResponseType } from './wire.ts';

const orderTypes = [
  'LIMIT',
  'MARKET',
  'STOP_LOSS',
  'STOP_LOSS_LIMIT',
  'TAKE_PROFIT',
  'TAKE_PROFIT_LIMIT',
  'LIMIT_MAKER',
] as const satisfies readonly OrderType[];
const timesInForce = ['GTC', 'IOC', 'FOK'] as const satisfies readonly TimeInForce[];
/** Those that the symbols publish as allowed. */
const selfTradeModes = ['EXPIRE_TAKER', 'EXPIRE_MAKER', 'EXPIRE_BOTH'] as const;
const responseTypes = ['ACK', 'RESULT', 'FULL'] as const satisfies readonly ResponseType[];

let madeIds = 0;

/** An id as the venue makes it up when the client names none. */
export function venueMadeId(): string {
  madeIds += 1;
  return `sim${String(madeIds).padStart(12, '0')}`;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out what is undefined: optional members are absent, not undefined. */
function present<T extends Record<string, unknown>>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}

export function readOrder(parameters: Parameters, symbol: string): { readonly request: MatchingRequest; readonly response: ResponseType } {
  const type = parameters.oneOf('type', orderTypes, -1116, 'orderType') ?? missing('type');
  const side = parameters.oneOf('side', ['BUY', 'SELL'] as const, -1117, 'side') ?? missing('side');
  const request: MatchingRequest = {
    symbol,
    side,
    type,
    clientOrderId: parameters.clientId('newClientOrderId') ?? venueMadeId(),
    ...present({
      quantity: parameters.decimal('quantity'),
      quoteQuantity: parameters.decimal('quoteOrderQty'),
      price: parameters.decimal('price'),
      stopPrice: parameters.decimal('stopPrice'),
      trailingDelta: parameters.integer('trailingDelta', { min: 1 }),
      timeInForce: parameters.oneOf('timeInForce', timesInForce, -1115, 'timeInForce'),
      selfTradePrevention: readSelfTradePrevention(parameters),
    }),
  };
  const response = readResponseType(parameters) ?? (type === 'LIMIT' || type === 'MARKET' ? 'FULL' : 'ACK');
  readIgnored(parameters);
  return { request, response };
}

function readResponseType(parameters: Parameters): ResponseType | undefined {
  return parameters.oneOf('newOrderRespType', responseTypes, -1100, 'newOrderRespType');
}

/** Known, checked, and without effect here. */
function readIgnored(parameters: Parameters): void {
  parameters.integer('strategyId');
  parameters.integer('strategyType', { min: 1_000_000 });
}

function readSelfTradePrevention(parameters: Parameters): (typeof selfTradeModes)[number] | undefined {
  return parameters.oneOf('selfTradePreventionMode', selfTradeModes, -1013, 'selfTradePreventionMode');
}

export function readTarget(parameters: Parameters, idName = 'orderId', clientName = 'origClientOrderId'): CancelTarget {
  const orderId = parameters.bigint(idName);
  const clientOrderId = parameters.text(clientName);
  if (orderId !== undefined) return { orderId };
  if (clientOrderId !== undefined) return { clientOrderId };
  throw new VenueRefusal(400, -1102, `Param '${clientName}' or '${idName}' must be sent, but both were empty/null!`);
}

type CancelRestriction = 'ONLY_NEW' | 'ONLY_PARTIALLY_FILLED';

export const cancelRestricted: BookRefusal = { code: -2011, message: 'Order was not canceled due to cancel restrictions.' };

export function readCancelRestriction(parameters: Parameters): CancelRestriction | undefined {
  return parameters.oneOf('cancelRestrictions', ['ONLY_NEW', 'ONLY_PARTIALLY_FILLED'] as const, -1145, 'cancelRestrictions');
}

/** False only for an open order in another state than the restriction allows. */
export function isCancellable(order: BookOrder | null, restriction: CancelRestriction | undefined): boolean {
  if (restriction === undefined) return true;
  const unwanted = restriction === 'ONLY_NEW' ? 'PARTIALLY_FILLED' : 'NEW';
  return order?.status !== unwanted;
}

export function readOco(parameters: Parameters, symbol: string): { readonly request: OcoRequest; readonly response: ResponseType } {
  const side = parameters.oneOf('side', ['BUY', 'SELL'] as const, -1117, 'side') ?? missing('side');
  const response = readResponseType(parameters) ?? 'RESULT';
  readIgnored(parameters);
  const prevention = present({ selfTradePrevention: readSelfTradePrevention(parameters) });
  const leg = (name: 'above' | 'below'): OcoRequest['above'] => ({
    type: parameters.oneOf(`${name}Type`, orderTypes, -1116, 'orderType') ?? missing(`${name}Type`),
    clientOrderId: parameters.clientId(`${name}ClientOrderId`) ?? venueMadeId(),
    ...present({
      price: parameters.decimal(`${name}Price`),
      stopPrice: parameters.decimal(`${name}StopPrice`),
      trailingDelta: parameters.integer(`${name}TrailingDelta`, { min: 1 }),
      timeInForce: parameters.oneOf(`${name}TimeInForce`, timesInForce, -1115, 'timeInForce'),
    }),
    ...prevention,
  });
  const quantity = parameters.decimal('quantity');
  if (quantity === undefined) return missing('quantity');
  const request = {
    symbol,
    side,
    quantity,
    listClientOrderId: parameters.clientId('listClientOrderId') ?? venueMadeId(),
    above: leg('above'),
    below: leg('below'),
  };
  return { request, response };
}

function missing(name: string): never {
  throw new VenueRefusal(400, -1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`);
}
