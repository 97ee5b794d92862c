/**
 * Callers whose tokens the database has confirmed a short while ago, for the one thing that must work without it: the kill
 * switch. Kept by the token's hash, few and not for long; a token that the database refuses is forgotten at once.
 */
import type { Clock } from '../engine/time/clock.ts';
import { hashToken } from './tokens.ts';
import type { Caller } from './tokens.ts';

const rememberMs = 15 * 60_000;
const callersMax = 1_000;

export class RememberedCallers {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #byHash = new Map<string, { readonly caller: Caller; readonly until: number }>();

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#clock = clock;
  }

  /** The database knows the token. */
  confirmed(token: string, caller: Caller): void {
    const hash = hashToken(token);
    this.#byHash.delete(hash);
    this.#byHash.set(hash, { caller, until: this.#clock.monotonic() + rememberMs });
    for (const oldest of this.#byHash.keys()) {
      if (this.#byHash.size <= callersMax) break;
      this.#byHash.delete(oldest);
    }
  }

  /** The database does not know it, or does no longer. */
  refused(token: string): void {
    this.#byHash.delete(hashToken(token));
  }

  /** The database has confirmed it at some time and not refused it since: its sender is not guessing. */
  knows(token: string): boolean {
    return this.#byHash.has(hashToken(token));
  }

  /** Null when the token was not confirmed lately, or has expired since. */
  recall(token: string): Caller | null {
    const known = this.#byHash.get(hashToken(token));
    if (known === undefined || known.until <= this.#clock.monotonic()) return null;
    const { tokenExpiresAtMs } = known.caller;
    return tokenExpiresAtMs !== null && tokenExpiresAtMs <= this.#clock.now() ? null : known.caller;
  }
}
