/** Reads Binance's shapes: tolerant of what is added, strict about what is used. A missing or wrong field throws `MalformedAnswer`. */
import { Decimal } from 'decimal.js';
import type { Candle } from '../../trading/candle.ts';
import type {
  Instrument,
  InstrumentStatus,
  LotFilter,
  OrderSide,
  OrderType,
  PercentPriceFilter,
  TrailingDeltaFilter,
} from '../../trading/instrument.ts';
import type { Balance, ExchangeFill, ExchangeOrder, ExchangeOrderStatus } from '../exchange.ts';

export class MalformedAnswer extends Error {
  constructor(what: string) {
    super(`the exchange's answer is not what it must be: ${what}`);
    this.name = 'MalformedAnswer';
  }
}

/** There is 0, nothing, or no number in the place of a price. */
export class NoPrice extends MalformedAnswer {
  constructor(what: string) {
    super(`${what} is no price`);
    this.name = 'NoPrice';
  }
}

export type Fields = Readonly<Record<string, unknown>>;

export function fields(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new MalformedAnswer(`${what} is no object`);
  return value as Fields;
}

export function rows(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new MalformedAnswer(`${what} is no list`);
  return value as unknown[];
}

export function text(from: Fields, name: string): string {
  const value = from[name];
  if (typeof value !== 'string') throw new MalformedAnswer(`${name} is no text`);
  return value;
}

/** Ids come as numbers, or as text where they pass 2^53. */
export function id(from: Fields, name: string): string {
  const value = from[name];
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw new MalformedAnswer(`${name} is no id`);
}

export function time(from: Fields, name: string): number {
  const value = Number(from[name]);
  if (from[name] === undefined || from[name] === null || !Number.isFinite(value)) throw new MalformedAnswer(`${name} is no time`);
  return value;
}

export function amount(from: Fields, name: string): Decimal {
  const value = from[name];
  if (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return new Decimal(value);
  throw new MalformedAnswer(`${name} is no amount`);
}

/** A price is above 0: venues tell 0 or null where they have none, and what is booked at 0 is lost. */
export function price(from: Fields, name: string): Decimal {
  const value = from[name];
  const read = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? new Decimal(value) : null;
  if (read?.gt(0) !== true) throw new NoPrice(name);
  return read;
}

const statuses: readonly ExchangeOrderStatus[] = [
  'NEW',
  'PENDING_NEW',
  'PARTIALLY_FILLED',
  'FILLED',
  'CANCELED',
  'REJECTED',
  'EXPIRED',
  'EXPIRED_IN_MATCH',
];

export function status(value: unknown): ExchangeOrderStatus {
  const known = statuses.find((one) => one === value);
  if (known === undefined) throw new MalformedAnswer(`order status ${String(value)} is not known`);
  return known;
}

export function side(value: unknown): OrderSide {
  if (value === 'BUY' || value === 'SELL') return value;
  throw new MalformedAnswer(`side ${String(value)} is not known`);
}

/** An order from a placement, a query or a list. */
export function readOrder(value: unknown): ExchangeOrder {
  const order = fields(value, 'order');
  return {
    symbol: text(order, 'symbol'),
    orderId: id(order, 'orderId'),
    // After a cancel the original id is ours.
    clientOrderId:
      typeof order['origClientOrderId'] === 'string' && order['origClientOrderId'] !== ''
        ? order['origClientOrderId']
        : text(order, 'clientOrderId'),
    side: side(order['side']),
    type: text(order, 'type') as OrderType,
    status: status(order['status']),
    quantity: amount(order, 'origQty'),
    executedQuantity: amount(order, 'executedQty'),
    executedQuote: amount(order, 'cummulativeQuoteQty'),
    updatedAtMs: time(order, order['updateTime'] === undefined ? 'transactTime' : 'updateTime'),
  };
}

/** Fills that stand in the answer to a placement (FULL). */
export function readAckFills(value: unknown, order: ExchangeOrder): readonly ExchangeFill[] {
  const { fills } = fields(value, 'order');
  if (fills === undefined) return [];
  return rows(fills, 'fills').map((row) => {
    const fill = fields(row, 'fill');
    return {
      symbol: order.symbol,
      tradeId: id(fill, 'tradeId'),
      orderId: order.orderId,
      clientOrderId: order.clientOrderId,
      side: order.side,
      price: price(fill, 'price'),
      quantity: amount(fill, 'qty'),
      commission: amount(fill, 'commission'),
      commissionAsset: text(fill, 'commissionAsset'),
      isMaker: false,
      atMs: order.updatedAtMs,
    };
  });
}

/** A row of myTrades. */
export function readTrade(value: unknown): ExchangeFill {
  const trade = fields(value, 'trade');
  return {
    symbol: text(trade, 'symbol'),
    tradeId: id(trade, 'id'),
    orderId: id(trade, 'orderId'),
    clientOrderId: null,
    side: trade['isBuyer'] === true ? 'BUY' : 'SELL',
    price: price(trade, 'price'),
    quantity: amount(trade, 'qty'),
    commission: amount(trade, 'commission'),
    commissionAsset: text(trade, 'commissionAsset'),
    isMaker: trade['isMaker'] === true,
    atMs: time(trade, 'time'),
  };
}

export function readBalance(value: unknown): Balance {
  const balance = fields(value, 'balance');
  return { asset: text(balance, 'asset'), free: amount(balance, 'free'), locked: amount(balance, 'locked') };
}

/** `askedAtMs` is the venue's time of the question: rows that end after it are still forming. */
export function readKline(value: unknown, askedAtMs: number): Candle {
  const row = rows(value, 'kline');
  const number = (index: number): number => {
    const cell = row[index];
    const parsed = typeof cell === 'string' && cell !== '' ? Number(cell) : cell;
    if (typeof parsed !== 'number' || !Number.isFinite(parsed)) throw new MalformedAnswer(`kline field ${index} is no number`);
    return parsed;
  };
  const closeTime = number(6);
  return {
    openTime: number(0),
    closeTime,
    open: number(1),
    high: number(2),
    low: number(3),
    close: number(4),
    volume: number(5),
    closed: closeTime < askedAtMs,
  };
}

const instrumentStatuses: readonly InstrumentStatus[] = ['TRADING', 'END_OF_DAY', 'HALT', 'BREAK', 'CANCEL_ONLY'];
const engineOrderTypes: readonly OrderType[] = [
  'MARKET',
  'LIMIT',
  'LIMIT_MAKER',
  'STOP_LOSS',
  'STOP_LOSS_LIMIT',
  'TAKE_PROFIT',
  'TAKE_PROFIT_LIMIT',
];

/** A symbol of exchangeInfo; filters that the engine does not know are left out. */
export function readInstrument(value: unknown): Instrument {
  const symbol = fields(value, 'symbol');
  const filters = new Map(
    rows(symbol['filters'], 'filters')
      .map((row) => fields(row, 'filter'))
      .map((filter) => [filter['filterType'], filter]),
  );
  const priceFilter = filters.get('PRICE_FILTER');
  const lot = filters.get('LOT_SIZE');
  if (priceFilter === undefined || lot === undefined)
    throw new MalformedAnswer(`${String(symbol['symbol'])} has no PRICE_FILTER or LOT_SIZE`);
  const marketLot = filters.get('MARKET_LOT_SIZE');
  const notional = filters.get('NOTIONAL') ?? filters.get('MIN_NOTIONAL');
  // A limit that cannot be read must not look like no limit.
  const maxOf = (name: string, field: string): number | null => {
    const filter = filters.get(name);
    return filter === undefined ? null : count(filter, field);
  };
  const types = rows(symbol['orderTypes'], 'orderTypes');
  return {
    market: 'spot',
    symbol: text(symbol, 'symbol'),
    // A status that we do not know is not TRADING, and that is all that matters.
    status: instrumentStatuses.find((one) => one === symbol['status']) ?? 'BREAK',
    baseAsset: text(symbol, 'baseAsset'),
    quoteAsset: text(symbol, 'quoteAsset'),
    basePrecision: time(symbol, 'baseAssetPrecision'),
    quotePrecision: time(symbol, 'quotePrecision'),
    orderTypes: engineOrderTypes.filter((type) => types.includes(type)),
    ocoAllowed: symbol['ocoAllowed'] === true,
    cancelReplaceAllowed: symbol['cancelReplaceAllowed'] === true,
    price: { min: amount(priceFilter, 'minPrice'), max: amount(priceFilter, 'maxPrice'), tick: amount(priceFilter, 'tickSize') },
    lot: readLot(lot),
    marketLot: marketLot === undefined ? null : readLot(marketLot),
    notional:
      notional === undefined
        ? null
        : {
            min: amount(notional, 'minNotional'),
            applyMinToMarket: notional['applyMinToMarket'] === true || notional['applyToMarket'] === true,
            max: notional['filterType'] === 'NOTIONAL' ? amount(notional, 'maxNotional') : null,
            applyMaxToMarket: notional['applyMaxToMarket'] === true,
            averagePriceMinutes: time(notional, 'avgPriceMins'),
          },
    percentPrice: stricter(readPercentPriceBySide(filters.get('PERCENT_PRICE_BY_SIDE')), readPercentPrice(filters.get('PERCENT_PRICE'))),
    trailingDelta: readTrailingDelta(filters.get('TRAILING_DELTA')),
    maxOrders: maxOf('MAX_NUM_ORDERS', 'maxNumOrders'),
    maxAlgoOrders: maxOf('MAX_NUM_ALGO_ORDERS', 'maxNumAlgoOrders'),
    maxOrderLists: maxOf('MAX_NUM_ORDER_LISTS', 'maxNumOrderLists'),
    maxPosition: filters.get('MAX_POSITION') === undefined ? null : amount(filters.get('MAX_POSITION') ?? {}, 'maxPosition'),
  };
}

function readLot(filter: Fields): LotFilter {
  return { min: amount(filter, 'minQty'), max: amount(filter, 'maxQty'), step: amount(filter, 'stepSize') };
}

function readPercentPriceBySide(filter: Fields | undefined): PercentPriceFilter | null {
  if (filter === undefined) return null;
  return {
    bidUp: amount(filter, 'bidMultiplierUp'),
    bidDown: amount(filter, 'bidMultiplierDown'),
    askUp: amount(filter, 'askMultiplierUp'),
    askDown: amount(filter, 'askMultiplierDown'),
    averagePriceMinutes: time(filter, 'avgPriceMins'),
  };
}

/** The older filter, the same for both sides. */
function readPercentPrice(filter: Fields | undefined): PercentPriceFilter | null {
  if (filter === undefined) return null;
  const [up, down] = [amount(filter, 'multiplierUp'), amount(filter, 'multiplierDown')];
  return { bidUp: up, bidDown: down, askUp: up, askDown: down, averagePriceMinutes: time(filter, 'avgPriceMins') };
}

/** The venue lists one of the two; when it lists both, an order must obey both. */
function stricter(one: PercentPriceFilter | null, other: PercentPriceFilter | null): PercentPriceFilter | null {
  if (one === null || other === null) return one ?? other;
  return {
    bidUp: Decimal.min(one.bidUp, other.bidUp),
    bidDown: Decimal.max(one.bidDown, other.bidDown),
    askUp: Decimal.min(one.askUp, other.askUp),
    askDown: Decimal.max(one.askDown, other.askDown),
    averagePriceMinutes: Math.max(one.averagePriceMinutes, other.averagePriceMinutes),
  };
}

function readTrailingDelta(filter: Fields | undefined): TrailingDeltaFilter | null {
  if (filter === undefined) return null;
  return {
    minAbove: count(filter, 'minTrailingAboveDelta'),
    maxAbove: count(filter, 'maxTrailingAboveDelta'),
    minBelow: count(filter, 'minTrailingBelowDelta'),
    maxBelow: count(filter, 'maxTrailingBelowDelta'),
  };
}

function count(from: Fields, name: string): number {
  const value = from[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new MalformedAnswer(`${name} is no whole number`);
}
