/** Indicators shared by many: every reader sees its own needs in its own order, as if it were alone. */
import { describe, expect, it } from 'vitest';
import { IndicatorBoard } from '../../../engine/market/indicator-board.ts';
import { playRow } from '../../../engine/indicators/row.ts';
import type { IndicatorNeed } from '../../../engine/indicators/need.ts';
import { candle } from '../trading/given.ts';

const candles = Array.from({ length: 60 }, (_, minute) => {
  const close = 100 + ((minute * 7) % 11);
  return candle(minute, { close, high: close + (minute % 3), low: close - (minute % 4) });
});

/** Each differs from another in one field only. */
const needs: readonly IndicatorNeed[] = [
  { kind: 'bollinger', period: 5, deviations: 2 },
  { kind: 'bollinger', period: 5, deviations: 3 },
  { kind: 'bollinger', period: 6, deviations: 2 },
  { kind: 'ema', period: 5 },
  { kind: 'rsi', period: 5 },
  { kind: 'atr', period: 5 },
  { kind: 'adx', period: 5 },
  { kind: 'macd', fastPeriod: 3, slowPeriod: 5, signalPeriod: 2 },
  { kind: 'macd', fastPeriod: 4, slowPeriod: 5, signalPeriod: 2 },
  { kind: 'macd', fastPeriod: 3, slowPeriod: 6, signalPeriod: 2 },
  { kind: 'macd', fastPeriod: 3, slowPeriod: 5, signalPeriod: 3 },
  { kind: 'stochastic', period: 5, smoothing: 3, signalPeriod: 2 },
  { kind: 'stochastic', period: 6, smoothing: 3, signalPeriod: 2 },
  { kind: 'stochastic', period: 5, smoothing: 2, signalPeriod: 2 },
  { kind: 'stochastic', period: 5, smoothing: 3, signalPeriod: 3 },
];

/** What a reader that shares with nobody sees after each candle. */
function alone(read: readonly IndicatorNeed[]): readonly { current: readonly number[]; previous: readonly number[] }[] {
  const row = playRow(read);
  return candles.map((one) => {
    row.next(one);
    return { current: [...row.current], previous: [...row.previous] };
  });
}

describe('readers of one board', () => {
  it('see the values of their own needs in their own order', () => {
    const board = new IndicatorBoard();
    board.load({ candles: candles.slice(0, 20), before: 'nothing' });
    const readers = [needs, needs.toReversed(), ...needs.map((need) => [need])].map((read) => ({ read, panel: board.panel(read) }));
    for (const one of candles.slice(20)) board.next(one);
    for (const { read, panel } of readers) {
      const view = panel.view(board.newest);
      expect({ current: Array.from(view?.current ?? []), previous: Array.from(view?.previous ?? []) }).toEqual(alone(read).at(-1));
    }
  });

  it('see in a replay what they would have seen then, each view for itself', () => {
    const board = new IndicatorBoard();
    board.load({ candles, before: 'nothing' });
    const views = [...board.replay(needs, candles[49]?.closeTime ?? 0)];
    expect(views.map(({ candle: { closeTime } }) => closeTime)).toEqual(candles.slice(50, -1).map(({ closeTime }) => closeTime));
    expect(views.map(({ current, previous }) => ({ current: Array.from(current), previous: Array.from(previous) }))).toEqual(
      alone(needs).slice(50, -1),
    );
  });

  it('see nothing of what was before a reset', () => {
    const board = new IndicatorBoard();
    const panel = board.panel(needs);
    for (const one of candles) board.next(one);
    board.reset();
    expect(Array.from(panel.view(candles[0] ?? null)?.current ?? []).every(Number.isNaN)).toBe(true);
    for (const one of candles) board.next(one);
    expect(Array.from(panel.view(board.newest)?.current ?? [])).toEqual(alone(needs).at(-1)?.current);
  });
});
