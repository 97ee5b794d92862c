/**
 * Counts the crashes of each bot: after five in ten minutes it runs without its strategy, so that its position stays
 * managed and the log stays readable. Before that, it is started again after a jittered, growing pause.
 */
export interface CrashPolicy {
  readonly crashes: number;
  readonly windowMs: number;
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
}

export const crashPolicy: CrashPolicy = { crashes: 5, windowMs: 600_000, firstPauseMs: 1_000, maxPauseMs: 60_000 };

export interface CrashVerdict {
  readonly quarantined: boolean;
  /** Monotonic time before which the bot is not started again. */
  readonly notBefore: number;
}

export class Quarantine {
  readonly #policy: CrashPolicy;
  readonly #random: () => number;
  readonly #crashes = new Map<string, number[]>();
  readonly #verdicts = new Map<string, CrashVerdict>();

  constructor(random: () => number, policy: CrashPolicy = crashPolicy) {
    this.#policy = policy;
    this.#random = random;
  }

  /** Notes a crash at monotonic time `at` and says what follows. */
  crashed(botId: string, at: number): CrashVerdict {
    const { windowMs, crashes, firstPauseMs, maxPauseMs } = this.#policy;
    const recent = (this.#crashes.get(botId) ?? []).filter((time) => at - time < windowMs);
    recent.push(at);
    this.#crashes.set(botId, recent.slice(-crashes));
    const ceiling = Math.min(maxPauseMs, firstPauseMs * 2 ** (recent.length - 1));
    const verdict = {
      quarantined: recent.length >= crashes || this.#verdicts.get(botId)?.quarantined === true,
      notBefore: at + ceiling * (0.5 + this.#random() / 2),
    };
    this.#verdicts.set(botId, verdict);
    return verdict;
  }

  verdict(botId: string): CrashVerdict | null {
    return this.#verdicts.get(botId) ?? null;
  }

  /** The row was changed: the bot gets a clean start. */
  forgive(botId: string): void {
    this.#crashes.delete(botId);
    this.#verdicts.delete(botId);
  }
}
