/**
 * How long an exchange asks to be left alone, in the header of a refusal or in its text. It can ban for three days at most, so
 * whatever is longer, nothing, or no number, is no time: the usual pause holds then, and a refusal after it asks anew.
 */

const longestBanMs = 3 * 86_400_000;

/** Null for what is no time that an exchange can ask for. */
export function askedSilenceMs(seconds: number | string | null | undefined): number | null {
  if (seconds === null || seconds === undefined || seconds === '') return null;
  const ms = Number(seconds) * 1_000;
  return ms > 0 && ms <= longestBanMs ? ms : null;
}
