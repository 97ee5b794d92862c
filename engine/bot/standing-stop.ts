/**
 * Notices when a stop is gone from the exchange although this engine did not cancel it. A stop that is being cancelled or moved by us
 * counts as ours to remove until that operation has ended, however many tries it needs.
 */
import type { ProtectionNews } from '../orders/order-line.ts';

export class StandingStop {
  #stands = false;
  #moved = false;

  /** This engine cancels or replaces it: from now until news say that the operation has ended. */
  move(): void {
    this.#moved = true;
  }

  /** Answers whether a stop that rested has vanished. */
  told({ resting, settled }: Pick<ProtectionNews, 'resting' | 'settled'>): boolean {
    const stood = this.#stands && !this.#moved;
    if (settled) this.#moved = false;
    this.#stands = resting !== null || (stood && !settled);
    return stood && !this.#stands;
  }
}
