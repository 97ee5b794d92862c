/**
 * What goes wrong, when, and for how long: a list made from a seed, plain enough to be kept as JSON. A momentary fault
 * waits for the next call it concerns; a lasting one holds for its span.
 */
import { crashPoints } from '../../engine/crash-points.ts';
import type { CrashPoint } from '../../engine/crash-points.ts';
import type { Random } from './random.ts';

/** Whether a fault is taken by one call or holds for a while, and the bounds of its value. */
interface FaultShape {
  readonly lasts?: readonly [number, number];
  readonly value?: readonly [number, number];
  /** Concerns one replica. */
  readonly local?: boolean;
  /** Concerns one bot. */
  readonly personal?: boolean;
  /** Concerns one symbol. */
  readonly perSymbol?: boolean;
  /** How often it is drawn, 1 by default. */
  readonly weight?: number;
}

export const faultKinds = {
  // Processes. The value is the pause before the restart, ms.
  kill: { value: [300, 4_000], local: true },
  'crash-point': { value: [300, 4_000], local: true, weight: 5 },
  stop: { value: [300, 4_000], local: true },
  pause: { lasts: [1_000, 25_000], local: true },
  /** Stopped exactly where it passes a crash point, longer than the lock lives: a zombie when it goes on. */
  'pause-at': { value: [11_000, 25_000], local: true, weight: 2 },
  'clock-jump': { value: [-1_500, 1_500], local: true },
  // PostgreSQL.
  'database-down': { lasts: [500, 8_000] },
  'database-split': { lasts: [1_000, 12_000], local: true },
  'database-slow': { lasts: [1_000, 6_000], value: [50, 2_500] },
  'commit-lost': { weight: 2 },
  'commit-unheard': { weight: 2 },
  'commit-refused': {},
  'record-lost': {},
  'record-refused': {},
  'record-unheard': { weight: 2 },
  'write-unheard': {},
  'write-refused': {},
  /** The connection breaks, and the server finishes the statement some time later. */
  'commit-orphaned': { weight: 2 },
  'record-orphaned': { weight: 2 },
  'write-orphaned': {},
  /** A write waits for a row that somebody else has locked. */
  'lock-wait': { value: [200, 6_000], weight: 2 },
  // Redis.
  'redis-flush': {},
  'redis-down': { lasts: [1_000, 15_000] },
  'redis-split': { lasts: [1_000, 15_000], local: true },
  'redis-slow': { lasts: [1_000, 10_000], value: [260, 3_000] },
  /** It answers, and takes no writes. */
  'redis-readonly': { lasts: [1_000, 25_000], weight: 2 },
  /** The symbol cache holds filters that are not the exchange's. */
  'redis-poisoned': { lasts: [20_000, 90_000], weight: 2 },
  /** A forged message about limits: which one. */
  'news-forged': { value: [0, 1], local: true, weight: 4 },
  // Orders on their way.
  'order-lost': { value: [10, 15_000], weight: 2 },
  'order-unheard': { value: [10, 15_000], weight: 3 },
  'order-5xx': { weight: 2 },
  'order-5xx-executed': { weight: 2 },
  'cancel-lost': { value: [10, 5_000] },
  'cancel-unheard': { value: [10, 5_000] },
  'cancel-5xx': {},
  'cancel-5xx-executed': {},
  'replace-lost': { value: [10, 5_000], weight: 3 },
  'replace-unheard': { value: [10, 5_000], weight: 4 },
  'replace-5xx': { weight: 3 },
  'replace-5xx-executed': { weight: 3 },
  /** The price meets the new stop while the request is on its way: what stood is cancelled, and the new one is refused. */
  'replace-touched': { weight: 4 },
  'order-late': { value: [500, 8_000] },
  /** The exchange has taken a stop, and the engine's process stands still at this moment, or its database does. */
  'stall-after-stop': { value: [5_000, 15_000], weight: 3 },
  'rows-stall-after-stop': { value: [5_000, 15_000], weight: 3 },
  /** Only our own targets are for sale: an entry meets them, and trades with them when the venue prevents nothing. */
  'own-match': { weight: 2 },
  /** The same, and the entry expires, as its order asks. */
  'own-prevented': { weight: 2 },
  'thin-book': { value: [0.2, 0.8] },
  /** A price reaches a stop or target, and the book takes a part of it. */
  'thin-resting': { value: [0.1, 0.9], weight: 4 },
  'ack-late': { value: [200, 5_000] },
  // Reads.
  'reads-lag': { value: [500, 9_000], weight: 3 },
  'trades-lag': { value: [500, 9_000], weight: 2 },
  /** Reads show an order as it was before it was executed or cancelled. */
  'reads-stale': { value: [1_000, 15_000], weight: 3 },
  'reads-flap': { lasts: [4_000, 15_000], weight: 3 },
  'reads-fail': { lasts: [500, 8_000] },
  'rate-limited': { value: [1_000, 5_000] },
  ban: { value: [3_000, 12_000] },
  // Streams.
  'user-cut': { lasts: [200, 10_000], local: true },
  /** Subscribed, and nothing is told. */
  'user-mute': { lasts: [10_000, 60_000], local: true },
  'user-lost': { weight: 3 },
  'user-twice': { weight: 2 },
  'user-late': { value: [500, 20_000], weight: 2 },
  'market-cut': { lasts: [200, 10_000], local: true },
  'market-mute': { lasts: [5_000, 40_000], local: true },
  'frame-lost': {},
  'frame-twice': {},
  'frame-late': { value: [500, 9_000] },
  /** The candles of a symbol leave the grid by so many ms; by a multiple of 4 at REST too, where they stay a hole. */
  'off-grid': { lasts: [10_000, 80_000], value: [1_000, 59_000], perSymbol: true },
  // The market.
  /** Somebody with access to the account cancels what protects a position. */
  stranger: { weight: 2 },
  'symbol-halt': { lasts: [5_000, 30_000] },
  /** The exchange changes the filters of a symbol, and changes them back: in which way, and whether it is read at once (`filter-changes.ts`). */
  'filters-change': { lasts: [15_000, 60_000], value: [0, 7.99], perSymbol: true, weight: 2 },
  /** Somebody trades on the account so often that its history takes several pages: how often. Only schedules that name it have it; it is not drawn. */
  'foreign-flood': { value: [1_050, 1_400], perSymbol: true, weight: 0 },
  // What users ask for, no faults. The value is how long it holds, ms.
  'ask-stop': { value: [3_000, 90_000], personal: true },
  'ask-pause': { value: [10_000, 120_000], personal: true },
  'ask-close': { personal: true },
  'ask-change': { value: [20, 90], personal: true },
  /** The share of its distance that a stop loss keeps. */
  'ask-tighten': { value: [0.6, 0.95], weight: 6 },
} as const satisfies Readonly<Record<string, FaultShape>>;

export type FaultKind = keyof typeof faultKinds;

export interface Fault {
  readonly kind: FaultKind;
  /** Virtual ms. */
  readonly atMs: number;
  readonly forMs?: number;
  readonly value?: number;
  readonly replica?: number;
  /** Of the bots in order; counted round. */
  readonly bot?: number;
  /** Of the symbols in order; counted round. */
  readonly symbol?: number;
  readonly point?: CrashPoint;
}

/** What users ask for is no fault, and is not counted as one. */
export const isFault = (kind: FaultKind): boolean => !kind.startsWith('ask-');

export const drawnCrashPoints = Object.keys(crashPoints) as readonly CrashPoint[];

/** Protective orders are fewer than others, replacements the fewest. */
const crashPointUrn: readonly CrashPoint[] = [...drawnCrashPoints, 'CP9', 'CP10', 'CP11', 'CP11', 'CP11', 'CP11'];

const shapes: Readonly<Record<FaultKind, FaultShape>> = faultKinds;
const urn: readonly FaultKind[] = (Object.keys(faultKinds) as FaultKind[]).flatMap((kind) =>
  Array.from({ length: shapes[kind].weight ?? 1 }, () => kind),
);

/** Faults for a span of virtual time, all of them over at its end. */
export function drawFaults(random: Random, count: number, replicas: number, fromMs: number, toMs: number): readonly Fault[] {
  const faults: Fault[] = [];
  for (let index = 0; index < count; index += 1) {
    const kind = random.pick(urn);
    faults.push(drawFault(random, kind, replicas, fromMs, toMs));
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** One of this kind, over at `toMs`. */
export function drawFault(random: Random, kind: FaultKind, replicas: number, fromMs: number, toMs: number): Fault {
  const { lasts, value, local, personal, perSymbol } = shapes[kind];
  const forMs = lasts === undefined ? 0 : Math.round(random.between(...lasts));
  const atMs = Math.round(random.between(fromMs, Math.max(fromMs, toMs - forMs)));
  return {
    kind,
    atMs,
    ...(lasts === undefined ? {} : { forMs: Math.min(forMs, toMs - atMs) }),
    ...(value === undefined ? {} : { value: Math.round(random.between(...value) * 1_000) / 1_000 }),
    ...(local === true ? { replica: random.whole(0, replicas - 1) } : {}),
    ...(personal === true ? { bot: random.whole(0, 59) } : {}),
    ...(perSymbol === true ? { symbol: random.whole(0, 59) } : {}),
    ...(kind === 'crash-point' ? { point: random.pick(crashPointUrn) } : {}),
    ...(kind === 'pause-at' ? { point: random.pick(['CP1', 'CP3', 'CP7'] as const) } : {}),
  };
}

/** The faults in force: what is asked is counted when it has an effect. */
export class Weather {
  readonly hits = new Map<FaultKind, number>();
  readonly #armed = new Map<FaultKind, Fault[]>();
  readonly #lasting = new Map<FaultKind, { readonly fault: Fault; readonly untilMs: number; hit: boolean }[]>();
  /** When each kind was taken last. */
  readonly #takenAt = new Map<FaultKind, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  begin(fault: Fault): void {
    if (fault.forMs === undefined) {
      const armed = this.#armed.get(fault.kind) ?? [];
      armed.push(fault);
      this.#armed.set(fault.kind, armed);
      return;
    }
    const lasting = (this.#lasting.get(fault.kind) ?? []).filter((one) => one.untilMs > this.#now());
    lasting.push({ fault, untilMs: this.#now() + fault.forMs, hit: false });
    this.#lasting.set(fault.kind, lasting);
  }

  /** Takes a momentary fault that waits, if there is one (for this replica). */
  take(kind: FaultKind, replica?: number, fits: (fault: Fault) => boolean = always): Fault | null {
    const armed = this.#armed.get(kind);
    if (armed === undefined || armed.length === 0) return null;
    const index = armed.findIndex((fault) => (fault.replica === undefined || fault.replica === replica) && fits(fault));
    const fault = index < 0 ? undefined : armed[index];
    if (fault === undefined) return null;
    armed.splice(index, 1);
    this.#takenAt.set(kind, this.#now());
    this.count(kind);
    return fault;
  }

  /** The lasting fault in force now (for this replica). */
  lasting(kind: FaultKind, replica?: number, fits: (fault: Fault) => boolean = always): Fault | null {
    const lasting = this.#lasting.get(kind);
    if (lasting === undefined) return null;
    for (const one of lasting) {
      if (one.untilMs <= this.#now() || (one.fault.replica !== undefined && one.fault.replica !== replica) || !fits(one.fault)) continue;
      if (!one.hit) this.count(kind);
      one.hit = true;
      return one.fault;
    }
    return null;
  }

  /** Whether such a momentary fault struck within the last `ms`. */
  struck(kind: FaultKind, ms: number): boolean {
    return this.#now() - (this.#takenAt.get(kind) ?? Number.NEGATIVE_INFINITY) < ms;
  }

  /** How much longer such a fault is in force, ms; 0 when none is. */
  leftMs(kind: FaultKind): number {
    const now = this.#now();
    return Math.max(0, ...(this.#lasting.get(kind) ?? []).map(({ untilMs }) => untilMs - now));
  }

  /** Whether such a fault is in force, for those who only look. */
  holds(kind: FaultKind, replica: number): boolean {
    const now = this.#now();
    return (this.#lasting.get(kind) ?? []).some(
      ({ fault, untilMs }) => untilMs > now && (fault.replica === undefined || fault.replica === replica),
    );
  }

  /** Faults that waited for a call that never came are dropped: the calm begins. */
  clear(): void {
    this.#armed.clear();
    this.#lasting.clear();
  }

  count(kind: FaultKind): void {
    this.hits.set(kind, (this.hits.get(kind) ?? 0) + 1);
  }
}

const always = (): boolean => true;
