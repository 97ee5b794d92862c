/** What the admin plane needs of the engine. It writes wishes and commands as rows; it never touches an actor. */
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Venue } from '../engine/config.ts';
import type { SymbolCacheStats } from '../engine/coordination/coordination.ts';
import type { Log } from '../engine/observe/log.ts';
import type { DecisionStore } from '../engine/persistence/decision-store.ts';
import type { Metrics } from '../engine/observe/metrics.ts';
import type { Clock } from '../engine/time/clock.ts';
import type { Instrument } from '../engine/trading/instrument.ts';

export interface EngineStatus {
  readonly version: string;
  readonly node: string;
  readonly role: string;
  readonly owner: string;
  readonly venue: string;
  readonly schemaVersion: string;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  /** Bots that run in this process, and all that shall run somewhere. */
  readonly botsRunning: number;
  readonly botsWished: number;
  /** Orders of this process whose fate is open. */
  readonly openOrders: number;
  /** Newest close that every bot of this process has dealt with, nothing in flight (venue time, ms); null while some has not. */
  readonly settledThroughMs: number | null;
  readonly venueTimeMs: number | null;
  readonly coordination: { readonly kind: 'redis' | 'memory'; readonly reachable: boolean };
  /** Whether user data is subscribed; null without an account. */
  readonly userStream: boolean | null;
}

export interface Health {
  readonly ok: boolean;
  readonly problems: readonly string[];
}

export interface AdminPorts {
  readonly orm: MikroORM;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly listen: {
    readonly admin: { readonly host: string; readonly port: number };
    readonly metrics: { readonly host: string; readonly port: number };
    /** The network around the listeners is trusted: hosts other than loopback may be bound and named. */
    readonly trustedNetwork: boolean;
  };
  readonly venue: Venue;
  /** Why bots cannot trade live here now; null when they can. */
  liveRefusal(): string | null;
  readonly symbols: {
    list(): readonly Instrument[];
    /** Null when the venue does not list it. */
    find(symbol: string): Promise<Instrument | null>;
    stats(): Promise<SymbolCacheStats>;
  };
  readonly decisions: {
    readonly store: Pick<DecisionStore, 'page' | 'next'>;
    readonly keptMs: number;
    /** The venue's time, which closes are in. */
    venueNowMs(): number;
  };
  readonly engine: {
    status(): EngineStatus;
    /** The process turns and its supervisor beats; no dependency is asked. */
    live(): Health;
    ready(): Promise<Health>;
    started(): boolean;
  };
}
