/**
 * Reads kill switches from the rows (on NOTIFY, and every half second) and follows the flag file, and writes those that were set here
 * while the database was away into the rows. It has a small database pool that nothing else uses; Redis and the exchange have no part in it.
 */
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { openPool } from '../database/pools.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { Turns } from '../time/waiting.ts';
import type { KillFile, LocalKillSwitch, RequestedKillSwitch } from './file.ts';
import { killScopes } from './kill-switch.ts';
import type { KillSwitch } from './kill-switch.ts';
import { readKillSwitches, refusesForGood, writeKillSwitch } from './rows.ts';
import type { KillSwitches } from './standing.ts';

export interface KillControlOptions {
  readonly file: KillFile;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly rows: KillSwitchRows;
}

export interface KillSwitchRows {
  /** Those that were not released. */
  read(): Promise<readonly KillSwitch[]>;
  /** Makes the row of a switch that was set here, once, however often it is asked. */
  write(one: RequestedKillSwitch): Promise<void>;
  close(): Promise<void>;
}

const pollMs = 500;
const startPatienceMs = 30_000;

export class KillControl {
  readonly #options: KillControlOptions;
  #timer: Timer | null = null;
  #polling = false;
  #asked = 0;
  #answered = 0;
  #heardAt = Number.NEGATIVE_INFINITY;
  readonly #writing = new Turns();
  /** Switches whose writing has failed: said once each. */
  readonly #complained = new Set<string>();

  constructor(options: KillControlOptions) {
    this.#options = options;
  }

  /** Throws when the rows cannot be read: nothing may be entered before they are known. */
  async start(): Promise<void> {
    const { file, clock, metrics } = this.#options;
    metrics.killSwitchActive.follow(() => {
      const counts = this.switches.counts();
      return killScopes.map((scope) => [{ scope }, counts[scope]]);
    });
    file.start();
    for (const deadline = clock.monotonic() + startPatienceMs; ; ) {
      try {
        await this.refresh();
        break;
      } catch (error) {
        if (clock.monotonic() >= deadline) throw error;
        await clock.sleep(pollMs);
      }
    }
    this.#timer = clock.every(pollMs, () => void this.#poll());
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#options.file.stop();
    await this.#writing.over();
    await this.#options.rows.close();
  }

  /** Reads the rows again. When answers overtake each other, the one that was asked for last counts. */
  async refresh(): Promise<void> {
    const turn = (this.#asked += 1);
    const rows = await this.#options.rows.read();
    this.#heardAt = this.#options.clock.monotonic();
    if (turn < this.#answered) return;
    this.#answered = turn;
    this.switches.setRows(rows);
  }

  /** Those in force on this engine. */
  get switches(): KillSwitches {
    return this.#options.file.standing;
  }

  /** Those that were set here and have no row yet, or never get one. */
  get here(): readonly LocalKillSwitch[] {
    return this.#options.file.switches;
  }

  /** Of the flag file. */
  get path(): string {
    return this.#options.file.path;
  }

  /** How long ago the rows were last read, ms; infinite when they never were. */
  get silentMs(): number {
    return this.#options.clock.monotonic() - this.#heardAt;
  }

  /** The rows may have changed; a database that is away is asked again by the timer. */
  onTold(): void {
    this.refresh().catch((error: unknown) => this.#options.log.warn({ err: error }, 'kill switches could not be read when told of them'));
  }

  /** Sets a switch on this engine: holds when this returns, durably. Throws when the disk does not take it (it holds all the same). */
  engage(one: LocalKillSwitch): void {
    this.#options.file.add(one);
  }

  /** Writes what was set here; resolves whether the switch waits no longer: it has a row that this engine has read, or was refused. */
  async writeDown(id: string): Promise<boolean> {
    await this.#writeAll();
    return !this.#options.file.switches.some((one) => one.id === id);
  }

  async #poll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    try {
      await this.refresh();
      await this.#writeAll();
    } catch (error) {
      this.#options.log.debug({ err: error }, 'kill switches could not be read; those that are known hold');
    } finally {
      this.#polling = false;
    }
  }

  /** A switch that is set while others are being written is written after them. */
  #writeAll(): Promise<void> {
    return this.#writing.take(async () => {
      const { file, log } = this.#options;
      const due = file.switches.filter(wasRequested);
      if (due.length === 0) return;
      await this.#write(due).catch((error: unknown) =>
        log.error({ err: error }, 'kill switches that have rows could not be taken out of the kill file'),
      );
    });
  }

  async #write(due: readonly RequestedKillSwitch[]): Promise<void> {
    const { file, log } = this.#options;
    const done: string[] = [];
    for (const one of due) {
      try {
        await this.#options.rows.write(one);
        done.push(one.id);
        this.#complained.delete(one.id);
      } catch (error) {
        if (refusesForGood(error)) {
          log.error(
            { err: error, killSwitch: one },
            'the database refuses a kill switch for what it says: it is dropped and holds nowhere',
          );
          done.push(one.id);
          continue;
        }
        if (!this.#complained.has(one.id))
          log.error(
            { err: error, killSwitch: one },
            'a kill switch could not be written to the database; it holds on this engine until it is',
          );
        this.#complained.add(one.id);
      }
    }
    if (done.length === 0) return;
    // Its row is known here before it leaves the file, so that it never stops working.
    await this.refresh();
    file.remove(done);
  }
}

export interface KillSwitchOptions extends Pick<KillControlOptions, 'file' | 'clock' | 'log' | 'metrics'> {
  readonly url: string;
  readonly logSql: boolean;
  readonly orm: MikroORM;
}

const statementTimeoutMs = 1_000;

/** The kill switches of a process that runs bots. Throws when the rows cannot be read. */
export async function startKillSwitches({ url, logSql, orm, ...options }: KillSwitchOptions): Promise<KillControl> {
  const pool = openPool('killSwitches', { url, max: 2, statementTimeoutMs, lockTimeoutMs: statementTimeoutMs, logSql, log: options.log });
  const control = new KillControl({
    ...options,
    rows: {
      read: () => readKillSwitches(pool),
      write: (one) => writeKillSwitch(orm, one),
      close: () => pool.end(),
    },
  });
  try {
    await control.start();
  } catch (error) {
    await control.stop();
    throw error;
  }
  return control;
}

function wasRequested(one: LocalKillSwitch): one is RequestedKillSwitch {
  return one.request !== null;
}
