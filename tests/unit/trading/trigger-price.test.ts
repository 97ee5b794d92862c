/** Where a stop or target that the engine keeps executes, by the candle in which it was reached (the fill model of paper bots). */
import { expect, it } from 'vitest';
import type { Candle } from '../../../engine/trading/candle.ts';
import { decide } from '../../../engine/trading/decide.ts';
import type { TradingConfig } from '../../../engine/trading/events.ts';
import type { TradingState } from '../../../engine/trading/state.ts';
import { btc, candle, config, d, emptyState, midnight } from './given.ts';

const minuteMs = 60_000;
/** Bought at 100 at the open of the first candle of the day. */
const holding = (change: Partial<TradingState> = {}): TradingState => ({
  ...emptyState(),
  position: { quantity: d(3), cost: d(300), entryFees: d(0), openedAtMs: midnight, openedUnder: null },
  bestPrice: 100,
  lastPrice: 100,
  ...change,
});
const both = config({ stopLossPercent: 2, takeProfitPercent: 3 });
const trailing = config({ trailingStopPercent: 2, trailingStopActive: true });

function triggerOf(trading: TradingConfig, at: Candle, state = holding()): number | null | undefined {
  const signal = { action: 'hold', reason: '' } as const;
  const { commands } = decide(state, { type: 'candle-closed', candle: at, signal, atMs: at.closeTime }, trading, btc);
  return commands.flatMap((command) => (command.type === 'place-order' ? [command.triggerPrice] : []))[0];
}

it.each([
  ['a stop that the candle trades through', both, { open: 99, high: 99.5, low: 97, close: 99 }, 98],
  ['a stop that the candle opens beyond', both, { open: 97.5, high: 99, low: 97, close: 99 }, 97.5],
  ['a stop at which the candle opens', both, { open: 98, high: 99, low: 97, close: 99 }, 98],
  ['a target that the candle trades through', both, { open: 99, high: 104, low: 98.5, close: 99 }, 103],
  ['a target that the candle opens beyond', both, { open: 103.5, high: 104, low: 98.5, close: 99 }, 103.5],
  ['a stop and a target in one candle', both, { open: 100, high: 104, low: 97, close: 99 }, 98],
  ['a trailing stop that rises in the candle', trailing, { open: 100, high: 110, low: 105, close: 106 }, 107.8],
  ['a trailing stop above the open of the candle that raised it', trailing, { open: 99, high: 110, low: 98.5, close: 106 }, 107.8],
  ['a trailing stop that the candle opens beyond', trailing, { open: 97, high: 99, low: 96, close: 98 }, 97],
] as const)('%s', (_, trading, prices, price) => {
  expect(triggerOf(trading, candle(5, prices))).toBeCloseTo(price, 9);
});

it('has been looked at before: a candle that opened beyond would have been left then', () => {
  const seen = holding({ lastCheckMs: midnight + 5 * minuteMs + 10_000, bestPrice: 110 });
  expect(triggerOf(trailing, candle(5, { open: 105, high: 110, low: 107, close: 107.5 }), seen)).toBeCloseTo(107.8, 9);
});

it('in the candle of the entry itself, which it was bought at the open of', () => {
  expect(triggerOf(both, candle(0, { open: 100, high: 100, low: 97, close: 97.5 }))).toBeCloseTo(98, 9);
});

it('stays with the exit when its first order came to nothing, and is none of a signal or of the day’s loss', () => {
  const at = candle(5, { open: 99, low: 97, close: 99 });
  const first = decide(
    holding(),
    { type: 'candle-closed', candle: at, signal: { action: 'hold', reason: '' }, atMs: at.closeTime },
    both,
    btc,
  );
  const ended = { type: 'order-ended', clientOrderId: 'x', role: 'exit', outcome: 'never-placed', reason: '', atMs: at.closeTime } as const;
  const paused = decide(first.state, ended, both, btc).state;
  const again = decide(paused, { type: 'exit-retry-due', atMs: at.closeTime + 100 }, both, btc).commands[0];
  expect(again).toMatchObject({ role: 'exit', triggerPrice: 98 });
  const left = decide(holding(), { type: 'candle-closed', candle: at, signal: { action: 'exit', reason: 'x' }, atMs: 1 }, config(), btc);
  expect(left.commands[0]).toMatchObject({ role: 'exit', triggerPrice: null });
});
