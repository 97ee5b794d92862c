/**
 * How long a bot's position is without the stop that shall rest at the exchange: counted, tried again every moment, and ended when
 * it has lasted too long. Our own clock only says when the exchange is asked: this host, or its database, may have stood still since
 * the stop was taken. For a price beyond a stop that is not executed the same patience holds, and nothing has to be asked.
 */
import { denialsApartMs } from '../execution/protector.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock, Timer } from '../time/clock.ts';
import type { Exposure } from '../trading/protect.ts';

export interface ProtectionWatchOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Time passed: what failed may be tried again. */
  readonly onTick: () => void;
  /**
   * One round of asking the exchange about the stop. True when it has denied it often enough since then (monotonic ms). Throws when
   * it does not answer.
   */
  readonly ask: (sinceMs: number) => Promise<boolean>;
  /** The exchange does not answer: told once for each time without a stop; it is asked on. */
  readonly onUnanswered: (error: unknown) => void;
  /** It has lasted too long. */
  readonly onOverdue: (exposure: 'bare' | 'overrun') => void;
}

/** A position without its stop is asked about after this; one whose price is beyond its stop is closed. */
const patienceMs = 5_000;
const tickMs = 500;
/** A round is two requests: no more of them than the rule of two rounds needs. */
const askEveryMs = denialsApartMs;

export class ProtectionWatch {
  readonly #options: ProtectionWatchOptions;
  #exposure: Exposure = 'none';
  #timer: Timer | null = null;
  #since = 0;
  #countedTo = 0;
  /** The time without a stop for which the exchange is being asked. */
  #asking: Timer | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  #toldUnanswered = false;

  constructor(options: ProtectionWatchOptions) {
    this.#options = options;
  }

  get exposure(): Exposure {
    return this.#exposure;
  }

  changed(exposure: Exposure): void {
    if (exposure === this.#exposure) return;
    const { clock, metrics } = this.#options;
    this.#count();
    metrics.positionsUnprotected.inc(Number(isUnprotected(exposure)) - Number(isUnprotected(this.#exposure)));
    this.#exposure = exposure;
    this.#timer?.cancel();
    this.#timer = null;
    if (exposure === 'none' || exposure === 'protected') return;
    this.#since = clock.monotonic();
    this.#countedTo = this.#since;
    this.#askedAt = Number.NEGATIVE_INFINITY;
    this.#toldUnanswered = false;
    this.#timer = clock.every(tickMs, () => this.#tick(exposure));
  }

  stop(): void {
    this.changed('none');
  }

  #tick(exposure: 'bare' | 'overrun' | 'disarmed'): void {
    this.#count();
    // Somebody wants it so: it is counted, not ended.
    if (exposure === 'disarmed') return;
    const overdue = this.#options.clock.monotonic() - this.#since >= patienceMs;
    if (overdue && exposure === 'overrun') {
      this.#end(exposure);
      return;
    }
    this.#options.onTick();
    if (overdue && exposure === this.#exposure) void this.#ask();
  }

  async #ask(): Promise<void> {
    const { clock, ask, onUnanswered } = this.#options;
    const timer = this.#timer;
    if (this.#asking === timer || clock.monotonic() - this.#askedAt < askEveryMs) return;
    this.#asking = timer;
    this.#askedAt = clock.monotonic();
    let denied = false;
    try {
      denied = await ask(this.#since);
    } catch (error) {
      if (timer === this.#timer && !this.#toldUnanswered) {
        this.#toldUnanswered = true;
        onUnanswered(error);
      }
    }
    if (this.#asking === timer) this.#asking = null;
    // What was asked about is over: it was protected or sold meanwhile.
    if (denied && timer === this.#timer) this.#end('bare');
  }

  /** Should it not have ended by then, it is looked at anew after the same patience. */
  #end(exposure: 'bare' | 'overrun'): void {
    this.#since = this.#options.clock.monotonic();
    this.#options.onOverdue(exposure);
  }

  #count(): void {
    if (!isUnprotected(this.#exposure)) return;
    const now = this.#options.clock.monotonic();
    this.#options.metrics.unprotectedSeconds.inc((now - this.#countedTo) / 1_000);
    this.#countedTo = now;
  }
}

function isUnprotected(exposure: Exposure): boolean {
  return exposure === 'bare' || exposure === 'disarmed';
}
