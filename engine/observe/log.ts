/**
 * Structured logs: JSON lines. At `info` stands what a trader wants to know (docs/bots.md), at `debug` the decisions. Secrets do not reach
 * it because `Secret` hides its value; the redaction list is the second guard. Of an error only the fields named here are logged: database
 * drivers add the arguments of the failed command to theirs (a password among them).
 */
import { pino } from 'pino';

export type Log = pino.Logger;

const causesMax = 5;
/** `user:password@` of an address. */
const credentials = /(\/\/[^\s/:@]*):[^\s/@]+@/g;

export function describeError(error: unknown, causes = causesMax): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause, code, errors } = error as Error & { code?: unknown; errors?: unknown };
  return {
    type: name,
    message: withoutCredentials(message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(stack === undefined ? {} : { stack: withoutCredentials(stack) }),
    ...(cause === undefined || causes === 0 ? {} : { cause: describeError(cause, causes - 1) }),
    ...(Array.isArray(errors) && causes > 0 ? { errors: errors.slice(0, causesMax).map((one) => describeError(one, 0)) } : {}),
  };
}

function withoutCredentials(text: string): string {
  return text.replaceAll(credentials, '$1:[secret]@');
}

export function createLog(options: { level: string; destination?: pino.DestinationStream }): Log {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => describeError(error) },
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
