/** Random bots, instruments, fees and price paths for properties of the core. */
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import type { FeeSchedule } from '../../../engine/matching/matching.ts';
import { exact } from '../../../engine/trading/exact.ts';
import type { Instrument, OrderType } from '../../../engine/trading/instrument.ts';
import type { SignalAction } from '../../../engine/strategies/strategy.ts';
import { marketLotOf } from '../../../engine/trading/lots.ts';
import type { BotAtExchange, Market } from './bot-at-exchange.ts';
import { btc, config, d } from './given.ts';

/** The most that a price moves in one step, and half the distance of bid and ask, as shares of the price. */
export const stepMost = 0.012;
export const spreadMost = 0.001;

const integer = (min: number, max: number) => fc.integer({ min, max });
const percent = (most: number) => integer(1, most * 100).map((hundredths) => hundredths / 100);
/** Trailing distances that such paths reach. */
export const percents = percent(3);
const power = (decimals: number): Decimal => exact(10).pow(-decimals);
const orderTypes: readonly (readonly OrderType[])[] = [
  ['MARKET', 'LIMIT_MAKER', 'STOP_LOSS', 'STOP_LOSS_LIMIT'],
  ['MARKET', 'LIMIT_MAKER', 'STOP_LOSS_LIMIT'],
  ['MARKET', 'LIMIT'],
];

/** Filters are judged by the last price here: no average is known to the core. Those of the account are execution's (order-rules.ts). */
const filters = fc.record({
  tickDecimals: integer(0, 3),
  stepDecimals: integer(0, 5),
  ticks: integer(1_000, 2_000_000),
  minSteps: fc.constantFrom(1, 1, 10),
  marketLot: fc.option(fc.record({ min: fc.constantFrom(0, 20), step: fc.constantFrom(0, 1, 100), maxSteps: fc.constantFrom(500, 1e12) })),
  notional: fc.option(
    fc.record({ min: integer(1, 50), applyMinToMarket: fc.boolean(), max: fc.option(integer(500, 5_000)), applyMaxToMarket: fc.boolean() }),
  ),
  percentPrice: fc.option(fc.record({ up: fc.constantFrom(1.1, 2, 5), down: fc.constantFrom(0.9, 0.5, 0.2) })),
  types: fc.constantFrom(...orderTypes),
  ocoAllowed: fc.boolean(),
  cancelReplaceAllowed: fc.boolean(),
});

function instrumentOf(drawn: typeof filters extends fc.Arbitrary<infer T> ? T : never): { instrument: Instrument; price: Decimal } {
  const tick = power(drawn.tickDecimals);
  const step = power(drawn.stepDecimals);
  const price = tick.times(drawn.ticks);
  const { marketLot, notional, percentPrice } = drawn;
  const lot = { min: step.times(drawn.minSteps), max: step.times(1e12), step };
  const instrument: Instrument = {
    ...btc,
    orderTypes: drawn.types,
    ocoAllowed: drawn.ocoAllowed,
    cancelReplaceAllowed: drawn.cancelReplaceAllowed,
    price: { min: tick, max: price.times(3), tick },
    lot,
    marketLot:
      marketLot === null ? null : { min: step.times(marketLot.min), max: step.times(marketLot.maxSteps), step: step.times(marketLot.step) },
    // The largest order value leaves room for some of the smallest lots, as on any exchange.
    notional:
      notional === null
        ? null
        : {
            ...notional,
            min: d(notional.min),
            max: notional.max === null ? null : Decimal.max(notional.max, lot.min.times(price).times(100)),
            averagePriceMinutes: 0,
          },
    percentPrice:
      percentPrice === null
        ? null
        : {
            bidUp: d(percentPrice.up),
            askUp: d(percentPrice.up),
            bidDown: d(percentPrice.down),
            askDown: d(percentPrice.down),
            averagePriceMinutes: 0,
          },
  };
  return { instrument, price };
}

const trading = fc.record({
  initialCapital: integer(50, 20_000).map(d),
  positionSizePercent: integer(1, 100),
  positionSizeFixed: fc.option(integer(5, 5_000).map(d), { freq: 2 }),
  stopLossPercent: fc.option(fc.oneof(percent(3), percent(90)), { freq: 4 }),
  takeProfitPercent: fc.option(fc.oneof(percent(3), percent(1_000))),
  trailingStopPercent: fc.option(percent(3), { freq: 4 }),
  trailingStopActive: fc.boolean(),
  dailyTargetPercent: fc.option(percent(3)),
  maxDailyLossPercent: fc.option(percent(3)),
  maxDailyTrades: fc.option(integer(1, 5)),
  checkIntervalMs: fc.constant(1_000),
  stops: fc.constantFrom('exchange' as const, 'engine' as const),
});

const fees: fc.Arbitrary<{ fees: FeeSchedule; bnb: Decimal }> = fc
  .record({
    rate: integer(0, 30).map((basisPoints) => d(basisPoints).div(10_000)),
    bnb: fc.option(integer(0, 20).map((cents) => d(cents).div(100))),
  })
  .map(({ rate, bnb }) => ({
    fees: { maker: rate, taker: rate, asset: bnb === null ? 'received' : { name: 'BNB', priceInQuote: d(500), discount: d('0.25') } },
    bnb: bnb ?? d(0),
  }));

/** A budget that pays for some of the smallest lots, whatever they cost. */
export const market: fc.Arbitrary<Market> = fc
  .record({ filters, trading, fees, spare: fc.constantFrom(0, 100_000), lots: integer(3, 300) })
  .map(({ filters: drawn, trading: change, fees: paid, spare, lots }) => {
    const { instrument, price } = instrumentOf(drawn);
    const worth = marketLotOf(instrument).min.times(price).times(lots).toDecimalPlaces(8);
    const given = config(change);
    const initialCapital = Decimal.max(given.initialCapital, worth);
    return { instrument, price, ...paid, config: { ...given, initialCapital }, spare: d(spare) };
  });

export const step = fc.record({
  /** Basis points. */
  move: fc.oneof(integer(-20, 20), integer(-stepMost * 1e4, stepMost * 1e4)),
  spread: integer(0, spreadMost * 1e4),
  /** Of the bot's budget, what one order finds in the book; null for any amount. */
  liquidity: fc.option(integer(5, 100), { freq: 2 }),
  afterMs: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(1_000, 5_000, 60_000) },
    { weight: 1, arbitrary: fc.constantFrom(3_600_000, 25_000_000) },
  ),
  signal: fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: 2, arbitrary: fc.constantFrom<SignalAction>('enter-long', 'enter-long', 'hold', 'exit') },
  ),
});
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The first close is entered on. */
export const steps = fc
  .array(step, { minLength: 10, maxLength: 60, size: 'max' })
  .map((path): readonly Step[] => path.map((one, index) => (index === 0 ? { ...one, signal: 'enter-long' } : one)));

const minuteMs = 60_000;

/** The bot lives through the steps; `after` looks at it after each. */
export function live(bot: BotAtExchange, path: readonly Step[], after: () => void = () => undefined): void {
  const { tick } = bot.market.instrument.price;
  for (const { move, spread, liquidity, afterMs, signal } of path) {
    const price = exact(bot.price)
      .times(10_000 + move)
      .div(10_000)
      .div(tick)
      .round()
      .times(tick);
    const later = bot.atMs + afterMs;
    const half = price.times(spread).div(10_000).div(tick).floor().times(tick);
    const budget = exact(bot.market.config.initialCapital).div(price);
    bot.next(
      {
        price,
        spread: half,
        liquidity: liquidity === null ? null : budget.times(liquidity).div(100).toDecimalPlaces(8),
        // A close is the last instant of its minute.
        atMs: signal === null ? later : Math.floor(later / minuteMs) * minuteMs + minuteMs - 1,
      },
      signal,
    );
    after();
  }
}
