/**
 * Core, check and matching together, pure: whatever the instrument, the prices and the budget, the exchange refuses nothing that
 * is sent for a filter. What the check holds back is counted, so that the test cannot pass by sending nothing.
 */
import type { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMatching } from '../../../engine/matching/engine.ts';
import type { BookEvent, BookRefusal, BookResult, MatchingEngine } from '../../../engine/matching/matching.ts';
import type { Candle } from '../../../engine/trading/candle.ts';
import { decide } from '../../../engine/trading/decide.ts';
import type { OrderRole, TradingCommand, TradingConfig, TradingEvent } from '../../../engine/trading/events.ts';
import { brokenFilter } from '../../../engine/trading/filters.ts';
import type { FilterSubject } from '../../../engine/trading/filters.ts';
import { nothingFolded } from '../../../engine/trading/fold.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import { RecentPrices, averageSpanMs } from '../../../engine/trading/recent-prices.ts';
import { restoreState } from '../../../engine/trading/restore.ts';
import type { TradingState } from '../../../engine/trading/state.ts';
import { btc, config, d, midnight } from './given.ts';

const me = 'me';
const pointMs = 10_000;
const pointsPerCandle = 6;

/** What was sent, held back and left to the engine in all runs. */
const seen = { entries: 0, exits: 0, stops: 0, pairs: 0, replaced: 0, heldBack: 0 };

class Run {
  readonly #book: MatchingEngine = createMatching();
  readonly #instrument: Instrument;
  readonly #config: TradingConfig;
  readonly #recent: RecentPrices;
  readonly refusals: string[] = [];
  #state: TradingState;
  #nextId = 0;
  now = midnight;

  constructor(instrument: Instrument, trading: TradingConfig, first: Decimal) {
    this.#instrument = instrument;
    this.#config = trading;
    this.#recent = new RecentPrices(averageSpanMs(instrument));
    this.#state = restoreState(trading, instrument, {
      ...{ folded: nothingFolded, fills: [], orders: [], day: null, notices: [], bestPrice: Number.NaN, lastPrice: Number.NaN, blocks: [] },
      atMs: midnight,
    });
    this.#book.list(instrument);
    this.#book.openAccount(me, { maker: d('0.001'), taker: d('0.001'), asset: 'received' });
    this.#book.deposit(me, instrument.quoteAsset, trading.initialCapital.times(10), midnight);
    this.price(first);
  }

  price(price: Decimal): void {
    this.#hear(this.#book.tick({ symbol: this.#instrument.symbol, price, bid: price, ask: price, liquidity: null, atMs: this.now }));
  }

  forms(candle: Candle): void {
    this.#recent.saw(candle, this.now);
    this.#tell({ type: 'price-moved', candle, atMs: this.now });
    if (this.#state.exiting?.pausing === true) this.#tell({ type: 'exit-retry-due', atMs: this.now });
    this.#tell({ type: 'time-passed', atMs: this.now });
  }

  closes(candle: Candle, action: 'enter-long' | 'exit' | 'hold'): void {
    this.#recent.saw(candle, candle.closeTime);
    this.#tell({ type: 'candle-closed', candle, signal: { action, reason: 'drawn' }, atMs: candle.closeTime });
  }

  #tell(event: TradingEvent): void {
    const decision = decide(this.#state, event, this.#config, this.#instrument);
    this.#state = decision.state;
    for (const command of decision.commands) this.#carryOut(command);
  }

  #carryOut(command: TradingCommand): void {
    const { symbol } = this.#instrument;
    if (command.type === 'cancel-protection') {
      const cancelled = this.#book.cancelAll(me, symbol, this.now);
      if (cancelled.ok) this.#hear(cancelled.events);
      this.#tellProtection(null);
      return;
    }
    if (command.type === 'place-order') {
      const { role, side, quantity } = command;
      if (this.#holdsBack({ side, type: 'MARKET', quantity, price: null, stopPrice: null })) {
        const outcome = role === 'entry' ? 'rejected' : 'never-placed';
        this.#tell({ type: 'order-ended', clientOrderId: '', role, outcome, reason: 'filter', rule: 'NOTIONAL', atMs: this.now });
        return;
      }
      seen[role === 'entry' ? 'entries' : 'exits'] += 1;
      const placed = this.#book.place(me, { symbol, side, type: 'MARKET', quantity, clientOrderId: this.#id(role) }, this.now);
      if (placed.ok) this.#hear(placed.events);
      else this.#refused(placed.refusal, command);
      this.#tell({ type: 'order-ended', clientOrderId: '', role, outcome: placed.ok ? 'filled' : 'rejected', reason: '', atMs: this.now });
      return;
    }
    this.#protect(command);
  }

  #protect({ type, plan }: Extract<TradingCommand, { readonly type: 'place-protection' | 'replace-protection' }>): void {
    const { symbol } = this.#instrument;
    const { quantity, stopType, stopPrice, limitPrice, targetPrice } = plan;
    const stop = { side: 'SELL', type: stopType, quantity, price: limitPrice, stopPrice } as const;
    const target =
      targetPrice === null ? null : ({ side: 'SELL', type: 'LIMIT_MAKER', quantity, price: targetPrice, stopPrice: null } as const);
    if (this.#holdsBack(stop) || (target !== null && this.#holdsBack(target))) {
      this.#tellProtection(null);
      return;
    }
    const leg = {
      clientOrderId: this.#id('stop'),
      type: stopType,
      stopPrice,
      ...(limitPrice === null ? {} : { price: limitPrice, timeInForce: 'GTC' as const }),
    };
    let result: BookResult<unknown>;
    if (type === 'replace-protection') {
      seen.replaced += 1;
      const resting = this.#book.openOrders(me, symbol)[0]?.clientOrderId ?? '';
      const replacement = { ...leg, symbol, side: 'SELL', quantity } as const;
      const done = this.#book.cancelReplace(me, { cancel: { clientOrderId: resting }, mode: 'STOP_ON_FAILURE', replacement }, this.now);
      this.#hear(done.events);
      const refusal = done.placed.ok ? null : (done.placed.refusal ?? (done.cancel.ok ? null : done.cancel.refusal));
      result = refusal === null ? { ok: true, value: null, events: [] } : { ok: false, refusal };
    } else if (target === null) {
      seen.stops += 1;
      result = this.#book.place(me, { ...leg, symbol, side: 'SELL', quantity }, this.now);
    } else {
      seen.pairs += 1;
      const above = { clientOrderId: this.#id('target'), type: 'LIMIT_MAKER', price: target.price } as const;
      const pair = { symbol, side: 'SELL', quantity, listClientOrderId: this.#id('stop'), above, below: leg } as const;
      result = this.#book.placeOco(me, pair, this.now);
    }
    if (result.ok) this.#hear(result.events);
    else this.#refused(result.refusal, plan);
    this.#tellProtection(result.ok ? null : result.refusal.message);
  }

  #holdsBack(draft: Pick<FilterSubject, 'side' | 'type' | 'quantity' | 'price' | 'stopPrice'>): boolean {
    const subject = { ...draft, trailingDelta: null, quoteQuantity: null };
    const held = brokenFilter(this.#instrument, subject, { averagePrice: () => this.#recent.bounds(this.now) }) !== null;
    if (held) seen.heldBack += 1;
    return held;
  }

  /** Triggers and balances are judged by what happens meanwhile; filters and form never may. */
  #refused({ code, message }: BookRefusal, of: unknown): void {
    if (code !== -2010) this.refusals.push(`${code} ${message}: ${JSON.stringify(of)}`);
  }

  #hear(events: readonly BookEvent[]): void {
    let protective = false;
    for (const event of events) {
      if (event.type !== 'order') continue;
      const role = event.order.clientOrderId.split('-')[0] as OrderRole;
      protective ||= role === 'stop' || role === 'target';
      const { trade } = event;
      if (trade === null) continue;
      const { side, price, quantity, commission, commissionAsset, atMs } = trade;
      const fill = { tradeId: String(trade.tradeId), clientOrderId: event.order.clientOrderId, role, side, price, quantity };
      this.#tell({ type: 'fill-received', fill: { ...fill, exitKind: null, commission, commissionAsset, atMs }, atMs });
    }
    if (protective) this.#tellProtection(null);
    else if (events.length > 0) this.#tell({ type: 'time-passed', atMs: this.now });
  }

  #tellProtection(refused: string | null): void {
    const open = this.#book.openOrders(me, this.#instrument.symbol);
    const stop = open.find(({ stopPrice }) => stopPrice !== null);
    const target = open.find(({ type }) => type === 'LIMIT_MAKER');
    const one = stop ?? target;
    const resting =
      one === undefined
        ? null
        : { quantity: one.quantity.minus(one.executedQuantity), stopPrice: stop?.stopPrice ?? null, targetPrice: target?.price ?? null };
    this.#tell({ type: 'protection-changed', resting, settled: true, unresolved: false, refused, atMs: this.now });
  }

  #id(role: OrderRole): string {
    this.#nextId += 1;
    return `${role}-${this.#nextId}`;
  }
}

const power = (from: number, to: number) => fc.integer({ min: from, max: to }).map((exponent) => d(10).pow(exponent));
const chance = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });

const drawnInstrument = fc
  .record({
    tick: power(-6, -1),
    step: fc.tuple(power(-5, 0), fc.constantFrom(1, 2, 5)).map(([base, times]) => base.times(times)),
    lots: fc.integer({ min: 1, max: 20 }),
    mostLots: fc.integer({ min: 100, max: 1_000_000 }),
    market: chance(
      fc.record({ step: fc.constantFrom(0, 1, 3), lots: fc.integer({ min: 0, max: 30 }), mostLots: fc.constantFrom(0, 50, 5_000) }),
    ),
    notional: chance(
      fc.record({
        min: fc.constantFrom(1, 5, 10).map(d),
        applyMinToMarket: fc.boolean(),
        max: chance(fc.integer({ min: 20, max: 5_000 }).map(d)),
        applyMaxToMarket: fc.boolean(),
        averagePriceMinutes: fc.constantFrom(0, 1, 5),
      }),
    ),
    percent: chance(
      fc.record({ up: fc.constantFrom('1.02', '1.1', '5'), down: fc.constantFrom('0.2', '0.9', '0.98'), minutes: fc.constantFrom(0, 5) }),
    ),
    stops: fc.constantFrom('STOP_LOSS' as const, 'STOP_LOSS_LIMIT' as const),
    ocoAllowed: fc.boolean(),
    cancelReplaceAllowed: fc.boolean(),
  })
  .map(
    ({ tick, step, lots, mostLots, market, notional, percent, stops, ocoAllowed, cancelReplaceAllowed }): Instrument => ({
      ...btc,
      ...{ ocoAllowed, cancelReplaceAllowed, notional },
      orderTypes: ['MARKET', 'LIMIT', 'LIMIT_MAKER', stops],
      price: { min: tick, max: d(0), tick },
      lot: { min: step.times(lots), max: step.times(mostLots), step },
      marketLot:
        market === null
          ? null
          : {
              min: step.times(market.lots * market.step),
              max: step.times(market.mostLots * Math.max(1, market.step)),
              step: step.times(market.step),
            },
      percentPrice:
        percent === null
          ? null
          : {
              ...{ bidUp: d(percent.up), bidDown: d(percent.down), askUp: d(percent.up), askDown: d(percent.down) },
              averagePriceMinutes: percent.minutes,
            },
    }),
  );

const drawnConfig = fc
  .record({
    capital: fc.integer({ min: 6, max: 3_000 }),
    percent: fc.integer({ min: 10, max: 100 }),
    stopLossPercent: chance(fc.double({ min: 0.2, max: 15, noNaN: true })),
    takeProfitPercent: chance(fc.double({ min: 0.2, max: 30, noNaN: true })),
    trailingStopPercent: chance(fc.double({ min: 0.3, max: 8, noNaN: true })),
    stops: fc.constantFrom('exchange' as const, 'exchange' as const, 'engine' as const),
  })
  .map(({ capital, percent, stopLossPercent, takeProfitPercent, trailingStopPercent, stops }) =>
    config({
      ...{ initialCapital: d(capital), positionSizePercent: percent, stopLossPercent, takeProfitPercent, trailingStopPercent, stops },
      trailingStopActive: trailingStopPercent !== null,
    }),
  );

const drawnCandle = fc.record({
  moves: fc.array(fc.integer({ min: -200, max: 200 }), { minLength: pointsPerCandle, maxLength: pointsPerCandle }),
  action: fc.constantFrom('enter-long' as const, 'enter-long' as const, 'exit' as const, 'hold' as const),
});

const refusedForNothing = fc.property(
  drawnInstrument,
  drawnConfig,
  fc.integer({ min: 1, max: 500 }),
  fc.array(drawnCandle, { minLength: 12, maxLength: 25 }),
  (instrument, trading, start, candles) => {
    const { tick } = instrument.price;
    const onTick = (value: Decimal): Decimal => (value.lt(tick) ? tick : value.div(tick).round().times(tick));
    let price = onTick(d(start));
    const run = new Run(instrument, trading, price);
    candles.forEach(({ moves, action }, index) => {
      const openTime = midnight + index * 60_000;
      const forming = { openTime, closeTime: openTime + 59_999, open: price.toNumber(), volume: 1, closed: false };
      let [high, low] = [price, price];
      for (const [point, move] of moves.entries()) {
        run.now = openTime + point * pointMs;
        price = onTick(price.times(1 + move / 10_000));
        [high, low] = [price.gt(high) ? price : high, price.lt(low) ? price : low];
        run.price(price);
        run.forms({ ...forming, high: high.toNumber(), low: low.toNumber(), close: price.toNumber() });
      }
      run.now = openTime + 59_999;
      run.closes({ ...forming, high: high.toNumber(), low: low.toNumber(), close: price.toNumber(), closed: true }, action);
    });
    expect(run.refusals).toEqual([]);
  },
);

it('sends nothing that the exchange would refuse for a filter, whatever the instrument, the prices and the budget', () => {
  fc.assert(refusedForNothing, { numRuns: 150 });
}, 60_000);

it('sends of everything, and what the check holds back is little of it', () => {
  for (const what of Object.keys(seen) as (keyof typeof seen)[]) seen[what] = 0;
  // The same draws in every run: what they send is no matter of chance.
  fc.assert(refusedForNothing, { numRuns: 150, seed: 1 });
  if (process.env['SHOW_COUNTS'] !== undefined) console.log(seen);
  for (const [what, count] of Object.entries(seen)) expect.soft(count, what).toBeGreaterThan(0);
  // Almost everything that is decided is sent: the check stops exceptions only.
  expect(seen.heldBack).toBeLessThan(0.2 * (seen.entries + seen.exits + seen.stops + seen.pairs));
}, 60_000);
