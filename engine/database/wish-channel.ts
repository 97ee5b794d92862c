/**
 * Hears that wishes or commands changed (LISTEN/NOTIFY). Only a hint: a slow poll stands behind it, so a lost message
 * costs time, never a wish. The same connection can hold the lock that refuses a second engine on one database.
 */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Client } from 'pg';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../time/clock.ts';
import { openHeldConnection } from './connection.ts';
import { tryLock } from './locks.ts';

const wishChannel = 'evenkeel_wishes';

/** Engines hear of the change that the transaction makes, when it commits. */
export async function tellEngines(em: EntityManager): Promise<void> {
  await em.getConnection().execute(`select pg_notify('${wishChannel}', '')`, [], 'all', em.getTransactionContext());
}

/** Another engine holds the database and there is no Redis to share the bots through. */
export class SecondEngine extends Error {
  constructor() {
    super(
      'another engine runs on this database, and without REDIS_URL two engines cannot share bots: stop the other one, or give both the same REDIS_URL',
    );
    this.name = 'SecondEngine';
  }
}

export interface WishChannelOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Refuse to share the database with another engine (coordination from memory). */
  readonly exclusive: boolean;
  readonly logSql: boolean;
  onWish(): void;
  /** The exclusive lock may have been lost with its connection and somebody else has it now. */
  onLostExclusive(): void;
}

export class WishChannel {
  readonly #options: WishChannelOptions;
  #client: Client | null = null;
  #stopped = false;

  constructor(options: WishChannelOptions) {
    this.#options = options;
  }

  /** Throws `SecondEngine` when the exclusive lock is taken for longer than a dead engine's connection lingers. */
  async start(): Promise<void> {
    const { clock, exclusive } = this.#options;
    const deadline = clock.monotonic() + 10_000;
    while (!(await this.#connect())) {
      if (exclusive && clock.monotonic() >= deadline) throw new SecondEngine();
      await clock.sleep(250);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#client?.end().catch(() => undefined); // ending a broken connection has nothing left to tell
  }

  /** False when another engine holds the exclusive lock. */
  async #connect(): Promise<boolean> {
    const { url, exclusive, log, logSql } = this.#options;
    const onError = (error: Error): void => log.debug({ err: error }, 'the connection that hears of changed wishes broke');
    const client = await openHeldConnection({ url, name: 'evenkeel-wishes', log, logSql, onError }, this.#options.clock);
    if (exclusive && !(await tryLock(client, 'soleEngine'))) {
      await client.end();
      return false;
    }
    client.on('notification', () => this.#options.onWish());
    client.on('end', () => {
      if (this.#client === client && !this.#stopped) void this.#reconnect();
    });
    await client.query(`listen ${wishChannel}`);
    this.#client = client;
    return true;
  }

  /** The one connection that is always there: the log tells by it when the database went away and came back. */
  async #reconnect(): Promise<void> {
    const { clock, log } = this.#options;
    this.#client = null;
    const sinceMs = clock.now();
    const since = new Date(sinceMs).toISOString();
    for (let waitMs = 250, failures = 0; !this.#stopped; waitMs = Math.min(waitMs * 2, 5_000)) {
      await clock.sleep(waitMs);
      try {
        if (!(await this.#connect())) {
          this.#options.onLostExclusive();
          return;
        }
        if (failures > 0) log.info({ awayMs: clock.now() - sinceMs }, `the database is back (it had been away since ${since})`);
        this.#options.onWish();
        return;
      } catch (error) {
        failures += 1;
        if (failures === 1)
          log.warn(
            { reason: error instanceof Error ? error.message : String(error) },
            `the database does not answer since ${since}: no order is sent, stops at the exchange stay, and what happens is written when it is back`,
          );
      }
    }
  }
}
