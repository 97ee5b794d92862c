/** What the admin plane needs of the engine. It writes wishes and commands as rows; it never touches an actor. */
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Venue } from '../engine/config.ts';
import type { SymbolCacheStats } from '../engine/coordination/coordination.ts';
import type { KillControl } from '../engine/kill-switch/control.ts';
import type { KillScope } from '../engine/kill-switch/kill-switch.ts';
import type { Log } from '../engine/observe/log.ts';
import type { DecisionStore } from '../engine/persistence/decision-store.ts';
import type { Metrics } from '../engine/observe/metrics.ts';
import type { Clock } from '../engine/time/clock.ts';
import type { Instrument, Market } from '../engine/trading/instrument.ts';

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
  /** Orders of this process that are not over. */
  readonly openOrders: number;
  /** Newest close that every bot of this process has dealt with, nothing in flight (venue time, ms); null while some has not. */
  readonly settledThroughMs: number | null;
  readonly venueTimeMs: number | null;
  /** `reachable`: locks can be taken and kept. `outage`: what is wrong and since when; null while it is reachable. */
  readonly coordination: { readonly kind: 'redis' | 'memory'; readonly reachable: boolean; readonly outage: string | null };
  /** Whether user data is subscribed; null without an account. */
  readonly userStream: boolean | null;
  /** Kill switches that stand, by scope; null when no bots run in this process. */
  readonly killSwitches: Readonly<Record<KillScope, number>> | null;
}

/** What the process that serves the address knows of itself. */
export interface EngineView {
  status(): EngineStatus;
  /** The process and its supervisor work; no dependency is asked. */
  live(): Health;
  ready(): Promise<Health>;
  started(): boolean;
  /** User of a bot that runs in this process, from memory; null for others. */
  ownerOf(botId: string): string | null;
  /** The price that a bot of this process heard last, quote, and when (venue time, ms); null where it runs elsewhere or has heard none. */
  heardPrice(botId: string): { readonly price: number; readonly atMs: number } | null;
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
  /** The kill switches of this process; null when no bots run in it. */
  readonly killSwitch: KillControl | null;
  /** Why bots cannot trade live here now; null when they can. */
  liveRefusal(): string | null;
  readonly symbols: {
    list(): readonly Instrument[];
    /** Null when the venue does not list it. */
    find(symbol: string): Promise<Instrument | null>;
    /** Of the cached list, by market. */
    cacheStats(): Promise<Readonly<Record<Market, SymbolCacheStats>>>;
  };
  readonly decisions: {
    readonly store: Pick<DecisionStore, 'page' | 'next'>;
    readonly keptMs: number;
    /** The venue's time, which closes are in. */
    venueNowMs(): number;
  };
  readonly engine: EngineView;
}
