/** A log whose lines a test reads. */
import { createLog } from '../../engine/observe/log.ts';
import type { Log } from '../../engine/observe/log.ts';

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface RecordedLog {
  readonly log: Log;
  readonly lines: LogLine[];
  /** `level: text` of each line. */
  readonly told: () => string[];
}

export function recordedLog(level: 'debug' | 'info' = 'info'): RecordedLog {
  const lines: LogLine[] = [];
  const log = createLog({ level, destination: { write: (line) => void lines.push(JSON.parse(line) as LogLine) } });
  return { log, lines, told: () => lines.map((line) => `${line.level}: ${line.msg}`) };
}
