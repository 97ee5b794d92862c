/**
 * One bot and an exchange, for properties: the core decides, the real matching executes. A command goes out when it is decided and
 * is executed at the next price, as it is in life; what the exchange does is told back to the core at once.
 */
import type { Decimal } from 'decimal.js';
import { createMatching } from '../../../engine/matching/engine.ts';
import type { BookEvent, BookTrade, FeeSchedule, MatchingRequest, OcoRequest } from '../../../engine/matching/matching.ts';
import type { Candle } from '../../../engine/trading/candle.ts';
import { decide } from '../../../engine/trading/decide.ts';
import type {
  Fill,
  PlaceOrder,
  ProtectionPlan,
  PutProtection,
  TradingCommand,
  TradingConfig,
  TradingEvent,
} from '../../../engine/trading/events.ts';
import { exact } from '../../../engine/trading/exact.ts';
import { nothingFolded } from '../../../engine/trading/fold.ts';
import type { Instrument, OrderSide } from '../../../engine/trading/instrument.ts';
import { restoreState } from '../../../engine/trading/restore.ts';
import type { OrderRole, TradingState } from '../../../engine/trading/state.ts';
import type { SignalAction } from '../../../engine/strategies/strategy.ts';
import { d, midnight } from './given.ts';

export interface Market {
  readonly config: TradingConfig;
  readonly instrument: Instrument;
  readonly fees: FeeSchedule;
  readonly price: Decimal;
  /** What the account holds beside the bot's budget, quote: a bot must not touch it. */
  readonly spare: Decimal;
  readonly bnb: Decimal;
}

export interface Price {
  readonly price: Decimal;
  /** Half the distance between bid and ask. */
  readonly spread: Decimal;
  /** What one order can take, base; null for any amount. */
  readonly liquidity: Decimal | null;
  readonly atMs: number;
}

const me = 'me';
/** Filters and precision: refusals that a well-made order never meets. */
const filterCodes = new Set([-1013, -1111]);

export class BotAtExchange {
  readonly market: Market;
  state: TradingState;
  /** Orders as decided that the exchange's filters refuse at the price of the decision. */
  readonly broken: string[] = [];
  readonly fills: { readonly fill: Fill; readonly trade: BookTrade }[] = [];
  readonly commands: TradingCommand[] = [];
  /** Exit orders that the exchange did not execute: what follows from them is not the core's. */
  exitsInVain = 0;
  readonly #book = createMatching();
  readonly #pending: TradingCommand[] = [];
  readonly #roles = new Map<string, OrderRole>();
  readonly #watch: (bot: BotAtExchange) => void;
  #ids = 0;
  #last: Price;
  #candle: Candle;

  /** `watch` looks at the bot after everything that it was told. */
  constructor(market: Market, watch: (bot: BotAtExchange) => void) {
    this.market = market;
    this.#watch = watch;
    const { instrument, config } = market;
    this.#book.list(instrument);
    this.#book.openAccount(me, market.fees);
    this.#book.deposit(me, instrument.quoteAsset, exact(config.initialCapital).plus(market.spare), midnight);
    this.#book.deposit(me, 'BNB', market.bnb, midnight);
    this.#last = { price: market.price, spread: d(0), liquidity: null, atMs: midnight };
    this.#candle = candleAt(this.#last);
    this.#move(this.#last);
    const none = {
      folded: nothingFolded,
      fills: [],
      orders: [],
      day: null,
      notices: [],
      bestPrice: Number.NaN,
      lastPrice: Number.NaN,
      blocks: [],
      atMs: midnight,
    };
    this.state = restoreState(config, instrument, none);
  }

  get price(): Decimal {
    return this.#last.price;
  }
  get atMs(): number {
    return this.#last.atMs;
  }
  /** Change of the account's quote since the beginning, and the base that it holds: what the bot made of its budget. */
  get quoteChange(): Decimal {
    return this.#held(this.market.instrument.quoteAsset).minus(this.market.config.initialCapital).minus(this.market.spare);
  }
  get base(): Decimal {
    return this.#held(this.market.instrument.baseAsset);
  }
  /** By the account's balances, base valued at the last price; fees in BNB are no part of it. */
  get equity(): Decimal {
    return exact(this.market.config.initialCapital).plus(this.quoteChange).plus(this.base.times(this.price));
  }
  get restingStop(): Decimal | null {
    return this.#openProtection().find((order) => order.stopPrice !== null)?.stopPrice ?? null;
  }

  /** The price moves, what was decided before is executed at it, and the core hears of it: as a close with its signal, or in between. */
  next(price: Price, signal: SignalAction | null): void {
    const events = this.#move(price);
    this.#tellProtection(events);
    for (const command of this.#pending.splice(0)) this.#execute(command);
    if (this.state.exiting?.pausing === true) this.tell({ type: 'exit-retry-due', atMs: price.atMs });
    const candle = this.#candle;
    if (signal === null) this.tell({ type: 'price-moved', candle, atMs: price.atMs });
    else
      this.tell({
        type: 'candle-closed',
        candle: { ...candle, closed: true },
        signal: { action: signal, reason: signal },
        atMs: price.atMs,
      });
  }

  tell(event: TradingEvent): void {
    const { state, commands } = decide(this.state, event, this.market.config, this.market.instrument);
    this.state = state;
    for (const command of commands) {
      this.commands.push(command);
      this.#judge(command);
      this.#pending.push(command);
    }
    this.#watch(this);
  }

  #move(price: Price): readonly BookEvent[] {
    this.#last = price;
    const at = candleAt(price);
    const { open, high, low } = this.#candle;
    const same = at.openTime === this.#candle.openTime;
    this.#candle = same ? { ...at, open, high: Math.max(high, at.high), low: Math.min(low, at.low) } : at;
    return this.#book.tick({
      symbol: this.market.instrument.symbol,
      price: price.price,
      bid: price.price.minus(price.spread),
      ask: price.price.plus(price.spread),
      liquidity: price.liquidity,
      atMs: price.atMs,
    });
  }

  /** Would the exchange's filters take this order at the price that it was decided with? */
  #judge(command: TradingCommand): void {
    if (command.type === 'cancel-protection') return;
    const { instrument } = this.market;
    const price = exact(command.referencePrice);
    const book = createMatching();
    book.list(instrument);
    book.openAccount(me, this.market.fees);
    book.deposit(me, instrument.quoteAsset, exact(1e15), this.atMs);
    book.deposit(me, instrument.baseAsset, this.base, this.atMs);
    book.tick({ symbol: instrument.symbol, price, bid: price, ask: price, liquidity: null, atMs: this.atMs });
    const requests = command.type === 'place-order' ? [this.#marketOrder(command, 'judged')] : this.#legs(command.plan, 'judged');
    for (const request of requests) {
      const judged = book.test(me, request, this.atMs);
      if (!judged.ok && filterCodes.has(judged.refusal.code))
        this.broken.push(`${request.type} ${request.side} ${request.quantity?.toFixed() ?? ''}: ${judged.refusal.message}`);
    }
  }

  #execute(command: TradingCommand): void {
    if (command.type === 'place-order') this.#executeOrder(command);
    else if (command.type === 'cancel-protection') this.#cancelProtection();
    else this.#executeProtection(command);
    // What follows at once is executed at the same price.
    for (const next of this.#pending.splice(0)) this.#execute(next);
  }

  #executeOrder(command: PlaceOrder): void {
    const { role } = command;
    const request = this.#marketOrder(command, this.#id(role));
    const result = this.#book.place(me, request, this.atMs);
    const ended = { type: 'order-ended', clientOrderId: request.clientOrderId, role, atMs: this.atMs } as const;
    const trades = result.ok ? result.value.trades : [];
    if (trades.length === 0 && role === 'exit') this.exitsInVain += 1;
    for (const trade of trades) this.#tellFill(trade, request.clientOrderId);
    if (!result.ok) this.tell({ ...ended, outcome: 'rejected', reason: result.refusal.message });
    else this.tell({ ...ended, outcome: trades.length > 0 ? 'filled' : 'unfilled', reason: '' });
  }

  #executeProtection(command: PutProtection): void {
    const { symbol } = this.market.instrument;
    const [stop, target] = this.#legs(command.plan, this.#id('stop'), this.#id('target'));
    const resting = this.#openProtection()[0];
    let refused: string | null = null;
    if (stop === undefined) return;
    if (command.type === 'replace-protection') {
      const cancel = { orderId: resting?.orderId ?? 0n };
      const { cancel: cancelled, placed } = this.#book.cancelReplace(me, { cancel, mode: 'STOP_ON_FAILURE', replacement: stop }, this.atMs);
      if (cancelled.ok && !placed.ok) refused = placed.refusal?.message ?? null;
    } else if (target === undefined) {
      const placed = this.#book.place(me, stop, this.atMs);
      if (!placed.ok) refused = placed.refusal.message;
    } else {
      const list: OcoRequest = {
        symbol,
        side: 'SELL',
        quantity: command.plan.quantity,
        listClientOrderId: this.#id('stop'),
        above: target,
        below: stop,
      };
      const placed = this.#book.placeOco(me, list, this.atMs);
      if (!placed.ok) refused = placed.refusal.message;
    }
    this.#tellResting(refused);
  }

  #cancelProtection(): void {
    const { symbol } = this.market.instrument;
    const order = this.#openProtection()[0];
    if (order !== undefined) this.#book.cancel(me, symbol, { orderId: order.orderId }, null, this.atMs);
    this.#tellResting(null);
  }

  /** What the price executed of resting orders. */
  #tellProtection(events: readonly BookEvent[]): void {
    const trades = events.flatMap((event) => (event.type === 'order' && event.trade !== null ? [event] : []));
    for (const { trade, order } of trades) if (trade !== null) this.#tellFill(trade, order.clientOrderId);
    if (events.some((event) => event.type === 'order')) this.#tellResting(null);
  }

  #tellResting(refused: string | null): void {
    const open = this.#openProtection();
    const stop = open.find((order) => order.stopPrice !== null);
    const target = open.find((order) => order.stopPrice === null);
    const any = stop ?? target;
    const resting =
      any === undefined
        ? null
        : { quantity: any.quantity.minus(any.executedQuantity), stopPrice: stop?.stopPrice ?? null, targetPrice: target?.price ?? null };
    this.tell({ type: 'protection-changed', resting, settled: true, unresolved: false, refused, atMs: this.atMs });
  }

  #tellFill(trade: BookTrade, clientOrderId: string): void {
    const { price, quantity, commission, commissionAsset, side, atMs } = trade;
    const role = this.#roles.get(clientOrderId) ?? 'exit';
    const fill: Fill = {
      ...{ tradeId: String(trade.tradeId), clientOrderId, role, exitKind: null },
      ...{ side, price, quantity, commission, commissionAsset, atMs },
    };
    this.fills.push({ fill, trade });
    this.tell({ type: 'fill-received', fill, atMs });
  }

  #openProtection() {
    return this.#book.openOrders(me, this.market.instrument.symbol);
  }

  #marketOrder({ side, quantity }: { readonly side: OrderSide; readonly quantity: Decimal }, clientOrderId: string): MatchingRequest {
    return { symbol: this.market.instrument.symbol, side, type: 'MARKET', clientOrderId, quantity };
  }

  #legs(plan: ProtectionPlan, stopId: string, targetId = `${stopId}-target`): readonly MatchingRequest[] {
    const of = { symbol: this.market.instrument.symbol, side: 'SELL', quantity: plan.quantity } as const;
    const stop: MatchingRequest = {
      ...of,
      type: plan.stopType,
      clientOrderId: stopId,
      stopPrice: plan.stopPrice,
      ...(plan.limitPrice === null ? {} : { price: plan.limitPrice, timeInForce: 'GTC' }),
    };
    if (plan.targetPrice === null) return [stop];
    return [stop, { ...of, type: 'LIMIT_MAKER', clientOrderId: targetId, price: plan.targetPrice }];
  }

  #id(role: OrderRole): string {
    this.#ids += 1;
    const id = `${role}-${this.#ids}`;
    this.#roles.set(id, role);
    return id;
  }

  #held(asset: string): Decimal {
    const balance = this.#book.balances(me).find((one) => one.asset === asset);
    return balance === undefined ? exact(0) : exact(balance.free).plus(balance.locked);
  }
}

const minuteMs = 60_000;

function candleAt({ price, atMs }: Price): Candle {
  const openTime = Math.floor(atMs / minuteMs) * minuteMs;
  const at = price.toNumber();
  return { openTime, closeTime: openTime + minuteMs - 1, open: at, high: at, low: at, close: at, volume: 1, closed: false };
}
