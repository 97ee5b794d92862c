/** Verdicts to keep. */
import type { DecisionRow, DecisionSettings } from '../../../engine/persistence/decision-store.ts';
import { midnight } from '../trading/given.ts';

export const rsiSettings: DecisionSettings = {
  version: 1,
  strategy: 'rsi',
  timeframe: '1m',
  parameters: { emaFast: 12, emaSlow: 26, emaPeriod: 200, rsiPeriod: 14, rsiOversold: 30, rsiOverbought: 70 },
  indicators: ['rsi:14'],
};

/** Close of the `minute`-th one-minute candle of the day. */
export const closeOf = (minute: number): number => midnight + minute * 60_000 + 59_999;

export function decision(minute: number, change: Partial<DecisionRow> = {}): DecisionRow {
  return {
    botId: '1',
    closeMs: closeOf(minute),
    close: 20_000.5,
    settings: rsiSettings,
    values: [61.234567890123456, 60.5],
    signal: { action: 'hold', reason: 'RSI crossed neither level' },
    outcome: 'nothing',
    rule: 'no-signal',
    reason: null,
    positionOpen: false,
    ...change,
  };
}
