/**
 * What becomes of a bot's stop at the exchange: whether it is gone although this engine did not cancel it, and what the log says of it. A
 * stop that is being cancelled or moved by us counts as ours to remove until that operation has ended, however many tries it needs.
 */
import type { ProtectionNews } from '../orders/order-line.ts';
import type { LogLine } from '../orders/trade-line.ts';
import { priceText } from '../trading/amounts.ts';
import type { TradingCommand, TradingConfig } from '../trading/events.ts';
import { tickOf } from '../trading/instrument.ts';
import type { Instrument } from '../trading/instrument.ts';
import { figuresOf } from '../trading/position.ts';
import { hasStop, stopKeeper } from '../trading/protect.ts';
import type { RestingProtection, TradingState } from '../trading/state.ts';
import { stopPrice, targetPrice } from '../trading/stops.ts';

export class StopNews {
  #stands = false;
  /** This engine cancels or replaces it, until news say that the operation has ended. */
  #moved = false;
  /** Since the bot was taken a stop was placed. One that rested before is not news to the log. */
  #placed = false;
  #told = false;
  #last = '';

  /** This engine places, replaces or cancels it now. */
  commanded(type: Exclude<TradingCommand['type'], 'place-order'>): void {
    if (type !== 'place-protection') this.#moved = true;
    if (type !== 'cancel-protection') this.#placed = true;
  }

  /** Answers whether a stop that rested has vanished. */
  vanished({ resting, settled }: Pick<ProtectionNews, 'resting' | 'settled'>): boolean {
    const stood = this.#stands && !this.#moved;
    if (settled) this.#moved = false;
    this.#stands = resting !== null || (stood && !settled);
    return stood && !this.#stands;
  }

  /**
   * What the log says of what rests now, with nothing under way: once for each position where it stands, at `debug` whenever it was moved
   * (a trailing stop may be moved at every candle); null when there is nothing to say.
   */
  line(resting: RestingProtection | null, holds: boolean): (LogLine & { readonly level: 'info' | 'debug' }) | null {
    if (!holds) this.#told = false;
    if (resting === null || resting.stopPrice === null || !this.#placed) return null;
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
