/** The day's loss: told once, in time, and never exceeded by more than executions cost. */
import type { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../../engine/trading/decide.ts';
import type { Decision, TradingConfig } from '../../../engine/trading/events.ts';
import { nothingFolded } from '../../../engine/trading/fold.ts';
import { equityAt } from '../../../engine/trading/pnl.ts';
import { isFlat } from '../../../engine/trading/position.ts';
import { restoreState } from '../../../engine/trading/restore.ts';
import type { TradingState } from '../../../engine/trading/state.ts';
import { btc, candle, config, d, emptyState, fill, midnight } from './given.ts';

const second = 1_000;
const dayMs = 86_400_000;

class Trader {
  state: TradingState;
  readonly config: TradingConfig;
  constructor(change: Partial<TradingConfig>) {
    this.config = config(change);
    this.state = emptyState(this.config);
  }
  tell(event: Parameters<typeof decide>[1]): Decision {
    const decision = decide(this.state, event, this.config, btc);
    this.state = decision.state;
    return decision;
  }
  sees(price: number, atMs: number): Decision {
    return this.tell({
      type: 'price-moved',
      candle: { ...candle(Math.floor((atMs - midnight) / 60_000), { close: price }), closed: false },
      atMs,
    });
  }
  asks(price: number, atMs: number, action: 'enter-long' | 'exit'): Decision {
    const closed = { ...candle(0, { close: price }), openTime: atMs - 59_999, closeTime: atMs };
    return this.tell({ type: 'candle-closed', candle: closed, signal: { action, reason: 'go' }, atMs });
  }
  executes(side: 'BUY' | 'SELL', quantity: Decimal, price: number, fee: number, atMs: number): void {
    const commission = side === 'BUY' ? quantity.times(fee) : quantity.times(price).times(fee);
    this.tell({ type: 'fill-received', fill: fill(side, quantity.toFixed(), price, { commission, atMs }), atMs });
    const role = side === 'BUY' ? 'entry' : 'exit';
    this.tell({ type: 'order-ended', clientOrderId: 'x', role, outcome: 'filled', reason: 'filled', atMs });
  }
  get topics(): readonly string[] {
    return this.state.notices.map(({ topic }) => topic);
  }
}

/** Holds 0.05 BTC bought at 20,000 without fees: 1,000 of 1,000. */
const holding = (change: Partial<TradingConfig>): Trader => {
  const bot = new Trader(change);
  bot.executes('BUY', d('0.05'), 20_000, 0, midnight + second);
  return bot;
};

describe('the warning before the day’s loss limit', () => {
  it('comes at 80 % of it, realised and unrealised, and not by a cent less', () => {
    const bot = holding({ maxDailyLossPercent: 5 });
    bot.sees(19_200.01, midnight + 2 * second);
    expect(bot.topics).toEqual([]);
    bot.sees(19_200, midnight + 3 * second);
    expect(bot.state.notices).toEqual([
      {
        topic: 'daily-loss-warning',
        dayStartMs: midnight,
        atMs: midnight + 3 * second,
        reason: "the day's loss of 40.00 USDT reached 80 % of its limit (5 % of 1000.00 USDT)",
      },
    ]);
    expect(bot.state.day.lossReached).toBe(false);
  });

  it('comes once per UTC day, and on the next day again', () => {
    const bot = holding({ maxDailyLossPercent: 5 });
    for (const [price, at] of [
      [19_200, 2],
      [20_000, 3],
      [19_100, 4],
    ] as const)
      bot.sees(price, midnight + at * second);
    expect(bot.topics).toEqual(['daily-loss-warning']);
    bot.sees(18_340, midnight + dayMs);
    bot.sees(18_300, midnight + dayMs + second);
    expect(bot.state.notices.map(({ dayStartMs }) => dayStartMs)).toEqual([midnight, midnight + dayMs]);
  });

  it('comes with the limit itself when the price falls through both', () => {
    const bot = holding({ maxDailyLossPercent: 5 });
    expect(bot.sees(18_000, midnight + 2 * second).commands).toMatchObject([{ exitKind: 'daily-loss' }]);
    bot.sees(17_900, midnight + 3 * second);
    expect(bot.topics).toEqual(['daily-loss-warning', 'daily-loss-reached']);
    expect(bot.state.notices.at(-1)?.reason).toBe(
      "the day's loss of 100.00 USDT reached its limit (5 % of 1000.00 USDT): the position is closed, no entry until the next UTC midnight",
    );
  });

  it('does not take the verdict back when the price recovers to it', () => {
    const bot = holding({ maxDailyLossPercent: 5 });
    bot.sees(18_000, midnight + 2 * second);
    bot.sees(19_150, midnight + 3 * second);
    bot.executes('SELL', d('0.05'), 19_150, 0, midnight + 4 * second);
    expect(bot.asks(19_150, midnight + 59_999, 'enter-long')).toMatchObject({ commands: [], blockedBy: 'daily-loss' });
  });

  it('is no matter of a bot without a limit', () => {
    const bot = holding({ maxDailyLossPercent: null });
    bot.sees(1_000, midnight + 2 * second);
    expect(bot.topics).toEqual([]);
  });

  it('is not told again after a restart', () => {
    const bot = holding({ maxDailyLossPercent: 5 });
    bot.sees(19_200, midnight + 2 * second);
    const { notices, day, bestPrice } = bot.state;
    const fills = [fill('BUY', '0.05', 20_000, { atMs: midnight + second })];
    bot.state = restoreState(bot.config, btc, {
      folded: nothingFolded,
      fills,
      orders: [],
      day: { ...day, capital: null },
      notices,
      bestPrice,
      lastPrice: 20_000,
      blocks: [],
      atMs: midnight + 3 * second,
    });
    bot.sees(19_200, midnight + 4 * second);
    expect(bot.state.notices).toBe(notices);
  });
});

it('tells once that the day’s target was reached', () => {
  const bot = holding({ dailyTargetPercent: 1 });
  bot.executes('SELL', d('0.02'), 20_600, 0, midnight + 2 * second);
  bot.executes('SELL', d('0.03'), 19_000, 0, midnight + 3 * second);
  expect(bot.state.notices).toEqual([
    {
      topic: 'daily-target-reached',
      dayStartMs: midnight,
      atMs: midnight + 2 * second,
      reason: "the day's profit of 12.00 USDT reached its target: no entry until the next UTC midnight",
    },
  ]);
});

it('keeps the notices of two days: the newest six', () => {
  const bot = holding({ maxDailyLossPercent: 5 });
  for (let day = 0; day < 5; day += 1) {
    bot.state = { ...bot.state, day: { ...bot.state.day, startEquity: d(1_000), lossReached: false } };
    bot.sees(18_000, midnight + day * dayMs + second);
    bot.sees(20_000, midnight + (day + 1) * dayMs);
  }
  expect(bot.topics).toHaveLength(6);
  expect(bot.state.notices.at(-1)?.dayStartMs).toBe(midnight + 4 * dayMs);
});

describe('the day’s loss', () => {
  /** Of the price, against the bot, at each execution; prices move by up to 0.4 % from check to check. */
  const slippage = 0.0005;
  const fee = 0.001;
  const limitPercent = 2;

  /** What executing the position once costs beyond the price in view: slippage and fee. */
  const costOf = (quantity: Decimal, price: number): number => quantity.toNumber() * price * (slippage + fee + slippage * fee);

  it('is never exceeded by more than one price step and what the execution after it costs, whatever prices do', () => {
    const seen = { reached: 0, refused: 0 };
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -40, max: 37 }), { minLength: 150, maxLength: 250, size: 'max' }),
        fc.constantFrom(30, 100),
        (moves, positionSizePercent) => {
          const bot = new Trader({ maxDailyLossPercent: limitPercent, positionSizePercent });
          const start = bot.state.day.startEquity.toNumber();
          const limit = (start * limitPercent) / 100;
          let price = 20_000;
          /** What the limit may be exceeded by, counted from the newest moment at which the loss was below it. */
          let bearable = 0;
          moves.forEach((move, index) => {
            const atMs = midnight + (index + 1) * 60_000 - 1;
            const before = price;
            price = Math.round(price * (1 + move / 10_000) * 100) / 100;
            const { quantity } = bot.state.position;
            const lossBefore = start - equityAt(bot.state, bot.config, before).toNumber();
            if (lossBefore < limit) bearable = 0;
            // The verdict comes with this check at the latest: the position is executed once more, and not again.
            if (!bot.state.day.lossReached) bearable += Math.max(0, quantity.toNumber() * (before - price)) + costOf(quantity, price);
            const { commands, blockedBy } = bot.asks(price, atMs, index % 7 === 6 ? 'exit' : 'enter-long');
            if (blockedBy === 'daily-loss') seen.refused += 1;
            for (const command of commands) {
              if (command.type !== 'place-order') continue;
              const paid = price * (1 + (command.side === 'BUY' ? slippage : -slippage));
              bot.executes(command.side, command.quantity, Math.round(paid * 1e6) / 1e6, fee, atMs + 1);
              // What an entry costs may itself be the loss that reaches the limit.
              if (command.side === 'BUY') bearable += costOf(command.quantity, price);
            }
            const loss = start - equityAt(bot.state, bot.config, price).toNumber();
            expect(loss).toBeLessThanOrEqual(limit + bearable + 1e-6);
            if (bot.state.day.lossReached) expect(isFlat(bot.state, btc, price)).toBe(true);
          });
          if (bot.state.day.lossReached) seen.reached += 1;
        },
      ),
      { numRuns: 60, seed: 11 },
    );
    expect(seen.reached).toBeGreaterThan(30);
    expect(seen.refused).toBeGreaterThan(200);
  });
});
