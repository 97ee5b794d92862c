/**
 * Faults that the control port scripts. Each applies `count` times (or until cleared) to what it names; the exchange's
 * books stay true whatever its wire says.
 */
export type Fault =
  /** Executes the order, then destroys the socket without an answer. */
  | { readonly kind: 'order-answer-lost' }
  /** Answers 5xx; `executed` says whether the order was placed. */
  | { readonly kind: 'order-5xx'; readonly executed: boolean; readonly status?: number }
  | { readonly kind: 'order-delay'; readonly ms: number }
  | { readonly kind: 'reject-orders'; readonly code: number; readonly message: string }
  /** Queries do not find orders younger than this (venue time). */
  | { readonly kind: 'reads-lag'; readonly ms: number }
  | { readonly kind: 'http-429'; readonly retryAfterSeconds: number }
  /** Kline, ticker or trade stream that stays silent. */
  | { readonly kind: 'mute-stream'; readonly stream: string }
  /** User events are not sent. */
  | { readonly kind: 'mute-user-data' };

interface Standing {
  readonly fault: Fault;
  left: number;
}

const kinds: Readonly<Record<Fault['kind'], readonly string[]>> = {
  'order-answer-lost': [],
  'order-5xx': ['executed'],
  'order-delay': ['ms'],
  'reject-orders': ['code', 'message'],
  'reads-lag': ['ms'],
  'http-429': ['retryAfterSeconds'],
  'mute-stream': ['stream'],
  'mute-user-data': [],
};

export class Faults {
  #standing: Standing[] = [];

  /** Answers what is wrong with the body, or null when the fault stands. */
  add(body: Readonly<Record<string, unknown>>): string | null {
    const { kind, count = 1 } = body;
    if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) return `kind: must be one of ${Object.keys(kinds).join(', ')}`;
    if (typeof count !== 'number' || !(count >= 1)) return 'count: must be a number from 1 (how often the fault applies)';
    for (const field of kinds[kind as Fault['kind']]) if (body[field] === undefined) return `${field}: is missing for ${kind}`;
    this.#standing.push({ fault: body as unknown as Fault, left: count });
    return null;
  }

  clear(): void {
    this.#standing = [];
  }

  list(): readonly (Fault & { readonly left: number })[] {
    return this.#standing.map(({ fault, left }) => ({ ...fault, left }));
  }

  /** The next standing fault of the kind, used up by one; null when there is none. */
  take<K extends Fault['kind']>(kind: K): Extract<Fault, { kind: K }> | null {
    const standing = this.#standing.find((one) => one.fault.kind === kind);
    if (standing === undefined) return null;
    standing.left -= 1;
    if (standing.left <= 0) this.#standing = this.#standing.filter((one) => one !== standing);
    return standing.fault as Extract<Fault, { kind: K }>;
  }

  /** The standing fault of the kind without using it up. */
  peek<K extends Fault['kind']>(
    kind: K,
    matches: (fault: Extract<Fault, { kind: K }>) => boolean = () => true,
  ): Extract<Fault, { kind: K }> | null {
    const standing = this.#standing.find((one) => one.fault.kind === kind && matches(one.fault as Extract<Fault, { kind: K }>));
    return standing === undefined ? null : (standing.fault as Extract<Fault, { kind: K }>);
  }
}
