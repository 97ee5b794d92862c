/** What a run will suffer, drawn from its seed alone: replicas, an armed crash point, and faults with their moments. */
import { crashPoints } from '../../engine/crash-points.ts';
import type { CrashPoint } from '../../engine/crash-points.ts';
import { seededRandom } from '../e2e/support/seeded-random.ts';
import type { Fault } from './faults.ts';
import { linkNames } from './replica.ts';
import type { LinkState } from './proxy.ts';

export interface Schedule {
  readonly seed: number;
  /** `EVENKEEL_CRASH_AT` of each replica's processes, until one has obeyed. */
  readonly crashAt: readonly (string | null)[];
  readonly unmigrated: boolean;
  /** How long a process that stopped itself stands still. */
  readonly pauseMs: number;
  readonly faults: readonly { readonly atMs: number; readonly fault: Fault }[];
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly lockTtlMs: number;
  /** Faults begin within this time. */
  readonly lastsMs: number;
  readonly faults: number;
}

export const allCrashPoints = Object.keys(crashPoints) as CrashPoint[];

/** Points that a process passes once in its life, or hardly more often. */
const seldom: ReadonlySet<CrashPoint> = new Set<CrashPoint>(['CP11', 'CP13', 'CP14']);

export function drawSchedule({ seed, lockTtlMs, lastsMs, faults }: ScheduleOptions): Schedule {
  const random = seededRandom(seed * 2_654_435_761);
  const upTo = (most: number): number => Math.floor(random() * most);
  const between = (least: number, most: number): number => least + upTo(most - least + 1);
  const oneOf = <T>(items: readonly T[]): T => items[upTo(items.length)] as T;

  const replicas = random() < 0.5 ? 1 : 2;
  // Seeds in a row go round the points, so that few runs pass many.
  const point = allCrashPoints[seed % allCrashPoints.length] ?? 'CP3';
  const times = seldom.has(point) ? 1 : between(1, 4);
  const armed = `${point}:${times}${random() < 0.35 ? ':stop' : ''}`;
  // A crash during the take-over of another's bots needs a second engine that comes too late for the first claim.
  const crashAt = replicas === 1 ? [armed] : random() < 0.5 ? [armed, null] : [null, armed];

  const replica = (): number => upTo(replicas);
  const state = (): LinkState =>
    oneOf<LinkState>([
      { kind: 'latency', ms: between(20, 400) },
      { kind: 'narrow', bytesPerSecond: between(2_000, 20_000) },
      { kind: 'stalled' },
      { kind: 'half-open' },
      { kind: 'refused' },
    ]);
  const action = (): string => oneOf(['place', 'place', 'cancel', 'cancel-replace']);
  const exchange = (): Fault => ({
    kind: 'exchange',
    body: oneOf<Record<string, unknown>>([
      { kind: 'order-answer-lost', executed: true, action: action(), count: between(1, 3) },
      { kind: 'order-answer-lost', executed: false, action: action(), count: between(1, 3) },
      { kind: 'order-5xx', executed: true, action: action(), count: between(1, 3) },
      { kind: 'order-5xx', executed: false, action: action(), count: between(1, 3) },
      { kind: 'order-delay', ms: between(50, 200), count: between(1, 4) },
      { kind: 'reject-orders', code: -2010, message: 'Account has insufficient balance for requested action.' },
      { kind: 'read-5xx', count: between(1, 5) },
      { kind: 'reads-lag', ms: between(200, 800) },
      { kind: 'http-429', retryAfterSeconds: 1 },
      { kind: 'user-event', how: oneOf(['drop', 'double', 'reorder']), count: between(1, 4) },
      { kind: 'user-event', how: 'delay', ms: between(200, 2_000), count: between(1, 4) },
      { kind: 'mute-user-data' },
      { kind: 'mute-stream', stream: `${oneOf(['btcusdt', 'ethusdt', 'solusdt'])}@kline_1s` },
      { kind: 'half-open', which: oneOf(['streams', 'user', 'all']) },
      { kind: 'drop-sockets', which: oneOf(['streams', 'user', 'all']) },
      { kind: 'server-shutdown' },
    ]),
  });
  const draw = (): Fault => {
    const kinds: readonly (readonly [number, () => Fault])[] = [
      [2, () => ({ kind: 'engine-killed', replica: replica(), downMs: random() < 0.3 ? between(500, 2_000) : 0 })],
      [1, () => ({ kind: 'engine-paused', replica: replica(), forMs: Math.round(lockTtlMs * (1.1 + random() * 0.2)) })],
      [0.5, () => ({ kind: 'engine-terminated', replica: replica() })],
      [1.5, () => ({ kind: 'postgres-stopped-immediately', downMs: between(100, 1_500) })],
      [2, () => ({ kind: 'postgres-backends-terminated' })],
      [1.5, () => ({ kind: 'redis-flushed' })],
      [1.5, () => ({ kind: 'redis-killed', downMs: between(100, 2_000) })],
      [3, () => ({ kind: 'link', replica: replica(), link: oneOf(linkNames), state: state(), forMs: between(300, 2_500) })],
      [2, () => ({ kind: 'link-ended', replica: replica(), link: oneOf(linkNames), how: oneOf(['cut', 'reset'] as const) })],
      [
        2.5,
        () => ({ kind: 'orders-doomed', replica: replica(), fate: oneOf(['request-lost', 'answer-lost'] as const), count: between(1, 3) }),
      ],
      [4, exchange],
    ];
    let left = random() * kinds.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, make] of kinds) {
      left -= weight;
      if (left < 0) return make();
    }
    return exchange();
  };
  return {
    seed,
    crashAt,
    unmigrated: point === 'CP14',
    pauseMs: Math.round(lockTtlMs * (1.1 + random() * 0.2)),
    faults: Array.from({ length: faults }, () => ({ atMs: upTo(lastsMs), fault: draw() })).sort((a, b) => a.atMs - b.atMs),
  };
}
