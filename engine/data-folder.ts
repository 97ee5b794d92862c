/**
 * The data folder of an engine: token, kill file and, when nothing is configured, database and log. An engine that embeds
 * everything has its folder to itself and says so in `engine.pid`, before it writes anything else there.
 */
import { accessSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The engine cannot use the folder; the message says why and what to do. */
export class DataFolderUnusable extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'DataFolderUnusable';
  }
}

/** Makes the folder: its files are their owner's, but the database's user must pass through when we are root. Throws `DataFolderUnusable`. */
export function makeDataFolder(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o711 });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new DataFolderUnusable(
      `the data folder ${resolve(dataDir)} cannot be written (${code}): give it to the user that runs the engine, or set EVENKEEL_DATA_DIR to another`,
    );
  }
}

/**
 * Takes the folder for this process alone until it ends. Throws `DataFolderUnusable` while another process that lives has it. Two
 * that start in the same moment may both pass: the lock inside the database lets one of them go on.
 */
export function claimDataFolder(dataDir: string): void {
  const path = join(dataDir, 'engine.pid');
  const holder = readHolder(path);
  if (holder !== null && holder.pid !== process.pid && startOf(holder.pid) === holder.startedAt)
    throw new DataFolderUnusable(
      `another engine (process ${holder.pid}) runs in ${resolve(dataDir)}: stop that one, give this one a folder of its own (EVENKEEL_DATA_DIR), or give both a DATABASE_URL and a REDIS_URL`,
    );
  writeFileSync(path, `${process.pid}\n${startOf(process.pid) ?? ''}\n`);
  process.once('exit', () => {
    if (readHolder(path)?.pid === process.pid) rmSync(path, { force: true });
  });
}

function readHolder(path: string): { readonly pid: number; readonly startedAt: string } | null {
  try {
    const [pid = '', startedAt = ''] = readFileSync(path, 'utf8').split('\n');
    return /^[1-9]\d*$/.test(pid) && startedAt !== '' ? { pid: Number(pid), startedAt } : null;
  } catch {
    return null; // there is no such file
  }
}

/** When a process started, in the system's ticks: the number alone may belong to another process by now. Null when it does not live. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold blanks.
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? null : (fields[18] ?? null);
  } catch {
    return null;
  }
}
