/** What a bot's strategy says to the true candles, whatever its engine was told. */
import { playRow } from '../../engine/indicators/row.ts';
import type { BotConfigRow } from '../../engine/persistence/bot-rows.ts';
import { settingsOf } from '../../engine/bot/settings.ts';
import type { SignalAction } from '../../engine/strategies/strategy.ts';
import type { PriceFeed } from './price-feed.ts';

export class Oracle {
  readonly #feed: PriceFeed;
  readonly #signals = new Map<string, ReadonlyMap<number, SignalAction>>();

  constructor(feed: PriceFeed) {
    this.#feed = feed;
  }

  /** Null when no candle closes at that time. */
  signal(row: BotConfigRow, closeTime: number): SignalAction | null {
    const { strategy, parameters, trading } = settingsOf(row, 'engine');
    const needs = strategy.needs(parameters);
    const key = `${trading.symbol} ${trading.timeframe} ${strategy.name} ${JSON.stringify([needs, parameters])}`;
    let signals = this.#signals.get(key);
    if (signals?.has(closeTime) !== true) {
      const values = playRow(needs);
      signals = new Map(
        this.#feed.closedCandles(trading.symbol, trading.timeframe).map((candle) => {
          values.next(candle);
          return [candle.closeTime, strategy.signal({ candle, current: values.current, previous: values.previous }, parameters).action];
        }),
      );
      this.#signals.set(key, signals);
    }
    return signals.get(closeTime) ?? null;
  }
}
