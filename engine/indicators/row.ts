/** The values of several indicators in one row: what a list of needs reads, as strategies get it. */
import { indicatorOutputs } from './need.ts';
import type { IndicatorNeed } from './need.ts';
import { createIndicator } from './indicator.ts';
import type { Indicator } from './indicator.ts';

export interface IndicatorRow {
  /** All outputs of the first need, then of the second, and so on; NaN while warming. */
  readonly current: Float64Array;
  readonly previous: Float64Array;
  /** Copies what the indicators say now, in the order of the needs. */
  read(indicators: Iterable<Indicator>): void;
}

export function createRow(needs: readonly IndicatorNeed[]): IndicatorRow {
  const width = needs.reduce((sum, need) => sum + indicatorOutputs[need.kind].length, 0);
  const current = new Float64Array(width).fill(Number.NaN);
  const previous = current.slice();
  return {
    current,
    previous,
    read(indicators) {
      let slot = 0;
      for (const indicator of indicators) {
        current.set(indicator.current, slot);
        previous.set(indicator.previous, slot);
        slot += indicator.current.length;
      }
    },
  };
}

/** A row with indicators of its own: `next` takes candle after candle. For replays and tests; bots share indicators. */
export function playRow(needs: readonly IndicatorNeed[]): Pick<Indicator, 'current' | 'previous' | 'next'> {
  const indicators = needs.map(createIndicator);
  const row = createRow(needs);
  return {
    current: row.current,
    previous: row.previous,
    next(candle) {
      for (const indicator of indicators) indicator.next(candle);
      row.read(indicators);
    },
  };
}
