/** The closed candles that a series keeps and the indicators over them: one instance per kind and parameters, shared by all bots. */
import { indicatorKey } from '../strategies/strategy.ts';
import type { IndicatorNeed } from '../strategies/strategy.ts';
import type { Candle } from '../trading/candle.ts';
import { createIndicator } from './indicators.ts';
import type { Indicator } from './indicators.ts';
import type { SeriesView } from './market.ts';

/** The values that one list of needs reads; shared by all bots with equal needs, computed once per close. */
export interface Panel {
  /** The view at `candle`, which must be the newest; null before there is one. Its arrays change at the next close. */
  view(candle: Candle | null): SeriesView | null;
}

interface SharedPanel extends Panel {
  readonly key: string;
  users: number;
  refresh(): void;
}

/** Kept beyond the longest request, so that trimming is rare. */
const slack = 1_000;

export class IndicatorBoard {
  #candles: Candle[] = [];
  #keep = 0;
  readonly #needs = new Map<string, IndicatorNeed>();
  readonly #indicators = new Map<string, Indicator>();
  readonly #panels = new Map<string, SharedPanel>();
  /** True when the venue has nothing older. */
  complete = false;

  get newest(): Candle | null {
    return this.#candles.at(-1) ?? null;
  }
  get oldest(): Candle | null {
    return this.#candles[0] ?? null;
  }
  get count(): number {
    return this.#candles.length;
  }
  /** Candles that were asked for at most. */
  get longestWarmUp(): number {
    return this.#keep;
  }

  load(candles: readonly Candle[]): void {
    this.#candles = [...candles];
    this.#keep = Math.max(this.#keep, candles.length);
  }

  /** Older candles for a longer warm-up. Indicators that run already are not disturbed. */
  prepend(older: readonly Candle[], complete: boolean): void {
    this.#candles = [...older, ...this.#candles];
    this.#keep = Math.max(this.#keep, this.#candles.length);
    this.complete = complete;
  }

  next(candle: Candle): void {
    this.#candles.push(candle);
    if (this.#candles.length > this.#keep + slack) this.#candles = this.#candles.slice(-Math.max(1, this.#keep));
    for (const indicator of this.#indicators.values()) indicator.next(candle.close);
    for (const panel of this.#panels.values()) panel.refresh();
  }

  /** Views at the kept closes after `closeMs` but the newest, worked out anew. Each view's arrays are its own. */
  *replay(needs: readonly IndicatorNeed[], closeMs: number): Iterable<SeriesView> {
    const indicators = needs.map(createIndicator);
    const newest = this.newest;
    for (const candle of this.#candles) {
      for (const indicator of indicators) indicator.next(candle.close);
      if (candle.closeTime <= closeMs || candle === newest) continue;
      yield { candle, current: indicators.map((one) => one.value), previous: indicators.map((one) => one.previous) };
    }
  }

  /** Forgets everything: what follows has no contiguous past. */
  reset(): void {
    this.#candles = [];
    this.complete = false;
    for (const [key, need] of this.#needs) this.#indicators.set(key, createIndicator(need));
    for (const panel of this.#panels.values()) panel.refresh();
  }

  panel(needs: readonly IndicatorNeed[]): Panel {
    const key = needs.map(indicatorKey).join(' ');
    const shared = this.#panels.get(key) ?? this.#createPanel(key, needs);
    shared.users += 1;
    return shared;
  }

  release(panel: Panel): void {
    const shared = [...this.#panels.values()].find((one) => one === panel);
    if (shared === undefined) return;
    shared.users -= 1;
    if (shared.users === 0) this.#panels.delete(shared.key);
  }

  #createPanel(key: string, needs: readonly IndicatorNeed[]): SharedPanel {
    const keys = needs.map(indicatorKey);
    needs.forEach((need, index) => this.#ensure(keys[index] ?? '', need));
    const current = new Float64Array(needs.length);
    const previous = new Float64Array(needs.length);
    const panel: SharedPanel = {
      key,
      users: 0,
      refresh: () => {
        keys.forEach((one, index) => {
          const indicator = this.#indicators.get(one);
          current[index] = indicator?.value ?? Number.NaN;
          previous[index] = indicator?.previous ?? Number.NaN;
        });
      },
      view: (candle) => (candle === null ? null : { candle, current, previous }),
    };
    panel.refresh();
    this.#panels.set(key, panel);
    return panel;
  }

  /** A new indicator runs over everything that is kept. */
  #ensure(key: string, need: IndicatorNeed): void {
    if (this.#indicators.has(key)) return;
    const indicator = createIndicator(need);
    for (const candle of this.#candles) indicator.next(candle.close);
    this.#needs.set(key, need);
    this.#indicators.set(key, indicator);
  }
}
