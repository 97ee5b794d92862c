/** What holds for every bot on every market, whatever happens: the core against the real matching. */
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { exact } from '../../../engine/trading/exact.ts';
import { equityAt, uncommitted } from '../../../engine/trading/pnl.ts';
import { figuresOf, isDust } from '../../../engine/trading/position.ts';
import { marketReserveShare } from '../../../engine/trading/sizing.ts';
import { stopPrice } from '../../../engine/trading/stops.ts';
import { live, market, percents, spreadMost, stepMost, steps } from './arbitrary-markets.ts';
import { BotAtExchange } from './bot-at-exchange.ts';

vi.setConfig({ testTimeout: 120_000 });

/**
 * Enough that what each property is about happens many times, which its last line checks. Counted are draws that are the same in every
 * run, so that no count is a matter of chance; others follow them, which differ.
 */
const numRuns = 150;
function holds<T>(property: fc.IProperty<T>): void {
  fc.assert(property, { numRuns, seed: 1 });
  fc.assert(property, { numRuns });
}

it('no order that is decided breaks a filter of its instrument', () => {
  const decided = new Map<string, number>();
  holds(
    fc.property(market, steps, (given, path) => {
      const bot = new BotAtExchange(given, () => undefined);
      live(bot, path);
      for (const { type } of bot.commands) decided.set(type, (decided.get(type) ?? 0) + 1);
      expect(bot.broken).toEqual([]);
    }),
  );
  expect(decided.get('place-order')).toBeGreaterThan(100);
  expect(decided.get('place-protection')).toBeGreaterThan(10);
});

it('profit and position are the change of the account to the last digit, in whichever asset fees were paid', () => {
  const assets = new Set<string>();
  holds(
    fc.property(market, steps, (given, path) => {
      const bot = new BotAtExchange(given, () => undefined);
      live(bot, path, () => {
        const { position, realisedTotal } = bot.state;
        expect(position.quantity.toFixed()).toBe(bot.base.toFixed());
        expect(realisedTotal.minus(position.cost).minus(position.entryFees).toFixed()).toBe(bot.quoteChange.toFixed());
        expect(equityAt(bot.state, given.config, bot.price.toNumber()).toFixed()).toBe(bot.equity.toFixed());
      });
      for (const { fill } of bot.fills) assets.add(fill.commissionAsset);
    }),
  );
  expect([...assets].sort()).toEqual(['BNB', 'BTC', 'USDT']);
});

it('never more is committed than equity, beyond what a fill slips further than the reserve', () => {
  let entries = 0;
  holds(
    fc.property(market, steps, (given, path) => {
      let free = exact(0);
      let reference = 0;
      let equity = exact(0);
      let commands = 0;
      const bot = new BotAtExchange(given, ({ state, commands: all, fills }) => {
        for (const command of all.slice(commands)) {
          if (command.type !== 'place-order' || command.role !== 'entry') continue;
          entries += 1;
          free = uncommitted(state, given.config);
          equity = equityAt(state, given.config, command.referencePrice);
          reference = command.referencePrice;
          expect(exact(command.quantity).times(reference).lte(Decimal.min(free, equity))).toBe(true);
        }
        commands = all.length;
        if (state.working?.role !== 'entry') return;
        const worst = Math.max(reference, ...fills.filter(({ fill }) => fill.side === 'BUY').map(({ fill }) => fill.price.toNumber()));
        const slip = Math.max(1, (worst / reference) * (1 - marketReserveShare));
        const { cost, entryFees } = state.position;
        expect(cost.plus(entryFees).toNumber()).toBeLessThanOrEqual(exact(equity).toNumber() * slip * (1 + 1e-9));
      });
      live(bot, path);
    }),
  );
  expect(entries).toBeGreaterThan(80);
});

it("the day's loss exceeds its limit by at most one fill's slippage and fees, and nothing is entered after it", () => {
  let reached = 0;
  holds(
    fc.property(market, fc.integer({ min: 1, max: 200 }), steps, (drawn, hundredths, path) => {
      const given = { ...drawn, config: { ...drawn.config, maxDailyLossPercent: hundredths / 100, maxDailyTrades: null } };
      let day = 0;
      let entries = 0;
      let held = 0;
      let last = 0;
      let dust = 0;
      const bot = new BotAtExchange(given, (now) => {
        const { startMs, startEquity, lossReached } = now.state.day;
        const { fill, trade } = now.fills.at(-1) ?? {};
        // What one fill may cost: the closing one's, which comes after the loss was judged.
        const fee = fill === undefined ? 0 : feeOf(fill.commissionAsset, trade?.commission.toNumber() ?? 0, fill.price.toNumber());
        if (startMs !== day) [day, held, dust, entries] = [startMs, last, 0, now.state.day.entries];
        const worth = now.base.toNumber() * now.price.toNumber();
        last = worth;
        held = Math.max(held, worth);
        // What the lots leave over cannot be sold: it may lose its worth.
        if (isDust(now.state.position, given.instrument, now.price.toNumber())) dust = Math.max(dust, worth);
        const loss = startEquity.minus(now.equity).toNumber();
        const limit = (startEquity.toNumber() * hundredths) / 10_000;
        if (lossReached) {
          reached += 1;
          expect(now.state.day.entries).toBeLessThanOrEqual(entries);
        }
        entries = now.state.day.entries;
        // The fill slips by the step that goes beyond the limit before it is seen, and the one before the sale arrives.
        if (now.exitsInVain === 0) expect(loss).toBeLessThanOrEqual(limit + held * (2 * stepMost + 2 * spreadMost) + dust + fee + 1e-6);
      });
      live(bot, path);
    }),
  );
  expect(reached).toBeGreaterThan(50);
});

function feeOf(asset: string, amount: number, price: number): number {
  return asset === 'USDT' ? amount : asset === 'BTC' ? amount * price : 0;
}

it('a stop never loosens while its position is held', () => {
  let tightened = 0;
  holds(
    fc.property(market, percents, steps, (drawn, trailingStopPercent, path) => {
      const given = { ...drawn, config: { ...drawn.config, stops: 'exchange' as const, trailingStopActive: true, trailingStopPercent } };
      let openedAtMs: number | null = null;
      let [resting, kept] = [0, 0];
      const bot = new BotAtExchange(given, ({ state, restingStop }) => {
        if (state.position.openedAtMs !== openedAtMs) [openedAtMs, resting, kept] = [state.position.openedAtMs, 0, 0];
        if (openedAtMs === null) return;
        if (restingStop !== null) {
          expect(restingStop.toNumber()).toBeGreaterThanOrEqual(resting);
          if (resting > 0 && restingStop.toNumber() > resting) tightened += 1;
          resting = restingStop.toNumber();
        }
        // While an entry fills, its average price moves.
        if (state.working?.role === 'entry') return;
        const stop = stopPrice(
          given.config,
          figuresOf(state.position, given.instrument).averagePrice,
          state.bestPrice,
          given.instrument.price.tick.toNumber(),
        );
        if (stop === Number.NEGATIVE_INFINITY) return;
        expect(stop).toBeGreaterThanOrEqual(kept * (1 - 1e-12));
        kept = stop;
      });
      live(bot, path);
    }),
  );
  expect(tightened).toBeGreaterThan(5);
});
