/** What no body may hold, whatever its schema says. Runs before validation, so that nothing walks or stores it. */
import { Problem, fieldProblem } from './problem.ts';

const depthMax = 16;
/** PostgreSQL keeps neither NUL nor half a surrogate pair in text. */
const unstorable = /[\0\p{Surrogate}]/u;

/** Throws a problem for nesting that is too deep, or that names each text that cannot be stored. */
export function refuseUnusable(body: unknown): void {
  const fields: string[] = [];
  const walk = (value: unknown, path: readonly string[]): void => {
    if (typeof value === 'string' && unstorable.test(value)) fields.push(path.join('.'));
    if (typeof value !== 'object' || value === null) return;
    if (path.length >= depthMax) throw new Problem('invalid-request', `the body is nested deeper than ${depthMax} levels`);
    for (const [name, inner] of Object.entries(value)) walk(inner, [...path, name]);
  };
  walk(body, []);
  if (fields.length > 0)
    throw fieldProblem(
      'invalid-request',
      fields.map((field) => ({ field, detail: 'holds a NUL or half a surrogate pair; use whole characters' })),
    );
}
