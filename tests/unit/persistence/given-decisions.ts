/** Verdicts to keep. */
import type { DecisionRow, DecisionSettings } from '../../../engine/persistence/decision-store.ts';
import { midnight } from '../trading/given.ts';

export const rsiSettings: DecisionSettings = {
  botId: '1',
  version: 1,
  strategy: 'rsi',
  timeframe: '1m',
  parameters: { emaFast: 12, emaSlow: 26, emaPeriod: 200, rsiPeriod: 14, rsiOversold: 30, rsiOverbought: 70 },
  indicators: ['rsi:14'],
};

/** Settings are objects of one bot. */
export const settingsOfBot = (botId: string): DecisionSettings => (botId === '1' ? rsiSettings : { ...rsiSettings, botId });

/** Close of the `minute`-th one-minute candle of the day. */
export const closeOf = (minute: number): number => midnight + minute * 60_000 + 59_999;

export function decision(minute: number, change: Partial<DecisionRow> = {}): DecisionRow {
  return {
    settings: rsiSettings,
    closeMs: closeOf(minute),
    close: 20_000.5,
    values: [61.234567890123456, 60.5],
    signal: { action: 'hold', reason: 'RSI crossed neither level' },
    outcome: 'nothing',
    rule: 'no-signal',
    reason: null,
    positionOpen: false,
    ...change,
  };
}
