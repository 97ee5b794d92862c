/**
 * One engine under a watcher that starts it again when it ends and continues it when it stopped itself. It has links of its own to database,
 * Redis and exchange, so that two engines can see different states of them.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { engineOf, spawnEngine } from '../e2e/support/engine-process.ts';
import type { EngineProcess } from '../e2e/support/engine-process.ts';
import type { SpawnedProcess } from '../e2e/support/processes.ts';
import { FaultProxy } from './proxy.ts';

export const linkNames = ['database', 'redis', 'rest', 'streams', 'user'] as const;
export type LinkName = (typeof linkNames)[number];
export type Links = Readonly<Record<LinkName, FaultProxy>>;

export interface ReplicaOptions {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly links: Links;
  readonly dataDir: string;
  /** Crash point of its processes until one of them has met it; those after it have none. */
  readonly crashAt: string | null;
  /** How long it stands still when it stopped itself. */
  readonly pauseMs: number;
  /** False: it waits for `start`. */
  readonly startsByItself: boolean;
  /** What it did to itself (a crash point), as a line for the report. */
  onEvent(what: string): void;
}

const restartAfterMs = 100;
const watchEveryMs = 50;

export class Replica {
  readonly #options: ReplicaOptions;
  readonly links: Links;
  /** Every process that was started, oldest first. */
  readonly processes: SpawnedProcess[] = [];
  #engine: EngineProcess | null = null;
  /** The process that runs, ready or not. */
  #alive: SpawnedProcess | null = null;
  #stopped = false;
  #waker: NodeJS.Timeout;
  #waking = false;
  /** By us: its end is no event of its own. */
  #killed = false;
  #armed: string | null;
  #crashed = false;
  /** A restart that is due; killed engines may be kept down for a while. */
  #keepDown: Promise<void> = Promise.resolve();

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.links = options.links;
    this.#armed = options.crashAt;
    this.#waker = setInterval(() => this.#wakeWhenStopped(), watchEveryMs);
    if (options.startsByItself) this.#spawn();
  }

  /** Starts it unless it was started. */
  start(): void {
    if (this.processes.length === 0) this.#spawn();
  }

  /** True once it has killed or stopped itself at its crash point. */
  get crashed(): boolean {
    return this.#crashed;
  }

  /** True while it stands still. */
  get paused(): boolean {
    return this.#waking;
  }

  get name(): string {
    return this.#options.name;
  }

  /** The engine when it is ready; null while it starts, or is down. */
  get engine(): EngineProcess | null {
    return this.#engine;
  }

  /** `downMs`: how long nobody starts it again. False when there is nothing to kill. */
  kill(signal: 'SIGKILL' | 'SIGTERM', downMs = 0): boolean {
    const process = this.#alive;
    if (process === null) return false;
    this.#keepDown = sleep(downMs);
    this.#killed = true;
    void process.end(signal);
    return true;
  }

  /** Stands still as if the host were suspended. False when there is nothing to stop. */
  async pause(forMs: number): Promise<boolean> {
    const process = this.#alive;
    if (process === null || this.#waking) return false;
    this.#waking = true;
    signal(process.pid, 'SIGSTOP');
    await sleep(forMs);
    signal(process.pid, 'SIGCONT');
    this.#waking = false;
    return true;
  }

  /** Stands still until it is told to go on: started, and doing nothing. */
  hold(): () => void {
    const process = this.#alive;
    if (process === null || this.#waking) throw new Error(`${this.name} does not run: it cannot be held`);
    this.#waking = true;
    signal(process.pid, 'SIGSTOP');
    return () => {
      signal(process.pid, 'SIGCONT');
      this.#waking = false;
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#waker);
    await this.processes.at(-1)?.end('SIGKILL');
    await Promise.all(Object.values(this.links).map((link) => link.stop()));
  }

  #spawn(): void {
    const { env, dataDir } = this.#options;
    const process = spawnEngine({ ...env, ...(this.#armed === null ? {} : { EVENKEEL_CRASH_AT: this.#armed }) }, dataDir);
    this.processes.push(process);
    this.#alive = process;
    engineOf(process, dataDir).then(
      (engine) => {
        if (this.processes.at(-1) === process) this.#engine = engine;
      },
      () => undefined, // it ended before it was ready: the watcher below starts the next
    );
    void process.exited.then((code) => this.#onExit(code));
  }

  async #onExit(code: number | null): Promise<void> {
    this.#engine = null;
    this.#alive = null;
    if (this.#stopped) return;
    if (code === null && !this.#killed) {
      this.#crashed ||= this.#armed !== null;
      this.#options.onEvent(`${this.name} killed itself at ${this.#armed ?? 'an unknown place'}`);
    }
    if (code !== null && !this.#killed) this.#options.onEvent(`${this.name} ended with exit code ${code}`);
    if (this.#crashed) this.#armed = null;
    this.#killed = false;
    await this.#keepDown;
    await sleep(restartAfterMs);
    if (!this.#stopped) this.#spawn();
  }

  /** An armed process may have stopped itself: it is sent on after its pause. */
  #wakeWhenStopped(): void {
    const process = this.processes.at(-1);
    if (process === undefined || this.#waking || !isStopped(process.pid)) return;
    this.#waking = true;
    this.#crashed ||= this.#armed !== null;
    this.#options.onEvent(`${this.name} stopped itself at ${this.#armed ?? 'an unknown place'} for ${this.#options.pauseMs} ms`);
    this.#armed = null;
    void sleep(this.#options.pauseMs).then(() => {
      signal(process.pid, 'SIGCONT');
      this.#waking = false;
    });
  }
}

/** State `T` in /proc: stopped by a signal. */
function isStopped(pid: number): boolean {
  try {
    return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

export async function startLinks(targets: Readonly<Record<LinkName, string>>): Promise<Links> {
  const started = await Promise.all(linkNames.map(async (name) => [name, await FaultProxy.start(name, targets[name])] as const));
  return Object.fromEntries(started) as Record<LinkName, FaultProxy>;
}
