/**
 * Which price a paper order gets: a stop or target its trigger, all else the first price after the decision. For what was decided
 * at a close that is the next candle's open, however late the order comes (its intent is written first, or a new owner goes through
 * the closes it missed); an order that comes before any such price waits for it.
 */
import type { Clock, VenueClock } from '../time/clock.ts';
import type { Candle } from '../trading/candle.ts';
import type { DecidedAt } from './exchange.ts';

export interface PaperExecution {
  readonly price: number;
  /** Venue time. */
  readonly atMs: number;
  readonly triggered: boolean;
}

interface Open {
  readonly openTime: number;
  readonly price: number;
  /** Monotonic. */
  readonly heardAt: number;
}

/** When no price is heard for so long, the order fills at the last one: a market order at an exchange would not wait either. */
const silenceMs = 10_000;
/** Opens are remembered for so long: an order that comes later after its decision gets the oldest of them. */
const opensKeptMs = 60_000;
const opensMax = 1_000;

export class PaperPrices {
  readonly #clock: Clock;
  readonly #venueClock: VenueClock;
  #newest: Candle | null = null;
  /** Oldest first. */
  #opens: Open[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock, venueClock: VenueClock) {
    this.#clock = clock;
    this.#venueClock = venueClock;
  }

  hear(candle: Candle): void {
    if (this.#newest !== null && candle.openTime < this.#newest.openTime) return;
    if (candle.openTime !== this.#newest?.openTime) this.#remember(candle);
    this.#newest = candle;
    for (const lookAgain of [...this.#waiting]) lookAgain();
  }

  /** Null when no price was heard at all. */
  async executionOf(decided: DecidedAt): Promise<PaperExecution | null> {
    const known = this.#find(decided);
    if (known !== null) return known;
    return new Promise((resolve) => {
      const end = (execution: PaperExecution | null): void => {
        this.#waiting.delete(lookAgain);
        timer.cancel();
        resolve(execution);
      };
      const lookAgain = (): void => {
        const found = this.#find(decided);
        if (found !== null) end(found);
      };
      const timer = this.#clock.after(silenceMs, () => end(this.#newest === null ? null : this.#atLast(this.#newest)));
      this.#waiting.add(lookAgain);
    });
  }

  #find({ decisionMs, triggerPrice }: DecidedAt): PaperExecution | null {
    if (triggerPrice !== null) return { price: triggerPrice, atMs: Math.floor(decisionMs), triggered: true };
    const next = this.#opens.find(({ openTime }) => openTime > decisionMs);
    if (next !== undefined) return { price: next.price, atMs: next.openTime, triggered: false };
    const newest = this.#newest;
    // Decided inside the candle under way: its last price is the present one.
    return newest !== null && !newest.closed && decisionMs < newest.closeTime ? this.#atLast(newest) : null;
  }

  #atLast({ close }: Candle): PaperExecution {
    return { price: close, atMs: Math.floor(this.#venueClock.now()), triggered: false };
  }

  #remember({ openTime, open }: Candle): void {
    const now = this.#clock.monotonic();
    this.#opens.push({ openTime, price: open, heardAt: now });
    const kept = this.#opens.findIndex(({ heardAt }) => now - heardAt <= opensKeptMs);
    const from = Math.max(kept, this.#opens.length - opensMax);
    if (from > 0) this.#opens = this.#opens.slice(from);
  }
}
