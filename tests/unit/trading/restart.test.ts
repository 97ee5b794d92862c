/** A restart changes nothing: whatever happened to a bot, its rows tell the state that it had. */
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Signal } from '../../../engine/strategies/strategy.ts';
import { decide } from '../../../engine/trading/decide.ts';
import type { Fill, PlaceOrder, TradingEvent } from '../../../engine/trading/events.ts';
import { nothingFolded } from '../../../engine/trading/fold.ts';
import { sellableQuantity } from '../../../engine/trading/position.ts';
import { restoreState } from '../../../engine/trading/restore.ts';
import type { RestoredOrder } from '../../../engine/trading/restore.ts';
import type { TradingState } from '../../../engine/trading/state.ts';
import { btc, candle, config, emptyState, fill, midnight } from './given.ts';

const trading = config({
  stopLossPercent: 1,
  takeProfitPercent: 1.5,
  maxDailyLossPercent: 1,
  dailyTargetPercent: 0.5,
  maxDailyTrades: 4,
  positionSizePercent: 90,
});
const signals: readonly Signal[] = [
  { action: 'enter-long', reason: 'go' },
  { action: 'exit', reason: 'leave' },
  { action: 'hold', reason: 'wait' },
];

/** A bot with its rows, as the engine writes them. */
class Life {
  state = emptyState(trading);
  readonly fills: Fill[] = [];
  readonly orders: RestoredOrder[] = [];
  #placed: { readonly order: PlaceOrder; left: Decimal } | null = null;
  minute = 0;
  price = 20_000;

  get atMs(): number {
    return midnight + this.minute * 60_000;
  }
  tell(event: TradingEvent): void {
    const decision = decide(this.state, event, trading, btc);
    this.state = decision.state;
    for (const command of decision.commands) {
      if (command.type !== 'place-order') continue;
      const { role, exitKind, decisionMs, reason, quantity } = command;
      const attempt = this.orders.length + 1;
      const order = { role, exitKind, decisionMs, attempt, clientOrderId: `o${attempt}`, reason, quantity } as const;
      this.orders.push({ ...order, price: null, stopPrice: null, outcome: null });
      this.#placed = { order: command, left: quantity };
    }
  }
  closes(percent: number, minutes: number, signal: Signal): void {
    this.minute += minutes;
    const before = this.price;
    this.price = Math.round(before * (100 + percent)) / 100;
    const closed = candle(this.minute - 1, { open: before, close: this.price });
    this.tell({ type: 'candle-closed', candle: closed, signal, atMs: closed.closeTime });
  }
  /** Part of the order in flight, executed a while before it is told. */
  executes(tenths: number, lagMs: number): void {
    if (this.#placed === null) return;
    const { order, left } = this.#placed;
    const quantity = Decimal.min(left, order.quantity.times(tenths).div(10).toDecimalPlaces(5, Decimal.ROUND_UP));
    if (quantity.lte(0)) return;
    this.#placed.left = left.minus(quantity);
    const commission = quantity.times('0.001').times(order.side === 'BUY' ? 1 : this.price);
    const { role, exitKind, side } = order;
    this.book(fill(side, quantity.toFixed(), this.price, { role, exitKind, commission, atMs: this.atMs - lagMs }));
  }
  stops(): void {
    const quantity = sellableQuantity(this.state.position, btc);
    if (this.#placed === null && quantity.gt(0)) this.book(fill('SELL', quantity.toFixed(), this.price, { role: 'stop', atMs: this.atMs }));
  }
  book(booked: Fill): void {
    this.fills.push(booked);
    this.tell({ type: 'fill-received', fill: booked, atMs: booked.atMs });
  }
  ends(): void {
    const placed = this.#placed;
    const row = this.orders.at(-1);
    if (placed === null || row === undefined) return;
    this.#placed = null;
    const executed = placed.left.lt(placed.order.quantity);
    const outcome = executed ? 'filled' : this.minute % 2 === 0 ? 'unfilled' : 'never-placed';
    this.orders[this.orders.length - 1] = { ...row, outcome };
    this.tell({
      type: 'order-ended',
      clientOrderId: row.clientOrderId,
      role: placed.order.role,
      outcome,
      reason: 'told so',
      atMs: this.atMs,
    });
    this.tell({ type: 'exit-retry-due', atMs: this.atMs });
  }
  settles(): void {
    this.executes(10, 0);
    this.ends();
  }
  restored(): TradingState {
    const { day, notices, bestPrice } = this.state;
    return restoreState(trading, btc, {
      folded: nothingFolded,
      fills: this.fills,
      orders: this.orders,
      day: { startMs: day.startMs, startEquity: day.startEquity, capital: null, lossReached: day.lossReached },
      notices,
      bestPrice,
      lastPrice: this.price,
      blocks: [],
      atMs: this.atMs,
    });
  }
}

/** What a state is made of, amounts as text. */
const told = ({ position, day, realisedTotal, roundTrips, notices, working }: TradingState): unknown =>
  JSON.parse(JSON.stringify({ position, day, realisedTotal, roundTrips, notices, working }));

const step = fc.oneof(
  fc.record({
    kind: fc.constant('closes' as const),
    percent: fc.double({ min: -1.5, max: 1.5, noNaN: true }),
    minutes: fc.constantFrom(1, 1, 7, 180),
    signal: fc.constantFrom(...signals),
  }),
  fc.record({
    kind: fc.constant('executes' as const),
    tenths: fc.constantFrom(3, 10, 10),
    lagMs: fc.constantFrom(0, 0, 400, 90_000, 18_000_000),
  }),
  fc.record({ kind: fc.constantFrom('settles' as const, 'settles' as const, 'ends' as const, 'stops' as const, 'asked' as const) }),
);

it('tells of position, day, round trips and notices what the bot knew, after any sequence of events', () => {
  const seen = { closed: 0, stopped: 0, notices: 0, days: 0 };
  fc.assert(
    fc.property(fc.array(step, { minLength: 60, maxLength: 200 }), (steps) => {
      const life = new Life();
      for (const one of steps) {
        if (one.kind === 'closes') life.closes(one.percent, one.minutes, one.signal);
        else if (one.kind === 'executes') life.executes(one.tenths, one.lagMs);
        else if (one.kind === 'settles') life.settles();
        else if (one.kind === 'ends') life.ends();
        else if (one.kind === 'stops') life.stops();
        else life.tell({ type: 'close-requested', reason: 'asked', atMs: life.atMs });
      }
      // The day of the comparison has begun for both.
      life.minute += 1;
      life.tell({
        type: 'price-moved',
        candle: { ...candle(life.minute, { close: life.price }), closed: false },
        atMs: life.atMs,
      });
      const restored = life.restored();
      expect(told(restored)).toEqual(told(life.state));
      if (restored.exiting !== null && life.state.exiting !== null) expect(restored.exiting.kind).toBe(life.state.exiting.kind);
      seen.closed += life.state.roundTrips.closed.length;
      seen.stopped += life.state.roundTrips.closed.filter((trip) => trip.stopped).length;
      seen.notices += life.state.notices.length;
      seen.days += life.state.day.startMs > midnight ? 1 : 0;
    }),
    { numRuns: 300, seed: 7 },
  );
  // Histories in which nothing happened would prove nothing.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(40);
});
