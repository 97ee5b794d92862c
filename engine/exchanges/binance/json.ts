/** JSON as an exchange sends it: whole numbers beyond 2^53 (ids) are kept as their text instead of being rounded. */

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;

const keepLargeIds: Reviver = (_key, value, context) =>
  typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) ? (context.source ?? value) : value;

/** The text itself when it is not JSON (an error page). */
export function parseJson(text: string): unknown {
  try {
    // The third argument of revivers is newer than the compiler's library.
    return JSON.parse(text, keepLargeIds as (this: unknown, key: string, value: unknown) => unknown) as unknown;
  } catch {
    return text; // whoever asked finds that it is not what it wanted, and shows it
  }
}
