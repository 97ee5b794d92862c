/** What the exchange's rules leave to a position, exactly at their edges: what rests, what is dust, what an entry must be worth. */
import { describe, expect, it } from 'vitest';
import { decide } from '../../../engine/trading/decide.ts';
import { newDay, withLossJudged } from '../../../engine/trading/day.ts';
import type { TradingConfig } from '../../../engine/trading/events.ts';
import type { Instrument, NotionalFilter } from '../../../engine/trading/instrument.ts';
import { emptyPosition, isDust } from '../../../engine/trading/position.ts';
import { exposureOf, hasStop, plannedProtection, restingOrders } from '../../../engine/trading/protect.ts';
import { unseenShare } from '../../../engine/trading/recent-prices.ts';
import { entrySize } from '../../../engine/trading/sizing.ts';
import { btc, config, d, emptyState, midnight } from './given.ts';

const notional: NotionalFilter = { min: d(10), applyMinToMarket: true, max: null, applyMaxToMarket: false, averagePriceMinutes: 5 };
const stoppable: Instrument = { ...btc, notional: null, orderTypes: ['MARKET', 'LIMIT_MAKER', 'STOP_LOSS', 'STOP_LOSS_LIMIT'] };
const limited: Instrument = { ...stoppable, orderTypes: ['MARKET', 'STOP_LOSS_LIMIT'] };
const position = { ...emptyPosition, quantity: d(1), cost: d(100), openedAtMs: midnight };
/** What shall rest for 1 BTC bought at 100. */
const planned = (trading: Partial<TradingConfig>, instrument: Instrument, held = position, lastPrice = 100) =>
  plannedProtection(
    { ...emptyState(), position: held, bestPrice: lastPrice, lastPrice },
    config({ stops: 'exchange', ...trading }),
    instrument,
  );

describe('the orders that rest while a position is held', () => {
  const resting = (trading: Partial<TradingConfig>, instrument = stoppable) => {
    const { orders, algoOrders, lists } = restingOrders(config({ stops: 'exchange', ...trading }), instrument);
    return [orders, algoOrders, lists];
  };
  const stop = { stopLossPercent: 5 };
  const pair = { ...stop, takeProfitPercent: 5 };

  it('are a stop, a pair, or none', () => {
    expect([resting(stop), resting(pair), resting({ takeProfitPercent: 5 })]).toEqual([
      [1, 1, 0],
      [2, 1, 1],
      [0, 0, 0],
    ]);
    expect([resting({ ...pair, stops: 'engine' }), resting(pair, btc)]).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it('are no pair where the symbol takes none', () => {
    const noOco = { ...stoppable, ocoAllowed: false };
    for (const instrument of [noOco, limited]) {
      expect(resting(pair, instrument)).toEqual([1, 1, 0]);
      expect(planned(pair, instrument)?.targetPrice).toBeNull();
    }
    expect(planned(pair, stoppable)?.targetPrice?.toFixed()).toBe('105');
  });

  it('need a stop: a fixed one, or a trailing one that is switched on', () => {
    const has = (trading: Partial<TradingConfig>) => hasStop(config(trading));
    expect([has({}), has(stop), has({ trailingStopPercent: 5 }), has({ trailingStopActive: true })]).toEqual([false, true, false, false]);
    expect(has({ trailingStopPercent: 5, trailingStopActive: true })).toBe(true);
  });
});

describe('a stop that may just rest', () => {
  const at = (instrument: Instrument, stopLossPercent: number) => {
    const plan = planned({ stopLossPercent }, instrument);
    return plan === null ? null : [plan.stopPrice.toFixed(), plan.limitPrice?.toFixed()];
  };

  it('is worth the least order value', () => {
    const least = (min: string) => at({ ...stoppable, notional: { ...notional, min: d(min) } }, 5);
    expect([least('95'), least('95.01')]).toEqual([['95', undefined], null]);
  });

  it('has a limit that the price bounds move up to the trigger, and not above it', () => {
    const percentPrice = { bidUp: d(2), bidDown: d('0.5'), askUp: d(2), askDown: d('0.9'), averagePriceMinutes: 5 };
    expect([at({ ...limited, percentPrice }, 5.5), at({ ...limited, percentPrice }, 5.51)]).toEqual([['94.5', '94.5'], null]);
  });

  it('stays where it rests already, whatever the filters say since; one that does not rest is judged', () => {
    const narrowed = { ...stoppable, price: { ...btc.price, min: d(96) } };
    const trading = config({ stops: 'exchange', stopLossPercent: 5 });
    const after = (stopPrice: string | null) => {
      const resting = stopPrice === null ? null : { quantity: d(1), stopPrice: d(stopPrice), targetPrice: null };
      const state = { ...emptyState(), position, bestPrice: 100, lastPrice: 100, protection: { ...emptyState().protection, resting } };
      return [decide(state, { type: 'time-passed', atMs: midnight }, trading, narrowed).commands, exposureOf(state, trading, narrowed)];
    };
    expect(after('95')).toEqual([[], 'protected']);
    expect(after(null)).toEqual([[], 'none']);
  });

  it('has prices above nothing', () => {
    const coarse = { ...limited, price: { min: d(0), max: d(0), tick: d(1) } };
    const held = { ...position, quantity: d(100), cost: d(250) };
    expect(planned({ stopLossPercent: 50 }, coarse, held, 2.5)).toBeNull();
    expect(planned({ stopLossPercent: 50 }, { ...coarse, orderTypes: ['STOP_LOSS'] }, held, 2.5)?.stopPrice.toFixed()).toBe('1');
  });

  it('has no more decimals than the exchange reads', () => {
    const fine = { ...stoppable, quotePrecision: 2, price: { min: d(0), max: d(0), tick: d(0) } };
    expect([at(fine, 5.01), at(fine, 5.001)]).toEqual([['94.99', undefined], null]);
  });
});

it('a position is dust below the least order value and what the average may lie below the price', () => {
  const least = 10 * (1 + 2 * unseenShare);
  const flat = (price: number) => isDust(position, { ...btc, notional }, price);
  expect([flat(least), flat(least - 1e-9)]).toEqual([false, true]);
});

it('an entry must still be worth the least order value after fees', () => {
  const trading = config({ positionSizeFixed: d(100) });
  const sized = (min: string) => entrySize(emptyState(trading), trading, { ...btc, notional: { ...notional, min: d(min) } }, 100).ok;
  expect([sized('99.3'), sized('99.31')]).toEqual([true, false]);
});

it("the day's loss counts although it was told already, and changes nothing once it is known", () => {
  const trading = config({ maxDailyLossPercent: 3 });
  const state = { ...emptyState(trading), day: newDay(midnight, d(1_000)), realisedTotal: d(-50) };
  const told = withLossJudged(state, trading, btc, 100, midnight);
  expect(told.notices.map(({ topic }) => topic)).toEqual(['daily-loss-warning', 'daily-loss-reached']);
  const again = withLossJudged({ ...state, notices: told.notices }, trading, btc, 100, midnight);
  expect([again.day.lossReached, again.notices]).toEqual([true, told.notices]);
  expect(withLossJudged(told, trading, btc, 100, midnight)).toBe(told);
});
