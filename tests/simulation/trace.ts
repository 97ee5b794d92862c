/** What happened, in order: always as a hash, as readable lines when somebody wants to read them. */
import type { Log } from '../../engine/observe/log.ts';
import type { Scheduler } from './scheduler.ts';

export class Trace {
  readonly lines: string[] | null;
  readonly #scheduler: Scheduler;
  #hash = 0x811c9dc5;

  constructor(scheduler: Scheduler, readable: boolean) {
    this.#scheduler = scheduler;
    this.lines = readable ? [] : null;
  }

  note(text: string): void {
    let hash = Math.imul(this.#hash ^ Math.round(this.#scheduler.now * 1_000), 0x01000193);
    for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    this.#hash = hash >>> 0;
    this.lines?.push(`${(this.#scheduler.now / 1_000).toFixed(3).padStart(8)}  ${text}`);
  }

  get hash(): string {
    return this.#hash.toString(16).padStart(8, '0');
  }
}

const nothing = (): void => undefined;

/** The log of a simulated process: lines of the trace when that is readable, nothing otherwise. */
export function logInto(trace: Trace, name: string, bound: object = {}): Log {
  const write =
    trace.lines === null
      ? nothing
      : (first: object | string, message?: string): void => {
          const [text, fields] = typeof first === 'string' ? [first, bound] : [message ?? '', { ...bound, ...first }];
          trace.lines?.push(`${' '.repeat(10)}${name}: ${text} ${shown(fields)}`);
        };
  const child = (more: object): Log => logInto(trace, name, { ...bound, ...more });
  const log = { trace: nothing, debug: nothing, info: write, warn: write, error: write, fatal: write, child };
  // The engine calls these methods and no others.
  return log as unknown as Log;
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) => (field instanceof Error ? field.message : field)).slice(0, 300);
}
