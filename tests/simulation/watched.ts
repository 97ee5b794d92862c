/** What the invariants look at, and what they say when a promise is broken. */
import type { Decimal } from 'decimal.js';
import type { MemoryDatabase } from './memory-database.ts';
import type { MemoryExchange } from './memory-exchange.ts';
import type { PriceFeed } from './price-feed.ts';
import type { Replica } from './replica.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';
import type { Users } from './users.ts';
import type { Weather } from './faults.ts';

export interface Violation {
  readonly invariant: number;
  readonly atMs: number;
  readonly what: string;
}

/** Numbered as in docs/order-safety.md. */
export type Fail = (invariant: number, what: string) => void;

export interface Watched {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly database: MemoryDatabase;
  readonly exchange: MemoryExchange;
  readonly feed: PriceFeed;
  readonly replicas: readonly Replica[];
  readonly users: Users;
  readonly weather: Weather;
  readonly deposits: Readonly<Record<string, Decimal>>;
  readonly foreignOrder: { readonly symbol: string; readonly clientOrderId: string; readonly quantity: Decimal };
  readonly protectionCheckMs: number;
  readonly bans: { readonly untilMs: number; readonly brokenBy: string | null };
}
