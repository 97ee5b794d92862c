/**
 * Whether Redis takes writes, which is what locks need: a server that answers and refuses them (full, read-only, without its replicas,
 * unable to save) is as good as none. Every change is one line in the log, however often it is noticed.
 */
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock } from '../time/clock.ts';

export interface RedisHealth {
  /** Null while it takes writes; otherwise what is wrong since when, for whoever reads a status. */
  readonly outage: string | null;
  /** A write was carried out. */
  wrote(): void;
  /** `reason`: the error as the client or the server words it. */
  failed(reason: string): void;
  /** The connection broke; the reason is not known yet. */
  lost(): void;
  /** Resolves when the first of these was told. */
  readonly judged: Promise<void>;
}

/** What the server says when it answers, and does not do what it is told to. */
const refusal = /\b(OOM|READONLY|NOREPLICAS|MISCONF|NOAUTH|WRONGPASS|NOPERM|LOADING|MASTERDOWN|BUSY)\b/;

type Kind = 'does not answer' | 'takes no writes' | "refuses the engine's name or password";

export interface RedisHealthOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'redisReachable'>;
}

export function createRedisHealth({ clock, log, metrics }: RedisHealthOptions): RedisHealth {
  let state: { readonly kind: Kind; readonly sinceMs: number; reason: string } | 'well' | null = null;
  let judge = (): void => undefined;
  metrics.redisReachable.follow(() => [[{}, state === 'well' ? 1 : 0]]);
  const judged = new Promise<void>((resolve) => (judge = resolve));

  const outage = (): string | null => {
    if (state === 'well') return null;
    if (state === null) return 'Redis has not answered yet';
    return `Redis ${state.kind} since ${new Date(state.sinceMs).toISOString()} (${state.reason})`;
  };
  const away = (kind: Kind, reason: string): void => {
    judge();
    if (state !== null && state !== 'well' && state.kind === kind) {
      state.reason = reason;
      return;
    }
    state = { kind, sinceMs: state === null || state === 'well' ? clock.now() : state.sinceMs, reason };
    log.warn({ reason }, `${outage() ?? ''}: bots go on with the locks they hold, and nobody can take another meanwhile`);
  };
  return {
    get outage() {
      return outage();
    },
    judged,
    wrote() {
      judge();
      if (state !== null && state !== 'well')
        log.info(
          { awayMs: clock.now() - state.sinceMs },
          `Redis is back: it takes writes again (it had been away since ${new Date(state.sinceMs).toISOString()})`,
        );
      state = 'well';
    },
    failed(reason) {
      const [, code] = refusal.exec(reason) ?? [];
      if (code === undefined) away('does not answer', reason);
      else away(['NOAUTH', 'WRONGPASS', 'NOPERM'].includes(code) ? "refuses the engine's name or password" : 'takes no writes', reason);
    },
    lost() {
      if (state === 'well') away('does not answer', 'the connection broke');
    },
  };
}
