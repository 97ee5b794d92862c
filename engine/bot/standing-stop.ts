/**
 * Notices a stop that is gone from the exchange although nobody here took it down. What an operation of ours takes down has not
 * vanished, however many tries its cancel needs and whatever rests between them.
 */
import type { ProtectionNews } from '../execution/order-line.ts';

export class StandingStop {
  #stands = false;
  #moved = false;

  /** An operation of ours takes it down, or puts another one in its place, from now until its end is told. */
  move(): void {
    this.#moved = true;
  }

  /** Answers whether one that stood has vanished. */
  told({ resting, settled }: Pick<ProtectionNews, 'resting' | 'settled'>): boolean {
    const stood = this.#stands && !this.#moved;
    if (settled) this.#moved = false;
    this.#stands = resting !== null || (stood && !settled);
    return stood && !this.#stands;
  }
}
