/**
 * Watches whether the stop that a position should have rests at the exchange. While it does not, the seconds are counted, placing it is
 * tried again, and after five seconds the exchange is asked: this host or its database may have been slow, and the stop may rest. When the
 * exchange has denied it twice, the position is closed. When the price is beyond a stop that does not execute, it is closed without asking.
 */
import { denialsApartMs } from '../orders/protector.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock, Timer } from '../time/clock.ts';
import type { Exposure } from '../trading/protect.ts';

export interface ProtectionWatchOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Names the bot and its symbol in every line. */
  readonly log: Log;
  /**
   * Asks the exchange about the stop once. True when it has denied the stop often enough since `sinceMs` (monotonic). Throws when it does
   * not answer.
   */
  readonly ask: (sinceMs: number) => Promise<boolean>;
  /** Time passed: what failed may be tried again. Or it has lasted too long. */
  readonly tell: (event: 'time-passed' | 'protection-overdue') => void;
}

/** A position without its stop is asked about after this; one whose price is beyond its stop is closed. */
const patienceMs = 5_000;
const tickMs = 500;
/** A round is two requests: they are made no more often than two rounds need. */
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
    const { clock, metrics, log } = this.#options;
    if (exposure === 'disarmed') log.error('nothing protects the position of a bot: a kill switch keeps its stop down');
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
    // A kill switch asks for it: the seconds are counted, and nothing is sold.
    if (exposure === 'disarmed') return;
    const overdue = this.#options.clock.monotonic() - this.#since >= patienceMs;
    if (overdue && exposure === 'overrun') {
      this.#end(exposure);
      return;
    }
    this.#options.tell('time-passed');
    if (overdue && exposure === this.#exposure) void this.#ask();
  }

  async #ask(): Promise<void> {
    const { clock, log, ask } = this.#options;
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
        log.error(
          { err: error },
          'no stop of a bot is known to rest, and the exchange does not answer whether one does: its position is kept, and asked about on',
        );
      }
    }
    if (this.#asking === timer) this.#asking = null;
    // Unless the position was protected or sold meanwhile.
    if (denied && timer === this.#timer) this.#end('bare');
  }

  /** If the position is still there after the same time again, the exchange is asked again. */
  #end(exposure: 'bare' | 'overrun'): void {
    const { clock, log, tell } = this.#options;
    this.#since = clock.monotonic();
    const why =
      exposure === 'bare'
        ? 'the exchange has denied its stop in two rounds'
        : 'the price is beyond its stop, which the exchange does not execute';
    log.error(`a bot is not protected in time: ${why}; it is closed`);
    tell('protection-overdue');
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
