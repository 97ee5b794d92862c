/**
 * What an error of a database driver says about the server: it did not answer (`away`), it does not let us in (`refused`), it cannot do it
 * now (`busy`). Null for errors of the statement itself, and for errors that are not the driver's.
 */

/** Codes of the system and of PostgreSQL under which nobody served the statement. */
const awayCodes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['57P01', '57P02', '57P03'],
]);
/** The driver's own errors have no code. */
const awayWords =
  /connection terminated|terminating connection|timeout exceeded when trying to connect|not queryable|connection is closed|has not said anything/i;
/** Lock and statement time-outs, a standby, a server that is out of something. */
const busyCodes = /^(55P03|57014|25006|25P03|53...|40001|40P01)$/;
/** Wrong password or user, and a database that does not exist. */
const refusedCodes = /^(28P01|28000|3D000)$/;
const refusedWords = /^SASL: /;
const causesMax = 5;

export type DatabaseTrouble = 'away' | 'refused' | 'busy';

export function databaseTrouble(error: unknown): DatabaseTrouble | null {
  let one: unknown = error;
  for (let depth = 0; depth < causesMax && one instanceof Error; depth += 1) {
    const { code, previous } = one as { code?: unknown; previous?: unknown };
    if (typeof code === 'string' && (awayCodes.has(code) || (isSqlState(code) && code.startsWith('08')))) return 'away';
    if ((typeof code === 'string' && refusedCodes.test(code)) || refusedWords.test(one.message)) return 'refused';
    if (typeof code === 'string' && busyCodes.test(code)) return 'busy';
    if (awayWords.test(one.message)) return 'away';
    one = one.cause ?? previous;
  }
  return null;
}

/** The server's own five characters; the system's names may have five, too (EPIPE). */
export function isSqlState(code: unknown): code is string {
  return typeof code === 'string' && /^(\d|F0|HV|P0|XX)[0-9A-Z]+$/.test(code) && code.length === 5;
}
