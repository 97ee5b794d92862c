/**
 * An instrument: a symbol with the exchange's filters, in exact decimals.
 * Rules: Binance spot filters (PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE, MIN_NOTIONAL/NOTIONAL, ...).
 */
import type { Decimal } from 'decimal.js';

export type Market = 'spot';

export type InstrumentStatus = 'TRADING' | 'END_OF_DAY' | 'HALT' | 'BREAK' | 'CANCEL_ONLY';

export type OrderSide = 'BUY' | 'SELL';

export type OrderType = 'MARKET' | 'LIMIT' | 'LIMIT_MAKER' | 'STOP_LOSS' | 'STOP_LOSS_LIMIT' | 'TAKE_PROFIT' | 'TAKE_PROFIT_LIMIT';

export type TimeInForce = 'GTC' | 'IOC' | 'FOK';

/** A lot rule: `min <= quantity <= max` and `quantity % step = 0`; a step of 0 switches the grid off. */
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

/** Bounds on price times quantity, in quote. `max` is null where the venue sets none. */
export interface NotionalFilter {
  readonly min: Decimal;
  readonly applyMinToMarket: boolean;
  readonly max: Decimal | null;
  readonly applyMaxToMarket: boolean;
  /** Minutes of the average price that MARKET orders are judged by; 0 means the last price. */
  readonly averagePriceMinutes: number;
}

/** Price bounds as multiples of the average price, by side. */
export interface PercentPriceFilter {
  readonly bidUp: Decimal;
  readonly bidDown: Decimal;
  readonly askUp: Decimal;
  readonly askDown: Decimal;
  readonly averagePriceMinutes: number;
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
  readonly maxOrders: number | null;
  readonly maxAlgoOrders: number | null;
  /** Most base that the account may hold, counting open buys; null where the venue sets none. */
  readonly maxPosition: Decimal | null;
}
