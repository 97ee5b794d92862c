/**
 * The capital port: how readings of an account's balances reach the ledger. Before the exchange is asked, a reading lists the entries that
 * are over by then; the new balance contains them, so it is written together with the end of their reservations. Implemented over PostgreSQL by
 * `postgres-capital-store.ts`.
 */
import type { Decimal } from 'decimal.js';

/** What the ledger said before the exchange was asked. */
export interface CapitalReading {
  readonly venue: string;
  readonly account: string;
  /** The database's clock, as its own text. */
  readonly begunAt: string;
  /** Last written reading by asset. */
  readonly known: ReadonlyMap<string, KnownCapital>;
  /** Client order ids of entries that are over and that no reading contains. */
  readonly over: readonly string[];
  /** Assets in which the day's loss is capped. */
  readonly lossCapped: readonly string[];
}

export interface KnownCapital {
  readonly version: string;
  readonly ageMs: number;
}

export interface FreeBalance {
  readonly asset: string;
  readonly free: Decimal;
}

export interface CapitalStore {
  begin(venue: string, account: string): Promise<CapitalReading>;
  /**
   * Writes what the exchange told after `begin`, and settles the entries that were over then, in one statement. Answers the assets
   * that were written: not those of which another reading was written meanwhile.
   */
  write(reading: CapitalReading, balances: readonly FreeBalance[]): Promise<ReadonlySet<string>>;
  /** Notes that the day's loss has reached its cap, for the assets where it has: entries stay closed until the next UTC midnight. */
  noteLosses(venue: string, account: string, atMs: number): Promise<void>;
}
