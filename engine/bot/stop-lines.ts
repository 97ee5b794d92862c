/**
 * What the log says of a bot's stop: once for each position where it stands, at `debug` whenever it is moved (a trailing stop may be
 * moved at every candle).
 */
import type { LogLine } from '../orders/trade-line.ts';
import { priceText } from '../trading/amounts.ts';
import type { TradingConfig } from '../trading/events.ts';
import { tickOf } from '../trading/instrument.ts';
import type { Instrument } from '../trading/instrument.ts';
import { figuresOf } from '../trading/position.ts';
import { hasStop, stopKeeper } from '../trading/protect.ts';
import type { RestingProtection, TradingState } from '../trading/state.ts';
import { stopPrice, targetPrice } from '../trading/stops.ts';

export class StopLines {
  /** Since the bot was taken a stop was placed. One that rested before is not news. */
  #asked = false;
  #told = false;
  #last = '';

  /** A stop is put up, or another one in its place. */
  asked(): void {
    this.#asked = true;
  }

  /** What rests now, with nothing under way; null when there is nothing to say. */
  rests(resting: RestingProtection | null, holds: boolean): (LogLine & { readonly level: 'info' | 'debug' }) | null {
    if (!holds) this.#told = false;
    if (resting === null || resting.stopPrice === null || !this.#asked) return null;
    const stop = resting.stopPrice.toFixed();
    const target = resting.targetPrice?.toFixed() ?? null;
    const quantity = resting.quantity.toFixed();
    const level = this.#told ? 'debug' : 'info';
    const line = `${stop} ${target ?? ''} ${quantity}`;
    if (line === this.#last && this.#told) return null;
    this.#last = line;
    this.#told = true;
    return {
      level,
      fields: { quantity, stopPrice: stop, targetPrice: target },
      text: `a stop rests at the exchange: it sells ${quantity} at ${stop}${target === null ? '' : `, or at the target of ${target}`}`,
    };
  }
}

/** Of a position that has just been opened; null when the exchange keeps its stop, or it has none. */
export function keptStopLine(state: TradingState, trading: TradingConfig, instrument: Instrument): LogLine | null {
  if (!hasStop(trading) || stopKeeper(trading, instrument) === 'exchange') return null;
  const { averagePrice } = figuresOf(state.position, instrument);
  const tick = tickOf(instrument);
  const best = Number.isNaN(state.bestPrice) ? averagePrice : state.bestPrice;
  const stop = priceText(stopPrice(trading, averagePrice, best, tick));
  const wanted = targetPrice(trading, averagePrice, tick);
  const target = Number.isFinite(wanted) ? priceText(wanted) : null;
  return {
    fields: { stopPrice: stop, targetPrice: target },
    text: `the engine keeps the stop: it sells at ${stop}${target === null ? '' : `, or at the target of ${target}`}`,
  };
}
