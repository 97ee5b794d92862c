/** The kill switches of a process that runs bots: those in force, the flag file, and a small database pool that nothing else uses. */
import type { Log } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import { openIntentPool } from './persistence/intent-pool.ts';
import type { KillFile } from './persistence/kill-file.ts';
import { readKillSwitches } from './persistence/kill-switch-rows.ts';
import { KillControl } from './supervisor/kill-control.ts';
import type { KillControlOptions } from './supervisor/kill-control.ts';
import { KillSwitches } from './supervisor/kill-switches.ts';
import type { Clock } from './time/clock.ts';

export interface KillSwitchOptions {
  readonly url: string;
  readonly logSql: boolean;
  readonly file: KillFile;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly write: KillControlOptions['write'];
}

export interface KillSwitchPart {
  readonly switches: KillSwitches;
  readonly control: KillControl;
  stop(): Promise<void>;
}

const statementTimeoutMs = 1_000;

/** Throws when the switches cannot be read. */
export async function startKillSwitches({ url, logSql, file, clock, log, metrics, write }: KillSwitchOptions): Promise<KillSwitchPart> {
  const pool = openIntentPool({ url, max: 2, statementTimeoutMs, lockTimeoutMs: statementTimeoutMs, logSql, log });
  const switches = new KillSwitches({ clock, log, metrics });
  const control = new KillControl({ switches, file, clock, log, readRows: () => readKillSwitches(pool), write });
  const stop = async (): Promise<void> => {
    await control.stop();
    await pool.end();
  };
  try {
    await control.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { switches, control, stop };
}
