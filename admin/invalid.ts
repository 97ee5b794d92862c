/** What the schema's validator found, in words: which field, what is wrong with it, and what it takes. */
import type { FastifyError } from 'fastify';
import { nearName } from './near-name.ts';
import { Problem } from './problem.ts';
import type { FieldError } from './problem.ts';

/** One find of Ajv with `verbose`: the schema that the value did not fit, and the value. */
interface Found {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
  readonly data?: unknown;
  readonly parentSchema?: { readonly description?: string; readonly properties?: Readonly<Record<string, unknown>> };
}

/** Most problems that are listed: a body of 64 KiB could have ten thousand. */
const errorsMax = 50;
/** Most known names that are listed beside an unknown one. */
const namesMax = 8;
const shownMax = 40;

const places: Readonly<Record<string, string>> = { querystring: 'query', params: 'address', headers: 'header' };

export function invalidRequest({
  validation = [],
  validationContext: context = 'body',
}: Pick<FastifyError, 'validation' | 'validationContext'>): Problem {
  const place = places[context] ?? 'body';
  const errors = (validation as unknown as readonly Found[]).slice(0, errorsMax).map((found): FieldError => {
    const { missingProperty, additionalProperty } = found.params;
    const named = [missingProperty, additionalProperty].find((name) => typeof name === 'string');
    const path = named === undefined ? found.instancePath : `${found.instancePath}/${named}`;
    const field = path.slice(1).replaceAll('/', '.');
    return { pointer: place !== 'body' ? field : path === '' ? '/' : path, field, detail: detailOf(found, place) };
  });
  const detail = errors.map((error) => {
    const subject = error.field === '' ? `the ${place}` : place === 'body' ? error.field : `${error.field} (${place})`;
    return `${subject} ${error.detail}`;
  });
  return new Problem('invalid-request', detail.join('; '), errors);
}

function detailOf({ keyword, params, message = 'is not valid', data, parentSchema = {} }: Found, place: string): string {
  switch (keyword) {
    case 'additionalProperties':
      return unknownName(String(params['additionalProperty']), Object.keys(parentSchema.properties ?? {}), place);
    case 'required':
      return 'is missing';
    case 'enum': {
      const words = (params['allowedValues'] as readonly unknown[]).filter((word) => word !== null).map(String);
      const near = typeof data === 'string' ? nearName(data, words) : null;
      return `must be one of ${words.join(', ')}${near === null ? '' : `; did you mean ${near}?`}`;
    }
    case 'pattern':
      return `does not take "${String(data).slice(0, shownMax)}". ${parentSchema.description ?? ''}`.trimEnd();
    case 'type':
      return place === 'query' && Array.isArray(data) ? 'is given more than once' : message.replaceAll(',', ' or ');
    case 'minProperties':
      return 'has no field';
    default:
      return message;
  }
}

function unknownName(name: string, known: readonly string[], place: string): string {
  const near = nearName(name, known);
  if (near !== null) return `is not known here; did you mean ${near}?`;
  const taken = known.length === 0 ? 'none' : known.join(', ');
  return `is not known here${known.length > namesMax ? '' : `; the ${place} takes ${taken}`}`;
}
