/**
 * The locks of the bots that run here: renewed in one round trip, their remaining life known. While Redis does not answer, or
 * takes no writes, nobody can take over, so owners go on; the epoch in PostgreSQL is what counts.
 */
import type { Coordination, LockAnswer } from '../coordination/coordination.ts';
import type { Clock } from '../time/clock.ts';

export interface LeasesOptions {
  readonly coordination: Coordination;
  readonly clock: Clock;
  readonly ttlMs: number;
}

export function lockName(botId: string): string {
  return `bot:${botId}`;
}

export class Leases {
  readonly #options: LeasesOptions;
  /** Monotonic end of each lock that we hold, as far as we know. */
  readonly #until = new Map<string, number>();
  /** Locks about which the lock service says nothing usable: it could not renew them, or the rows contradict it. */
  readonly #unknown = new Set<string>();

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Tries to take the bots' locks; answers those that are ours now. */
  async acquire(botIds: readonly string[]): Promise<readonly string[]> {
    return this.#ask(botIds, (names, ttlMs) => this.#options.coordination.locks.acquire(names, ttlMs)).then((answers) =>
      botIds.filter((_, index) => answers[index] === 'held'),
    );
  }

  /** Renews all; answers the bots that somebody else has now. */
  async renew(): Promise<readonly string[]> {
    const botIds = [...this.#until.keys()];
    if (botIds.length === 0) return [];
    const answers = await this.#ask(botIds, (names, ttlMs) => this.#options.coordination.locks.renew(names, ttlMs));
    return botIds.filter((_, index) => answers[index] === 'taken');
  }

  async release(botIds: readonly string[]): Promise<void> {
    for (const botId of botIds) this.forget(botId);
    await this.#options.coordination.locks.release(botIds.map(lockName));
  }

  /** Forgets a lock without freeing it: it is somebody else's. */
  forget(botId: string): void {
    this.#until.delete(botId);
    this.#unknown.delete(botId);
  }

  /** The rows say that the bot is ours although the lock says otherwise: no engine has taken it. */
  overruled(botId: string): void {
    if (this.#until.has(botId)) this.#unknown.add(botId);
  }

  /** What is left of the bot's lock, 0 when it is somebody else's; null while the lock service does not say. */
  leftMs(botId: string): number | null {
    if (!this.#options.coordination.reachable || this.#unknown.has(botId)) return null;
    const until = this.#until.get(botId);
    return until === undefined ? 0 : Math.max(0, until - this.#options.clock.monotonic());
  }

  get held(): number {
    return this.#until.size;
  }

  async #ask(
    botIds: readonly string[],
    call: (names: readonly string[], ttlMs: number) => Promise<readonly LockAnswer[]>,
  ): Promise<readonly LockAnswer[]> {
    const { clock, ttlMs } = this.#options;
    const askedAt = clock.monotonic();
    const answers = await call(botIds.map(lockName), ttlMs);
    botIds.forEach((botId, index) => {
      const ours = this.#until.has(botId);
      // Counted from before the call: the lock cannot end earlier than we think.
      if (answers[index] === 'held') this.#until.set(botId, askedAt + ttlMs);
      else if (answers[index] === 'taken' && ours) this.#until.set(botId, askedAt);
      if (answers[index] === 'unknown' && ours) this.#unknown.add(botId);
      else this.#unknown.delete(botId);
    });
    return answers;
  }
}
