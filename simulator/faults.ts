/**
 * Faults that the control port scripts. Each applies `count` times (or until cleared) to what it names; the exchange's
 * books stay true whatever its wire says.
 */

/** What a request does to the books. A list is placed and cancelled like an order. */
export type Action = 'place' | 'cancel' | 'cancel-replace';

/** Which requests an order fault applies to: an action (`place` when left out), and a symbol or all of them. */
interface Scope {
  readonly action?: Action;
  readonly symbol?: string;
}

export type Fault =
  /** Destroys the socket without an answer; `executed` (true when left out) says whether the books heard of it. */
  | ({ readonly kind: 'order-answer-lost'; readonly executed?: boolean } & Scope)
  /** Answers 5xx; `executed` says whether the books heard of it. */
  | ({ readonly kind: 'order-5xx'; readonly executed: boolean; readonly status?: number } & Scope)
  /** ms of the venue's host: before the books hear of it, or (`executed`) before the answer leaves. */
  | ({ readonly kind: 'order-delay'; readonly ms: number; readonly executed?: boolean } & Scope)
  | ({ readonly kind: 'reject-orders'; readonly code: number; readonly message: string } & Scope)
  /** Reads answer 5xx; `path` narrows it to one endpoint. */
  | { readonly kind: 'read-5xx'; readonly status?: number; readonly path?: string }
  /** Order, open-order, history and trade queries show the books as they were so long ago (venue time). Stands until cleared. */
  | { readonly kind: 'reads-lag'; readonly ms: number }
  | { readonly kind: 'http-429'; readonly retryAfterSeconds: number }
  /** Kline, ticker or trade stream that stays silent. Stands until cleared. */
  | { readonly kind: 'mute-stream'; readonly stream: string }
  /** User events are not sent. Stands until cleared. */
  | { readonly kind: 'mute-user-data' }
  /** One user event is lost, told twice, told later (ms of the venue's host), or told after the next one. */
  | {
      readonly kind: 'user-event';
      readonly how: 'drop' | 'double' | 'delay' | 'reorder';
      readonly ms?: number;
      /** Narrows it: executionReport, outboundAccountPosition, listStatus. */
      readonly event?: string;
      /** Narrows it to execution reports of one kind: NEW, TRADE, CANCELED, EXPIRED. */
      readonly execution?: string;
    };

type Kind = Fault['kind'];
type Of<K extends Kind> = Extract<Fault, { kind: K }>;

const anyText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const anyBoolean = (value: unknown): boolean => typeof value === 'boolean';
const from = (least: number, most: number) => (value: unknown) => typeof value === 'number' && value >= least && value <= most;
const among =
  (...allowed: readonly string[]) =>
  (value: unknown) =>
    typeof value === 'string' && allowed.includes(value);

type Check = readonly [test: (value: unknown) => boolean, says: string];
const ms: Check = [from(0, 86_400_000), 'a number of ms from 0 to 86400000'];
const status5xx: Check = [from(500, 599), 'an HTTP status from 500 to 599'];
const flag: Check = [anyBoolean, 'true or false'];
const word: Check = [anyText, 'a text'];
const scope: Readonly<Record<string, Check>> = {
  action: [among('place', 'cancel', 'cancel-replace'), 'place, cancel or cancel-replace'],
  symbol: word,
};

const fields: Readonly<
  Record<Kind, { readonly needed?: Readonly<Record<string, Check>>; readonly allowed?: Readonly<Record<string, Check>> }>
> = {
  'order-answer-lost': { allowed: { executed: flag, ...scope } },
  'order-5xx': { needed: { executed: flag }, allowed: { status: status5xx, ...scope } },
  'order-delay': { needed: { ms }, allowed: { executed: flag, ...scope } },
  'reject-orders': { needed: { code: [from(-99_999, -1), 'a negative code'], message: word }, allowed: scope },
  'read-5xx': { allowed: { status: status5xx, path: word } },
  'reads-lag': { needed: { ms } },
  'http-429': { needed: { retryAfterSeconds: [from(0, 86_400), 'a number of seconds'] } },
  'mute-stream': { needed: { stream: word } },
  'mute-user-data': {},
  'user-event': {
    needed: { how: [among('drop', 'double', 'delay', 'reorder'), 'drop, double, delay or reorder'] },
    allowed: { ms, event: word, execution: word },
  },
};

/** What stands can be asked for by name on the control port. */
export const faultHelp: Readonly<Record<Kind, string>> = {
  'order-answer-lost': 'closes the connection without an answer; executed (true): whether the books heard of it; action, symbol',
  'order-5xx': 'answers 5xx (status) to it; executed: whether the books heard of it; action, symbol',
  'order-delay':
    'answers late by ms of the wall clock; executed (false): whether the books hear of it at once, or late too (then -1021 when recvWindow is over); action, symbol',
  'reject-orders': 'refuses with code and message; action, symbol',
  'read-5xx': 'reads answer 5xx (status, 503); path narrows it to one endpoint, such as /api/v3/openOrders',
  'reads-lag': 'GET order, openOrders, allOrders, myTrades show the books as they were ms of venue time ago; stands until cleared',
  'http-429': 'answers 429 with retryAfterSeconds, whatever was asked',
  'mute-stream': 'a stream (btcusdt@kline_1m) stays acknowledged and silent; stands until cleared',
  'mute-user-data': 'no user events; stands until cleared',
  'user-event': 'how: drop, double, delay (ms of the wall clock) or reorder (after the next one); event, execution narrow it',
};

interface Standing {
  readonly fault: Fault;
  left: number;
  /** Matching requests that still pass unharmed. */
  skip: number;
}

export class Faults {
  #standing: Standing[] = [];

  /** Answers what is wrong with the body, or null when the fault stands. */
  add(body: Readonly<Record<string, unknown>>): string | null {
    const { kind, count = 1, skip = 0, ...rest } = body;
    if (typeof kind !== 'string' || !Object.hasOwn(fields, kind)) return `kind: must be one of ${Object.keys(fields).join(', ')}`;
    if (typeof count !== 'number' || !(count >= 1)) return 'count: must be a number from 1 (how often the fault applies)';
    if (typeof skip !== 'number' || !(skip >= 0)) return 'skip: must be a number from 0 (how many pass before it applies)';
    const { needed = {}, allowed = {} } = fields[kind as Kind];
    for (const name of Object.keys(needed)) if (rest[name] === undefined) return `${name}: is missing for ${kind}`;
    for (const [name, value] of Object.entries(rest)) {
      const check = needed[name] ?? allowed[name];
      if (check === undefined) return `${name}: ${kind} has no such field`;
      if (!check[0](value)) return `${name}: must be ${check[1]}`;
    }
    if (kind === 'user-event' && rest['how'] === 'delay' && rest['ms'] === undefined) return 'ms: is missing for how: delay';
    this.#standing.push({ fault: { kind, ...rest } as unknown as Fault, left: count, skip });
    return null;
  }

  clear(): void {
    this.#standing = [];
  }

  list(): readonly (Fault & { readonly left: number })[] {
    return this.#standing.map(({ fault, left }) => ({ ...fault, left }));
  }

  /** The next standing fault of the kind that matches, used up by one; null when there is none. */
  take<K extends Kind>(kind: K, matches: (fault: Of<K>) => boolean = () => true): Of<K> | null {
    for (const standing of this.#standing) {
      if (standing.fault.kind !== kind || !matches(standing.fault as Of<K>)) continue;
      if (standing.skip > 0) {
        standing.skip -= 1;
        continue;
      }
      standing.left -= 1;
      if (standing.left <= 0) this.#standing = this.#standing.filter((one) => one !== standing);
      return standing.fault as Of<K>;
    }
    return null;
  }

  /** The standing fault of the kind without using it up. */
  peek<K extends Kind>(kind: K, matches: (fault: Of<K>) => boolean = () => true): Of<K> | null {
    const standing = this.#standing.find((one) => one.fault.kind === kind && matches(one.fault as Of<K>));
    return standing === undefined ? null : (standing.fault as Of<K>);
  }
}

/** Whether an order fault applies to a request. */
export function concerns(action: Action, symbol: string | undefined): (fault: Scope) => boolean {
  return (fault) => (fault.action ?? 'place') === action && (fault.symbol === undefined || fault.symbol === symbol);
}
