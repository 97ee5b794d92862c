/** Asks the exchange about orders of which it is not known what became of them, until that is proven. */
import type { Log } from '../observe/log.ts';
import type { Safety } from '../safety.ts';
import type { Clock } from '../time/clock.ts';
import type { Bookkeeper } from './bookkeeper.ts';
import type { LiveOrder, OrderLine } from './order-line.ts';
import { lookUp } from './resolve.ts';

export interface LookUpsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly safety: Safety;
  readonly bookkeeper: Pick<Bookkeeper, 'recordOrder' | 'conclude'>;
  /** Nothing is asked any more. */
  stopped(): boolean;
}

/** Look-ups of an open order after 0.3, 1, 2, 4 and then every 8 seconds. */
const pausesMs = [300, 700, 1_000, 2_000, 4_000, 8_000] as const;

export class LookUps {
  readonly #options: LookUpsOptions;

  constructor(options: LookUpsOptions) {
    this.#options = options;
  }

  /** Looks after a pause that grows with each look, until the order is over. */
  lookSoon(line: OrderLine, live: LiveOrder): void {
    if (!line.open.has(live.clientOrderId) || live.probeScheduled || live.resting) return;
    const delay = pausesMs[Math.min(live.probes, pausesMs.length - 1)] ?? 8_000;
    live.probes += 1;
    live.probeScheduled = true;
    this.#options.clock.after(delay, () => {
      live.probeScheduled = false;
      void this.look(line, live);
    });
  }

  /** One look-up of an order. An error of the read decides nothing. */
  async look(line: OrderLine, live: LiveOrder): Promise<void> {
    if (this.#options.stopped() || line.detached || !line.open.has(live.clientOrderId) || live.awaitingAnswer || live.resting) return;
    const { log } = this.#options;
    try {
      await this.find(line, live);
    } catch (error) {
      log.warn(
        { err: error, botId: line.link.botId, clientOrderId: live.clientOrderId },
        'an open order could not be looked up; trying again',
      );
    }
    this.lookSoon(line, live);
  }

  /** Answers whether the exchange knows the order; what it says is written by then. */
  async find(line: OrderLine, live: LiveOrder): Promise<boolean> {
    const finding = await lookUp(line.link, live, this.#options.clock.monotonic(), this.#options.safety);
    if (finding.kind === 'found')
      line.enqueue(() => this.#options.bookkeeper.recordOrder(line, finding.order, finding.fills, 'history', finding.proof));
    else if (finding.kind === 'never-placed')
      line.enqueue(() => this.#options.bookkeeper.conclude(line, live, 'never-placed', finding.proof, finding.reason));
    await line.written();
    return finding.kind === 'found';
  }
}
