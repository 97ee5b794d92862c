/**
 * The flag file: kill switches that were set on this engine, by hand (`touch`), by a signal, or over the API before the database
 * had them. Needs nothing but the disk. What cannot be understood counts as a switch of the whole engine: fail safe.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Log } from '../observe/log.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { killPolicies, killScopes } from './kill-switch.ts';
import type { KillSwitch } from './kill-switch.ts';
import type { KillSwitches } from './standing.ts';

/** Who asked for a switch over the API, for the row and the audit log. */
export interface KillRequest {
  readonly userId: string;
  readonly tokenId: string;
  readonly tokenName: string;
  readonly requestId: string;
  readonly atMs: number;
  /** User whose bots it concerns; null for the engine and an account. */
  readonly ofUserId: string | null;
}

export interface LocalKillSwitch extends KillSwitch {
  readonly id: string;
  /** Null when it was set by hand or by a signal: such a switch is this engine's own and never becomes a row. */
  readonly request: KillRequest | null;
}

/** One that was asked for over the API: it becomes a row. */
export interface RequestedKillSwitch extends LocalKillSwitch {
  readonly request: KillRequest;
}

export interface KillFileOptions {
  readonly path: string;
  /** Told at once when the file or what was added here has changed, and at every look. */
  readonly standing: KillSwitches;
  readonly clock: Pick<Clock, 'every'>;
  readonly log: Log;
}

/** A change by hand is seen at the latest after this, also when the system does not report it. */
const pollMs = 250;
/** A file that is larger is not read (it counts as a switch of the whole engine), so none is written either. */
const bytesMax = 1024 * 1024;

export class KillFile {
  readonly #options: KillFileOptions;
  /** As the file was read last. */
  #stored: readonly LocalKillSwitch[] = [];
  /** Set here and not written to the disk yet. */
  #unsaved: readonly LocalKillSwitch[] = [];
  /** Of the file as it was read last: null when there was none. */
  #seen: string | null = null;
  #watcher: FSWatcher | null = null;
  #timer: Timer | null = null;

  constructor(options: KillFileOptions) {
    this.#options = options;
  }

  get path(): string {
    return this.#options.path;
  }

  get standing(): KillSwitches {
    return this.#options.standing;
  }

  get switches(): readonly LocalKillSwitch[] {
    return [...this.#stored, ...this.#unsaved];
  }

  /** Reads the file and follows it from now on. */
  start(): void {
    const { path, clock, log } = this.#options;
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 }); // to be watched
    this.look();
    this.#timer = clock.every(pollMs, () => this.look());
    try {
      const name = basename(path);
      this.#watcher = watch(dirname(path), { persistent: false }, (_, changed) => {
        if (changed === null || changed === name) this.look();
      });
      this.#watcher.on('error', (error) => log.warn({ err: error, path }, 'the kill file is looked at by its timer only'));
    } catch (error) {
      log.warn({ err: error, path }, 'the kill file is looked at by its timer only');
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#watcher?.close();
  }

  /** Reads the file if it has changed, and saves what could not be saved before. */
  look(): void {
    const { path, log } = this.#options;
    const now = signatureOf(path);
    if (now !== this.#seen) {
      this.#seen = now;
      const { switches, problem } = now === null ? { switches: [], problem: null } : readKillFile(path);
      this.#stored = switches;
      if (problem !== null)
        log.error({ path, problem }, 'the kill file cannot be understood: it counts as a kill switch of the whole engine');
    }
    if (this.#unsaved.length > 0) {
      try {
        this.#save(this.switches);
      } catch {
        // The error was thrown when it was set; the next look tries again.
      }
    }
    this.standing.setHere(this.switches);
  }

  /** In force at once, and durable when this returns. Throws the disk's error when it is not durable: then it is in force until this process ends. */
  add(one: LocalKillSwitch): void {
    // By hand and by signal there is one switch each, however often it is asked for.
    if (one.request === null && this.switches.some((known) => known.request === null && sameSwitch(known, one))) return;
    this.#unsaved = [...this.#unsaved, one];
    this.standing.setHere(this.switches);
    // Switches that somebody else wrote meanwhile stay.
    this.look();
    if (this.#unsaved.includes(one)) this.#save(this.switches);
  }

  /** Takes out switches that have their row now. When it throws the disk's error, they stay. */
  remove(ids: readonly string[]): void {
    this.look();
    const left = this.switches.filter(({ id }) => !ids.includes(id));
    if (left.length === this.switches.length) return;
    this.#unsaved = this.#unsaved.filter(({ id }) => !ids.includes(id));
    this.#save(left);
    this.standing.setHere(this.switches);
  }

  /** Replaces the file as a whole: a crash leaves the old one or the new one. */
  #save(switches: readonly LocalKillSwitch[]): void {
    const { path } = this.#options;
    const text = `${JSON.stringify(switches.map(written), null, 2)}\n`;
    if (Buffer.byteLength(text) > bytesMax) throw new Error(`the kill file ${path} would be larger than ${bytesMax} bytes`);
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
    if (switches.length === 0) {
      rmSync(path, { force: true });
    } else {
      const draft = `${path}.${process.pid}.new`;
      // In a folder that others can write, somebody may have put a link to another file of ours there.
      rmSync(draft, { force: true });
      const file = openSync(draft, 'wx', 0o600);
      try {
        writeFileSync(file, text);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(draft, path);
    }
    const folder = openSync(dirname(path), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
    this.#seen = signatureOf(path);
    this.#stored = switches;
    this.#unsaved = [];
  }
}

/** Null when there is no file. A file that cannot be looked at is one. */
function signatureOf(path: string): string | null {
  try {
    const { ino, ctimeNs } = lstatSync(path, { bigint: true });
    return [ino, ctimeNs, signatureOfTarget(path)].join(' ');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? null : code;
  }
}

function signatureOfTarget(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error';
  }
}

/** A link or pipe that somebody put in its place must not make the engine read something else, or wait. */
function readBounded(path: string): Buffer {
  const link = lstatSync(path).isSymbolicLink();
  if (link && ![0, process.getuid?.()].includes(lstatSync(path).uid)) throw new Error('it is a link that another user made');
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | (link ? 0 : constants.O_NOFOLLOW));
  try {
    if (!fstatSync(file).isFile()) throw new Error('it is not a regular file');
    const bytes = Buffer.alloc(bytesMax + 1);
    let size = 0;
    for (let read = -1; read !== 0 && size < bytes.length; size += read) read = readSync(file, bytes, size, bytes.length - size, null);
    return bytes.subarray(0, size);
  } finally {
    closeSync(file);
  }
}

function readKillFile(path: string): { readonly switches: readonly LocalKillSwitch[]; readonly problem: string | null } {
  try {
    const bytes = readBounded(path);
    if (bytes.length > bytesMax) return { switches: [wholeEngine('it is too large')], problem: `it is larger than ${bytesMax} bytes` };
    return parseKillFile(bytes.toString('utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? { switches: [], problem: null } : { switches: [wholeEngine('it cannot be read')], problem: message };
  }
}

/** One switch, a list of them, or nothing (the whole engine, `leave`). What is wrong adds a switch of the whole engine. */
export function parseKillFile(text: string): { readonly switches: readonly LocalKillSwitch[]; readonly problem: string | null } {
  if (text.trim() === '') return { switches: [{ ...wholeEngine(''), reason: 'the kill file exists' }], problem: null };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { switches: [wholeEngine('it is not JSON')], problem: 'it is not JSON' };
  }
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const problems: string[] = list.length === 0 ? ['it lists no switch; remove the file to release'] : [];
  const switches = list.flatMap((one, index) => {
    const found = readSwitch(one, index);
    if (typeof found !== 'string') return [found];
    problems.push(`entry ${index + 1}: ${found}`);
    return [];
  });
  const [problem = null] = problems.length === 0 ? [] : [problems.join('; ')];
  return { switches: problem === null ? switches : [...switches, wholeEngine(problem)], problem };
}

function wholeEngine(problem: string): LocalKillSwitch {
  const reason = `the kill file cannot be understood (${problem.slice(0, 200)})`;
  return { id: 'file', scope: 'engine', subject: '', policy: 'leave', reason, expiresAtMs: null, request: null };
}

/** The switch, or what is wrong with it. */
function readSwitch(value: unknown, index: number): LocalKillSwitch | string {
  if (typeof value !== 'object' || value === null) return 'is not an object';
  const known = new Set(['id', 'scope', 'subject', 'policy', 'reason', 'expires_at', 'expiresAt', 'request']);
  const stranger = Object.keys(value).find((name) => !known.has(name));
  if (stranger !== undefined) return `"${stranger}" is not known`;
  const {
    id = `file-${index + 1}`,
    scope: wantedScope = 'engine',
    policy: wantedPolicy = 'leave',
    ...rest
  } = value as Record<string, unknown>;
  // By hand in the words of the API; engines, also older ones, write `expiresAt`.
  const { subject: given = '', reason = 'set in the kill file', expiresAt: asWritten = null, request = null } = rest;
  const { expires_at: expiresAt = asWritten } = rest;
  const scope = killScopes.find((one) => one === wantedScope);
  const policy = killPolicies.find((one) => one === wantedPolicy);
  const subject = typeof given === 'number' ? String(given) : given;
  if (scope === undefined) return `scope must be one of ${killScopes.join(', ')}`;
  if (policy === undefined) return `policy must be one of ${killPolicies.join(', ')}`;
  if (typeof subject !== 'string' || (subject === '') !== (scope === 'engine'))
    return scope === 'engine' ? 'the engine has no subject' : `subject must name the ${scope}`;
  if (typeof id !== 'string' || typeof reason !== 'string') return 'id and reason must be text';
  const expiresAtMs = expiresAt === null ? null : typeof expiresAt === 'string' ? Date.parse(expiresAt) : Number.NaN;
  if (Number.isNaN(expiresAtMs)) return 'expires_at must be a time, as in 2026-11-27T12:00:00Z';
  if (request !== null && !isRequest(request)) return 'request must be as the engine wrote it';
  return { id, scope, subject, policy, reason, expiresAtMs, request };
}

function isRequest(value: unknown): value is KillRequest {
  if (typeof value !== 'object' || value === null) return false;
  const { userId, tokenId, tokenName, requestId, atMs, ofUserId } = value as Record<string, unknown>;
  return (
    [userId, tokenId, tokenName, requestId].every((one) => typeof one === 'string') &&
    typeof atMs === 'number' &&
    (ofUserId === null || typeof ofUserId === 'string')
  );
}

function written({ expiresAtMs, ...one }: LocalKillSwitch): Record<string, unknown> {
  return { ...one, expiresAt: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString() };
}

function sameSwitch(one: KillSwitch, other: KillSwitch): boolean {
  return one.scope === other.scope && one.subject === other.subject && one.policy === other.policy && one.expiresAtMs === other.expiresAtMs;
}
