/**
 * Structured logs: JSON lines on standard output. Each component logs with its name; secrets never reach a logger
 * because `Secret` hides its value from every printer, and the redaction list is the second line.
 */
import { pino } from 'pino';

export type Log = pino.Logger;

export function createLog(options: { level: string; destination?: pino.DestinationStream }): Log {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: [
          '*.signature',
          '*.apiKey',
          '*.secret',
          '*.authorization',
          '*.password',
          'headers.authorization',
          'req.headers.authorization',
        ],
        censor: '[secret]',
      },
    },
    options.destination ?? pino.destination({ fd: 1, sync: false }),
  );
}
