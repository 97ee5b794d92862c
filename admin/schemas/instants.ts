/** Times in queries. */
import { Type } from 'typebox';
import { fieldProblem } from '../problem.ts';

/** A time of a query that may be absent. */
export const instant = (description: string) =>
  Type.Optional(Type.String({ maxLength: 40, description: `${description} RFC 3339, or ms UTC.` }));

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
/** What a Date holds. */
const latestMs = 8_640_000_000_000_000;

/** Times of a query as ms UTC; undefined where absent. Throws a problem that names every one that is none. */
export function instantsOf<K extends string>(texts: Readonly<Record<K, string | undefined>>): Record<K, number | undefined> {
  const problems: { field: string; detail: string }[] = [];
  const read = (field: string, text: string | undefined): number | undefined => {
    if (text === undefined) return undefined;
    const ms = /^\d{1,16}$/.test(text) ? Number(text) : rfc3339.test(text) ? Date.parse(text) : Number.NaN;
    if (ms <= latestMs) return ms;
    problems.push({ field, detail: `"${text}" is neither a time like 2024-05-06T14:05:00Z nor milliseconds UTC` });
    return undefined;
  };
  const instants = Object.fromEntries(
    Object.entries<string | undefined>(texts).map(([field, text]) => [field, read(field, text)]),
  ) as Record<K, number | undefined>;
  if (problems.length > 0) throw fieldProblem('invalid-request', problems);
  return instants;
}

/** Both ends of a span, ms UTC; open where absent. Throws a problem for what is no time, and for ends in the wrong order. */
export function spanOf({ from, to }: { readonly from?: string; readonly to?: string }): { readonly fromMs: number; readonly toMs: number } {
  const { from: fromMs = -latestMs, to: toMs = latestMs } = instantsOf({ from, to });
  if (fromMs > toMs)
    throw fieldProblem('invalid-request', [
      { field: 'from', detail: 'is after to' },
      { field: 'to', detail: 'is before from' },
    ]);
  return { fromMs, toMs };
}
