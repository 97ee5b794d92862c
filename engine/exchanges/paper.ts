/**
 * A paper account: one bot's orders filled by the exchange's own matching rules, whole and in one piece, with fees, spread and
 * slippage from the configuration. What was decided at a close fills at the first price after it, a stop or target at its trigger.
 * It never signs or sends anything. What it holds is rebuilt from the bot's fills; an order without fills on record was never placed.
 */
import { Decimal } from 'decimal.js';
import type { BookOrder, BookTrade, MatchingEngine } from '../matching/matching.ts';
import { createMatching } from '../matching/engine.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import type { Candle } from '../trading/candle.ts';
import type { Fill } from '../trading/events.ts';
import { ceilToStep, exact, floorToStep } from '../trading/exact.ts';
import type { Instrument } from '../trading/instrument.ts';
import { refusalOf } from './binance/errors.ts';
import { unlimited } from './exchange.ts';
import { PaperPrices } from './paper-prices.ts';
import type {
  Balance,
  ExchangeFill,
  ExchangeOrder,
  OrderLookup,
  OrderRequest,
  PlaceOutcome,
  Refusal,
  SignedWindow,
  TradingAccount,
} from './exchange.ts';

export interface PaperOptions {
  readonly botId: string;
  readonly initialCapital: Decimal;
  /** All fills of the bot so far, in order. */
  readonly fills: readonly Fill[];
  /** Of each fill, off what it receives. */
  readonly feePercent: number;
  /** Distance of bid and ask; a fill pays half of it. */
  readonly spreadPercent: number;
  /** What a fill pays beyond that. */
  readonly slippagePercent: number;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  instrument(): Instrument;
}

export interface PaperAccount extends TradingAccount {
  /** Every candle that the bot hears of, forming or closed, in order. */
  onCandle(candle: Candle): void;
}

export function createPaperAccount(options: PaperOptions): PaperAccount {
  const { botId, venueClock } = options;
  const account = `paper-${botId}`;
  let matching: MatchingEngine | null = null;
  const prices = new PaperPrices(options.clock, venueClock);

  /** Share of the price that a fill pays for being a taker. */
  const takerShare = new Decimal(options.spreadPercent).div(2).plus(options.slippagePercent).div(100);

  /** Built at the first order, when the instrument is known. */
  const book = (): MatchingEngine => {
    if (matching !== null) {
      matching.replaceInstrument(judgedByLastPrice(options.instrument()));
      return matching;
    }
    const engine = createMatching();
    const instrument = options.instrument();
    const rate = new Decimal(options.feePercent).div(100);
    engine.list(judgedByLastPrice(instrument));
    engine.openAccount(account, { maker: rate, taker: rate, asset: 'received' });
    const held = holdings(options, instrument);
    if (held.quote.gt(0)) engine.deposit(account, instrument.quoteAsset, held.quote, venueClock.now());
    if (held.base.gt(0)) engine.deposit(account, instrument.baseAsset, held.base, venueClock.now());
    matching = engine;
    return engine;
  };

  return {
    name: account,
    reserveOrder: () => unlimited,
    onCandle(candle) {
      prices.hear(candle);
    },
    async placeOrder(request: OrderRequest, _signed: SignedWindow, mayLeave: (() => boolean) | null): Promise<PlaceOutcome> {
      const execution = await prices.executionOf(request.decided ?? { decisionMs: venueClock.now(), triggerPrice: null });
      if (execution === null) return refused('no price was heard in time');
      if (mayLeave?.() === false) return refused('it was given up while it waited for a price');
      const { atMs } = execution;
      const engine = book();
      const tick = options.instrument().price.tick;
      // Rounded up to the tick, like an order at the exchange.
      const mid = execution.triggered ? ceilToStep(exact(execution.price.toPrecision(12)), tick) : new Decimal(execution.price);
      // Rounded against the bot, so that a fill is never better than the settings say.
      engine.tick({
        symbol: request.symbol,
        price: floorToStep(mid, tick),
        bid: floorToStep(mid.times(takerShare.neg().plus(1)), tick),
        ask: ceilToStep(mid.times(takerShare.plus(1)), tick),
        liquidity: null,
        atMs,
      });
      const result = engine.place(account, request, atMs);
      if (!result.ok) return refused(result.refusal.message, result.refusal.code);
      const { order, trades } = result.value;
      return { kind: 'accepted', order: exchangeOrder(order), fills: trades.map((trade, index) => exchangeFill(order, trade, index)) };
    },
    // A paper bot's stops are kept by the engine (docs/bots.md), so nothing ever rests here.
    async placeOco() {
      return refused('a paper account takes no orders that rest');
    },
    async cancelOrder() {
      return { kind: 'refused', refusal: noRest };
    },
    async replaceOrder() {
      return { cancel: { kind: 'refused', refusal: noRest }, place: { kind: 'not-attempted' } };
    },
    async ordersFrom() {
      return [];
    },
    async order(): Promise<OrderLookup> {
      // Fills are written before anybody asks: an order that is looked up here was never placed.
      return { kind: 'absent' };
    },
    async openOrders() {
      return [];
    },
    async ordersSince() {
      return [];
    },
    async fillsOfOrder() {
      return [];
    },
    async fillsSince() {
      return [];
    },
    async balances(): Promise<readonly Balance[]> {
      return book().balances(account);
    },
    listen(listener) {
      listener.onSubscribed();
      return { stop: async () => undefined };
    },
  };
}

/** The filters are judged by the last price: the account hears too few prices for an average. */
function judgedByLastPrice(instrument: Instrument): Instrument {
  const { notional, percentPrice } = instrument;
  return {
    ...instrument,
    notional: notional === null ? null : { ...notional, averagePriceMinutes: 0 },
    percentPrice: percentPrice === null ? null : { ...percentPrice, averagePriceMinutes: 0 },
  };
}

/** Paper ids are text that no exchange gives, so they never collide with real ones. */
const paperMark = 'paper-';

export function isPaperTrade(tradeId: string): boolean {
  return tradeId.startsWith(paperMark);
}

function exchangeOrder(order: BookOrder): ExchangeOrder {
  return {
    symbol: order.symbol,
    orderId: `${paperMark}${order.clientOrderId}`,
    clientOrderId: order.clientOrderId,
    side: order.side,
    type: order.type,
    status: order.status,
    quantity: order.quantity,
    executedQuantity: order.executedQuantity,
    executedQuote: order.executedQuote,
    updatedAtMs: order.updatedAtMs,
  };
}

function exchangeFill(order: BookOrder, trade: BookTrade, index: number): ExchangeFill {
  return {
    symbol: order.symbol,
    tradeId: `${paperMark}${order.clientOrderId}-${index + 1}`,
    orderId: `${paperMark}${order.clientOrderId}`,
    clientOrderId: order.clientOrderId,
    side: trade.side,
    price: trade.price,
    quantity: trade.quantity,
    commission: trade.commission,
    commissionAsset: trade.commissionAsset,
    isMaker: trade.isMaker,
    atMs: trade.atMs,
  };
}

const noRest: Refusal = { httpStatus: 400, code: -2011, message: 'nothing rests in a paper account', class: 'not-found' };

/** Refusals have the exchange's codes and texts, so that they are understood like the exchange's. */
function refused(message: string, code: number | null = null): Extract<PlaceOutcome, { kind: 'rejected' }> {
  const own = { httpStatus: 400, code, message, class: 'other' } as const;
  if (code === null) return { kind: 'rejected', refusal: own };
  return {
    kind: 'rejected',
    refusal: refusalOf({ status: 400, body: { code, msg: message }, retryAfterSeconds: null, receivedAtVenueMs: 0 }),
  };
}

/** What the account holds after the fills: the budget and everything bought, sold and paid since. */
function holdings(options: PaperOptions, instrument: Instrument): { quote: Decimal; base: Decimal } {
  let quote = options.initialCapital;
  let base = new Decimal(0);
  for (const fill of options.fills) {
    const sign = fill.side === 'BUY' ? 1 : -1;
    base = base.plus(fill.quantity.times(sign));
    quote = quote.minus(fill.quantity.times(fill.price).times(sign));
    if (fill.commissionAsset === instrument.baseAsset) base = base.minus(fill.commission);
    if (fill.commissionAsset === instrument.quoteAsset) quote = quote.minus(fill.commission);
  }
  return { quote, base };
}
