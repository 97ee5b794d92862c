/**
 * An instrument: a symbol with the exchange's filters, in exact decimals.
 * Rules: Binance spot filters (PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE, MIN_NOTIONAL/NOTIONAL, ...).
 */
import type { Decimal } from 'decimal.js';

export type Market = 'spot';

/** As the venue tells it; `DELISTED` is ours: the venue lists the symbol no more. */
export type InstrumentStatus = 'TRADING' | 'END_OF_DAY' | 'HALT' | 'BREAK' | 'CANCEL_ONLY' | 'DELISTED';

export type OrderSide = 'BUY' | 'SELL';

export type OrderType = 'MARKET' | 'LIMIT' | 'LIMIT_MAKER' | 'STOP_LOSS' | 'STOP_LOSS_LIMIT' | 'TAKE_PROFIT' | 'TAKE_PROFIT_LIMIT';

/**
 * What happens when an order would trade with another one of its own account: they trade (NONE), or the rest of the later order (TAKER), of
 * the resting one (MAKER), or of both expires. The mode of the later order decides.
 */
export type SelfTradePrevention = 'NONE' | 'EXPIRE_TAKER' | 'EXPIRE_MAKER' | 'EXPIRE_BOTH';

export type TimeInForce = 'GTC' | 'IOC' | 'FOK';

/** The spot filters that an order of ours can break, by the venue's names. */
export type FilterName =
  | 'PRICE_FILTER'
  | 'PERCENT_PRICE_BY_SIDE'
  | 'LOT_SIZE'
  | 'MARKET_LOT_SIZE'
  | 'MIN_NOTIONAL'
  | 'NOTIONAL'
  | 'TRAILING_DELTA'
  | 'MAX_POSITION'
  | 'MAX_NUM_ORDERS'
  | 'MAX_NUM_ALGO_ORDERS'
  | 'MAX_NUM_ORDER_LISTS';

/** A lot rule: `min <= quantity <= max` and `quantity % step = 0`; a max or step of 0 switches that part off. */
export interface LotFilter {
  readonly min: Decimal;
  readonly max: Decimal;
  readonly step: Decimal;
}

/** A price rule; a 0 switches that part off. */
export interface PriceFilter {
  readonly min: Decimal;
  readonly max: Decimal;
  readonly tick: Decimal;
}

/** Bounds on price times quantity, in quote (NOTIONAL). `max` is null for the older MIN_NOTIONAL, which has none. */
export interface NotionalFilter {
  readonly min: Decimal;
  readonly applyMinToMarket: boolean;
  readonly max: Decimal | null;
  readonly applyMaxToMarket: boolean;
  /** Minutes of the average price that MARKET orders are judged by; 0 means the last price. */
  readonly averagePriceMinutes: number;
}

/** Price bounds as multiples of the average price, by side; the older PERCENT_PRICE has the same for both. */
export interface PercentPriceFilter {
  readonly bidUp: Decimal;
  readonly bidDown: Decimal;
  readonly askUp: Decimal;
  readonly askDown: Decimal;
  readonly averagePriceMinutes: number;
}

/** Bounds of a trailing stop's delta, basis points: above the market (STOP_LOSS BUY, TAKE_PROFIT SELL) and below it. */
export interface TrailingDeltaFilter {
  readonly minAbove: number;
  readonly maxAbove: number;
  readonly minBelow: number;
  readonly maxBelow: number;
}

export interface Instrument {
  readonly market: Market;
  readonly symbol: string;
  readonly status: InstrumentStatus;
  readonly baseAsset: string;
  readonly quoteAsset: string;
  /** Most decimals that the venue accepts in a quantity / a price before any filter (-1111 beyond). */
  readonly basePrecision: number;
  readonly quotePrecision: number;
  readonly orderTypes: readonly OrderType[];
  readonly ocoAllowed: boolean;
  readonly cancelReplaceAllowed: boolean;
  readonly price: PriceFilter;
  readonly lot: LotFilter;
  /** Additional rule for MARKET quantities; the stricter of both lots counts. */
  readonly marketLot: LotFilter | null;
  readonly notional: NotionalFilter | null;
  readonly percentPrice: PercentPriceFilter | null;
  readonly trailingDelta: TrailingDeltaFilter | null;
  readonly maxOrders: number | null;
  readonly maxAlgoOrders: number | null;
  readonly maxOrderLists: number | null;
  /** Most base that the account may hold, counting open buys; null where the venue sets none. */
  readonly maxPosition: Decimal | null;
}

/** Instruments are immutable: prices are compared with their ticks at every update. */
const ticks = new WeakMap<Instrument, number>();

/** Quote; 0 for none. */
export function tickOf(instrument: Instrument): number {
  const known = ticks.get(instrument);
  if (known !== undefined) return known;
  const tick = instrument.price.tick.toNumber();
  ticks.set(instrument, tick);
  return tick;
}

/** Becomes a market order when it starts to work. */
export function isMarketLike(type: OrderType): boolean {
  return type === 'MARKET' || type === 'STOP_LOSS' || type === 'TAKE_PROFIT';
}

/** Waits for a trigger; the venue's "algo" orders. */
export function isContingent(type: OrderType): boolean {
  return type !== 'MARKET' && type !== 'LIMIT' && type !== 'LIMIT_MAKER';
}
