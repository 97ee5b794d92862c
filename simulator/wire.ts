/** Binance's JSON shapes of books, market and account. Amounts are decimal text with 8 digits, ids are numbers. */
import type { Decimal } from 'decimal.js';
import type { BookOrder, BookOrderList, BookTrade, Placed } from '../engine/matching/matching.ts';
import type { Candle } from '../engine/trading/candle.ts';
import type { Instrument } from '../engine/trading/instrument.ts';
import type { Interval } from './intervals.ts';
import type { Levels } from './depth.ts';
import type { LimitValues } from './limits.ts';

export const text = (value: Decimal | number): string => (typeof value === 'number' ? value.toFixed(8) : value.toFixed(8));
export const id = (value: bigint): number => Number(value);

/** Candles carry no quote volume: as if all was traded at the middle of open and close. */
export function quoteVolumeOf({ open, close, volume }: Candle): number {
  return ((open + close) / 2) * volume;
}

export function levelRows(levels: Levels): readonly (readonly [string, string])[] {
  return levels.map(([price, quantity]) => [text(price), text(quantity)] as const);
}

export function klineRow(candle: Candle): unknown[] {
  const quote = quoteVolumeOf(candle);
  return [
    candle.openTime,
    text(candle.open),
    text(candle.high),
    text(candle.low),
    text(candle.close),
    text(candle.volume),
    candle.closeTime,
    text(quote),
    10,
    text(candle.volume / 2),
    text(quote / 2),
    '0',
  ];
}

export function klineEvent(symbol: string, interval: Interval, candle: Candle, atMs: number): Record<string, unknown> {
  const quote = quoteVolumeOf(candle);
  return {
    e: 'kline',
    E: atMs,
    s: symbol,
    k: {
      t: candle.openTime,
      T: candle.closeTime,
      s: symbol,
      i: interval,
      f: 100,
      L: 200,
      o: text(candle.open),
      c: text(candle.close),
      h: text(candle.high),
      l: text(candle.low),
      v: text(candle.volume),
      n: 100,
      x: candle.closed,
      q: text(quote),
      V: text(candle.volume / 2),
      Q: text(quote / 2),
      B: '0',
    },
  };
}

export function exchangeInfo(instruments: readonly Instrument[], serverTime: number, limits: LimitValues): Record<string, unknown> {
  return {
    timezone: 'UTC',
    serverTime,
    rateLimits: [
      { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: limits.weightPerMinute },
      ...orderLimits(limits),
    ],
    exchangeFilters: [],
    symbols: instruments.map(symbolInfo),
  };
}

export function orderLimits(
  limits: LimitValues,
): readonly { readonly rateLimitType: string; readonly interval: string; readonly intervalNum: number; readonly limit: number }[] {
  return [
    { rateLimitType: 'ORDERS', interval: 'SECOND', intervalNum: 10, limit: limits.ordersPer10s },
    { rateLimitType: 'ORDERS', interval: 'DAY', intervalNum: 1, limit: limits.ordersPerDay },
  ];
}

function symbolInfo(instrument: Instrument): Record<string, unknown> {
  const { notional, percentPrice, marketLot, trailingDelta } = instrument;
  return {
    symbol: instrument.symbol,
    status: instrument.status,
    baseAsset: instrument.baseAsset,
    baseAssetPrecision: instrument.basePrecision,
    quoteAsset: instrument.quoteAsset,
    quotePrecision: instrument.quotePrecision,
    quoteAssetPrecision: instrument.quotePrecision,
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    orderTypes: instrument.orderTypes,
    icebergAllowed: false,
    ocoAllowed: instrument.ocoAllowed,
    otoAllowed: false,
    opoAllowed: false,
    quoteOrderQtyMarketAllowed: true,
    allowTrailingStop: true,
    cancelReplaceAllowed: instrument.cancelReplaceAllowed,
    amendAllowed: false,
    pegInstructionsAllowed: false,
    isSpotTradingAllowed: true,
    isMarginTradingAllowed: false,
    filters: [
      {
        filterType: 'PRICE_FILTER',
        minPrice: text(instrument.price.min),
        maxPrice: text(instrument.price.max),
        tickSize: text(instrument.price.tick),
      },
      { filterType: 'LOT_SIZE', minQty: text(instrument.lot.min), maxQty: text(instrument.lot.max), stepSize: text(instrument.lot.step) },
      ...(marketLot === null
        ? []
        : [{ filterType: 'MARKET_LOT_SIZE', minQty: text(marketLot.min), maxQty: text(marketLot.max), stepSize: text(marketLot.step) }]),
      ...(notional === null
        ? []
        : [
            notional.max === null
              ? {
                  filterType: 'MIN_NOTIONAL',
                  minNotional: text(notional.min),
                  applyToMarket: notional.applyMinToMarket,
                  avgPriceMins: notional.averagePriceMinutes,
                }
              : {
                  filterType: 'NOTIONAL',
                  minNotional: text(notional.min),
                  applyMinToMarket: notional.applyMinToMarket,
                  maxNotional: text(notional.max),
                  applyMaxToMarket: notional.applyMaxToMarket,
                  avgPriceMins: notional.averagePriceMinutes,
                },
          ]),
      ...(percentPrice === null
        ? []
        : [
            {
              filterType: 'PERCENT_PRICE_BY_SIDE',
              bidMultiplierUp: percentPrice.bidUp.toFixed(),
              bidMultiplierDown: percentPrice.bidDown.toFixed(),
              askMultiplierUp: percentPrice.askUp.toFixed(),
              askMultiplierDown: percentPrice.askDown.toFixed(),
              avgPriceMins: percentPrice.averagePriceMinutes,
            },
          ]),
      ...(trailingDelta === null
        ? []
        : [
            {
              filterType: 'TRAILING_DELTA',
              minTrailingAboveDelta: trailingDelta.minAbove,
              maxTrailingAboveDelta: trailingDelta.maxAbove,
              minTrailingBelowDelta: trailingDelta.minBelow,
              maxTrailingBelowDelta: trailingDelta.maxBelow,
            },
          ]),
      ...(instrument.maxOrderLists === null ? [] : [{ filterType: 'MAX_NUM_ORDER_LISTS', maxNumOrderLists: instrument.maxOrderLists }]),
      ...(instrument.maxOrders === null ? [] : [{ filterType: 'MAX_NUM_ORDERS', maxNumOrders: instrument.maxOrders }]),
      ...(instrument.maxAlgoOrders === null ? [] : [{ filterType: 'MAX_NUM_ALGO_ORDERS', maxNumAlgoOrders: instrument.maxAlgoOrders }]),
      ...(instrument.maxPosition === null ? [] : [{ filterType: 'MAX_POSITION', maxPosition: text(instrument.maxPosition) }]),
    ],
    permissions: [],
    permissionSets: [['SPOT']],
    defaultSelfTradePreventionMode: 'EXPIRE_MAKER',
    allowedSelfTradePreventionModes: ['EXPIRE_TAKER', 'EXPIRE_MAKER', 'EXPIRE_BOTH'],
  };
}

export type ResponseType = 'ACK' | 'RESULT' | 'FULL';

/** The answer to a new order. */
export function placedOrder({ order, trades }: Placed, kind: ResponseType): Record<string, unknown> {
  const ack = {
    symbol: order.symbol,
    orderId: id(order.orderId),
    orderListId: id(order.orderListId),
    clientOrderId: order.clientOrderId,
    transactTime: order.updatedAtMs,
  };
  if (kind === 'ACK') return ack;
  const result = {
    ...ack,
    ...amounts(order),
    ...conditional(order),
    workingTime: order.working ? order.workingAtMs : -1,
    selfTradePreventionMode: order.selfTradePrevention,
  };
  if (kind === 'RESULT') return result;
  return {
    ...result,
    fills: trades.map((trade) => ({
      price: text(trade.price),
      qty: text(trade.quantity),
      commission: text(trade.commission),
      commissionAsset: trade.commissionAsset,
      tradeId: id(trade.tradeId),
    })),
  };
}

/** An order as queries answer it. */
export function queriedOrder(order: BookOrder): Record<string, unknown> {
  return {
    symbol: order.symbol,
    orderId: id(order.orderId),
    orderListId: id(order.orderListId),
    clientOrderId: order.cancelClientOrderId ?? order.clientOrderId,
    ...amounts(order),
    ...conditional(order),
    stopPrice: text(order.stopPrice ?? 0),
    icebergQty: text(0),
    time: order.createdAtMs,
    updateTime: order.updatedAtMs,
    isWorking: order.working,
    workingTime: order.working ? order.workingAtMs : -1,
    selfTradePreventionMode: order.selfTradePrevention,
  };
}

/** The answer to a cancel: the id is the cancel's, ours stands as the original one. */
export function cancelledOrder(order: BookOrder, cancelId: string, atMs: number): Record<string, unknown> {
  return {
    symbol: order.symbol,
    origClientOrderId: order.clientOrderId,
    orderId: id(order.orderId),
    orderListId: id(order.orderListId),
    clientOrderId: cancelId,
    transactTime: atMs,
    ...amounts(order),
    ...conditional(order),
    selfTradePreventionMode: order.selfTradePrevention,
  };
}

function amounts(order: BookOrder): Record<string, unknown> {
  return {
    price: text(order.price),
    origQty: text(order.quantity),
    executedQty: text(order.executedQuantity),
    origQuoteOrderQty: text(order.quoteQuantity),
    cummulativeQuoteQty: text(order.executedQuote),
    status: order.status,
    timeInForce: order.timeInForce,
    type: order.type,
    side: order.side,
  };
}

function conditional(order: BookOrder): Record<string, unknown> {
  return {
    ...(order.stopPrice === null ? {} : { stopPrice: text(order.stopPrice) }),
    ...(order.trailingDelta === null ? {} : { trailingDelta: order.trailingDelta }),
    ...(order.expiryReason === null ? {} : { expiryReason: order.expiryReason }),
    ...(order.preventedQuantity.isZero() ? {} : { preventedQuantity: text(order.preventedQuantity) }),
  };
}

export function tradeRow(trade: BookTrade): Record<string, unknown> {
  return {
    symbol: trade.symbol,
    id: id(trade.tradeId),
    orderId: id(trade.orderId),
    orderListId: id(trade.orderListId),
    price: text(trade.price),
    qty: text(trade.quantity),
    quoteQty: text(trade.quoteQuantity),
    commission: text(trade.commission),
    commissionAsset: trade.commissionAsset,
    time: trade.atMs,
    isBuyer: trade.side === 'BUY',
    isMaker: trade.isMaker,
    isBestMatch: true,
  };
}

export function orderList(list: BookOrderList, orders: readonly BookOrder[]): Record<string, unknown> {
  return {
    orderListId: id(list.orderListId),
    contingencyType: list.contingencyType,
    listStatusType: list.statusType,
    listOrderStatus: list.orderStatus,
    listClientOrderId: list.listClientOrderId,
    transactionTime: Math.max(list.createdAtMs, ...orders.map((order) => order.updatedAtMs)),
    symbol: list.symbol,
    orders: orders.map((order) => ({ symbol: order.symbol, orderId: id(order.orderId), clientOrderId: order.clientOrderId })),
  };
}
