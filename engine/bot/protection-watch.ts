/**
 * How long a bot's position is without the stop that shall rest at the exchange: counted, tried again every second, and ended
 * when it has lasted too long. The same patience holds for a price beyond a stop that the exchange does not execute.
 */
import type { Metrics } from '../observe/metrics.ts';
import type { Clock, Timer } from '../time/clock.ts';
import type { Exposure } from '../trading/protect.ts';

export interface ProtectionWatchOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Time passed: what failed may be tried again. */
  readonly onTick: () => void;
  /** It has lasted too long. */
  readonly onOverdue: (exposure: 'bare' | 'overrun') => void;
}

/** A position without its stop, or beyond it, is closed after this (order-safety.md section 2, point 9). */
const patienceMs = 5_000;
const tickMs = 500;

export class ProtectionWatch {
  readonly #options: ProtectionWatchOptions;
  #exposure: Exposure = 'none';
  #timer: Timer | null = null;
  #since = 0;
  #countedTo = 0;

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
    this.#timer = clock.every(tickMs, () => this.#tick(exposure));
  }

  stop(): void {
    this.changed('none');
  }

  #tick(exposure: 'bare' | 'overrun' | 'disarmed'): void {
    this.#count();
    // Somebody wants it so: it is counted, not ended.
    if (exposure === 'disarmed') return;
    const { clock, onTick, onOverdue } = this.#options;
    if (clock.monotonic() - this.#since < patienceMs) {
      onTick();
      return;
    }
    this.#since = clock.monotonic();
    onOverdue(exposure);
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
