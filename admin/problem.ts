/** Errors of the admin plane as RFC 9457 problems: one catalogue of codes, each with its status and title. */

const catalogue = {
  'invalid-request': [400, 'The request is not valid'],
  'invalid-json': [400, 'The body is not valid JSON'],
  unauthorized: [401, 'A valid token is needed'],
  forbidden: [403, 'This is not allowed'],
  'not-found': [404, 'There is no such thing'],
  'method-not-allowed': [405, 'The method is not allowed here'],
  conflict: [409, 'This cannot be done now'],
  stale: [412, 'The bot was changed meanwhile'],
  'body-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body must be application/json'],
  'misdirected-request': [421, 'This host name is not served'],
  unprocessable: [422, 'A value cannot be used'],
  'too-many-requests': [429, 'Too many failed attempts'],
  internal: [500, 'Something went wrong inside'],
  unavailable: [503, 'A part that is needed does not answer'],
} as const;

export type ProblemCode = keyof typeof catalogue;

/** One field that is wrong. `pointer` is a JSON pointer into the body, or the name of a parameter. */
export interface FieldError {
  readonly pointer: string;
  readonly field: string;
  readonly detail: string;
}

export class Problem extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[];
  readonly retryAfterSeconds: number | null;

  constructor(code: ProblemCode, detail: string, errors: readonly FieldError[] = [], retryAfterSeconds: number | null = null) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
    this.errors = errors;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get status(): number {
    return catalogue[this.code][0];
  }

  toBody(instance: string, requestId: string): Record<string, unknown> {
    return {
      type: `https://evenkeel.dev/problems/${this.code}`,
      title: catalogue[this.code][1],
      status: this.status,
      detail: this.message,
      instance,
      code: this.code,
      errors: this.errors,
      request_id: requestId,
    };
  }
}

/** A problem about fields of the body; dots lead into nested ones. */
export function fieldProblem(
  code: 'invalid-request' | 'unprocessable' | 'conflict',
  errors: readonly { readonly field: string; readonly detail: string }[],
): Problem {
  return new Problem(
    code,
    errors.map(({ field, detail }) => `${field}: ${detail}`).join('; '),
    errors.map(({ field, detail }) => ({ pointer: `/${field.replaceAll('.', '/')}`, field, detail })),
  );
}
