/**
 * How long an exchange asks for no more requests, in the header of a refusal or in its text. Its longest ban is three days: a time that is
 * longer, missing or not a number is ignored, and the usual pause applies.
 */

const longestBanMs = 3 * 86_400_000;

/** Null for a time that no exchange asks for. */
export function askedSilenceMs(seconds: number | string | null | undefined): number | null {
  if (seconds === null || seconds === undefined || seconds === '') return null;
  const ms = Number(seconds) * 1_000;
  return ms > 0 && ms <= longestBanMs ? ms : null;
}
