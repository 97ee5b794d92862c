/**
 * Puts candles of one series in order: whatever arrives (stream frames, REST rows, doubles, late ones), each closed
 * candle leaves exactly once and none before its predecessor. Pure bookkeeping; fetching what is missing is the series' work.
 *
 * While a gap is open the forming candle is held back so that order stays strict, unless `passForming` says that the
 * gap could not be filled: then prices must reach the protective checks although closed candles are missing.
 */
import type { Candle } from '../trading/candle.ts';

export interface SequenceOutput {
  onClosed(candle: Candle): void;
  onForming(candle: Candle): void;
}

/** `held`: ahead of a missing candle. `late`: its candle has been delivered already, or a newer state of it is known. */
export type OfferResult = 'closed' | 'forming' | 'held' | 'late';

export class CandleSequence {
  readonly #stepMs: number;
  readonly #maxHeld: number;
  readonly #output: SequenceOutput;
  /** Open time of the closed candle that is due next; -Infinity until `start`, and then everything is held. */
  #nextOpenTime = -Infinity;
  #held = new Map<number, Candle>();
  #forming: Candle | null = null;
  #formingEventTimeMs = -Infinity;
  passForming = false;

  constructor(stepMs: number, maxHeld: number, output: SequenceOutput) {
    this.#stepMs = stepMs;
    this.#maxHeld = maxHeld;
    this.#output = output;
  }

  get nextOpenTime(): number {
    return this.#nextOpenTime;
  }

  /** The newest state of the candle under way, as the stream told it. */
  get forming(): Candle | null {
    return this.#forming;
  }

  /** True while a newer candle is known and the one that is due next is missing. */
  get gapped(): boolean {
    return this.#held.size > 0 || (this.#forming !== null && this.#forming.openTime > this.#nextOpenTime);
  }

  /** Open time of the earliest candle that is held behind the gap; null when none is. */
  get firstHeldOpenTime(): number | null {
    let first: number | null = null;
    for (const openTime of this.#held.keys()) if (first === null || openTime < first) first = openTime;
    return first;
  }

  /** History is in: `openTime` is due next. Also jumps over a hole that the venue confirmed; never goes back. */
  startAt(openTime: number): void {
    if (openTime < this.#nextOpenTime) throw new RangeError(`A sequence cannot go back from ${this.#nextOpenTime} to ${openTime}.`);
    this.#nextOpenTime = openTime;
    for (const heldOpenTime of this.#held.keys()) if (heldOpenTime < openTime) this.#held.delete(heldOpenTime);
    if (this.#forming !== null && this.#forming.openTime < openTime) this.#forming = null;
    this.#drain();
  }

  /** A stream frame. A candle flagged closed before its end by the venue's own time is a forming one. */
  offer(candle: Candle, eventTimeMs: number): OfferResult {
    if (candle.openTime < this.#nextOpenTime) return 'late';
    if (!candle.closed) return this.#offerForming(candle, eventTimeMs);
    if (eventTimeMs < candle.closeTime) return this.#offerForming({ ...candle, closed: false }, eventTimeMs);
    return this.offerClosed(candle);
  }

  /** A candle that is known to be closed. */
  offerClosed(candle: Candle): OfferResult {
    if (candle.openTime < this.#nextOpenTime) return 'late';
    if (candle.openTime === this.#nextOpenTime) {
      this.#deliver(candle);
      this.#drain();
      return 'closed';
    }
    if (this.#held.has(candle.openTime)) return 'late';
    if (this.#held.size >= this.#maxHeld) this.#held.clear();
    this.#held.set(candle.openTime, candle);
    return 'held';
  }

  #offerForming(candle: Candle, eventTimeMs: number): OfferResult {
    const known = this.#forming;
    if (known !== null) {
      if (candle.openTime < known.openTime) return 'late';
      if (candle.openTime === known.openTime && (eventTimeMs < this.#formingEventTimeMs || isSame(candle, known))) return 'late';
    }
    this.#forming = candle;
    this.#formingEventTimeMs = eventTimeMs;
    if (candle.openTime !== this.#nextOpenTime && !this.passForming) return 'held';
    this.#output.onForming(candle);
    return 'forming';
  }

  #deliver(candle: Candle): void {
    this.#nextOpenTime = candle.openTime + this.#stepMs;
    if (this.#forming !== null && this.#forming.openTime <= candle.openTime) this.#forming = null;
    this.#output.onClosed(candle);
  }

  #drain(): void {
    if (this.#held.size === 0 && this.#forming === null) return;
    for (let due = this.#held.get(this.#nextOpenTime); due !== undefined; due = this.#held.get(this.#nextOpenTime)) {
      this.#held.delete(due.openTime);
      this.#deliver(due);
    }
    if (this.#forming !== null && this.#forming.openTime === this.#nextOpenTime && !this.passForming) this.#output.onForming(this.#forming);
  }
}

/** Whether both frames show the same trades: while a socket is replaced, both deliver the same frames. */
export function isSame(a: Candle, b: Candle): boolean {
  return a.close === b.close && a.volume === b.volume && a.high === b.high && a.low === b.low && a.open === b.open;
}
