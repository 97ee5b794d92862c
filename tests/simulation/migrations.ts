/**
 * A migration as a start goes through it: one process at a time under the advisory lock, each step in a transaction of its
 * own, undone when its process dies. A model of what `migrate.ts` asks of PostgreSQL, so that starts can die there too.
 */
import type { Reach } from '../../engine/crash-points.ts';
import type { SimulatedProcess } from './scheduler.ts';

const stepMs = 15;
const lockPollMs = 100;

export class SimulatedMigrations {
  readonly #steps: readonly string[];
  readonly applied: string[] = [];
  #holder: SimulatedProcess | null = null;

  constructor(steps: readonly string[]) {
    this.#steps = steps;
  }

  async run(process: SimulatedProcess, reach: Reach): Promise<void> {
    while (this.#holder !== null) await process.clock.sleep(lockPollMs);
    this.#holder = process;
    const pending = this.#steps.filter((step) => !this.applied.includes(step));
    for (const step of pending) {
      reach('CP14');
      await process.clock.sleep(stepMs);
      // A process that died meanwhile never gets here: its transaction was undone.
      this.applied.push(step);
    }
    if (pending.length === 0) reach('CP14');
    this.#holder = null;
  }

  /** The connection that held the lock is gone. */
  onDeath(process: SimulatedProcess): void {
    if (this.#holder === process) this.#holder = null;
  }
}
