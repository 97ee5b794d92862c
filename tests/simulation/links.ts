/**
 * The ways between one engine process and what it stands on: latency, and whatever the weather does to them. A call that
 * has left a process acts at its end whatever becomes of the process; its answer reaches only one that lives.
 */
import type { CachedValue, Coordination, LockAnswer } from '../../engine/coordination/coordination.ts';
import { CommitUnknown } from '../../engine/persistence/commit-intents.ts';
import type { Weather } from './faults.ts';
import type { DatabaseCall, DatabaseTravel } from './memory-stores.ts';
import type { Random } from './random.ts';
import type { Scheduler, SimulatedProcess } from './scheduler.ts';

export interface LinkOptions {
  readonly process: SimulatedProcess;
  readonly replica: number;
  readonly scheduler: Scheduler;
  readonly weather: Weather;
  readonly random: Random;
}

/** How long an engine waits for a free connection, and for a broken one to be noticed. */
const connectPatienceMs = 1_000;
/** Redis commands have a deadline; what is late counts as unanswered. */
const redisDeadlineMs = 250;

/** `late`: the connection breaks, and the server carries the statement out some time after that. */
type Fate = 'done' | 'undone' | 'unheard' | 'refused' | 'late';

/**
 * Statements whose connection broke while the server worked on them: it goes on, and until it is done it holds its rows, so that
 * other writes wait. Reads do not wait, and do not see them.
 */
export class Orphans {
  readonly #running = new Set<{ readonly process: string; readonly call: DatabaseCall; readonly endsAtMs: number }>();

  /** The server is done with it at `endsAtMs`: `act` is carried out then, unless it was ended before. */
  leave(scheduler: Scheduler, process: string, call: DatabaseCall, endsAtMs: number, act: () => unknown): void {
    const orphan = { process, call, endsAtMs };
    this.#running.add(orphan);
    scheduler.after(endsAtMs - scheduler.now, () => {
      if (this.#running.delete(orphan)) act();
    });
  }

  /** What commits of the process were not done is undone (`pg_terminate_backend`). */
  endCommits(process: string): void {
    for (const orphan of this.#running) if (orphan.process === process && orphan.call === 'commit') this.#running.delete(orphan);
  }

  /** Virtual time until which a statement that writes waits for rows. */
  get heldUntilMs(): number {
    return Math.max(0, ...[...this.#running].map(({ endsAtMs }) => endsAtMs));
  }
}

/** How long the server still works on a statement whose connection broke. */
const orphanMs = [20, 4_000] as const;

export function databaseTravel({ process, replica, scheduler, weather, random }: LinkOptions, orphans: Orphans): DatabaseTravel {
  const away = (): boolean => weather.lasting('database-down') !== null || weather.lasting('database-split', replica) !== null;
  const fateOf = (call: DatabaseCall): Fate => {
    switch (call) {
      case 'commit':
        if (weather.take('commit-lost') !== null) return 'undone';
        if (weather.take('commit-unheard') !== null) return 'unheard';
        if (weather.take('commit-orphaned') !== null) return 'late';
        return weather.take('commit-refused') === null ? 'done' : 'refused';
      case 'record':
        if (weather.take('record-lost') !== null) return 'undone';
        if (weather.take('record-orphaned') !== null) return 'late';
        if (weather.take('record-refused') !== null) return 'refused';
        return weather.take('record-unheard') === null ? 'done' : 'unheard';
      case 'write':
        if (weather.take('write-orphaned') !== null) return 'late';
        if (weather.take('write-refused') !== null) return 'refused';
        return weather.take('write-unheard') === null ? 'done' : 'unheard';
      case 'read':
        return 'done';
      default:
        return call satisfies never;
    }
  };
  return (call, act) =>
    new Promise((resolve, reject) => {
      const depart = (): void => {
        if (away()) {
          process.after(random.between(1, connectPatienceMs), () => reject(new Error('the database cannot be reached')));
          return;
        }
        const fate = fateOf(call);
        const broken = (): void => {
          const error = new Error('the connection to the database broke');
          process.run(() => reject(call === 'commit' ? new CommitUnknown(error) : error));
        };
        // When the slowness is over, so is the wait.
        const slowMs = Math.min(weather.lasting('database-slow')?.value ?? 0, weather.leftMs('database-slow'));
        const lockWaitMs = call === 'read' ? 0 : (weather.take('lock-wait')?.value ?? 0);
        const delayMs = random.between(0.3, 2) + slowMs + lockWaitMs;
        const arrive = (): void => {
          const heldMs = call === 'read' ? 0 : orphans.heldUntilMs - scheduler.now;
          if (heldMs > 0) {
            scheduler.after(heldMs + 0.1, arrive);
            return;
          }
          if (fate === 'late') {
            orphans.leave(scheduler, process.name, call, scheduler.now + random.between(...orphanMs), act);
            broken();
            return;
          }
          // The server went away while the statement was under way: before or after it was carried out.
          const arrives = fate === 'unheard' || fate === 'done';
          const cut = fate === 'done' && away();
          if (!arrives || (cut && random.chance(0.5))) {
            if (fate === 'refused') {
              const error = Object.assign(new Error('deadlock detected'), { code: '40P01' });
              process.run(() => reject(error));
            } else broken();
            return;
          }
          let answer: ReturnType<typeof act>;
          try {
            answer = act();
          } catch (error) {
            process.run(() => reject(error instanceof Error ? error : new Error(String(error))));
            return;
          }
          if (fate === 'unheard' || cut) broken();
          else process.run(() => resolve(answer));
        };
        scheduler.after(delayMs, arrive);
      };
      process.run(depart);
    });
}

/** The coordination port behind a link to Redis. */
export function coordinationLink(inner: Coordination, { process, replica, scheduler, weather, random }: LinkOptions): Coordination {
  let answered = true;
  const down = (): boolean => weather.lasting('redis-down') !== null || weather.lasting('redis-split', replica) !== null;
  /** The answer, or null when none came in time; a slow command still acts. */
  const ask = <T>(act: () => Promise<T>): Promise<T | null> =>
    new Promise((resolve) => {
      const settle = (value: T | null): void => {
        answered = value !== null;
        resolve(value);
      };
      process.run(() => {
        if (down()) {
          process.after(redisDeadlineMs, () => settle(null));
          return;
        }
        if (weather.lasting('redis-readonly') !== null) {
          // It is an answer, and not the one that was asked for.
          process.after(random.between(0.2, 1), () => resolve(null));
          return;
        }
        const delayMs = random.between(0.2, 1) + (weather.lasting('redis-slow')?.value ?? 0);
        if (delayMs > redisDeadlineMs) process.after(redisDeadlineMs, () => settle(null));
        scheduler.after(delayMs, () => {
          void act().then((value) => {
            if (delayMs <= redisDeadlineMs) process.run(() => settle(value));
          });
        });
      });
    });
  const locks = async (names: readonly string[], act: () => Promise<readonly LockAnswer[]>): Promise<readonly LockAnswer[]> =>
    (await ask(act)) ?? names.map((): LockAnswer => 'unknown');
  return {
    locks: {
      owner: inner.locks.owner,
      acquire: (names, ttlMs) => locks(names, () => inner.locks.acquire(names, ttlMs)),
      renew: (names, ttlMs) => locks(names, () => inner.locks.renew(names, ttlMs)),
      async release(names) {
        await ask(() => inner.locks.release(names).then(() => true));
      },
    },
    symbols: {
      ...inner.symbols,
      async get(key) {
        const cached = await inner.symbols.get(key);
        return cached === null || weather.lasting('redis-poisoned') === null ? cached : poisoned(cached);
      },
    },
    weight: {
      ...inner.weight,
      // Each process judges an end that it was told by its own clock.
      silence(venue) {
        const silence = inner.weight.silence(venue);
        return silence !== null && silence.untilMs > process.clock.now() ? silence : null;
      },
    },
    orders: inner.orders,
    get reachable() {
      return answered;
    },
    get outage() {
      if (weather.holds('redis-down', replica) || weather.holds('redis-split', replica)) return 'Redis does not answer';
      return weather.holds('redis-readonly', replica) ? 'Redis takes no writes' : null;
    },
    close: () => inner.close(),
  };
}

/** Well-formed filters by which nothing that a bot holds can be sold, and no stop of its can rest. */
function poisoned(cached: CachedValue): CachedValue {
  const list = cached.value as readonly { readonly lot: object; readonly price: object }[];
  const value = list.map((one) => ({ ...one, lot: { ...one.lot, min: '1', step: '1' }, price: { ...one.price, tick: '1000' } }));
  return { ...cached, value, fresh: true };
}

const windowMs = 10_000;

/** Lies about limits that anybody who can write into Redis could tell: impossible ones, and ones that could be true. */
export function forgedNews(which: number, venue: string, account: string, atMs: number): readonly string[] {
  const silence = (leftMs: string, of = venue): string =>
    `{"kind":"silence","from":"nobody","venue":"${of}","leftMs":${leftMs},"reason":"forged"}`;
  const index = Math.floor(atMs / windowMs);
  const orders = (change: object): string =>
    JSON.stringify({ kind: 'orders', from: 'nobody', venue, account, orders: { inFlight: 0, windows: [], pause: null, ...change } });
  const lies: readonly (readonly string[])[] = [
    [silence('1e300'), silence('259200001')],
    [silence('8000')],
    Array.from({ length: 65 }, (_, one) => silence('8000', `made up ${one}`)),
    [orders({ windows: [[windowMs, index, 1e9, atMs]] }), orders({ windows: [[windowMs, index + 1_000, 100, atMs + 1_000 * windowMs]] })],
    // Told of this window and, as it goes on, of the day.
    [
      orders({ windows: [[windowMs, index, 100, atMs]] }),
      orders({ windows: [[86_400_000, Math.floor(atMs / 86_400_000), 200_000, atMs]] }),
    ],
    [orders({ inFlight: 1e9 })],
    [orders({ inFlight: 100 })],
    [orders({ pause: { windowMs, untilVenueMs: (index + 1_000_000) * windowMs } })],
    [orders({ pause: { windowMs, untilVenueMs: (index + 1) * windowMs } })],
  ];
  return lies[Math.min(lies.length - 1, Math.floor(which * lies.length))] ?? [];
}
