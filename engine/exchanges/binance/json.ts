/** JSON as an exchange sends it: whole numbers beyond 2^53 (ids) are kept as their text instead of being rounded. */

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;

const keepLargeIds: Reviver = (_key, value, context) =>
  typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) ? (context.source ?? value) : value;

/** 2^53 has sixteen digits. */
const maybeLarge = /\d{16}/;

/** The text itself when it is not JSON (an error page). */
export function parseJson(text: string): unknown {
  try {
    // A reviver makes parsing five times slower: it is used only when the text has such a number.
    if (!maybeLarge.test(text)) return JSON.parse(text) as unknown;
    // The third argument of revivers is newer than the compiler's library.
    return JSON.parse(text, keepLargeIds as (this: unknown, key: string, value: unknown) => unknown) as unknown;
  } catch {
    return text; // whoever asked finds that it is not what it wanted, and shows it
  }
}

/** How many values and containers a text can hold at most, without parsing it: what it costs to parse goes by these, not by its length. */
export function countParts(json: Buffer): number {
  let parts = 1;
  for (const byte of json) if (byte === comma || byte === bracket || byte === brace) parts += 1;
  return parts;
}

const [comma, bracket, brace] = Buffer.from(',[{');
