/** The closed candles that a series keeps and the indicators over them: one instance per kind and parameters, shared by all bots. */
import { indicatorKey } from '../indicators/need.ts';
import type { IndicatorNeed } from '../indicators/need.ts';
import type { Candle } from '../trading/candle.ts';
import type { Before, Past } from './history.ts';
import { createRow, playRow } from '../indicators/row.ts';
import { createIndicator } from '../indicators/indicator.ts';
import type { Indicator } from '../indicators/indicator.ts';
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
  readonly #indicators = new Map<string, Indicator>();
  readonly #panels = new Map<string, SharedPanel>();
  #before: Before = 'more';

  get newest(): Candle | null {
    return this.#candles.at(-1) ?? null;
  }
  get oldest(): Candle | null {
    return this.#candles[0] ?? null;
  }
  get count(): number {
    return this.#candles.length;
  }
  /** What lies before the oldest candle that is kept. */
  get before(): Before {
    return this.#before;
  }

  /** At least so many of the newest candles are kept from now on. */
  keep(count: number): void {
    this.#keep = Math.max(this.#keep, count);
  }

  load({ candles, before }: Past): void {
    this.#candles = [...candles];
    this.#before = before;
  }

  /** Older candles for a longer warm-up. Indicators that run already are not disturbed. */
  prepend({ candles, before }: Past): void {
    this.#candles = [...candles, ...this.#candles];
    this.#before = before;
  }

  next(candle: Candle): void {
    this.#candles.push(candle);
    if (this.#candles.length > this.#keep + slack) {
      this.#candles = this.#candles.slice(-Math.max(1, this.#keep));
      this.#before = 'more';
    }
    for (const indicator of this.#indicators.values()) indicator.next(candle);
    for (const panel of this.#panels.values()) panel.refresh();
  }

  /** Views at the kept closes after `closeMs`, the newest left out, computed again. Each view has arrays of its own. */
  *replay(needs: readonly IndicatorNeed[], closeMs: number): Iterable<SeriesView> {
    const row = playRow(needs);
    const newest = this.newest;
    for (const candle of this.#candles) {
      row.next(candle);
      if (candle.closeTime <= closeMs || candle === newest) continue;
      yield { candle, current: row.current.slice(), previous: row.previous.slice() };
    }
  }

  /** Forgets everything: the next candle comes after a hole. */
  reset(): void {
    this.#candles = [];
    this.#before = 'hole';
    for (const indicator of this.#indicators.values()) indicator.reset();
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
    const own = needs.map((need) => this.#ensure(indicatorKey(need), need));
    const row = createRow(needs);
    const panel: SharedPanel = {
      key,
      users: 0,
      refresh: () => row.read(own),
      view: (candle) => (candle === null ? null : { candle, current: row.current, previous: row.previous }),
    };
    panel.refresh();
    this.#panels.set(key, panel);
    return panel;
  }

  /** A new indicator runs over everything that is kept. */
  #ensure(key: string, need: IndicatorNeed): Indicator {
    const running = this.#indicators.get(key);
    if (running !== undefined) return running;
    const indicator = createIndicator(need);
    for (const candle of this.#candles) indicator.next(candle);
    this.#indicators.set(key, indicator);
    return indicator;
  }
}
